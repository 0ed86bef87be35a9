"""Work on many rows in bounded transactions, so that nobody who writes at the same time waits for all of it."""

import threading
import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import ColumnElement, update

from idp.db import Base, is_in_transaction, transaction
from idp.statements import some_of, write

BATCH = 500
"""Rows changed in one transaction."""
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
    rows = 0
    while stop is None or not stop.is_set():
        began = time.perf_counter()
        with transaction():
            last = batch(BATCH)
        rows += last
        if last < BATCH:
            break
        if not is_in_transaction():
            pause(min(time.perf_counter() - began, LONGEST_PAUSE))
    return rows


def change_some(table: type[Base], condition: ColumnElement[bool], most: int, **values: Any) -> int:
    """Set columns of at most ``most`` of the rows of which ``condition`` holds. Passes over locked rows; returns how many.

    What is set must end the condition, or the next batch meets the same rows again.
    """
    return write(update(table).where(some_of(table, condition, most)).values(**values))
