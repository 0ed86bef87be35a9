"""Read a request on the event loop, then let a thread answer it.

Few threads answer requests. A sender that is slow or silent must not hold one, so the whole body is read first, bounded in
time and size, by the event loop, where a waiting request costs no thread. The WSGI application then finds it in memory.

Each kind of request has threads of its own (``Lane``): forms wait for password hashes, and a flood of sign-ins must delay
neither pages nor the requests of apps.

What never waits (``AT_ONCE``) is answered on the loop itself, also while every thread waits for a database. Where the
database is a local file, the loop answers machines too: that takes a millisecond, and handing a request to a thread costs
half of one. A request that finds another writer at work is answered again, by a thread that may wait (``MustWait``). If it
needs the server of an app, it goes to a thread for such calls (``MustCall``). A page is made by a thread (``PageNeeded``).
"""

import asyncio
import contextvars
import io
import math
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, cast

import structlog
from flask import Flask
from granian.rsgi import HTTPProtocol, ProtocolClosed, Scope  # type: ignore[attr-defined]  # granian re-exports them

from idp import metrics
from idp.server.busy import READY, busy
from idp.server.environ import environ_of
from idp.server.key_refresh import KeyRefresh
from idp.server.lanes import FEW_THREADS, MOST_HASHING, THREADS, Lane, lane_of
from idp.web.large_forms import most_bytes
from idp.web.lean_entry import AUTHORIZE
from idp.web.oauth_api import ENDPOINTS
from idp.web.response import ON_LOOP, REFUSED, PageNeeded
from idp.write_gate import MustCall, MustWait, never_calls, never_waits

MOST_WAITING = 200
"""Requests of a lane in its threads, or waiting for one. More would wait longer than people do: they are asked to come back
at once."""
WAIT_SECONDS = 10.0
"""A request that waited this long for a thread is not answered: threads serve clients that still wait."""
READY_SECONDS = 3.0
"""A load balancer does not wait much longer for `/readyz`. A check that takes longer cannot serve people either."""
BODY_SECONDS = 10.0
"""Seconds in which the whole body must arrive, as the headers must."""
LARGE_AT_ONCE, LARGE_SECONDS = 4, 30.0
"""Files that a process reads at a time, and seconds in which each must arrive: anybody may send one, and it is in memory."""
ROUND_SECONDS, QUIET_ROUNDS = 0.1, 5
"""How a stopping process waits for the last request: the seconds of a round, and the quiet rounds in a row."""
SEND_SECONDS = 30.0
"""A client that reads no part of a download for this long is treated as gone."""
AT_ONCE = frozenset(("/livez", *(path for path, endpoint in ENDPOINTS.items() if endpoint.is_ready)))
"""Answered from memory, without a thread."""

log = structlog.get_logger("entry")
Headers = list[tuple[str, str]]


@dataclass
class Answer:
    """What the WSGI application said: ``body`` in full, or ``pieces`` of a download."""

    status: int = 500
    headers: Headers = field(default_factory=list)
    body: bytes = b""
    pieces: Iterator[bytes] | None = None
    close: Callable[[], None] = lambda: None
    context: contextvars.Context = field(default_factory=contextvars.copy_context)
    """The context in which the application runs, in any thread: Flask finds its request there during a whole download."""

    def start(self, status: str, headers: Headers, _: Any = None) -> Callable[[bytes], object]:
        """WSGI's ``start_response``. Nothing is written by the function that PEP 3333 wants returned: Flask does not."""
        self.status, self.headers = int(status.partition(" ")[0]), headers
        return lambda _: None


