"""The engine, the tables' base and the transaction. The only module that imports Flask-SQLAlchemy, and the only one of
floors 0–4 in which a transaction is committed.

Reads may happen at any time. Every write happens in ``transaction()``, which is short: nothing slow (argon2, network, SMTP)
happens in it (``outside_transaction``). On SQLite it takes the write lock at its start (``BEGIN IMMEDIATE``), so it never
fails half-way. On PostgreSQL rows are locked in the order of ``LOCK_ORDER``.

Not here: statements (``statements``). No session of SQLAlchemy's object mapper is used: reads give ``records``.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import wraps
from typing import Any, ParamSpec, Self, TypeVar, cast

from flask import g, has_app_context
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import JSON, Connection, DateTime, Dialect, MetaData, String, event
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.orm import DeclarativeBase, registry
from sqlalchemy.types import TypeDecorator

from idp import engines
from idp.config import Settings
from idp.records import record_class
from idp.unit_of_work import UnitOfWork, tell_after, tell_before

P = ParamSpec("P")
T = TypeVar("T")

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
    ("groups",),
    ("shops",),
    ("ip_failures", "auth_failures"),
    ("email_links", "owner_recoveries"),
    ("totp", "passkeys", "recovery_sets", "recovery_codes", "remembered_devices"),
    ("attempts", "sessions", "grants"),
)
"""Tables in the order in which every transaction locks their rows, or two transactions at once can wait for each other for
ever (V15.4.3): organisation, user, groups and shops, counters of failures, links, credentials, sessions. A transaction may
skip any of them. With the user's row locked, credentials, sessions and counters may come in any order: whatever locks
several of them locks that row before. A guess is counted without it, so such a transaction locks no credential and no
session beside the counters. Mails are counted last, in rows of their own. Sweeps skip locked rows.
``tests/drivers/lock_order.py`` checks this.
"""


class Moment(TypeDecorator[datetime]):
    """An aware UTC ``datetime``; a naive one is refused on the way in."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Convert a value for the database."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise TypeError("a naive datetime was about to be stored")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Convert a value from the database: SQLite gives it without a zone, PostgreSQL in its session's zone."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


Json = JSON().with_variant(JSONB(), "postgresql")
Id = String(26)


class Base(DeclarativeBase):
    """The tables' common base. A model has no instances of its own: a model that is called makes a record."""

    registry = registry(
        metadata=MetaData(naming_convention=NAMING),
        type_annotation_map={datetime: Moment(), dict[str, Any]: Json, list[str]: Json, list[Any]: Json},
    )

    def __new__(cls, **_: Any) -> Self:
        """Make a record; its ``__init__`` takes the values."""
        return cast(Self, object.__new__(record_class(cls)))


db = SQLAlchemy(metadata=Base.metadata, disable_autonaming=True)
_before_commit: list[Callable[[], None]] = []


def setup_db(app: Any, settings: Settings) -> None:
    """Bind the application to its database."""
    app.config["SQLALCHEMY_DATABASE_URI"] = settings.database_url
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = engines.engine_options(settings)
    db.init_app(app)
    app.teardown_appcontext(lambda _: close())
    with app.app_context():
        engines.prepare(db.engine, settings)
        event.listen(db.engine, "handle_error", _note_failure)
        event.listen(db.engine, "before_cursor_execute", tell_before)
        event.listen(db.engine, "after_cursor_execute", tell_after)


_globals: Callable[[], Any] = cast(Any, g)._get_current_object
"""Returns what ``g`` stands for. Each statement asks for it, and each access through ``g`` costs a search of its own."""


def unit() -> UnitOfWork:
    """Return what this request or command does with the database."""
    here = _globals()
    found: UnitOfWork | None = here.get("unit")
    if found is None:
        found = here.unit = UnitOfWork(db.engine)
    return found


def close() -> None:
    """Give the connection of this request or command back, and forget all that was read."""
    found: UnitOfWork | None = _globals().pop("unit", None)
    if found is not None:
        found.close()


def connection() -> Connection:
    """Return the connection of this request or command, for what ``statements`` has no word for."""
    return unit().connection


def remember_reads() -> None:
    """Remember the answers of reads until ``forget_reads``, so that all of a page is of one moment.

    ``transaction()`` and ``release()`` forget them. Without this, in a command and in the worker, every read is fresh.
    """
    unit().reads = {}


def forget_reads() -> None:
    """Forget the answers, and remember none."""
    unit().reads = None


def is_in_transaction() -> bool:
    """Return whether ``transaction()`` is open in this request or command."""
    return has_app_context() and unit().is_writing


def before_commit(act: Callable[[], None], *, is_first: bool = False) -> Callable[[], None]:
    """Have ``act`` called at the end of every transaction, within it. Its exception undoes all.

    ``is_first``: before the others. All processes must lock what these functions lock in one order.
    """
    _before_commit.insert(0 if is_first else len(_before_commit), act)
    return act


def after_commit(act: Callable[[], None]) -> None:
    """Have ``act`` called once the open transaction is committed; never if it is undone. Without one, at once."""
    if is_in_transaction():
        unit().committed.append(act)
    else:
        act()


@contextmanager
def transaction() -> Iterator[None]:
    """Open one short transaction that may write: committed at the end, rolled back on an exception.

    Within another it joins that one, so that a caller can combine several changes. An exception that leaves an inner block,
    and an error of the database, leave a change half made: where a caller catches one, the commit is refused with
    ``RuntimeError``. ``refuse_duplicate`` undoes what was half made, so its refusal may be caught.
    """
    current = unit()
    if current.is_writing:
        try:
            yield
        except BaseException as error:
            if error is not current.undone:
                current.failure = current.failure or error
            raise
        return
    current.commit()
    try:
        current.begin(writes=True)
        current.is_writing = True
        yield
        _refuse_half_made(current)
        for act in _before_commit:
            act()
        current.commit()
        noted = [*current.committed]
    except BaseException:
        current.close()
        raise
    finally:
        current.is_writing, current.failure, current.undone = False, None, None
        current.waiting.clear()
        current.committed.clear()
    for act in noted:
        act()


def _refuse_half_made(current: UnitOfWork) -> None:
    if current.failure is not None:
        raise RuntimeError("a transaction was about to be committed after an exception within it") from current.failure


def _note_failure(context: ExceptionContext) -> None:
    """Note a failed statement of our transaction: PostgreSQL refuses all that follow it, and its COMMIT rolls back."""
    if is_in_transaction() and (current := unit()).owns(context.connection):
        current.failure = current.failure or context.original_exception


def release() -> None:
    """End a read that is under way, so that nothing is open while something slow happens. Later reads are fresh."""
    if is_in_transaction():
        raise RuntimeError("something slow was about to happen within a transaction")
    current = unit()
    current.commit()
    current.close()


def outside_transaction(slow: Callable[P, T]) -> Callable[P, T]:
    """Mark a function that hashes, waits for the network, or commits by itself. Within ``transaction()`` it is refused."""

    @wraps(slow)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        if is_in_transaction():
            raise RuntimeError(f"{slow.__qualname__} was called within a transaction")
        return slow(*args, **kwargs)

    return call


@contextmanager
def refuse_duplicate(column: str, refusal: Exception) -> Iterator[None]:
    """Raise ``refusal`` where a write within breaks the unique index on ``column``: another transaction took the value.

    A savepoint undoes what was written within, so that the transaction can go on.
    """
    current = unit()
    failure = current.failure
    try:
        with current.connection.begin_nested():
            yield
    except BaseException as error:
        current.failure, current.undone = failure, refusal
        if not engines.is_duplicate(error, column):
            raise
        raise refusal from error
