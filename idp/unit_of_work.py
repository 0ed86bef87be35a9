"""Hold what one request or command does with the database: its connection, its cached reads, and its pending writes."""

from collections.abc import Callable
from operator import attrgetter, methodcaller
from time import perf_counter
from typing import Any, TypeVar, cast

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, PendingRollbackError
from sqlalchemy.pool import PoolProxiedConnection

from idp import engines
from idp.watchers import watchers
from idp.write_gate import never_calls, never_waits

T = TypeVar("T")
ROWS, COUNT = methodcaller("fetchall"), attrgetter("rowcount")


class UnitOfWork:
    """What one request or command does with the database: one connection at a time, which reads or writes.

    ``failure``: the error that left a change incomplete. ``undone``: the refusal of a change that a savepoint undid.
    ``reads`` caches results (None: no cache). ``waiting`` keeps what is to be written before the commit,
    ``committed`` what is to be called after it.

    Statements go to the driver's connection. SQLAlchemy's own costs more than most of them, and is made where it is needed.
    """

    __slots__ = (
        "_cursor",
        "_driver_error",
        "_gate",
        "_is_begun",
        "_is_fresh",
        "_leave_gate",
        "_pooled",
        "_wrapper",
        "_writes",
        "committed",
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
        self._pooled: PoolProxiedConnection | None = None
        self._wrapper: Connection | None = None
        self._cursor: Any = None
        self._is_begun = self._is_fresh = self._writes = False
        self.is_writing = False
        self.failure: BaseException | None = None
        self.undone: Exception | None = None
        self.reads: dict[Any, Any] | None = None
        self.waiting: dict[str, list[Any]] = {}
        self.committed: list[Callable[[], None]] = []

    @property
    def connection(self) -> Connection:
        """SQLAlchemy's connection, in the same transaction: for a statement that is built for one occasion."""
        self._make_ready()
        if self._is_fresh and self._gate is None:
            self.run("SELECT 1", None, "", ROWS)  # the pool may hold a connection that was lost: this takes another one
        if self._wrapper is None:
            self._wrapper = Connection(self.engine, self._pooled)
        return self._wrapper

    def owns(self, connection: Connection | None) -> bool:
        """Check if this is the connection of this unit."""
        return connection is not None and connection is self._wrapper

    def _make_ready(self) -> None:
        if self._wrapper is not None and self._wrapper.invalidated:
            self._pooled, self._is_begun = None, False
            self._wrapper.close()
            self._wrapper = self._cursor = None
        if not self._is_begun:
            if self.is_writing:
                raise PendingRollbackError("the connection was lost within the transaction")
            self.begin(writes=False)

    def begin(self, *, writes: bool) -> None:
        """Begin a transaction, or to read. Raises ``DBAPIError``, and ``MustWait``."""
        try:
            if self._pooled is None:
                self._pooled = self.engine.raw_connection()
            if writes and self._gate is not None:
                self._leave_gate = self._gate.enter()
            statement = engines.begin(self._pooled, writes=writes)
        except self._driver_error as error:
            is_lost = self.dialect.is_disconnect(cast(Any, error), None, None)
            raise self._wrapped("BEGIN", error, is_lost=is_lost) from error
        self._writes, self._is_begun, self._is_fresh = writes, True, True
        if writes:
            never_waits.set(False)
            never_calls.set(False)
        for watcher in watchers if statement else ():
            watcher.before(self.engine, statement, "")

    def commit(self) -> None:
        """Commit, where something was begun. What was read is forgotten."""
        if self._is_begun:
            try:
                self._commit()
            except BaseException:
                self.close()
                raise
            if self._writes:
                for watcher in watchers:
                    watcher.before(self.engine, "COMMIT", "")
        self._end()

    def _commit(self) -> None:
        if self._wrapper is not None and self._wrapper.in_transaction():
            self._wrapper.commit()
            return
        try:
            cast(Any, self._pooled).commit()
        except self._driver_error as error:
            raise self._failed("COMMIT", error) from error

    def close(self) -> None:
        """Undo what was not committed, and give the connection back. What was read is forgotten."""
        pooled, wrapper, self._pooled, self._wrapper, self._cursor = self._pooled, self._wrapper, None, None, None
        try:
            if pooled is not None:
                self._give_back(pooled, wrapper)
        finally:
            self._end()

    def _give_back(self, pooled: PoolProxiedConnection, wrapper: Connection | None) -> None:
        try:
            if wrapper is not None and wrapper.in_transaction():
                wrapper.rollback()
            if pooled.is_valid:
                engines.before_return(pooled)
            pooled.close()
        except (DBAPIError, self._driver_error):  # it was lost. The request has been answered, and an error would hide that
            pooled.invalidate()

    def _end(self) -> None:
        self._is_begun = False
        if self.reads:
            self.reads.clear()
        leave, self._leave_gate = self._leave_gate, None
        if leave is not None:
            leave()

    def run(self, statement: str, parameters: Any, table: str, take: Callable[[Any], T]) -> T:
        """Run SQL and return what ``take`` takes from the driver's cursor: all rows, or their number.

        A connection that was lost while it lay in the pool is replaced once: before the first statement nothing was done.
        """
        self._make_ready()
        if watchers:
            return self._run_watched(statement, parameters, table, take)
        try:
            return take(self._executed(statement, parameters))
        except self._driver_error as error:
            raise self._failed(statement, error) from error

    def _run_watched(self, statement: str, parameters: Any, table: str, take: Callable[[Any], T]) -> T:
        for watcher in watchers:
            watcher.before(self.engine, statement, table)
        began = perf_counter()
        taken: Any = -1
        try:
            taken = take(self._executed(statement, parameters))
        except self._driver_error as error:
            raise self._failed(statement, error) from error
        finally:
            for watcher in watchers:
                rows = taken if isinstance(taken, int) else len(taken)
                watcher.after(self.engine, statement, table, perf_counter() - began, rows)
        return cast(T, taken)

    def _executed(self, statement: str, parameters: Any) -> Any:
        cursor = self._cursor
        try:
            if cursor is None:
                cursor = self._cursor = cast(Any, self._pooled).cursor()
            cursor.execute(statement, parameters)
        except self._driver_error as error:
            if not self._is_fresh or not self._is_lost(error) or engines.has_timed_out(cast(Any, self._pooled)):
                raise
            self._replace_connection(error)
            cursor = self._cursor
            cursor.execute(statement, parameters)
        self._is_fresh = False
        return cursor

    def _replace_connection(self, error: BaseException) -> None:
        """Take a new connection. Others of the pool are as old as the one that was lost, and are given up too."""
        self._give_up(error)
        self.engine.dispose()
        self._pooled = self.engine.raw_connection()
        engines.begin(self._pooled, writes=self._writes)
        self._cursor = self._pooled.cursor()

    def _failed(self, statement: str, error: Exception) -> BaseException:
        """Return an error of the driver as SQLAlchemy's, without the values of the statement."""
        is_lost = self._is_lost(error)
        wrapped = self._wrapped(statement, error, is_lost=is_lost)
        if self.is_writing and self.failure is None:
            self.failure = error
        if is_lost:
            self._give_up(error)
            self._end()
        return wrapped

    def _is_lost(self, error: Exception) -> bool:
        pooled = self._pooled
        return pooled is None or self.dialect.is_disconnect(cast(Any, error), pooled, self._cursor)

    def _give_up(self, error: BaseException) -> None:
        pooled, self._pooled, self._wrapper, self._cursor = self._pooled, None, None, None
        if pooled is not None:
            pooled.invalidate(error)

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


def tell_before(connection: Connection, _: Any, statement: str, *__: Any) -> None:
    """Tell the watchers of a statement that SQLAlchemy runs (``before_cursor_execute``)."""
    connection.info["began"] = perf_counter()
    for watcher in watchers:
        watcher.before(connection.engine, statement, "")


def tell_after(connection: Connection, _: Any, statement: str, *__: Any) -> None:
    """Tell the watchers of a statement that SQLAlchemy ran (``after_cursor_execute``)."""
    for watcher in watchers:
        watcher.after(connection.engine, statement, "", perf_counter() - connection.info["began"], -1)
