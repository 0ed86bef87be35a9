"""The main process of ``idp run``: it starts the others, replaces those that stop, and stops them all.

It touches neither network nor database and runs no thread, so nothing can keep it from replacing a process or obeying a
signal. Requests are answered in processes of their own, and mail leaves from one. The service manager is told how it goes
(``notify``), and never waited for.
"""

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess as Process
from types import FrameType
from typing import Any

import structlog

from idp import logs, metrics
from idp.server.notify import notify, watchdog_seconds

STOP_SECONDS = 10.0
"""Running requests may finish within this when the server is stopped; then processes are killed."""
STEADY_SECONDS = 30.0
"""A process that lived this long did not fail at its start."""
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
"""The pause before a crashing process is started again. It doubles with each crash."""
FOLLOW_SECONDS = 1.0
"""How often a process checks that its main process is still there."""
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)

Role = Callable[[], None]
log = structlog.get_logger("supervisor")


@dataclass
class Member:
    """Hold one process of the server. ``due``: its next start; ``deaths``: its early ends in a row."""

    name: str
    role: Role
    process: Process | None = None
    started: float = 0.0
    due: float = 0.0
    deaths: int = 0

    def note_death(self, now: float) -> float:
        """Plan the next start. Returns the seconds until then. The first end in a long time costs no pause."""
        self.deaths = 0 if now - self.started >= STEADY_SECONDS else self.deaths + 1
        pause = min(FIRST_PAUSE * 2.0 ** (self.deaths - 2), LONGEST_PAUSE) if self.deaths > 1 else 0.0
        self.process, self.due = None, now + pause
        return pause


class Supervisor:
    """Run ``roles`` (name → function), each in a process of its own, until a signal comes."""

    def __init__(self, roles: Mapping[str, Role]) -> None:
        self._members = [Member(name, role) for name, role in roles.items()]
        self._signals = 0
        self._alive_every = watchdog_seconds()
        self._woken, self._wake = os.pipe()
        os.set_blocking(self._wake, False)

    def run(self) -> None:
        """Run until SIGTERM or SIGINT, and until every process has ended."""
        for number in STOP_SIGNALS:
            signal.signal(number, self._note_signal)
        logs.take_from_libraries()
        try:
            while not self._signals:
                self._start_what_is_due()
                if self._alive_every is not None:
                    notify("WATCHDOG=1")
                self._sleep([member.process for member in self._members if member.process], self._until_next_act())
                self._bury()
        finally:
            notify("STOPPING=1")
            self._stop()

    def _note_signal(self, _: int, __: FrameType | None) -> None:
        self._signals += 1
        with suppress(BlockingIOError):
            os.write(self._wake, b".")

    def _sleep(self, living: list[Process], seconds: float | None) -> None:
        """Sleep until a process ends, a signal comes or the time is over."""
        if self._woken in wait([self._woken, *(process.sentinel for process in living)], seconds):
            os.read(self._woken, 64)

    def _until_next_act(self) -> float | None:
        """Return the seconds until a process is due to start, or the service manager to hear from us."""
        pauses = [member.due - time.monotonic() for member in self._members if member.process is None]
        if self._alive_every is not None:
            pauses.append(self._alive_every)
        return max(0.0, min(pauses)) if pauses else None

    def _start_what_is_due(self) -> None:
        for member in self._members:
            if member.process is None and member.due <= time.monotonic():
                member.started = time.monotonic()
                member.process = _start(member)

    def _bury(self) -> None:
        for member in self._members:
            if member.process is None or member.process.is_alive():
                continue
            code = member.process.exitcode
            if not self._signals:
                metrics.count_restart(member.name, member.process.pid or 0)
                pause = member.note_death(time.monotonic())
                log.error("process_ended", process=member.name, exit_code=code, starts_again_in=pause)

    def _stop(self) -> None:
        """Ask every process to end, and kill those that do not; a second signal kills at once."""
        deadline, asked = time.monotonic() + STOP_SECONDS, self._signals
        processes = [member.process for member in self._members if member.process]
        for process in processes:
            process.terminate()
        while (living := [one for one in processes if one.is_alive()]) and self._signals <= asked:
            if time.monotonic() >= deadline:
                break
            self._sleep(living, max(0.0, deadline - time.monotonic()))
        for process in living:
            process.kill()
        for process in processes:
            process.join()


def _start(member: Member) -> Process:
    """Start a process that ends with this one.

    Linux forks: processes share memory and answer at once. macOS starts new interpreters, because its libraries do not
    survive a fork.
    """
    context: Any = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    process: Process = context.Process(target=_play, args=(member.role, os.getpid()), name=member.name)
    with _signals_held():
        process.start()
    return process


@contextmanager
def _signals_held() -> Iterator[None]:
    """Hold signals during a fork: they reach the new process when it has its own handlers."""
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)


def _play(role: Role, parent: int) -> None:
    """Run a role in a new process."""
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
    threading.Thread(target=_follow, args=(parent,), name="follow", daemon=True).start()
    logs.take_from_libraries()
    metrics.start()
    try:
        role()
    except Exception as error:  # Python would print it between the JSON lines of the log
        log.critical("process_failed", process=multiprocessing.current_process().name, exc_info=error)
        sys.exit(1)


def _follow(parent: int) -> None:
    """End with the main process, however it ended: nothing would stop this one, and its port would block a new start."""
    while os.getppid() == parent:
        time.sleep(FOLLOW_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(STOP_SECONDS)
    os._exit(1)
