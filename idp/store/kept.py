"""Keep values that rarely change in the memory of each process, under one stamp that every change renews.

The stamp is random, not a counter: a restored database, or another one, would have the same count.
"""

import math
import time
from collections.abc import Callable
from functools import partial
from typing import Generic, NamedTuple, TypeVar

from sqlalchemy import Insert, Select, select
from sqlalchemy.orm import Mapped, mapped_column

from idp import crypto
from idp.db import Base, before_commit, is_in_transaction, unit
from idp.rows import upserting
from idp.statements import asks_one, changes

T = TypeVar("T")
QUEUE = "stamp"
KEPT_SECONDS = 5.0
"""An earlier release, which may run beside this one during an upgrade, renews the stamp for clients only."""


class Stamp(Base):
    """The stamp of clients, their secrets and the dated rules. It has one row after the first change."""

    __tablename__ = "clients_version"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    version: Mapped[int] = mapped_column(default=0)


class _Held(NamedTuple, Generic[T]):
    stamp: int
    read_at: float
    value: T


class Kept(Generic[T]):
    """A cached result of ``read``, which is read again after a change. Within a transaction it is read each time."""

    def __init__(self, read: Callable[[], T], seconds: float | None = None) -> None:
        self._read, self._seconds = read, KEPT_SECONDS if seconds is None else seconds
        self._held: _Held[T] | None = None

    def get(self) -> T:
        """Return the value."""
        if is_in_transaction():
            return self._read()
        # The stamp is read before the value: a change in between is read twice, and never missed.
        present, held = stamp(), self._held
        if held is None or held.stamp != present or not present or time.monotonic() - held.read_at > self._seconds:
            held = self._held = _Held(present, time.monotonic(), self._read())
        return held.value


class KeptByKey(Generic[T]):
    """Cached results of ``read`` by key, such as an organisation's id, for at most ``most`` keys.

    They do not age: no earlier release changes what they hold without the stamp.
    """

    def __init__(self, read: Callable[[str], T], most: int = 1000) -> None:
        self._read, self._most = read, most
        self._kept: dict[str, Kept[T]] = {}

    def get(self, key: str) -> T:
        """Return the value of a key."""
        kept = self._kept.get(key)
        if kept is None:
            if len(self._kept) >= self._most:
                self._kept.clear()
            kept = self._kept[key] = Kept(partial(self._read, key), math.inf)
        return kept.get()


def stamp() -> int:
    """Return the present stamp; 0 if nothing may be cached: before the first change, or after one in this transaction."""
    return 0 if QUEUE in unit().waiting else _stamp() or 0


def renew() -> None:
    """Tell all processes to read again, once this transaction is committed."""
    unit().waiting[QUEUE] = []


def _renew_if_changed() -> None:
    """Set another stamp, after every other row is locked: two transactions that change much cannot wait for each other."""
    if QUEUE in unit().waiting:
        _set(int.from_bytes(crypto.random_bytes(4)) >> 1 or 1)


before_commit(_renew_if_changed, is_first=True)


@asks_one
def _stamp() -> Select[int]:
    return select(Stamp.version)


@changes
def _set(value: int) -> Insert:
    return upserting(Stamp, ("id",), {"id": 1, "version": value}, {"version": value})
