"""Set up engines: their options, the settings of a new connection, and the deadlines.

Nothing depends on the state of a PostgreSQL session: a pooler may give every transaction another one.
"""

import importlib
import json
import os
import shutil
import sqlite3
from pathlib import Path
from typing import Any, cast
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import IntegrityError
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from idp.config import Settings
from idp.write_gate import MustWait, WriteGate, never_waits

UNIQUE_ON_SQLITE = ("SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY")
UNIQUE_VIOLATION = "23505"
"""SQLSTATE, PostgreSQL."""
write_gates: WeakKeyDictionary[Engine, WriteGate] = WeakKeyDictionary()
"""The gates of SQLite's files. PostgreSQL has many writers at once."""
PRIMARY = 0xFF
"""The part of SQLite's error codes that names the kind: a busy database has several reasons."""
PATIENCE = "patience"
"""The name under which SQLite's connections keep the statement that sets how long they wait for another writer."""
LEAST_FREE = 1 << 20
"""Free bytes that SQLite's write-ahead log needs to grow."""


def engine_options(settings: Settings) -> dict[str, Any]:
    """Return arguments for ``create_engine``."""
    # Errors must not carry the values of a statement into the log: they may be digests, names, addresses.
    common = {"hide_parameters": True, "json_serializer": json.JSONEncoder().encode}
    if settings.database_url.startswith("sqlite"):
        patience = {"timeout": settings.database.patience_seconds}
        # The connection that was used last has the pages of the last commit in its cache.
        return {**common, "connect_args": patience, "json_deserializer": json.JSONDecoder().decode, "pool_use_lifo": True}
    return {**common, "pool_size": settings.database.pool_size}


def prepare(engine: Engine, settings: Settings) -> None:
    """Make every connection of ``engine`` with our settings."""
    if engine.dialect.name == "sqlite":
        _speak_sqlite(engine, settings)
        if engine.url.database not in (None, "", ":memory:"):
            write_gates[engine] = WriteGate(Path(str(engine.url.database)), settings.database.patience_seconds)
    else:
        postgresql = importlib.import_module("idp.postgresql")  # only here: on SQLite its driver would cost memory
        postgresql.speak_postgresql(engine, settings.database.patience_seconds)


def why_read_only(engine: Engine) -> str:
    """Return why nothing can be written, as one line; empty if it can. Writes nothing and takes no lock.

    A full disk below PostgreSQL cannot be seen from here: only a write meets it.
    """
    if engine.dialect.name == "sqlite":
        return _why_no_file_grows(Path(str(engine.url.database)))
    with engine.connect() as connection:
        is_read_only = connection.exec_driver_sql("SHOW transaction_read_only").scalar() == "on"
    return "it takes no writes (a standby, or set read-only)" if is_read_only else ""


def _why_no_file_grows(file: Path) -> str:
    if shutil.disk_usage(file.parent).free < LEAST_FREE:
        return "its disk is full; make room"
    return "" if all(os.access(path, os.W_OK) for path in (file, file.parent)) else "its file or folder cannot be written"


def begin(pooled: PoolProxiedConnection, *, writes: bool) -> str:
    """Begin a transaction of a pooled connection, or to read. Returns what its watchers are told; empty for nothing.

    On SQLite all reads see one moment. On PostgreSQL each statement sees its own moment, even in a transaction, so reads
    use none: a transaction would cost two more round trips. Raises ``MustWait``, and errors of the driver.
    """
    driver: Any = pooled.dbapi_connection
    if not isinstance(driver, sqlite3.Connection):
        if driver.autocommit == writes:
            driver.autocommit = not writes
        return "BEGIN" if writes else ""
    statement = "BEGIN IMMEDIATE" if writes else "BEGIN"
    if writes and never_waits.get():
        _begin_unless_it_waits(driver, str(pooled.info[PATIENCE]))
    else:
        driver.execute(statement)
    return statement


def before_return(pooled: PoolProxiedConnection) -> None:
    """Undo what was not committed, and leave a connection as others expect it: they begin their own transactions."""
    driver: Any = pooled.dbapi_connection
    driver.rollback()
    if not isinstance(driver, sqlite3.Connection) and driver.autocommit:
        driver.autocommit = False


def has_timed_out(pooled: PoolProxiedConnection) -> bool:
    """Check if we closed a connection because its answer took too long. A retry would take as long."""
    return bool(getattr(pooled.dbapi_connection, "has_timed_out", False))


def _begin_unless_it_waits(driver: sqlite3.Connection, patience: str) -> None:
    """Begin to write; raise ``MustWait`` where a program that does not know our gate is writing."""
    driver.execute("PRAGMA busy_timeout=0")
    try:
        driver.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & PRIMARY != sqlite3.SQLITE_BUSY:
            raise
        raise MustWait from None
    finally:
        driver.execute(patience)


def _speak_sqlite(engine: Engine, settings: Settings) -> None:
    """Set WAL, foreign keys, and transactions that begin only by our own statement."""
    patience = f"PRAGMA busy_timeout={int(settings.database.patience_seconds * 1000)}"

    @event.listens_for(engine, "connect")
    def _prepare(connection: DBAPIConnection, entry: ConnectionPoolEntry) -> None:
        cast(Any, connection).isolation_level = None
        cast(Any, connection).create_function("lower", 1, _lower, deterministic=True)  # SQLite's own folds ASCII only
        entry.info[PATIENCE] = patience
        cursor = connection.cursor()
        cursor.execute(patience)
        for pragma in ("journal_mode=WAL", f"synchronous={settings.database.synchronous}", "foreign_keys=ON"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        """Begin for a connection of SQLAlchemy, unless ``begin`` did."""
        driver: Any = connection.connection.dbapi_connection
        if not driver.in_transaction:
            driver.execute("BEGIN")


def _lower(text: Any) -> Any:
    return text.lower() if isinstance(text, str) else text


def is_duplicate(error: BaseException, column: str) -> bool:
    """Return whether a unique index that has ``column`` is broken. The value, which anybody may choose, is not looked at."""
    if not isinstance(error, IntegrityError):
        return False
    cause: Any = error.orig
    if hasattr(cause, "sqlite_errorname"):
        return cause.sqlite_errorname in UNIQUE_ON_SQLITE and column in str(cause)
    columns = str(cause.diag.message_detail).partition(")=(")[0]  # Key (organisation_id, username_key)=(…) already exists.
    return bool(cause.sqlstate == UNIQUE_VIOLATION and column in columns)
