"""Hold a server under measurement: its address, and the processor time and memory of its whole process tree."""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

PASSWORD = "a sturdy kettle sings 42"
SECRET = "benchmarks-only-" + "s" * 32
CALLBACK = "http://localhost:9/callback"
PEOPLE = 40
START_SECONDS = 60
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Target:
    """``start_seconds``: from the start of the process to its first answer; ``idle_mib``: its memory then."""

    name: str
    port: int
    pid: int
    start_seconds: float = 0.0
    idle_mib: float = 0.0

    @property
    def issuer(self) -> str:
        """Return its address."""
        return f"http://localhost:{self.port}"

    def cpu_seconds(self) -> float:
        """Return the user and system time of the server and of all its descendants so far."""
        return cpu_seconds(self.pid)

    def memory_mib(self) -> float:
        """Return the proportional memory of the tree."""
        return sum(_memory(pid) for pid in _tree(self.pid)) / 1024


def cpu_seconds(root: int) -> float:
    """Return the processor time of a process and all its descendants, and of those that ended."""
    return sum(_cpu(pid) for pid in _tree(root)) / TICKS


@contextmanager
def started(name: str, command: list[str], port: int, folder: Path, environment: dict[str, str]) -> Iterator[Target]:
    """Run a server until the end of this context. Its log is in ``folder``."""
    file = folder / f"{name.replace(' ', '-')}.log"
    with file.open("w") as log:
        began = time.perf_counter()
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, env=os.environ | environment)
    try:
        seconds = _first_answer(port, process, began)
        if seconds is None:
            raise SystemExit(f"{name} did not start:\n{file.read_text()}")
        time.sleep(1)  # the processes that start later belong to the idle memory
        yield Target(name, port, process.pid, seconds, Target(name, port, process.pid).memory_mib())
    finally:
        process.terminate()
        process.wait(30)


def _first_answer(port: int, process: subprocess.Popen[bytes], began: float) -> float | None:
    while process.poll() is None and time.perf_counter() - began < START_SECONDS:
        connection = HTTPConnection("127.0.0.1", port, timeout=5)
        with suppress(OSError):
            connection.request("GET", "/.well-known/openid-configuration", headers={"Host": f"localhost:{port}"})
            if connection.getresponse().status == 200:
                return time.perf_counter() - began
        connection.close()
        time.sleep(0.01)
    return None


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
