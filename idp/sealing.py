"""Rotation of sealing keys: move stored values to the current key, and report those that do not open.

``secrets = [new, old]`` opens what either key sealed. The worker moves every row to ``new`` (``reseal``). When nothing is
left on ``old`` (``left_behind``), it can be removed from the configuration.
"""

from dataclasses import dataclass

import structlog

from idp.config import Settings
from idp.db import transaction
from idp.errors import Unreadable
from idp.store import rate_limits
from idp.store.sealed import COLUMNS, Key, SealedColumn

BATCH = 200
"""Rows per transaction."""
log = structlog.get_logger()


@dataclass(frozen=True)
class Locked:
    """Hold stored values that the configured secrets do not open. ``count`` is 0 if only one was tried."""

    kind: str
    count: int
    reason: str


def reseal(settings: Settings) -> int:
    """Move what old keys sealed to the current one, in batches. Returns the number of rows. For the worker."""
    if len(settings.ring.names) == 1:
        return 0
    moved = sum(_reseal_all(settings, column) for column in COLUMNS)
    if moved:
        log.info("resealed", rows=moved, key=settings.ring.names[0])
    return moved


def _reseal_all(settings: Settings, column: SealedColumn) -> int:
    moved, last = _reseal_batch(settings, column, None)
    while last is not None:
        more, last = _reseal_batch(settings, column, last)
        moved += more
    return moved


def _reseal_batch(settings: Settings, column: SealedColumn, after: Key | None) -> tuple[int, Key | None]:
    with transaction():
        return column.reseal(settings.ring, BATCH, after)


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
