"""Record the rows that each transaction locks, by table, and compare them with ``LOCK_ORDER`` (PostgreSQL: SQLite has one
writer).
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from flask import g, has_app_context
from sqlalchemy import Engine

from idp.db import LOCK_ORDER, is_in_transaction
from tests.drivers import statements

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


class _Watcher:
    """Note the locks of each transaction."""

    def __init__(self) -> None:
        self.faults: list[str] = []

    def before(self, engine: Engine, statement: str, _: str) -> None:
        """Note that a statement is about to lock rows, or that a transaction begins."""
        if engine.dialect.name != "postgresql" or not has_app_context():
            return
        if statement == "BEGIN":
            g.locked = []
        table = locked_by(statement) if is_in_transaction() else ""
        locked: list[str] = g.setdefault("locked", [])
        if table not in RANKS or table in locked:
            return
        later = [other for other in locked if RANKS[other] > RANKS[table]]
        locked.append(table)
        if later and not ("users" in locked[:-1] and RANKS[table] > COUNTERS):
            self.faults.append(f"{table} after {', '.join(later)}: {statement[:120]}")

    def after(self, engine: Engine, statement: str, table: str, seconds: float, rows: int) -> None:
        """Keep what it locked as locked."""


@contextmanager
def watched() -> Iterator[list[str]]:
    """Give the locks that were taken out of order, in any connection to PostgreSQL."""
    watcher = _Watcher()
    with statements.watched(watcher):
        yield watcher.faults
