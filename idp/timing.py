"""Measure the parts of one request for ``Server-Timing`` (W3C): the database, password hashes, and the whole.

For measurements only, and off by default: how long a hash took tells strangers what a request did.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from time import perf_counter

from sqlalchemy import Engine

HEADER = "Server-Timing"
_parts: ContextVar[dict[str, list[float]] | None] = ContextVar("timing", default=None)
"""The durations of each part of the request, in seconds; None if nothing is measured."""


def begin() -> None:
    """Measure the request that begins here."""
    _parts.set({})


@contextmanager
def part(name: str) -> Iterator[None]:
    """Measure a part of the request, if it is measured."""
    began = perf_counter()
    try:
        yield
    finally:
        _note(name, perf_counter() - began)


def header(seconds: float) -> str:
    """Return the header for a request that took so long: milliseconds, and how many times each part was done."""
    parts = (_parts.get() or {}).items()
    each = [f'{name};dur={sum(taken) * 1000:.1f};desc="{len(taken)}"' for name, taken in parts]
    return ", ".join((*each, f"total;dur={seconds * 1000:.1f}"))


def _note(name: str, seconds: float) -> None:
    parts = _parts.get()
    if parts is not None:
        parts.setdefault(name, []).append(seconds)


class Statements:
    """Measures statements (``watchers.Watcher``)."""

    def before(self, engine: Engine, statement: str, table: str) -> None:
        """Do nothing: the end has the duration."""

    def after(self, engine: Engine, statement: str, table: str, seconds: float, rows: int) -> None:
        """Note how long it took."""
        _note("db", seconds)


STATEMENTS = Statements()
