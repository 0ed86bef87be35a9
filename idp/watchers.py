"""Tell metrics, ``Server-Timing`` and tests of each statement of the database."""

from typing import Protocol

from sqlalchemy import Engine


class Watcher(Protocol):
    """Gets notice of each statement. ``table``: the one that it is about, where that is known."""

    def before(self, engine: Engine, statement: str, table: str) -> None:
        """Note that a statement is about to run."""

    def after(self, engine: Engine, statement: str, table: str, seconds: float, rows: int) -> None:
        """Note that a statement ran, or failed. ``rows``: how many were read or touched; -1 if unknown."""


watchers: list[Watcher] = []
"""All of them, in this process."""
