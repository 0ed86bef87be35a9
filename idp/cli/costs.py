"""Measure on this machine what a sign-in waits for: a password hash, the database, and the disk."""

import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator

from idp.config import Settings
from idp.crypto import new_secret
from idp.db import release
from idp.store import database_clock

ROUNDS = 5


def costs(settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield each cost as a subject and a sentence. The database must be open."""
    release()
    yield "password hash", _hash(settings)
    round_trip = _milliseconds(_ask)
    yield "round trip", f"{round_trip:.1f} ms for the simplest query; a page needs several"
    if settings.database_url.startswith("sqlite"):
        yield "commits", _commits(settings)


def _hash(settings: Settings) -> str:
    secret = new_secret()
    taken = _milliseconds(lambda: settings.hasher.hash(secret))
    chosen = settings.passwords
    return (
        f"{taken:.0f} ms of one core each ({chosen.argon2_memory_kib} KiB, {chosen.argon2_passes} passes): "
        f"at most {1000 / taken:.0f} sign-ins a second for each core that hashes"
    )


def _ask() -> None:
    database_clock.now()
    release()


def _commits(settings: Settings) -> str:
    if settings.database.synchronous == "NORMAL":
        return "synchronous NORMAL: they do not wait for the disk; a power failure may undo the last ones"
    folder = settings.path(settings.database.url.removeprefix("sqlite:///")).resolve().parent
    with tempfile.TemporaryFile(dir=folder) as file:

        def _sync() -> None:
            file.write(bytes(4096))
            file.flush()
            os.fsync(file.fileno())

        taken = _milliseconds(_sync)
    return f"synchronous FULL: each waits for the disk, {taken:.1f} ms here, one after the other"


def _milliseconds(act: Callable[[], object]) -> float:
    """Return the median of some rounds, in milliseconds."""
    rounds = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        act()
        rounds.append(time.perf_counter() - began)
    return max(statistics.median(rounds) * 1000, 0.001)
