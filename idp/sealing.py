"""Rotation of sealing keys: move stored values to the current key, and report those that do not open.

``secrets = [new, old]`` opens what either key sealed. The worker moves every row to ``new`` (``reseal``). When nothing is
left on ``old`` (``left_behind``), it can be removed from the configuration.
"""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from weakref import WeakKeyDictionary

import structlog

from idp import clock
from idp.config import Settings
from idp.crypto import Ring
from idp.db import transaction
from idp.errors import Unreadable
from idp.store import rate_limits
from idp.store.sealed import COLUMNS, SealedColumn, Span

SPAN = 1_000
"""Rows that are looked at by one statement."""
PART = 50
"""Rows that are moved in one transaction."""
log = structlog.get_logger()
_rests: WeakKeyDictionary[Ring, datetime] = WeakKeyDictionary()
"""Until when nothing more is looked for that an old key sealed."""


@dataclass(frozen=True)
class Locked:
    """Hold stored values that the configured secrets do not open. ``count`` is 0 if only one was tried."""

    kind: str
    count: int
    reason: str


def reseal(settings: Settings, stop: threading.Event | None = None) -> int:
    """Move what old keys sealed to the current one, in batches. Returns the number of rows. For the worker.

    It walks through the tables in the order of their primary keys, a bounded span at a time, and locks only what it moves. A
    whole walk that found nothing is repeated after a day: until then a server with the former configuration may have sealed.
    """
    if len(settings.ring.names) == 1 or _rests.get(settings.ring, clock.now()) > clock.now():
        return 0
    moved = sum(_reseal_all(settings, column, stop) for column in COLUMNS)
    if moved:
        log.info("resealed", rows=moved, key=settings.ring.names[0])
    elif stop is None or not stop.is_set():
        _rests[settings.ring] = clock.ahead(days=1)
    return moved


def _reseal_all(settings: Settings, column: SealedColumn, stop: threading.Event | None) -> int:
    moved = 0
    for after, until in _spans(column, None, SPAN):
        if stop is not None and stop.is_set():
            break
        if column.has_old(settings.ring, after, until):
            moved += sum(_reseal_part(settings, column, *part) for part in islice(_spans(column, after, PART), SPAN // PART))
    return moved


def _spans(column: SealedColumn, after: Span, rows: int) -> Iterator[tuple[Span, Span]]:
    """Yield where each of the spans of so many rows begins and ends, from ``after`` to the end of the table."""
    while True:
        until = column.span_end(after, rows)
        yield after, until
        if until is None:
            return
        after = until


def _reseal_part(settings: Settings, column: SealedColumn, after: Span, until: Span) -> int:
    with transaction():
        return column.reseal(settings.ring, after, until)


def left_behind(settings: Settings) -> dict[str, int]:
    """Count the stored values of each kind that still need an old key. Empty: all old keys can be removed."""
    ring = settings.ring
    counts = {column.name: column.count_old(ring) for column in COLUMNS} if len(ring.names) > 1 else {}
    return {name: count for name, count in counts.items() if count}


def fading(settings: Settings) -> int:
    """Count the counters of wrong guesses at unknown names that an old key made. They expire, or move at the next guess."""
    return rate_limits.count_unmarked(settings.ring.lookup_mark)


def locked(settings: Settings) -> list[Locked]:
    """Find stored values that the configured secrets do not open. Empty: everything opens.

    Checks the key name in every value, and opens one value per key, since a key of the same name may have other bytes.
    """
    found = []
    for column in COLUMNS:
        count = column.count_unknown(settings.ring)
        if count:
            found.append(Locked(column.name, count, "sealed with a key that is not in `secrets`"))
        found += [
            Locked(column.name, 0, f"the key {name!r} in `secrets` is not the one that sealed it")
            for name in settings.ring.names
            if not _opens(settings, column, name)
        ]
    return found


def _opens(settings: Settings, column: SealedColumn, key_name: str) -> bool:
    sample = column.sample(key_name)
    if sample is not None:
        try:
            column.open(settings.ring, *sample)
        except Unreadable:
            return False
    return True
