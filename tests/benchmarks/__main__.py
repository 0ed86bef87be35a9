"""``make bench``: operations a second and the server's CPU time for each, in one run.

Only figures of one run on one machine compare with each other; CPU time an operation is the steadiest of them.
"""

import argparse
import os
import statistics
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from idp.crypto import Hasher
from tests.benchmarks.server import PASSWORD, PEOPLE, Target, running
from tests.benchmarks.visitor import Visitor

Operation = Callable[[Visitor], None]


@dataclass(frozen=True)
class Measured:
    """One operation: how many were done in how many seconds, how long each took, and what it cost the server."""

    count: int
    seconds: float
    latencies: list[float]
    cpu: float | None

    def line(self, name: str) -> str:
        """A row of the table."""
        p50, p99 = (statistics.quantiles(self.latencies, n=100)[at] * 1000 for at in (49, 98))
        cpu = f"{self.cpu / self.count * 1000:9.2f}" if self.cpu is not None else "        –"
        return f"{name:<26}{self.count / self.seconds:10.1f}{cpu}{p50:10.1f}{p99:10.1f}"


def measure(target: Target, visitors: list[Visitor], operation: Operation, seconds: float) -> Measured:
    """All visitors do ``operation`` over and over for so long."""
    latencies: list[list[float]] = [[] for _ in visitors]
    faults: list[Exception] = []
    end = time.perf_counter() + seconds

    def _work(visitor: Visitor, taken: list[float]) -> None:
        try:
            while (began := time.perf_counter()) < end:
                operation(visitor)
                taken.append(time.perf_counter() - began)
        except Exception as error:  # noqa: BLE001 — told below, by the thread that can end the run
            faults.append(error)

    before, began = target.cpu_seconds(), time.perf_counter()
    threads = [threading.Thread(target=_work, args=pair) for pair in zip(visitors, latencies, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if faults:
        raise faults[0]
    spent, after = time.perf_counter() - began, target.cpu_seconds()
    every = [one for taken in latencies for one in taken]
    return Measured(len(every), spent, every, after - before if after is not None and before is not None else None)


def main() -> None:
    """Start, warm up, measure, print."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="for each operation")
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--database", default="", help="postgresql://… instead of a fresh SQLite file")
    given = parser.parse_args()
    hash_ms = _hash_milliseconds()
    with running(given.database) as target:
        visitors = [Visitor(target) for _ in range(given.connections)]
        numbers = {id(visitor): at % PEOPLE for at, visitor in enumerate(visitors)}
        operations: dict[str, Operation] = {
            "full sign-in": lambda visitor: visitor.sign_in(numbers[id(visitor)]),
            "silent single sign-on": Visitor.silent,
            "refresh": Visitor.refresh,
            "userinfo": Visitor.userinfo,
            "discovery": lambda visitor: visitor.get("/.well-known/openid-configuration"),
        }
        for visitor in visitors:  # warm, and signed in for what follows
            visitor.sign_in(numbers[id(visitor)])
            visitor.silent()
        print(f"{os.cpu_count()} cores, {given.connections} connections; one password hash {hash_ms:.1f} ms of CPU")
        print(f"{'':<26}{'a second':>10}{'CPU ms':>9}{'p50 ms':>10}{'p99 ms':>10}")
        for name, operation in operations.items():
            print(measure(target, visitors, operation, given.seconds).line(name), flush=True)
        print(f"memory of the server's processes: {target.memory_mib():.0f} MiB")


def _hash_milliseconds() -> float:
    hasher = Hasher(memory_kib=19_456, passes=2, slots=1, patience=1)
    phc = hasher.hash(PASSWORD)
    began = time.process_time()
    for _ in range(5):
        hasher.verify(phc, PASSWORD)
    return (time.process_time() - began) / 5 * 1000


if __name__ == "__main__":
    main()
