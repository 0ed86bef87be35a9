"""The SQL that an application sends, as its database's driver gets it."""

from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask
from sqlalchemy import Engine

from idp.db import db
from idp.watchers import Watcher, watchers


class Seen(list[str]):
    """The statements of one engine, or of all."""

    def __init__(self, url: str = "") -> None:
        super().__init__()
        self._url = url

    def before(self, engine: Engine, statement: str, table: str) -> None:
        """A statement is about to run."""
        if not self._url or str(engine.url) == self._url:
            self.append(statement)

    def after(self, engine: Engine, statement: str, table: str, seconds: float, rows: int) -> None:
        """It ran."""


class RowsOf:
    """How many rows of a table were read."""

    def __init__(self, table: str) -> None:
        self.count, self._table = 0, table

    def before(self, engine: Engine, statement: str, table: str) -> None:
        """A statement is about to run."""

    def after(self, engine: Engine, statement: str, table: str, seconds: float, rows: int) -> None:
        """It ran."""
        if table == self._table and statement.startswith("SELECT"):
            assert rows >= 0, statement
            self.count += rows


@contextmanager
def watched(seen: Watcher) -> Iterator[None]:
    """Tell ``seen`` of all statements within the block."""
    watchers.append(seen)
    try:
        yield
    finally:
        watchers.remove(seen)


@contextmanager
def counted(app: Flask) -> Iterator[list[str]]:
    """The statements that an application runs within the block."""
    with app.app_context():
        seen = Seen(str(db.engine.url))
    with watched(seen):
        yield seen
