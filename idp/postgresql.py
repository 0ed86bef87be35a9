"""Connect to PostgreSQL with a deadline for every answer, also through a pooler in transaction mode.

Options in the database's address (``options``, ``sslmode``, ``connect_timeout``, ``prepare_threshold`` …) are honoured. We
set nothing at the start of a session: a pooler refuses such parameters, or applies them to another client's transaction.
"""

from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.pq import TransactionStatus
from sqlalchemy import Dialect, Engine, event
from sqlalchemy.pool import ConnectionPoolEntry

CONNECT_SECONDS = 3
CANCEL_SECONDS = 1.0
T = TypeVar("T")


class PunctualConnection(psycopg.Connection[Any]):
    """Wait ``patience`` seconds for each answer, then cancel the statement and close the connection.

    The server's own ``statement_timeout`` does not help if the server is stopped or its network is gone.
    """

    patience: float | None = None
    has_timed_out = False

    def wait(self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None) -> T:
        """Wait for an answer. Raises ``OperationalError`` if it comes too late."""
        try:
            return super().wait(gen, interval, self.patience if timeout is None else timeout)
        except psycopg.OperationalError as error:
            if timeout is not None or self.pgconn.transaction_status != TransactionStatus.ACTIVE:
                raise
            self.has_timed_out = True
            self._hang_up()
            raise psycopg.OperationalError(f"no answer within {self.patience} seconds") from error

    def _hang_up(self) -> None:
        try:
            self.cancel_safe(timeout=CANCEL_SECONDS)
        except psycopg.Error:
            pass  # nobody listens
        finally:
            self.close()


def speak_postgresql(engine: Engine, patience: float) -> None:
    """Make every connection of ``engine`` with a deadline."""

    @event.listens_for(engine, "do_connect")
    def _connect(_: Dialect, __: ConnectionPoolEntry, arguments: list[Any], options: dict[str, Any]) -> Any:
        options = {"connect_timeout": CONNECT_SECONDS, **options}
        threshold = options.pop("prepare_threshold", None)
        connection = PunctualConnection.connect(*arguments, **options)
        connection.patience = patience
        if threshold is not None:
            connection.prepare_threshold = int(threshold) or None
        elif _is_pooled(connection):
            connection.prepare_threshold = None  # the next transaction may run where it was never prepared
        return connection


def _is_pooled(connection: PunctualConnection) -> bool:
    """Check for a pooler between us and the server: it gives process ids of its own, for cancelling."""
    row = connection.execute("SELECT pg_backend_pid()").fetchone()
    connection.rollback()
    return row is not None and row[0] != connection.info.backend_pid
