"""Run the trial of ``idp apply`` on a private copy of the database, so that nobody waits for its locks.

It changes rows that every sign-in of an organisation needs, such as the head of its audit log, and runs for minutes where
a document is long. On SQLite the copy is a file, on PostgreSQL it is made of temporary tables (``store.shadows``).
"""

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from flask import Flask

from idp.config import Settings
from idp.db import close, db, setup_db, transaction
from idp.store.shadows import shadow_tables

SQLITE = "sqlite:///"
PATIENCE_SECONDS = 3600.0
"""Copying the tables of a large installation takes long, and nobody else waits for it."""


@contextmanager
def apart(settings: Settings) -> Iterator[None]:
    """Open one transaction on the copy."""
    if not settings.database_url.startswith(SQLITE):
        with _opened(settings, settings.database_url), transaction():
            shadow_tables()
            yield
        return
    file = Path(settings.database_url.removeprefix(SQLITE))
    with tempfile.TemporaryDirectory(prefix=".apply-", dir=file.parent) as folder:
        copy = Path(folder) / "copy.sqlite3"
        _copy(file, copy)
        with _opened(settings, f"{SQLITE}{copy}"), transaction():
            yield


@contextmanager
def _opened(settings: Settings, url: str) -> Iterator[None]:
    """Open the database with new connections, without plans for the original tables."""
    database = settings.database.model_copy(update={"url": url, "patience_seconds": PATIENCE_SECONDS})
    app = Flask("rehearsal")
    setup_db(app, settings.model_copy(update={"database": database}))
    with app.app_context():
        try:
            yield
        finally:
            close()
            db.engine.dispose()


def _copy(file: Path, copy: Path) -> None:
    """Copy the database consistently, while others read and write."""
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
