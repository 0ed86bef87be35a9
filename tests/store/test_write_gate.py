"""Writers of SQLite queue at a gate across threads and processes. A killed process does not block it, and waiting ends."""

import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from contextvars import copy_context
from pathlib import Path
from typing import TypeVar

import pytest
from flask import Flask
from sqlalchemy.exc import OperationalError

from idp import outage, write_gate
from idp.config import Settings
from idp.db import transaction
from idp.write_gate import MustWait, WriteGate, never_waits
from tests.drivers.applications import bare_app
from tests.factories import Factory

T = TypeVar("T")
PROCESSES, THREADS, TURNS = 4, 8, 10
WRITER = f"""
import sys, threading
from pathlib import Path
from flask import Flask
from idp import config
from idp.db import setup_db, transaction
from idp.store import names, organisations
settings, organisation_id = config.read(Path(sys.argv[1])), sys.argv[2]
app = Flask("idp")
setup_db(app, settings)
def work():
    for _ in range({TURNS}):
        with app.app_context(), transaction():
            found = organisations.organisation(organisation_id)
            names.change_organisation(organisation_id, name=str(int(found.name) + 1))
threads = [threading.Thread(target=work) for _ in range({THREADS})]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""
HOLDER = """
import sys
from pathlib import Path
from idp.write_gate import WriteGate
leave = WriteGate(Path(sys.argv[1]), 10).enter()
print("in", flush=True)
sys.stdin.readline()
leave()
print("out", flush=True)
sys.stdin.readline()
"""


@contextmanager
def held(file: Path) -> Iterator[Callable[[], None]]:
    """Run a process that is inside the gate. Yields a function that makes it leave."""
    arguments = [sys.executable, "-c", HOLDER, str(file)]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        assert process.stdout.readline() == "in\n"

        def let_go() -> None:
            assert process.stdin
            assert process.stdout
            process.stdin.write("\n")
            process.stdin.flush()
            assert process.stdout.readline() == "out\n"

        try:
            yield let_go
        finally:
            process.kill()


def test_thirty_two_writers_of_four_processes_all_succeed(settings: Settings, factory: Factory, tmp_path: Path) -> None:
    """The writers queue. None gets "database is locked", and every change counts."""
    from tests.drivers.crowd import write_config

    organisation_id = factory.make_organisation(name="0")
    arguments = [sys.executable, "-c", WRITER, str(write_config(settings, tmp_path)), organisation_id]
    writers = [subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True) for _ in range(PROCESSES)]
    outputs = [writer.communicate()[1] for writer in writers]
    assert not any("locked" in each for each in outputs), outputs
    with factory.context():
        assert factory.organisation(organisation_id).name == str(PROCESSES * THREADS * TURNS)


def test_a_killed_process_releases_the_write_lock(tmp_path: Path) -> None:
    """The kernel releases its file lock."""
    gate = WriteGate(tmp_path / "x.sqlite3", 30)
    with ThreadPoolExecutor(1) as threads:
        with held(tmp_path / "x.sqlite3"):
            entering = threads.submit(gate.enter)
        entering.result()()


def test_waiting_for_the_write_lock_ends(tmp_path: Path) -> None:
    """While a process that hangs holds the lock, others get SQLITE_BUSY. They enter after it has left."""
    gate = WriteGate(tmp_path / "x.sqlite3", 0.05)
    with held(tmp_path / "x.sqlite3") as let_go:
        for _ in range(2):
            with pytest.raises(sqlite3.OperationalError) as caught:
                gate.enter()
            assert caught.value.sqlite_errorcode == sqlite3.SQLITE_BUSY
        let_go()
        patient = WriteGate(tmp_path / "x.sqlite3", 30)
        patient.enter()()
        gate.enter()()


def test_threads_of_one_process_wait_for_each_other(tmp_path: Path) -> None:
    """While one thread is inside, another one waits for the configured time and then gets an error."""
    gate = WriteGate(tmp_path / "x.sqlite3", 0.05)
    leave = gate.enter()
    with ThreadPoolExecutor(1) as threads, pytest.raises(sqlite3.OperationalError):
        threads.submit(gate.enter).result()
    leave()
    gate.enter()()


def test_a_caller_that_must_not_wait_is_refused_at_once(configure: Callable[..., Settings], tmp_path: Path) -> None:
    """An event loop enters a free gate. If another program writes, it hands the request to a thread."""
    file = tmp_path / "sleutel.sqlite3"
    with bare_app(configure(database={"patience_seconds": 9.0})) as app, app.app_context():
        assert not must_wait()
        with held(file):
            assert must_wait(), "the caller must wait for the gate"
        with closing(sqlite3.connect(file, isolation_level=None)) as stranger:
            stranger.execute("BEGIN IMMEDIATE")
            assert must_wait(), "the caller must wait for a program without the gate"
        assert not must_wait()


class Watched:
    """A lock that tells when a caller begins to wait for it."""

    def __init__(self) -> None:
        self.lock, self.is_awaited = threading.Lock(), threading.Event()

    def acquire(self, *, blocking: bool = True, timeout: float = -1) -> bool:
        if blocking:
            self.is_awaited.set()
        return self.lock.acquire(blocking, timeout)

    def release(self) -> None:
        self.lock.release()


def test_an_event_loop_waits_for_a_quick_writer_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a flood of sign-ins most writers leave soon, and a thread would wait longer. No slow one stops a loop."""
    gate, watched = WriteGate(tmp_path / "x.sqlite3", 30), Watched()
    monkeypatch.setattr(gate, "_threads", watched)
    with ThreadPoolExecutor(1) as threads:
        monkeypatch.setattr(write_gate, "LOOP_PATIENCE", 30.0)
        leave = gate.enter()
        entering = threads.submit(as_a_loop, gate.enter)
        assert watched.is_awaited.wait(30)
        leave()
        leave = entering.result()
        monkeypatch.setattr(write_gate, "LOOP_PATIENCE", 0.01)
        for is_awaited in (True, False):  # the second one does not wait at all
            watched.is_awaited.clear()
            with pytest.raises(MustWait):
                as_a_loop(gate.enter)
            assert watched.is_awaited.is_set() == is_awaited
        leave()
        as_a_loop(gate.enter)()


