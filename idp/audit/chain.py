"""Link an organisation's audit rows in a chain of hashes, and verify the chain."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from idp import crypto
from idp.store import audit as store

PAGE = 1000


@dataclass(frozen=True)
class ChainError:
    """Name the row at which a chain is broken, and the member that is wrong."""

    seq: int
    why: str


def link(row: store.AuditRow) -> bytes:
    """Return the hash of a row: SHA-256 over canonical JSON of every other column, the previous hash included."""
    columns = {
        column.name: _plain(getattr(row, column.name))
        for column in store.AuditRow.__table__.columns
        if column.name != "hash"
    }
    return crypto.sha256(json.dumps(columns, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode())


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat(timespec="microseconds")
    return value.hex() if isinstance(value, bytes) else value


def verify(organisation_id: str, seq: int = 0, previous: bytes = bytes(32)) -> ChainError | None:
    """Walk an organisation's chain from its first row to its head. Returns the first error, or None.

    Rows that others add at the same time are walked too: a head that moved on is no error if rows lead to it. ``seq`` and
    ``previous``, the number and hash of a row, let the walk begin after that one.
    """
    while True:
        while page := store.rows(organisation_id, after=seq, limit=PAGE):
            for row in page:
                fault = _fault(row, seq, previous)
                if fault is not None:
                    return fault
                seq, previous = row.seq, row.hash
        head = store.head(organisation_id)
        if (head.seq, head.hash) == (seq, previous) if head else seq == 0:
            return None
        if not store.rows(organisation_id, after=seq, limit=1):
            return ChainError(seq, "the chain does not end where its head says: rows at the end are gone")


def _fault(row: store.AuditRow, seq: int, previous: bytes) -> ChainError | None:
    if row.seq != seq + 1:
        return ChainError(seq + 1, "the entry is gone")
    if row.previous != previous:
        return ChainError(row.seq, "the row does not follow the one before it")
    if row.hash != link(row):
        return ChainError(row.seq, "the entry was changed")
    return None
