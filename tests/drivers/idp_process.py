"""Run ``idp`` as a process of its own: start it, send HTTP or raw bytes, list its children, and stop it by a signal."""

import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from click.testing import CliRunner

from idp.cli import main
from tests.drivers.machine import free_port

PATIENCE = 40


@contextmanager
def started(
    config: Path, *arguments: str, folder: Path | None = None, python: Path | str = sys.executable
) -> Iterator[subprocess.Popen[str]]:
    """Start ``idp`` as a process of its own, in ``folder``. It and its children are ended in any case."""
    process = subprocess.Popen(
        [str(python), "-m", "idp.cli", *arguments],
        env={**os.environ, "IDP_CONFIG": str(config)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=folder,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def stop(process: subprocess.Popen[str], number: int = signal.SIGTERM, within: float = PATIENCE) -> str:
    """Stop the process and wait for its end. Returns its output."""
    process.send_signal(number)
    return process.communicate(timeout=within)[0]


def children(process: subprocess.Popen[str]) -> list[int]:
    """Return the ids of the processes that it started."""
    listed = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True, check=False).stdout
    return [int(pid) for pid in listed.split()]


def until(holds: Callable[[], bool], what: str, within: float = PATIENCE) -> None:
    """Wait until the condition is true."""
    deadline = time.monotonic() + within
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def wait_for_port(process: subprocess.Popen[str], port: int) -> None:
    """Wait until a process listens there."""

    def _listens() -> bool:
        assert process.poll() is None, process.communicate(timeout=PATIENCE)[0]
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    until(_listens, "nobody listens")


def ask(port: int, path: str, method: str = "GET", timeout: float = PATIENCE) -> tuple[int, bytes, dict[str, str]]:
    """Wait for an answer over HTTP and return it."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request(method, path, headers={"Host": f"localhost:{port}"})
        response = connection.getresponse()
        return response.status, response.read(), {name.lower(): value for name, value in response.getheaders()}
    finally:
        connection.close()


def answers(port: int) -> bool:
    """Return whether the server answers with success."""
    try:
        return ask(port, "/readyz")[0] == 200
    except (OSError, http.client.HTTPException):
        return False


def send(port: int, raw: bytes) -> socket.socket:
    """Return a connection on which these bytes were sent."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
    connection.sendall(raw)
    return connection


def hear(connection: socket.socket) -> bytes:
    """Return everything until the server closes the connection."""
    heard, deadline = b"", time.monotonic() + PATIENCE
    while part := connection.recv(65536):
        heard += part
        assert time.monotonic() < deadline, f"the connection stays open after {heard[-100:]!r}"
    connection.close()
    return heard


@dataclass(frozen=True)
class Database:
    """Hold a database that is migrated and has signing keys, and the key that sealed them."""

    file: Path
    secret: str


def new_installation(folder: Path, workers: int = 1, *, database: Database | None = None) -> tuple[Path, int]:
    """Make the files of a newcomer after ``idp init``. Without a ``database`` the first start makes one in seconds."""
    port, file = free_port(), folder / "sleutel.toml"
    options = ["--issuer", f"http://localhost:{port}", "--bind", f"127.0.0.1:{port}"]
    assert CliRunner().invoke(main, ["init", str(file), *options]).exit_code == 0
    text = file.read_text().replace("[server]\n", f"[server]\nworkers = {workers}\n")
    if database is not None:
        shutil.copyfile(database.file, folder / database.file.name)
        text = re.sub(r"^secrets = .*$", f'secrets = ["{database.secret}"]', text, flags=re.MULTILINE)
    file.write_text(text)
    return file, port