class Entry:
    """An RSGI application around a WSGI application.

    ``machines_at_once``: the event loop answers machines, because their answers wait for nothing but other writers.
    ``hash_slots``: how many passwords this process hashes at a time.
    """

    def __init__(self, app: Flask, *, machines_at_once: bool = False, hash_slots: int = 1) -> None:
        self._app, self._machines_at_once = app, machines_at_once
        self._most = int(app.config["MAX_CONTENT_LENGTH"])
        threads = dict(FEW_THREADS if machines_at_once else THREADS)
        threads["forms"] += min(hash_slots, MOST_HASHING)
        self._lanes = {name: Lane(name, count) for name, count in threads.items()}
        self._keys = KeyRefresh(app)
        self._large = asyncio.Semaphore(LARGE_AT_ONCE)
        self._reading: set[asyncio.Timeout] = set()
        self._is_stopping = False
        self._under_way = 0
        self._told_at = -math.inf

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start what this process needs beside requests."""
        self._keys.start()

    def __rsgi_del__(self, loop: asyncio.AbstractEventLoop) -> None:
        """End it."""
        self._keys.stop()
        for lane in self._lanes.values():
            lane.threads.shutdown(wait=False, cancel_futures=True)

    def stop(self) -> None:
        """Wait for no body any longer: a half-sent one must not hold up the end of the process."""
        self._is_stopping = True
        for deadline in self._reading:
            deadline.reschedule(0)

    async def answered(self) -> None:
        """Return when no request has been under way for a moment: long enough for the last answers to leave."""
        quiet = 0
        while quiet < QUIET_ROUNDS:
            await asyncio.sleep(ROUND_SECONDS)
            quiet = 0 if self._under_way else quiet + 1

    async def __rsgi__(self, scope: Scope, protocol: HTTPProtocol) -> None:
        """Answer one request."""
        self._under_way += 1
        try:
            environ, began = environ_of(scope), time.monotonic()
            status = await self._serve(environ, protocol)
            metrics.count_request(endpoint_of(environ), status, time.monotonic() - began)
        finally:
            self._under_way -= 1

    async def _serve(self, environ: dict[str, Any], protocol: HTTPProtocol) -> int:
        """Answer, and return the status; 499 for a client that has gone (nginx's number)."""
        try:
            is_chunked = bool(environ.pop("HTTP_TRANSFER_ENCODING", ""))
            is_read = await self._read(environ, protocol, is_chunked)
            lane = self._lanes[lane_of(environ)]
            answer = await self._answer(environ, lane)
            if is_chunked or not is_read:
                # RFC 9112 §9.3: what was not read would pass for the next request. §6.1: a chunked body with Content-Length
                # too ends the connection. The parser hides whether it had one.
                answer.headers.append(("connection", "close"))
            await self._send(protocol, answer, lane)
        except (ProtocolClosed, asyncio.CancelledError):
            return 499
        except Exception as error:  # the application words its own errors: this is the last resort
            log.error("unanswered", exc_info=error)
            protocol.response_empty(500, [("cache-control", "no-store"), ("connection", "close")])
            return 500
        return answer.status

    async def _read(self, environ: dict[str, Any], protocol: HTTPProtocol, is_chunked: bool) -> bool:
        """Put the body into the environment, or the reason for which there is none. Returns whether it was read in full."""
        length = int(environ.get("CONTENT_LENGTH") or 0)
        if not (length or is_chunked):
            return True
        most = self._most if length <= self._most and not is_chunked else most_bytes(self._app, environ)
        if length > most:
            return False  # too long: the application finds the length, and refuses it where it matters
        if most == self._most:
            return await self._read_body(environ, self._chunks(protocol, most) if is_chunked else protocol(), BODY_SECONDS)
        if self._large.locked():
            environ[REFUSED] = 503
            return False
        async with self._large:
            return await self._read_body(environ, self._chunks(protocol, most) if is_chunked else protocol(), LARGE_SECONDS)

    async def _read_body(self, environ: dict[str, Any], body: Awaitable[bytes], seconds: float) -> bool:
        try:
            async with asyncio.timeout(0 if self._is_stopping else seconds) as deadline:
                self._reading.add(deadline)
                found = await body
        except TimeoutError:
            environ[REFUSED] = 503 if self._is_stopping else 408
        else:
            environ["CONTENT_LENGTH"] = str(len(found))
            environ["wsgi.input"] = io.BytesIO(found)
        finally:
            self._reading.discard(deadline)
        return REFUSED not in environ

    async def _chunks(self, protocol: HTTPProtocol, most: int) -> bytes:
        """Read a body of unknown length, no further than it may be long."""
        body = bytearray()
        async for chunk in protocol:
            body += chunk
            if len(body) > most:
                break
        return bytes(body)

    async def _answer(self, environ: dict[str, Any], lane: Lane) -> Answer:
        answer, path = Answer(), environ["PATH_INFO"]
        if path in AT_ONCE and environ["REQUEST_METHOD"] in ("GET", "HEAD"):
            self._call(environ, answer)
            return answer
        if self._machines_at_once and lane is self._lanes["machines"]:
            left = self._call_on_loop(environ, answer)
            if left is None:
                return answer
            environ, lane = left
        if not lane.may_call:
            found = await self._in_thread({**environ}, lane)
            if found is not None:
                return found
            environ["wsgi.input"].seek(0)
        return await self._in_thread(environ, self._lanes["calls"]) or answer

    async def _in_thread(self, environ: dict[str, Any], lane: Lane) -> Answer | None:
        """Return the answer of a thread of the lane; None if the request must start again in one that may call apps."""
        answer = Answer()
        if lane.waiting >= MOST_WAITING:
            self._refuse(environ, answer)
            return answer
        lane.waiting += 1
        try:
            async with asyncio.timeout(READY_SECONDS if environ["PATH_INFO"] == READY else None):
                is_answered = await lane.call(answer.context, self._call_in_time, environ, answer, lane, time.monotonic())
        except TimeoutError:  # a late answer of the thread must not change this one
            answer, is_answered = Answer(), True
            self._refuse(environ, answer)
        finally:
            lane.waiting -= 1
        return answer if is_answered else None

    def _call_on_loop(self, environ: dict[str, Any], answer: Answer) -> tuple[dict[str, Any], Lane] | None:
        """Answer a machine. Returns the environment and the lane for a thread where the answer waits, or needs a page."""
        try:
            answer.context.copy().run(self._call_without_waiting, {**environ, ON_LOOP: True}, answer)
        except MustWait as wait:
            environ["wsgi.input"].seek(0)
            return environ, self._lanes["calls" if isinstance(wait, MustCall) else "machines"]
        except PageNeeded as page:
            return page.environ, self._lanes["pages"]
        return None

    def _call_without_waiting(self, environ: dict[str, Any], answer: Answer) -> None:
        never_waits.set(True)
        never_calls.set(True)
        self._call(environ, answer)

    def _call_in_time(self, environ: dict[str, Any], answer: Answer, lane: Lane, since: float) -> bool:
        """Answer, or refuse what waited too long. Returns whether the request need not start again to call an app."""
        never_calls.set(not lane.may_call)
        try:
            if time.monotonic() - since > WAIT_SECONDS:
                self._refuse(environ, answer)
            else:
                self._call(environ, answer)
        except MustCall:
            return False
        return True

    def _refuse(self, environ: dict[str, Any], answer: Answer) -> None:
        """Ask the client to come back. It is logged once a second, because a flood must not fill the log."""
        answer.status = 503
        answer.headers, answer.body = busy(environ["PATH_INFO"])
        if time.monotonic() - self._told_at >= 1:
            self._told_at = time.monotonic()
            log.warning("too_busy", waiting={name: lane.waiting for name, lane in self._lanes.items()})

    def _call(self, environ: dict[str, Any], answer: Answer) -> None:
        """Let the application answer: a body of known length is taken whole, a download piece by piece."""
        result: Iterable[bytes] = self._app(environ, cast(Any, answer.start))
        answer.close = getattr(result, "close", answer.close)
        if isinstance(result, list) or answer.status in (204, 304) or _has_length(answer.headers):
            try:
                answer.body = b"".join(result)
            finally:
                answer.close()
        else:
            answer.pieces = iter(result)

    async def _send(self, protocol: HTTPProtocol, answer: Answer, lane: Lane) -> None:
        if answer.pieces is None:
            protocol.response_bytes(answer.status, answer.headers, answer.body)
            return
        transport = protocol.response_stream(answer.status, answer.headers)
        try:
            while (piece := await lane.call(answer.context, next, answer.pieces, None)) is not None:
                async with asyncio.timeout(SEND_SECONDS):
                    await transport.send_bytes(piece)
        finally:
            await lane.call(answer.context, answer.close)


def _has_length(headers: Headers) -> bool:
    return any(name.lower() == "content-length" for name, _ in headers)


def endpoint_of(environ: dict[str, Any]) -> str:
    """Return the name under which a request is counted. Only our own names are used, so that requests cannot add names."""
    path = environ["PATH_INFO"]
    return path if path in ENDPOINTS or path in (AUTHORIZE, READY, *AT_ONCE) else lane_of(environ)
