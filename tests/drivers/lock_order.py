"""The rows that each transaction locks, by table, held against ``LOCK_ORDER`` (PostgreSQL: SQLite has one writer)."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, event

from idp.db import LOCK_ORDER

RANKS = {table: rank for rank, tables in enumerate(LOCK_ORDER) for table in tables}
COUNTERS = RANKS["auth_failures"]
LOCKING = re.compile(
    r"UPDATE (?P<updated>\w+) SET|DELETE FROM (?P<deleted>\w+)|INSERT INTO (?P<upserted>\w+) .*ON CONFLICT.* DO UPDATE"
    r"|SELECT .*?\bFROM (?P<selected>\w+)\b.* FOR (?:NO KEY )?UPDATE(?! SKIP LOCKED)",
    re.DOTALL,
)


def locked_by(statement: str) -> str:
    """Return the table of which a statement locks rows; empty for none, and for a sweep, which passes over locked rows."""
    found = LOCKING.match(statement)
    if found is None or "SKIP LOCKED" in statement:
        return ""
    return next(table for table in found.groups() if table)


@contextmanager
def watched() -> Iterator[list[str]]:
    """Give what is locked out of order, in any connection to PostgreSQL."""
    faults: list[str] = []

    def begin(connection: Connection) -> None:
        connection.info["locked"] = []

    def note(connection: Connection, _: Any, statement: str, *rest: Any) -> None:
        is_ours = connection.dialect.name == "postgresql" and connection.get_execution_options().get("writes")
        table = locked_by(statement) if is_ours else ""
        locked: list[str] = connection.info.setdefault("locked", [])
        if table not in RANKS or table in locked:
            return
        later = [other for other in locked if RANKS[other] > RANKS[table]]
        locked.append(table)
        if later and not ("users" in locked[:-1] and RANKS[table] > COUNTERS):
            faults.append(f"{table} after {', '.join(later)}: {statement[:120]}")

    event.listen(Engine, "begin", begin)
    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield faults
    finally:
        event.remove(Engine, "begin", begin)
        event.remove(Engine, "before_cursor_execute", note)
