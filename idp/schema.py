"""Upgrade, downgrade and compare the database's schema, and draft new migrations. Alembic does the work.

``migrations/env.py`` finds the engine through ``idp.db``, so every function needs the application's database to be set up.
"""

import re
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from flask import Flask
from sqlalchemy import inspect, text

from idp import config
from idp.db import db, setup_db
from idp.on_use import OnUse
from idp.resources import folder

if TYPE_CHECKING:
    from alembic import command, util
    from alembic import config as alembic_config
else:
    # A server checks whether the database is up to date, and seldom migrates it.
    command, util, alembic_config = OnUse("alembic.command"), OnUse("alembic.util"), OnUse("alembic.config")


_REVISION = re.compile(r"\d+(_from_\d+)?")
"""What the name of a migration's file begins with."""


class SchemaError(Exception):
    """The tables cannot be migrated, for example because a newer version made them."""


def upgrade(app: Flask, target: str = "head") -> None:
    """Upgrade the database to ``target``, or do nothing if it is there. One transaction, one process at a time."""
    with app.app_context():
        try:
            command.upgrade(_alembic(), target)
        except util.CommandError as error:
            raise SchemaError(f"database: its tables cannot be brought to this version: {error}") from error


def downgrade(app: Flask, target: str) -> None:
    """Downgrade the database to ``target`` (``base`` empties it)."""
    with app.app_context():
        command.downgrade(_alembic(), target)


def is_current(app: Flask) -> bool:
    """Check if this code can use the database: it is at the newest migration that this code knows, or ahead of it and says
    that this code still can (``is_usable``).
    """
    with app.app_context(), db.engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return False
        found = list(connection.scalars(text("SELECT version_num FROM alembic_version")))
        return len(found) == 1 and is_usable(found[0], head())


def is_usable(revision: str, known: str) -> bool:
    """Check if code whose newest migration is ``known`` can use a database at ``revision``.

    A migration that only adds names the oldest code that can use its tables: ``0016_from_0014`` is usable by code whose
    newest migration is 0014 or 0015, so old and new processes run beside each other during an upgrade. Without that name
    only code that knows the migration can: code cannot judge a migration that was written after it.
    """
    number, _, oldest = revision.partition("_from_")
    return revision == known or (bool(oldest) and oldest <= known.partition("_")[0] < number)


@cache
def head() -> str:
    """Return the newest migration: the files are numbered, and each follows the one before it."""
    names = (_REVISION.match(file.name) for file in (folder("migrations") / "versions").iterdir())
    return max(name[0] for name in names if name)


def is_empty(app: Flask) -> bool:
    """Check if the database has no table at all: then migrating it can harm nothing."""
    with app.app_context(), db.engine.connect() as connection:
        return not inspect(connection).get_table_names()


def draft(message: str) -> None:
    """Write the next migration file: the difference between the tables in ``store`` and the migrations so far."""
    with tempfile.TemporaryDirectory() as scratch:
        app = _scratch_app(Path(scratch))
        upgrade(app)
        with app.app_context():
            command.revision(_alembic(), message, autogenerate=True, rev_id=f"{int(head()[:4]) + 1:04}")
            db.engine.dispose()


def _alembic() -> "alembic_config.Config":
    made = alembic_config.Config()
    made.set_main_option("script_location", str(folder("migrations")).replace("%", "%%"))
    made.set_main_option("path_separator", "os")
    return made


def _scratch_app(scratch: Path) -> Flask:
    app = Flask("draft")
    settings = config.make(
        {"issuer": "http://localhost", "secrets": [config.new_ring_entry("draft")], "folder": str(scratch)}
    )
    setup_db(app, settings)
    return app


if __name__ == "__main__":
    draft(" ".join(sys.argv[1:]))
