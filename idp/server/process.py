"""Run one server process: listen and answer until it is told to stop."""

import asyncio
import ctypes
import gc
import signal
import sys
from contextlib import suppress
from typing import Any

from flask import Flask
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.embed import Server

from idp.app import from_environment
from idp.config import Settings
from idp.db import close, db
from idp.server.entry import Entry
from idp.server.notify import notify

HEADER_MILLISECONDS = 10_000
"""A connection without complete headers is closed after this: slow requests must not hold anything for long."""
BACKLOG = 1024
LISTEN_ROUND_SECONDS = 0.02
M_ARENA_MAX = -8
"""glibc's number of this option (mallopt(3))."""

_prepared: list[Flask] = []
"""The application that forked processes find in their memory."""


def prepare(app: Flask) -> None:
    """Make the application ready before server processes are forked: they share its memory and answer at once.

    Its keys are read too, so that a process that starts while the database is away can serve them. Nothing stays open: a
    forked connection would belong to two processes.
    """
    _share_one_arena()
    with app.app_context():
        try:
            app.extensions["sleutel.oauth"].provider.keys.refresh()
        finally:
            close()
            db.engine.dispose()
    _prepared[:] = [app]
    gc.collect()
    gc.freeze()  # the collector must not write to shared memory


def _share_one_arena() -> None:
    """Let all threads take memory from one arena. With one each, glibc keeps the 19 MiB of a password hash for each."""
    if sys.platform == "linux":
        with suppress(AttributeError):  # another C library
            ctypes.CDLL(None).mallopt(M_ARENA_MAX, 1)


def answer_requests() -> None:
    """Serve on the address of the configuration until SIGTERM or SIGINT."""
    app = _prepared[0] if _prepared else from_environment()
    asyncio.run(_serve(app))


def _commits_in_memory(settings: Settings) -> bool:
    """Check if neither the network nor the disk is waited for by a commit."""
    return settings.database_url.startswith("sqlite") and settings.database.synchronous == "NORMAL"


async def _serve(app: Flask) -> None:
    settings: Settings = app.extensions["sleutel"].settings
    entry = Entry(app, machines_at_once=_commits_in_memory(settings), hash_slots=settings.hash_slots)
    host, port = settings.server.address
    server: Any = Server(
        entry,
        address=host,
        port=port,
        interface=Interfaces.RSGI,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=HEADER_MILLISECONDS),
        websockets=False,
        backlog=BACKLOG,
        log_level=LogLevels.error,
    )

    stopped = asyncio.Event()

    def _stop() -> None:
        entry.stop()
        server.stop()
        stopped.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, _stop)
    # After a stop only requests are waited for: the server itself would wait for half-sent headers too.
    ends = [asyncio.ensure_future(end) for end in (server.serve(), _answered(entry, stopped))]
    telling = asyncio.ensure_future(_tell_when_listening(host, port))
    done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    telling.cancel()
    for end in done:
        end.result()


async def _answered(entry: Entry, stopped: asyncio.Event) -> None:
    await stopped.wait()
    await entry.answered()


async def _tell_when_listening(host: str, port: int) -> None:
    """Tell the service manager when this address takes connections: until then a unit that needs this one waits."""
    while True:
        with suppress(OSError):
            _, writer = await asyncio.open_connection(host, port)
            writer.close()
            notify("READY=1")
            return
        await asyncio.sleep(LISTEN_ROUND_SECONDS)
