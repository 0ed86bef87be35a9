"""Queue the writers of SQLite at a file lock, so that they do not sleep and try again.

SQLite has one writer at a time, and lets others poll with growing pauses: under load some wait for a second while the lock
is free. The kernel wakes the next of those who wait for ``flock``, and frees the lock of a process that is killed.
"""

import fcntl
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from time import monotonic

LOOP_PATIENCE = 0.05
"""Seconds that an event loop waits for a writer in a thread of its process. Handing the request to another thread takes
longer: each of the writer's statements lets go of the interpreter, and gets it back after every thread that is awake.
"""
never_waits: ContextVar[bool] = ContextVar("never_waits", default=False)
"""Whether the caller is an event loop, which must not wait for a writer of another process, nor for a slow one of its own.
The first transaction resets this, because what it commits must not be done again.
"""
never_calls: ContextVar[bool] = ContextVar("never_calls", default=False)
"""Whether the caller must not wait for an app's server: others need this thread. The first transaction resets this too."""


class MustWait(BaseException):
    """Another writer is at work, and the caller must not wait. Nothing was written: the caller can start again in a thread.

    It is no ``Exception``, so that no error handler catches it.
    """


class MustCall(MustWait):
    """An app's server has to be asked, and the caller must not wait for it. Nothing was written yet."""


def leave_for_call() -> None:
    """Raise ``MustCall`` where the caller must not wait for an app's server."""
    if never_calls.get() or never_waits.get():
        raise MustCall


@contextmanager
def repeatable() -> Iterator[None]:
    """Mark a write that may be done again: the request may still begin again in another thread after it."""
    waits, calls = never_waits.get(), never_calls.get()
    try:
        yield
    finally:
        never_waits.set(waits)
        never_calls.set(calls)


class WriteGate:
    """Admit one writer of a database file at a time, over all threads and processes. Without its lock file it admits all."""

    def __init__(self, file: Path, patience: float) -> None:
        self._file, self._patience = file.with_name(f"{file.name}-gate"), patience
        self._threads, self._is_slow = threading.Lock(), False
        self._descriptor, self._process = -1, os.getpid()

    def _start_over(self) -> None:
        """Forget the descriptor of the process that forked this one: they would share its lock."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._threads, self._is_slow = threading.Lock(), False
        self._descriptor, self._process = -1, os.getpid()

    def enter(self) -> Callable[[], None]:
        """Wait for the gate. Returns the function that leaves it.

        Raises ``MustWait`` where ``never_waits`` is set and the gate stays taken; otherwise an error as SQLite's, after a
        wait as long as SQLite's.
        """
        if self._process != os.getpid():
            self._start_over()
        until = monotonic() + self._patience
        if not self._threads.acquire(blocking=False):
            self._wait_for_thread()
        try:
            self._lock_file(until)
        except BaseException:
            self._threads.release()
            raise
        return self._leave

    def _wait_for_thread(self) -> None:
        """Wait until the thread that is inside leaves. An event loop waits for it once: one that is slow stops no loop."""
        if not never_waits.get():
            if not self._threads.acquire(timeout=self._patience):
                raise _busy()
        elif self._is_slow or not self._threads.acquire(timeout=min(LOOP_PATIENCE, self._patience)):
            self._is_slow = True
            raise MustWait

    def _leave(self) -> None:
        self._is_slow = False
        if self._descriptor >= 0:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)
        self._threads.release()

    def _lock_file(self, until: float) -> None:
        if self._descriptor < 0:
            with suppress(OSError):  # read-only, or full: SQLite says so itself
                self._descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if self._descriptor < 0:
            return
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            patience = _seconds_left(until)
            if not _Waiter(self._descriptor).wait(patience):
                self._descriptor = -1  # the waiter closes it
                raise _busy() from None


class _Waiter:
    """Waits for a file lock in a thread, as the kernel knows no deadline for it."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._has_lock, self._is_given_up, self._decision = threading.Event(), False, threading.Lock()
        threading.Thread(target=self._wait, name="write gate", daemon=True).start()

    def _wait(self) -> None:
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        with self._decision:
            if self._is_given_up:
                os.close(self._descriptor)
            else:
                self._has_lock.set()

    def wait(self, seconds: float) -> bool:
        """Return whether the lock came in time."""
        if self._has_lock.wait(seconds):
            return True
        with self._decision:
            self._is_given_up = not self._has_lock.is_set()
        return not self._is_given_up


def _seconds_left(until: float) -> float:
    """Return how long the caller may wait. Raises ``MustWait``."""
    if never_waits.get():
        raise MustWait
    return max(0.0, until - monotonic())


def _busy() -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("database is locked")
    error.sqlite_errorcode, error.sqlite_errorname = sqlite3.SQLITE_BUSY, "SQLITE_BUSY"
    return error
