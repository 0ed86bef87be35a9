"""The database as one request or command uses it: the connection, what was read, and what waits for the commit."""

from collections.abc import Callable
from time import perf_counter
from typing import Any, Protocol, TypeVar, cast

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, PendingRollbackError

from idp import engines
from idp.write_gate import never_waits

T = TypeVar("T")


class Watcher(Protocol):
    """Is told of each statement, for metrics and for tests. ``table``: the one that it is about, where that is known."""

    def before(self, connection: Connection, statement: str, table: str) -> None:
        """Note that a statement is about to run."""

    def after(self, connection: Connection, statement: str, table: str, seconds: float, rows: int) -> None:
        """Note that a statement ran, or failed. ``rows``: how many were read or touched; -1 if unknown."""


watchers: list[Watcher] = []


class UnitOfWork:
    """What one request or command does with the database: one connection at a time, which reads or writes.

    ``failure``: what left a change half made. ``undone``: the refusal of a change that a savepoint undid.
    ``reads`` keeps the answers of reads (None: nothing is kept). ``waiting`` keeps what is to be written before the commit.
    """

    __slots__ = (
        "_connection",
        "_cursor",
        "_driver_error",
        "_gate",
        "_leave_gate",
        "dialect",
        "engine",
        "failure",
        "is_writing",
        "reads",
        "undone",
        "waiting",
    )

    def __init__(self, engine: Engine) -> None:
        self.engine, self.dialect = engine, engine.dialect
        self._driver_error = engine.dialect.loaded_dbapi.Error
        self._gate = engines.write_gates.get(engine)
        self._leave_gate: Callable[[], None] | None = None
        self._connection: Connection | None = None
        self._cursor: Any = None
        self.is_writing = False
        self.failure: BaseException | None = None
        self.undone: Exception | None = None
        self.reads: dict[Any, Any] | None = None
        self.waiting: dict[str, list[Any]] = {}

    @property
    def connection(self) -> Connection:
        """The connection, within the transaction or within one that only reads, which this begins."""
        found = self._connection
        return found if found is not None and found.in_transaction() else self._begin_reading()

    def _begin_reading(self) -> Connection:
        if self.is_writing:
            raise PendingRollbackError("the connection was lost within the transaction")
        return self.begin(writes=False)

    def begin(self, *, writes: bool) -> Connection:
        """Begin a transaction of the connection."""
        if self._connection is None:
            self._connection = self.engine.connect()
        self._connection.execution_options(writes=writes)
        try:
            if writes and self._gate is not None:
                self._leave_gate = self._gate.enter()
            self._connection.begin()
        except self._driver_error as error:
            raise self._wrapped("BEGIN", error, is_lost=False) from error
        if writes:
            never_waits.set(False)
        return self._connection

    def commit(self) -> None:
        """Commit, where something was begun. What was read is forgotten."""
        try:
            if self._connection is not None:
                self._connection.commit()
        except BaseException:
            self.close()
            raise
        self._end()

    def close(self) -> None:
        """Undo what was not committed, and give the connection back. What was read is forgotten."""
        connection, self._connection, self._cursor = self._connection, None, None
        try:
            if connection is not None:
                _close(connection)
        finally:
            self._end()

    def _end(self) -> None:
        if self.reads:
            self.reads.clear()
        leave, self._leave_gate = self._leave_gate, None
        if leave is not None:
            leave()

    def run(self, statement: str, parameters: Any, table: str, take: Callable[[Any], T]) -> T:
        """Run SQL on ``connection`` and return what ``take`` takes from the driver's cursor: all rows, or their number."""
        connection, cursor = self.connection, self._cursor
        if cursor is None:
            cursor = self._cursor = connection.connection.cursor()
        for watcher in watchers:
            watcher.before(connection, statement, table)
        began = perf_counter() if watchers else 0.0
        taken: Any = -1
        try:
            cursor.execute(statement, parameters)
            taken = take(cursor)
        except self._driver_error as error:
            raise self._failed(connection, statement, error) from error
        finally:
            for watcher in watchers:
                rows = taken if isinstance(taken, int) else len(taken)
                watcher.after(connection, statement, table, perf_counter() - began, rows)
        return cast(T, taken)

    def _failed(self, connection: Connection, statement: str, error: Exception) -> BaseException:
        """Return an error of the driver as SQLAlchemy's, without the values of the statement."""
        is_lost = self.dialect.is_disconnect(cast(Any, error), self._cursor.connection, self._cursor)
        wrapped = self._wrapped(statement, error, is_lost=is_lost)
        if self.is_writing and self.failure is None:
            self.failure = error
        if is_lost:
            connection.invalidate(error)
            self.close()
        return wrapped

    def _wrapped(self, statement: str, error: Exception, *, is_lost: bool) -> BaseException:
        return DBAPIError.instance(
            statement,
            None,
            error,
            self._driver_error,
            hide_parameters=True,
            connection_invalidated=is_lost,
            dialect=self.dialect,
        )


def _close(connection: Connection) -> None:
    try:
        connection.close()
    except DBAPIError:  # it was lost. The request has been answered, and an error would hide that
        connection.invalidate()


def tell_before(connection: Connection, _: Any, statement: str, *__: Any) -> None:
    """Tell the watchers of a statement that SQLAlchemy runs (``before_cursor_execute``)."""
    connection.info["began"] = perf_counter()
    for watcher in watchers:
        watcher.before(connection, statement, "")


def tell_after(connection: Connection, _: Any, statement: str, *__: Any) -> None:
    """Tell the watchers of a statement that SQLAlchemy ran (``after_cursor_execute``)."""
    for watcher in watchers:
        watcher.after(connection, statement, "", perf_counter() - connection.info["began"], -1)
