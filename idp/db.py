"""The engine, the session and the transaction. The only module that imports Flask-SQLAlchemy, and the only one of floors
0–4 in which a transaction is committed.

Reads may happen at any time. Every write stands inside ``transaction()``, which is short: nothing slow (argon2, the network,
SMTP) happens within one. On SQLite it takes the write lock at its start (``BEGIN IMMEDIATE``), so it never fails half-way.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache, wraps
from inspect import signature
from typing import Any, ParamSpec, TypeVar, cast

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
    ScalarResult,
    Select,
    String,
    Table,
    bindparam,
    delete,
    select,
    tuple_,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import DeclarativeBase, Session, registry
from sqlalchemy.types import TypeDecorator

from idp import engines
from idp.config import Settings

P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R")

NAMING = {
    "ix": "ix_%(column_0_N_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


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
    app.before_request(_keep_reads)
    app.teardown_request(_forget_reads)
    with app.app_context():
        engines.prepare(db.engine, settings)


def session() -> Session:
    """The session of this request or command."""
    return cast(Session, db.session())


@contextmanager
def transaction() -> Iterator[Session]:
    """One short transaction that may write: committed at the end, rolled back on an exception.

    Within another it joins that one, so that a caller can make several changes one.
    """
    current = session()
    if current.info.get("in_transaction"):
        yield current
        return
    release()
    current.info["in_transaction"] = True
    try:
        current.connection(execution_options={"writes": True})
        yield current
        current.commit()
    except BaseException:
        current.rollback()
        raise
    finally:
        current.info.pop("in_transaction", None)


def release() -> None:
    """End a read that is under way, so that nothing is open while something slow happens. What was read is asked again."""
    current = session()
    if current.info.get("in_transaction"):
        raise RuntimeError("something slow was about to happen within a transaction")
    current.commit()
    current.info.get("reads", {}).clear()


def _keep_reads() -> None:
    session().info["reads"] = {}


def _forget_reads(_: BaseException | None) -> None:
    session().info.pop("reads", None)


def write(statement: Executable) -> int:
    """Run an INSERT, UPDATE or DELETE within the transaction; the number of rows it touched."""
    current = session()
    if not current.info.get("in_transaction"):
        raise RuntimeError("a write stands outside transaction()")
    current.flush()
    # An INSERT's count is forgotten unless asked for (-1 with psycopg); every claim on something unique rests on it.
    result = current.execute(statement, execution_options={"preserve_rowcount": True})
    return cast("CursorResult[Any]", result).rowcount


def add(*rows: Base) -> None:
    """Insert rows within the transaction."""
    current = session()
    if not current.info.get("in_transaction"):
        raise RuntimeError("a write stands outside transaction()")
    current.add_all(rows)
    current.flush()


@contextmanager
def refuse_duplicate(column: str, refusal: Exception) -> Iterator[None]:
    """Raise ``refusal`` where a write within breaks the unique index on ``column``: somebody took the value just now.

    A savepoint keeps the transaction usable; PostgreSQL would refuse every further statement of it.
    """
    try:
        with session().begin_nested():
            yield
    except IntegrityError as error:
        if column not in str(error.orig):
            raise
        raise refusal from error


def insert_new(table: type[Base], **values: Any) -> bool:
    """Insert a row unless its key stands already: the one-statement claim on something that is unique."""
    dialect = session().get_bind().dialect.name
    insert = insert_postgresql if dialect == "postgresql" else insert_sqlite
    return write(insert(table).values(**values).on_conflict_do_nothing()) == 1


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
    dialect = session().get_bind().dialect.name
    insert = insert_postgresql if dialect == "postgresql" else insert_sqlite
    statement = insert(table).values(**values)
    return write(statement.on_conflict_do_update(index_elements=list(keys), set_=update, where=where)) == 1


def delete_some(table: type[Base], condition: ColumnElement[bool], most: int) -> int:
    """Delete at most ``most`` of the rows of which ``condition`` holds; how many.

    What somebody has locked is passed over (PostgreSQL): who sweeps waits for nobody, and so is part of no deadlock.
    """
    rows = cast(Table, table.__table__)
    key = rows.primary_key.columns
    doomed = select(*key).where(condition).limit(most).with_for_update(skip_locked=True)
    return write(delete(rows).where(tuple_(*key).in_(doomed)))


def asks_one(build: Callable[P, Select[T]]) -> Callable[P, T | None]:
    """Reads as ``one`` does what ``build`` says: that is done once, with a place in the statement for each argument.

    Within a request the same is asked once, until a transaction or a ``release``: what a page is made of is of one moment.
    """
    return _asking(build, lambda found: found.one_or_none())


def asks_every(build: Callable[P, Select[T]]) -> Callable[P, Sequence[T]]:
    """As ``asks_one``, for all rows."""
    return _asking(build, lambda found: found.all())


def _asking(build: Callable[P, Select[T]], take: Callable[[ScalarResult[T]], R]) -> Callable[P, R]:
    names = tuple(signature(build).parameters)
    statement = cache(lambda: cast(Any, build)(**{name: bindparam(name) for name in names}))

    @wraps(build)
    def ask(*args: P.args, **kwargs: P.kwargs) -> R:
        bound: dict[str, Any] = {**dict(zip(names, args, strict=False)), **kwargs}
        info, question = session().info, (build, *(bound[name] for name in names))
        kept = info.get("reads", {}) if not info.get("in_transaction") else {}
        if question not in kept:
            kept[question] = take(session().scalars(statement(), bound, execution_options={"populate_existing": True}))
        return cast(R, kept[question])

    return ask


def one(statement: Select[T]) -> T | None:
    """The only row, fresh from the database, or None."""
    return session().scalars(statement, execution_options={"populate_existing": True}).one_or_none()


def every(statement: Select[T]) -> list[T]:
    """All rows, fresh from the database."""
    return list(session().scalars(statement, execution_options={"populate_existing": True}))


def values(statement: Select[*tuple[Any, ...]]) -> list[Any]:
    """All rows as plain tuples."""
    return list(session().execute(statement))
