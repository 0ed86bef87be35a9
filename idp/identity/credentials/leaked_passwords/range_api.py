"""The range service: asked with five characters of a SHA-1, it answers with all suffixes it knows for them (k-anonymity).

Nothing else of a password leaves. It has half a second in all, connecting included; it is not followed elsewhere, not
believed beyond a bounded size, and left alone for a while after it failed a few times.
"""

import re
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as TookTooLong
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING

from idp import clock
from idp.on_use import OnUse

if TYPE_CHECKING:
    import httpx
else:
    httpx = OnUse("httpx")

MOST_BYTES = 512 * 1024
FAILURES_TO_OPEN = 3
OPEN_FOR = timedelta(seconds=30)
THREADS = 4

_ROW = re.compile(r"([0-9A-F]{35}):([0-9]{1,12})", re.IGNORECASE)


class Down(Exception):
    """No answer that can be used."""


class Breaker:
    """Keeps a service that fails from being asked: after three failures in a row, for half a minute."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failures = 0
        self._opened_at: datetime | None = None

    def lets_through(self) -> bool:
        """Check if the service may be asked. After a pause one caller asks, and the others wait for its result."""
        with self._lock:
            if self._opened_at is None:
                return True
            if abs(clock.now() - self._opened_at) < OPEN_FOR:  # abs: the clock may have been turned back
                return False
            self._opened_at = clock.now()
            return True

    def note(self, ok: bool) -> None:
        """Note whether asking succeeded."""
        with self._lock:
            self._failures = 0 if ok else self._failures + 1
            self._opened_at = clock.now() if self._failures >= FAILURES_TO_OPEN else None


class RangeService:
    """A range service at an address, with its breaker. One for each address in a process."""

    def __init__(self, address: str, seconds: float) -> None:
        self._address = address.rstrip("/")
        self._seconds = seconds
        self._client = httpx.Client(timeout=seconds, follow_redirects=False)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="leaked")
        self._breaker = Breaker()

    def knows(self, sha1: str) -> bool:
        """Check if the service lists a SHA-1 (40 upper-case hexadecimal digits). Raises ``Down``."""
        if not self._breaker.lets_through():
            raise Down("left alone after failures")
        try:
            counts = self._ask_in_time(sha1[:5])
        except Down:
            self._breaker.note(ok=False)
            raise
        self._breaker.note(ok=True)
        return counts.get(sha1[5:], 0) > 0  # rows with count 0 are padding

    def _ask_in_time(self, prefix: str) -> dict[str, int]:
        """Ask within a time that covers name resolution, connecting and reading. The client's own time-outs do not."""
        asked: Future[dict[str, int]] = self._threads.submit(self._ask, prefix)
        try:
            return asked.result(timeout=self._seconds)
        except TookTooLong as error:
            asked.cancel()
            raise Down("took too long") from error

    def _ask(self, prefix: str) -> dict[str, int]:
        headers = {"Add-Padding": "true", "Accept-Encoding": "identity", "User-Agent": "sleutel"}
        until = clock.ahead(seconds=2 * self._seconds)
        body = b""
        try:
            with self._client.stream("GET", f"{self._address}/{prefix}", headers=headers) as answer:
                if answer.status_code != httpx.codes.OK:
                    raise Down(f"status {answer.status_code}")
                for piece in answer.iter_raw():
                    body += piece
                    if len(body) > MOST_BYTES or clock.now() > until:
                        raise Down("the answer is too large or drips")
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise Down(type(error).__name__) from error
        return _rows(body)


def _rows(body: bytes) -> dict[str, int]:
    found = [_ROW.fullmatch(line) for line in body.decode("ascii", "replace").split()]
    if not found or None in found:
        raise Down("the answer is no list of suffixes")
    return {row[1].upper(): int(row[2]) for row in found if row is not None}


@cache
def service_at(address: str, seconds: float) -> RangeService:
    """Return the process's service for an address."""
    return RangeService(address, seconds)
