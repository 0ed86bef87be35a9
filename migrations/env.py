"""Runs the migrations on the application's own engine. Our own, as the stock one reads Flask-Migrate's configuration.

On PostgreSQL an advisory lock lets one process at a time migrate. On SQLite a table that is rebuilt is dropped for a moment,
which would cascade: foreign keys are off until then.
"""

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import JSON, Connection, text

from idp import store
from idp.db import Base, Moment, db

LOCK = 5_133_001
"""Any number that nothing else locks."""


def render_item(kind: str, item: Any, autogenerate: AutogenContext) -> str | Literal[False]:
    """Migrations name the database's types, not ours, so that they read the same when ours have changed."""
    if kind == "type" and isinstance(item, Moment):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(item, JSON):
        autogenerate.imports.add("from sqlalchemy.dialects import postgresql")
        return "sa.JSON().with_variant(postgresql.JSONB(), 'postgresql')"
    return False


def run(connection: Connection) -> None:
    """All migrations that are due, in one transaction."""
    store.register_tables()
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=True,
        render_item=render_item,
        compare_type=True,
        transactional_ddl=True,
    )
    with context.begin_transaction():
        context.run_migrations()


def on_postgresql() -> None:
    """One process at a time, and no time limit on a statement."""
    with db.engine.begin() as connection:
        raw: Any = connection.connection.dbapi_connection
        patience, raw.patience = raw.patience, None
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        try:
            run(connection)
        finally:
            raw.patience = patience


def on_sqlite() -> None:
    """Foreign keys off before the transaction begins (within one the pragma does nothing), and on again after it."""
    with db.engine.connect() as connection:
        raw: Any = connection.connection.dbapi_connection
        raw.execute("PRAGMA foreign_keys=OFF")
        try:
            with connection.execution_options(writes=True).begin():
                run(connection)
        finally:
            raw.execute("PRAGMA foreign_keys=ON")


if db.engine.dialect.name == "sqlite":
    on_sqlite()
else:
    on_postgresql()
