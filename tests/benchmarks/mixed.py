"""Measure machine endpoints and ``/livez`` with and without a flood of sign-ins, each time at a fresh server.

A server that was flooded before has counters of wrong guesses. Of several rounds, the one in which the machine had the least
other work is reported: it is chosen before anybody looks at its latencies.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.benchmarks import flood
from tests.benchmarks.flood import Flood
from tests.benchmarks.measure import percentile
from tests.benchmarks.report import Figure, compared
from tests.benchmarks.target import TICKS, Target, cpu_seconds
from tests.benchmarks.together import run_together
from tests.benchmarks.visitor import Visitor

MACHINES = 2
ROUNDS = 3
UNLOADED, LOADED = "unloaded", "loaded"
WATCHED: dict[str, tuple[Callable[[Visitor], None], int]] = {
    "refresh": (Visitor.refresh, MACHINES),
    "silent SSO": (Visitor.silent, MACHINES),
    "userinfo": (Visitor.userinfo, MACHINES),
    "/livez": (Visitor.live, 1),
}
PAUSE = 0.02
"""Seconds between two requests of one visitor: unloaded, the machine endpoints are not at their limit."""
BUSY = (0, 1, 2, 5, 6, 7)
"""Fields of the first line of ``/proc/stat`` that count work: user, nice, system, interrupts, steal."""
HOW = (
    f"{flood.CONNECTIONS} connections sign in without a pause, half of them with a wrong password, from a process of their\n"
    f"own at nice {flood.NICE}. It and the measured visitors use the server's cores too: on two, about one of them.\n"
    f"Shown is the round, of {ROUNDS}, in which other programs took the least. Each round has a fresh server.\n"
    "Goals: p99 of machine endpoints below 5 × unloaded, /livez below 100 ms."
)


@dataclass
class Watch:
    """Hold the latencies of all operations in seconds, and how many cores the server, the flood and others used."""

    latencies: dict[str, list[float]] = field(default_factory=dict)
    seconds: float = 0.0
    server: float = 0.0
    flood: float = 0.0
    others: float = 0.0


@dataclass(frozen=True)
class Pair:
    """Hold one round: without the flood and with it."""

    unloaded: Watch
    loaded: Watch
    answers: Counter[str]

    @property
    def others(self) -> float:
        """Return the cores that neither the server nor this measurement used."""
        return self.unloaded.others + self.loaded.others


def run(fresh: Callable[[int], AbstractContextManager[Target]], seconds: float, rounds: int = ROUNDS) -> list[Figure]:
    """Measure so many rounds, each at a fresh server, and report the quietest."""
    pairs = []
    for number in range(rounds):
        with fresh(number) as target:
            pairs.append(one_pair(target, seconds))
    return figures(min(pairs, key=lambda pair: pair.others))


def one_pair(target: Target, seconds: float) -> Pair:
    """Watch for so many seconds without the flood, and for as many with it."""
    numbers = iter(range(sum(count for _, count in WATCHED.values())))
    visitors = {name: [Visitor(target, next(numbers)) for _ in range(count)] for name, (_, count) in WATCHED.items()}
    everybody = [visitor for every in visitors.values() for visitor in every]
    for visitor in everybody:
        visitor.sign_in()
    with _watching(target) as unloaded:
        unloaded.latencies = _latencies(visitors, seconds)
    with flood.running(target, len(everybody)) as flooding:
        time.sleep(min(1.0, seconds))
        with _watching(target, flooding) as loaded:
            loaded.latencies = _latencies(visitors, seconds)
    for visitor in everybody:
        visitor.close()
    return Pair(unloaded, loaded, flooding.answers)


def figures(pair: Pair) -> list[Figure]:
    """Return the lines of a round."""
    watches = {LOADED: pair.loaded, UNLOADED: pair.unloaded}
    lines = []
    for name in WATCHED:
        for percent in (50, 99):
            values = {at: percentile(watch.latencies[name], percent) * 1000 for at, watch in watches.items()}
            lines.append(compared(f"{name}: p{percent} ms", values))
        lines.append(
            Figure(f"{name}: a second", {at: len(one.latencies[name]) / one.seconds for at, one in watches.items()})
        )
    shares = ("server", "flood", "others")
    return [
        *lines,
        *(Figure(f"cores used, {who}", {at: getattr(watch, who) for at, watch in watches.items()}) for who in shares),
        *(Figure(f"flood, {name}", {LOADED: count}) for name, count in sorted(pair.answers.items())),
    ]


@contextmanager
def _watching(target: Target, flooding: Flood | None = None) -> Iterator[Watch]:
    """Give a watch, and note at the end which process used how many cores."""

    def _used() -> tuple[float, ...]:
        ours, theirs = target.cpu_seconds(), cpu_seconds(flooding.pid) if flooding else 0.0
        return time.perf_counter(), ours, theirs, _busy_seconds() - ours - theirs - time.process_time()

    watch, before = Watch(), _used()
    yield watch
    watch.seconds, *used = (now - then for now, then in zip(_used(), before, strict=True))
    watch.server, watch.flood, watch.others = (max(0.0, one / watch.seconds) for one in used)


def _busy_seconds() -> float:
    """Return the processor time of the whole machine so far."""
    fields = Path("/proc/stat").read_text().splitlines()[0].split()[1:]
    return sum(int(fields[at]) for at in BUSY) / TICKS


def _latencies(visitors: dict[str, list[Visitor]], seconds: float) -> dict[str, list[float]]:
    """Return the latencies of all operations, measured at the same time."""
    taken: dict[str, list[float]] = {name: [] for name in visitors}
    end = time.perf_counter() + seconds

    def _work(name: str, visitor: Visitor) -> None:
        while (began := time.perf_counter()) < end or not taken[name]:
            WATCHED[name][0](visitor)
            taken[name].append(time.perf_counter() - began)
            time.sleep(PAUSE)

    run_together(_work, ((name, visitor) for name, every in visitors.items() for visitor in every))
    return taken
