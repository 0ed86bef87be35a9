"""Find audit rows by a filter, and export them as CSV or JSON (ASVS 16.2, 1.2.10)."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from idp import csv_export
from idp.db import release
from idp.store import audit as store
from idp.store import operators, users
from idp.store.audit import AuditRow, Sought

PAGE = 50
CHUNK = 1000
COLUMNS = (
    "organisation_id", "seq", "at", "event", "outcome", "actor_id", "actor", "subject_id", "subject", "client_id",
    "address", "label", "request_id", "data", "previous", "hash",
)  # fmt: skip


@dataclass(frozen=True)
class NamedRow:
    """Hold a row with the present names of its actor and subject; empty if nobody has the id."""

    row: AuditRow
    actor: str
    subject: str


def found(organisation_id: str, sought: Sought, before: int = 0) -> tuple[tuple[NamedRow, ...], int]:
    """Return a page of a chain's rows, newest first, and the start of the next page (0 for none)."""
    rows = store.rows_found(organisation_id, sought, before=before, limit=PAGE + 1)
    return _named(organisation_id, rows[:PAGE]), rows[PAGE - 1].seq if len(rows) > PAGE else 0


def every(organisation_id: str, sought: Sought) -> Iterator[NamedRow]:
    """Yield all rows that match, oldest first. It reads in chunks and keeps nothing open for a slow reader."""
    after = 0
    while chunk := some(organisation_id, sought, after, CHUNK):
        release()
        yield from chunk
        after = chunk[-1].row.seq


def some(organisation_id: str, sought: Sought, after: int, most: int) -> tuple[NamedRow, ...]:
    """Return rows that match behind a row, oldest first."""
    return _named(organisation_id, store.rows_found(organisation_id, sought, after=after, limit=most))


def _named(organisation_id: str, rows: Iterable[AuditRow]) -> tuple[NamedRow, ...]:
    """Add names to rows. Operators act in every chain, so their names are looked up too."""
    kept = list(rows)
    ids = {one for row in kept for one in (row.actor_id, row.subject_id) if one}
    names = {operator.id: operator.username for operator in operators.operators()} if ids else {}
    names |= users.usernames(organisation_id, ids)
    return tuple(NamedRow(row, names.get(row.actor_id, ""), names.get(row.subject_id, "")) for row in kept)


def as_json(rows: Iterable[NamedRow]) -> Iterator[str]:
    """Yield one JSON array with an object on each line."""
    joint = "[\n"
    for entry in rows:
        yield joint + json_line(entry)
        joint = ",\n"
    yield "[]\n" if joint == "[\n" else "\n]\n"


def as_csv(rows: Iterable[NamedRow], separator: str = ",") -> Iterator[str]:
    """Yield CSV with a line of column names. No cell is a formula."""
    yield header(separator)
    for entry in rows:
        yield csv_line(entry, separator)


def header(separator: str) -> str:
    """Return the line with the names of the columns."""
    return csv_export.line(COLUMNS, separator)


def json_line(entry: NamedRow) -> str:
    """Return a row as a JSON object on one line, without its end."""
    return json.dumps(_plain(entry), ensure_ascii=False)


def csv_line(entry: NamedRow, separator: str) -> str:
    """Return a row as a line of CSV."""
    plain = _plain(entry)
    cells = [plain[name] for name in COLUMNS]
    flat = [json.dumps(cell, ensure_ascii=False) if isinstance(cell, Mapping) else cell for cell in cells]
    return csv_export.line(flat, separator)


def _plain(entry: NamedRow) -> dict[str, Any]:
    row = entry.row
    columns = {column.name: getattr(row, column.name) for column in AuditRow.__table__.columns}
    whole = {**columns, "actor": entry.actor, "subject": entry.subject, "at": row.at.isoformat(timespec="microseconds")}
    return {name: one.hex() if isinstance(one := whole[name], bytes) else one for name in COLUMNS}
