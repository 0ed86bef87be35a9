"""The engine, the session and the transaction. The only module that imports Flask-SQLAlchemy, and the only one of floors
0–4 in which a transaction is committed.

Reads may happen at any time. Every write happens in ``transaction()``, which is short: nothing slow (argon2, network, SMTP)
happens in it (``outside_transaction``). On SQLite it takes the write lock at its start (``BEGIN IMMEDIATE``), so it never
fails half-way. On PostgreSQL rows are locked in the order of ``LOCK_ORDER``.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import wraps
from typing import Any, ParamSpec, TypeVar, cast

from flask import has_app_context
from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.session import Session as FlaskSession
from sqlalchemy import (
    JSON,
    ColumnElement,
    CursorResult,
    DateTime,
    Dialect,
    Executable,
    MetaData,
    Select,
    String,
    Table,
    delete,
    event,
    select,
    tuple_,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import DeclarativeBase, Session, registry
from sqlalchemy.types import TypeDecorator

from idp import engines
from idp.config import Settings

P = ParamSpec("P")
T = TypeVar("T")
READS = "reads"
"""Where a session keeps what ``idp.reads`` remembers."""

NAMING = {
    "ix": "ix_%(column_0_N_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


LOCK_ORDER = (
    ("organisations",),
    ("users",),
    ("ip_failures", "auth_failures"),
    ("email_links", "owner_recoveries"),
    ("totp", "passkeys", "recovery_sets", "recovery_codes", "remembered_devices"),
    ("attempts", "sessions", "grants"),
)
"""Tables in the order in which every transaction locks their rows, or two transactions at once can wait for each other for
ever (V15.4.3): organisation, user, counters of failures, links, credentials, sessions. A transaction may skip any of them.
With the user's row locked, the last three may come in any order: whatever locks several of them locks that row before. The
counters may not, since a guess is counted without it. Sweeps skip locked rows. ``tests/drivers/lock_order.py`` checks this.
"""


class Moment(TypeDecorator[datetime]):
    """An aware UTC ``datetime``; a naive one is refused on the way in."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To the database."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise TypeError("a naive datetime was about to be stored")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """From the database: SQLite gives it back naive, PostgreSQL in its session's time zone."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


Json = JSON().with_variant(JSONB(), "postgresql")
Id = String(26)


class Base(DeclarativeBase):
    """The tables' common base."""

    registry = registry(
        metadata=MetaData(naming_convention=NAMING),
        type_annotation_map={datetime: Moment(), dict[str, Any]: Json, list[str]: Json, list[Any]: Json},
    )


class _Session(FlaskSession):
    """Closes quietly when its connection was lost: the request has been answered, and an error would hide that."""

    def close(self) -> None:
        try:
            super().close()
        except DBAPIError:
            self.invalidate()


db = SQLAlchemy(
    metadata=Base.metadata,
    disable_autonaming=True,
    session_options={"class_": _Session, "expire_on_commit": False, "autoflush": False},
)


def setup_db(app: Any, settings: Settings) -> None:
    """Bind the application to its database."""
    app.config["SQLALCHEMY_DATABASE_URI"] = settings.database_url
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = engines.engine_options(settings)
    db.init_app(app)
    with app.app_context():
        engines.prepare(db.engine, settings)
        event.listen(db.engine, "handle_error", _note_failure)


def session() -> Session:
    """The session of this request or command."""
    return cast(Session, db.session())


def is_in_transaction() -> bool:
    """Return whether ``transaction()`` is open in this request or command."""
    return has_app_context() and bool(session().info.get("in_transaction"))


@contextmanager
def transaction() -> Iterator[Session]:
    """Open one short transaction that may write: committed at the end, rolled back on an exception.

    Within another it joins that one, so that a caller can combine several changes. An exception that leaves an inner block,
    and an error of the database, leave a change half made: where a caller catches one, the commit is refused with
    ``RuntimeError``. ``refuse_duplicate`` undoes what was half made, so its refusal may be caught.
    """
    current = session()
    if current.info.get("in_transaction"):
        try:
            yield current
        except BaseException as error:
            current.info.setdefault("failure", error)
            raise
        return
    release()
    current.info["in_transaction"] = True
    try:
        current.connection(execution_options={"writes": True})
        yield current
        _refuse_half_made(current)
        current.commit()
    except BaseException:
        current.rollback()
        raise
    finally:
        current.info.pop("in_transaction", None)
        current.info.pop("failure", None)


