"""A concurrent transaction that has to wait for the test's own (PostgreSQL: SQLite has one writer)."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext

from flask import Flask
from sqlalchemy import text

from idp.db import connection, transaction
from tests.drivers.idp_process import until


def made_to_wait(app: Flask, deed: Callable[[], object], *, begins_itself: bool = False) -> Future[object]:
    """``deed`` in a transaction of its own, which by now waits for the one that is open here; fails where it does not.

    ``begins_itself``: the deed begins that transaction, after something slow.
    """

    def do() -> object:
        with app.app_context(), nullcontext() if begins_itself else transaction():
            return deed()

    thread = ThreadPoolExecutor(1)
    other = thread.submit(do)
    thread.shutdown(wait=False)

    def _waits() -> bool:
        assert not other.done(), "the rival transaction did not wait"
        return bool(connection().scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")))

    until(_waits, "it does not come to wait")
    return other
