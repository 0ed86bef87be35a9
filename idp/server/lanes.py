"""Give each kind of request threads of its own, so that none of them waits for those of another kind."""

import asyncio
import contextvars
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from idp.server.busy import READY
from idp.web.lean_entry import AUTHORIZE
from idp.web.oauth_api import ENDPOINTS

THREADS = {"machines": 2, "pages": 2, "forms": 1, "calls": 4, "health": 1}
"""Threads of each lane in each process. Each that is awake delays the others and the loop: they share the interpreter.
More of them only make queues (``make bench ARGS=--mixed``). Forms have one more for each hash at a time: it needs none.
Calls wait for the servers of apps, which may be slow on purpose: a request that needs one starts again there (``MustCall``).
"""
FEW_THREADS = THREADS | {"pages": 1}
"""The same where the loop answers machines: no thread waits for a network there."""
MOST_HASHING = 4
"""More hashes at a time than this do not make a process sign in more people: the interpreter is at its limit."""

T = TypeVar("T")


class Lane:
    """Threads that answer one kind of request. ``waiting``: how many requests are in them, or wait for one."""

    def __init__(self, name: str, count: int) -> None:
        self.threads = ThreadPoolExecutor(count, name)
        self.may_call = name == "calls"
        self.waiting = 0

    def call(self, context: contextvars.Context, act: Callable[..., T], *arguments: Any) -> Awaitable[T]:
        """Run ``act`` in the context, in a thread of this lane."""
        return asyncio.get_running_loop().run_in_executor(self.threads, context.run, act, *arguments)


def lane_of(environ: dict[str, Any]) -> str:
    """Return the name of a request's lane. An authorization request hashes nothing: silent sign-ons go with machines."""
    if environ["PATH_INFO"] == READY:
        return "health"
    if environ["PATH_INFO"] in ENDPOINTS:
        return "machines"
    if environ["REQUEST_METHOD"] == "POST":
        return "forms"
    return "machines" if environ["PATH_INFO"] == AUTHORIZE else "pages"
