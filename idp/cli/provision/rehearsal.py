"""Where the trial of ``idp apply`` runs: on SQLite in a private copy, so that nobody waits for the one write lock."""

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from flask import Flask

from idp.config import Settings
from idp.db import db, setup_db

SQLITE = "sqlite:///"


@contextmanager
def apart(settings: Settings) -> Iterator[None]:
    """Let the database within be one that a trial may hold for long. PostgreSQL's trial locks no more than its own rows."""
    if not settings.database_url.startswith(SQLITE):
        yield
        return
    file = Path(settings.database_url.removeprefix(SQLITE))
    with tempfile.TemporaryDirectory(prefix=".apply-", dir=file.parent) as folder:
        copy = Path(folder) / "copy.sqlite3"
        _copy(file, copy)
        database = settings.database.model_copy(update={"url": f"{SQLITE}{copy}"})
        app = Flask("rehearsal")
        setup_db(app, settings.model_copy(update={"database": database}))
        with app.app_context():
            try:
                yield
            finally:
                db.session.remove()
                db.engine.dispose()


def _copy(file: Path, copy: Path) -> None:
    """A consistent copy, while others read and write."""
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
