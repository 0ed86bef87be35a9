"""Work on many rows in bounded transactions, so that nobody who writes at the same time waits for all of it."""

import threading
import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import ColumnElement, update

from idp.db import Base, is_in_transaction, transaction
from idp.statements import some_of, write

BATCH = 500
"""The most rows changed in one transaction."""
FIRST = 32
"""Rows changed in the first transaction, before it is known how long they take."""
TARGET = 0.02
"""Seconds that a transaction may take: more rows are tried in the next one after a shorter one, fewer after a longer one."""
LONGEST_PAUSE = 0.25
"""Seconds."""

Batch = Callable[[int], int]
"""Change or delete at most so many rows. Returns their number."""


def in_batches(batch: Batch, stop: threading.Event | None = None) -> int:
    """Run batch after batch, as long as they are full and ``stop`` is not set. Returns the number of rows.

    Pauses after a full one for as long as it took: on SQLite there is one writer, and others must get their turn. A caller
    that has a transaction open gets everything in that one, without pauses.
    """
    pause = time.sleep if stop is None else stop.wait
    rows, most = 0, BATCH if is_in_transaction() else min(FIRST, BATCH)
    while stop is None or not stop.is_set():
        began = time.perf_counter()
        with transaction():
            last = batch(most)
        rows += last
        if last < most:
            break
        if not is_in_transaction():
            took = time.perf_counter() - began
            most = _next(most, took)
            pause(min(took, LONGEST_PAUSE))
    return rows


def _next(most: int, took: float) -> int:
    """Return how many rows to change in the next transaction. One row may have many others that go with it."""
    if took > TARGET:
        return max(1, most // 2)
    return min(BATCH, most * 2) if took < TARGET / 2 else most


def change_some(table: type[Base], condition: ColumnElement[bool], most: int, **values: Any) -> int:
    """Set columns of at most ``most`` of the rows of which ``condition`` holds. Passes over locked rows; returns how many.

    What is set must end the condition, or the next batch meets the same rows again.
    """
    return write(update(table).where(some_of(table, condition, most)).values(**values))