def _refuse_half_made(current: Session) -> None:
    failure = current.info.get("failure")
    if failure is not None:
        raise RuntimeError("a transaction was about to be committed after an exception within it") from failure


def _note_failure(context: ExceptionContext) -> None:
    """Note a failed statement of our transaction: PostgreSQL refuses all that follow it, and its COMMIT rolls back."""
    connection = context.connection
    if connection is not None and connection.get_execution_options().get("writes") and is_in_transaction():
        session().info.setdefault("failure", context.original_exception)


def release() -> None:
    """End a read that is under way, so that nothing is open while something slow happens. Later reads are fresh."""
    if is_in_transaction():
        raise RuntimeError("something slow was about to happen within a transaction")
    current = session()
    current.commit()
    current.info.get(READS, {}).clear()


def outside_transaction(slow: Callable[P, T]) -> Callable[P, T]:
    """Mark a function that hashes, waits for the network, or commits by itself. Within ``transaction()`` it is refused."""

    @wraps(slow)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        if is_in_transaction():
            raise RuntimeError(f"{slow.__qualname__} was called within a transaction")
        return slow(*args, **kwargs)

    return call


def _writing() -> Session:
    if not is_in_transaction():
        raise RuntimeError("a write outside transaction()")
    return session()


def write(statement: Executable) -> int:
    """Run an INSERT, UPDATE or DELETE within the transaction; the number of rows it touched."""
    current = _writing()
    current.flush()
    # An INSERT's count is forgotten unless asked for (-1 with psycopg); every claim on something unique rests on it.
    result = current.execute(statement, execution_options={"preserve_rowcount": True})
    return cast("CursorResult[Any]", result).rowcount


def add(*rows: Base) -> None:
    """Insert rows within the transaction."""
    current = _writing()
    current.add_all(rows)
    current.flush()


@contextmanager
def refuse_duplicate(column: str, refusal: Exception) -> Iterator[None]:
    """Raise ``refusal`` where a write within breaks the unique index on ``column``: another transaction took the value.

    A savepoint undoes what was written within, so that the transaction can go on.
    """
    current = session()
    failure = current.info.get("failure")
    try:
        with current.begin_nested():
            yield
    except BaseException as error:
        current.info["failure"] = failure
        if not engines.is_duplicate(error, column):
            raise
        raise refusal from error


def _insert(table: type[Base]) -> Any:
    return insert_postgresql(table) if session().get_bind().dialect.name == "postgresql" else insert_sqlite(table)


def insert_new(table: type[Base], **values: Any) -> bool:
    """Insert a row unless its key stands already: the one-statement claim on something that is unique."""
    return write(_insert(table).values(**values).on_conflict_do_nothing()) == 1


def upsert(
    table: type[Base],
    keys: tuple[str, ...],
    values: dict[str, Any],
    update: dict[str, Any],
    *,
    where: ColumnElement[bool] | None = None,
) -> bool:
    """Insert ``values``, or set ``update`` (values or expressions) on the row whose ``keys`` are the same.

    With ``where`` the row is left as it is unless that holds of it: False then. One statement in every case.
    """
    statement = _insert(table).values(**values)
    return write(statement.on_conflict_do_update(index_elements=list(keys), set_=update, where=where)) == 1


def delete_some(table: type[Base], condition: ColumnElement[bool], most: int) -> int:
    """Delete at most ``most`` rows of which ``condition`` holds. Returns how many. Sweeps wait for no locked row."""
    return write(delete(table).where(some_of(table, condition, most)))


def some_of(table: type[Base], condition: ColumnElement[bool], most: int) -> ColumnElement[bool]:
    """Match at most ``most`` of the rows of which ``condition`` holds, without those that somebody has locked."""
    key = cast(Table, table.__table__).primary_key.columns
    return tuple_(*key).in_(select(*key).where(condition).limit(most).with_for_update(skip_locked=True))


def one(statement: Select[T]) -> T | None:
    """The only row, fresh from the database, or None."""
    return session().scalars(statement, execution_options={"populate_existing": True}).one_or_none()


def every(statement: Select[T]) -> list[T]:
    """All rows, fresh from the database."""
    return list(session().scalars(statement, execution_options={"populate_existing": True}))


def values(statement: Select[*tuple[Any, ...]]) -> list[Any]:
    """All rows as plain tuples."""
    return list(session().execute(statement))
