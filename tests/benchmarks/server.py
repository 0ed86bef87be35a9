"""A real ``idp run`` with one organisation, some people and one relying app, and the CPU time of its whole process tree."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

from tests.drivers.machine import free_port

PASSWORD = "a sturdy kettle sings 42"
SECRET = "benchmarks-only-" + "s" * 32
CALLBACK = "http://localhost:9/callback"
PEOPLE = 40
START_SECONDS = 60


@dataclass(frozen=True)
class Target:
    """The server under measurement."""

    port: int
    pid: int

    @property
    def issuer(self) -> str:
        """Its address."""
        return f"http://localhost:{self.port}"

    def cpu_seconds(self) -> float | None:
        """User and system time of the server and all its descendants so far; None where there is no ``/proc``."""
        if not Path("/proc/self/stat").exists():
            return None
        return sum(_cpu(pid) for pid in _tree(self.pid)) / os.sysconf("SC_CLK_TCK")

    def memory_mib(self) -> float:
        """Proportional memory of the tree, in MiB; 0 where it cannot be told."""
        return sum(_memory(pid) for pid in _tree(self.pid)) / 1024


def _fields(pid: int) -> list[str]:
    text = Path(f"/proc/{pid}/stat").read_text()
    return text[text.rindex(")") + 2 :].split()


def _cpu(pid: int) -> int:
    with suppress(OSError):
        return sum(int(value) for value in _fields(pid)[11:15])  # utime, stime, and those of children that ended
    return 0


def _memory(pid: int) -> int:
    with suppress(OSError):
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return 0


def _tree(root: int) -> list[int]:
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with suppress(OSError):
                parents[int(entry.name)] = int(_fields(int(entry.name))[1])
    found = [root]
    for pid in found:
        found += [child for child, parent in parents.items() if parent == pid]
    return found


def _provision(folder: Path) -> Path:
    people = "\n".join(
        f'[[users]]\norganisation = "bench"\nusername = "person{number}"\npassword = "{PASSWORD}"\n'
        for number in range(PEOPLE)
    )
    file = folder / "bench.toml"
    file.write_text(
        f"""
[[organisations]]
store_url = "bench"
name = "Bench"
[organisations.settings]
offer_set_up = false

[[clients]]
client_id = "bench"
client_secret = "{SECRET}"
client_name = "Bench"
redirect_uris = ["{CALLBACK}"]
grant_types = ["authorization_code", "refresh_token"]
scope = "openid profile offline_access"
id_token_signed_response_alg = "ES256"
first_party = true

{people}
"""
    )
    return file


@contextmanager
def running(database: str = "") -> Iterator[Target]:
    """A freshly provisioned server on a free port, with the default cost of passwords."""
    with tempfile.TemporaryDirectory(prefix="sleutel-bench-") as place:
        folder, port = Path(place), free_port()
        config = folder / "sleutel.toml"
        given = ["--database", database] if database else []
        _idp("init", str(config), "--issuer", f"http://localhost:{port}", "--bind", f"127.0.0.1:{port}", *given)
        _idp("migrate", "--config", str(config))
        _idp("apply", "--config", str(config), str(_provision(folder)))
        with (folder / "log").open("w") as log:
            process = subprocess.Popen([*IDP, "run", "--config", str(config)], stdout=log, stderr=log)
        try:
            _wait(port, process, folder / "log")
            yield Target(port, process.pid)
        finally:
            process.terminate()
            process.wait(30)


IDP = [sys.executable, "-m", "idp.cli"]


def _idp(*arguments: str) -> None:
    done = subprocess.run([*IDP, *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"idp {' '.join(arguments)}:\n{done.stdout}{done.stderr}")


def _wait(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        connection = HTTPConnection("127.0.0.1", port, timeout=5)
        with suppress(OSError):
            connection.request("GET", "/readyz")
            if connection.getresponse().status == 200:
                return
        connection.close()
        time.sleep(0.05)
    raise SystemExit(f"the server did not start:\n{log.read_text()}")
