"""Record the rows that each transaction locks, by table, and compare them with ``LOCK_ORDER`` (PostgreSQL: SQLite has one
writer).
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from flask import g, has_app_context, has_request_context
from sqlalchemy import Engine

from idp.db import LOCK_ORDER, is_in_transaction
from tests.drivers import statements

RANKS = {table: rank for rank, tables in enumerate(LOCK_ORDER) for table in tables}
COUNTERS, LINKS = RANKS["auth_failures"], RANKS["email_links"]
LOCKING = re.compile(
    r"UPDATE (?P<updated>\w+) SET|DELETE FROM (?P<deleted>\w+)|INSERT INTO (?P<upserted>\w+) .*ON CONFLICT.* DO UPDATE"
    r"|SELECT .*?\bFROM (?P<selected>\w+)\b.* FOR (?:(?:NO KEY )?UPDATE|(?:KEY )?SHARE)(?! SKIP LOCKED)",
    re.DOTALL,
)


def locked_by(statement: str) -> str:
    """Return the table of which a statement locks rows; empty for none, and for a sweep, which passes over locked rows."""
    found = LOCKING.match(statement)
    if found is None or "SKIP LOCKED" in statement:
        return ""
    return next(table for table in found.groups() if table)


def _may_follow(table: str, former: str, *, has_user: bool) -> bool:
    """Check if a transaction may lock rows of a table after those of a former one, with or without the user's row."""
    rank, before = RANKS[table], RANKS[former]
    if min(rank, before) < COUNTERS:
        return before <= rank
    counts_mail = table == "ip_failures" and before == LINKS  # mails are counted last, in rows that no guess has
    if counts_mail or (COUNTERS in (rank, before) and max(rank, before) > LINKS):
        return has_user
    return before <= rank or (has_user and COUNTERS not in (rank, before))


class _Watcher:
    """Note the locks of each transaction."""

    def __init__(self, *, of_requests: bool) -> None:
        self.faults: list[str] = []
        self._is_watched = has_request_context if of_requests else has_app_context

    def before(self, engine: Engine, statement: str, _: str) -> None:
        """Note that a statement is about to lock rows, or that a transaction begins."""
        if engine.dialect.name != "postgresql" or not self._is_watched():
            return
        if statement == "BEGIN":
            g.locked = []
        table = locked_by(statement) if is_in_transaction() else ""
        locked: list[str] = g.setdefault("locked", [])
        if table not in RANKS or table in locked:
            return
        wrong = [other for other in locked if not _may_follow(table, other, has_user="users" in locked)]
        locked.append(table)
        if wrong:
            self.faults.append(f"{table} after {', '.join(wrong)}: {statement[:120]}")

    def after(self, engine: Engine, statement: str, table: str, seconds: float, rows: int) -> None:
        """Keep what it locked as locked."""


@contextmanager
def watched(*, of_requests: bool = False) -> Iterator[list[str]]:
    """Give the locks that were taken out of order, in any connection to PostgreSQL, or in those of requests alone."""
    watcher = _Watcher(of_requests=of_requests)
    with statements.watched(watcher):
        yield watcher.faults
