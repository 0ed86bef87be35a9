"""Record the SQL that an application sends, as its database's driver gets it."""

from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask, has_request_context, request
from sqlalchemy import Engine

from idp.db import db
from idp.watchers import Watcher, watchers

QUERIES = ("SELECT ", "INSERT ", "UPDATE ", "DELETE ")
MAY_BUILD = ("admin", "health", "account.activity")


class Seen(list[str]):
    """Hold the statements of one engine, or of all."""

    def __init__(self, url: str = "") -> None:
        super().__init__()
        self._url = url

    def before(self, engine: Engine, statement: str, table: str) -> None:
        """A statement is about to run."""
        if not self._url or str(engine.url) == self._url:
            self.append(statement)

    def after(self, engine: Engine, statement: str, table: str, seconds: float, rows: int) -> None:
        """It ran."""


class Built:
    """Hold the statements that were built for one request of a page, with the page's endpoint. The console may build its
    own.
    """

    def __init__(self) -> None:
        self.found: list[str] = []

    def before(self, engine: Engine, statement: str, table: str) -> None:
        """A statement is about to run: SQLAlchemy, which runs what is built, knows no table."""
        if table or not statement.startswith(QUERIES) or not has_request_context():
            return
        moves_to_another_key = " SET sealed_" in statement  # once for each value, after the sealing key was changed
        if not moves_to_another_key and not str(request.endpoint).startswith(MAY_BUILD):
            self.found.append(f"{request.endpoint}: {statement}")

    def after(self, engine: Engine, statement: str, table: str, seconds: float, rows: int) -> None:
        """It ran."""


class RowsOf:
    """Count the rows of a table that were read."""

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
    """Give the statements that an application runs within the block."""
    with app.app_context():
        seen = Seen(str(db.engine.url))
    with watched(seen):
        yield seen
