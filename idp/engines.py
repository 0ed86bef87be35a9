"""How a database is spoken to: the engine's options, what every new connection is told, and how long anything may take.

Nothing depends on the state of a PostgreSQL session: a pooler may give every transaction another one.
"""

import importlib
from typing import Any, cast

from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

from idp.config import Settings


def engine_options(settings: Settings) -> dict[str, Any]:
    """Arguments for ``create_engine``."""
    # Errors must not carry the values of a statement into the log: they may be digests, names, addresses.
    if settings.database_url.startswith("sqlite"):
        return {"hide_parameters": True, "connect_args": {"timeout": settings.database.patience_seconds}}
    return {"hide_parameters": True, "pool_size": settings.database.pool_size, "pool_pre_ping": True}


def prepare(engine: Engine, settings: Settings) -> None:
    """Have every connection of ``engine`` made as we need it."""
    if engine.dialect.name == "sqlite":
        _speak_sqlite(engine, settings)
    else:
        postgresql = importlib.import_module("idp.postgresql")  # only here: on SQLite its driver would cost memory
        postgresql.speak_postgresql(engine, settings.database.patience_seconds)


def _speak_sqlite(engine: Engine, settings: Settings) -> None:
    """WAL, foreign keys, and transactions that begin when we say so and as we say so."""

    @event.listens_for(engine, "connect")
    def _prepare(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
        cast(Any, connection).isolation_level = None
        cast(Any, connection).create_function("lower", 1, _lower, deterministic=True)  # SQLite's own knows ASCII alone
        cursor = connection.cursor()
        for pragma in (
            f"busy_timeout={int(settings.database.patience_seconds * 1000)}",
            "journal_mode=WAL",
            f"synchronous={settings.database.synchronous}",
            "foreign_keys=ON",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _lower(text: Any) -> Any:
    return text.lower() if isinstance(text, str) else text