def as_a_loop(act: Callable[[], T]) -> T:
    """Call as an event loop does, which must not wait."""

    def call() -> T:
        never_waits.set(True)
        return act()

    return copy_context().run(call)


def must_wait() -> bool:
    """Return whether a caller that must not wait is refused a transaction. Within a transaction, waiting is allowed."""

    def begin() -> bool:
        try:
            with transaction():
                return never_waits.get()
        except MustWait:
            return True

    return as_a_loop(begin)


def test_a_forked_process_does_not_inherit_the_gate(tmp_path: Path) -> None:
    """It would share the parent's lock and release it."""
    gate = WriteGate(tmp_path / "x.sqlite3", 0.05)
    leave = gate.enter()
    child = os.fork()
    if child == 0:
        try:
            gate.enter()
        except sqlite3.OperationalError:
            os._exit(7)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    leave()


def test_the_gate_is_open_if_its_file_cannot_be_made(tmp_path: Path) -> None:
    """SQLite itself then reports that the folder is not writable."""
    gate = WriteGate(tmp_path / "missing" / "x.sqlite3", 1)
    gate.enter()()


def test_a_writer_that_finds_the_database_locked_leaves_the_gate(configure: Callable[..., Settings], tmp_path: Path) -> None:
    """Another program may hold SQLite's own lock. That is an outage (503), and the next writer can enter."""
    settings = configure(database={"patience_seconds": 0.1})
    with bare_app(settings) as app, app.app_context():
        with sqlite3.connect(tmp_path / "sleutel.sqlite3", isolation_level=None) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(OperationalError) as caught, transaction():
                pass
            assert outage.is_outage(caught.value)
            other.execute("ROLLBACK")
        with transaction():
            pass
        with held(tmp_path / "sleutel.sqlite3"):
            with pytest.raises(OperationalError) as caught, transaction():
                pass
            assert outage.is_outage(caught.value)


def test_a_failed_transaction_leaves_the_gate(database: Flask) -> None:
    """This holds too if the caller raised the exception."""
    with pytest.raises(ZeroDivisionError), transaction():
        raise ZeroDivisionError
    with ThreadPoolExecutor(1) as threads:

        def write() -> None:
            with database.app_context(), transaction():
                pass

        threads.submit(write).result()
