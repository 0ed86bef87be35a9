"""Tell a database that cannot serve now (away, busy, full, read-only) from an error of ours.

The first is answered with 503 and ``Retry-After``: trying again helps. The second is 500, and logged as an error.
"""

from typing import Any

from sqlalchemy import exc

RETRY_SECONDS = 5
"""Seconds after which a browser, an app or a load balancer may try again."""

CONSEQUENCES = (exc.TimeoutError, exc.PendingRollbackError, exc.ResourceClosedError)
"""No connection was free, or the connection in use was lost before this statement."""
SQLITE_CODES = frozenset((3, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 17, 23, 26))
"""PERM BUSY LOCKED NOMEM READONLY INTERRUPT IOERR CORRUPT FULL CANTOPEN PROTOCOL SCHEMA AUTH NOTADB (sqlite.org/rescode)."""
SQLITE_OLD_SCHEMA = ("no such table", "no such column", "has no column")
POSTGRESQL_CLASSES = frozenset(("08", "28", "3D", "40", "53", "55", "57", "58", "XX"))
"""SQLSTATE: connection, authorization, catalog, rollback, resources, object state, intervention, system, internal."""
POSTGRESQL_STATES = frozenset(("25006", "25P02", "25P03", "42501", "42P01", "42703"))
"""Read-only, failed or expired transaction; missing right, table or column (migrations are due)."""
OVERTAKEN_SQLITE = frozenset((787, 1555, 2067))
OVERTAKEN_POSTGRESQL = frozenset(("23503", "23505"))
"""A missing foreign key or a duplicate value. Every change checks first, so another change was quicker."""


def is_outage(error: BaseException) -> bool:
    """Check if ``error`` says that the database cannot serve now."""
    if isinstance(error, CONSEQUENCES):
        return True
    if not isinstance(error, exc.DBAPIError):
        return False
    if error.connection_invalidated:
        return True
    cause: Any = error.orig
    if hasattr(cause, "sqlite_errorcode"):
        return cause.sqlite_errorcode & 0xFF in SQLITE_CODES or any(text in str(cause) for text in SQLITE_OLD_SCHEMA)
    state = getattr(cause, "sqlstate", None)
    if state is None:  # no server sent it: it could not be reached
        return isinstance(error, exc.OperationalError | exc.InterfaceError)
    return state in POSTGRESQL_STATES or state[:2] in POSTGRESQL_CLASSES


def is_overtaken(error: BaseException) -> bool:
    """Check if ``error`` says that a concurrent change made, changed or removed the same thing."""
    cause: Any = getattr(error, "orig", None)
    code, state = getattr(cause, "sqlite_errorcode", None), getattr(cause, "sqlstate", None)
    return code in OVERTAKEN_SQLITE or state in OVERTAKEN_POSTGRESQL


def reason_of(error: BaseException) -> str:
    """Return a short reason for the log: types and codes, no values."""
    cause: Any = getattr(error, "orig", None) or error
    code = getattr(cause, "sqlite_errorname", None) or getattr(cause, "sqlstate", None)
    return " ".join(filter(None, (type(cause).__name__, code)))
