"""Measure operations in short rounds, one server after the other, so that other work of the machine cancels out."""

import math
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from idp.crypto import Hasher
from idp.sections import Passwords
from tests.benchmarks.operations import Operation
from tests.benchmarks.target import PASSWORD, TICKS, Target
from tests.benchmarks.together import run_together
from tests.benchmarks.visitor import Visitor

ROUND_SECONDS = 0.75
WARM_UP_SECONDS = 0.4
HASHES = 5
PASSWORD_HASH = "argon2 alone"
sys.setswitchinterval(0.0005)  # an answer is noted as soon as it arrives, whatever other visitors do


@dataclass(frozen=True)
class Round:
    """Hold one round: the latencies of its operations, in seconds, and the server's processor time for all of them."""

    latencies: list[float]
    cpu: float

    @property
    def cpu_ms(self) -> float:
        """Return the processor time of one operation."""
        return self.cpu / len(self.latencies) * 1000


@dataclass
class Series:
    """Hold all rounds of one operation at one server."""

    rounds: list[Round] = field(default_factory=list)

    @property
    def cpu_ms(self) -> float:
        """Return the processor time of one operation: the median of the rounds."""
        return statistics.median(one.cpu_ms for one in self.rounds)

    def latency_ms(self, percent: float) -> float:
        """Return a percentile of all latencies."""
        return percentile([latency for one in self.rounds for latency in one.latencies], percent) * 1000


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the smallest value that at least ``percent`` of 100 values do not exceed (the nearest rank)."""
    ordered = sorted(values)
    return ordered[max(math.ceil(len(ordered) * percent / 100), 1) - 1]


def ratio(ours: Series, theirs: Series) -> float:
    """Return how many times theirs our processor time is: the median over pairs of rounds that ran one after the other."""
    return statistics.median(one.cpu_ms / other.cpu_ms for one, other in zip(ours.rounds, theirs.rounds, strict=True))


def one_round(target: Target, visitors: Sequence[Visitor], act: Callable[[Visitor], None], seconds: float) -> Round:
    """Let all visitors repeat ``act`` for so long. Raises the first error of any of them."""
    latencies: list[list[float]] = [[] for _ in visitors]
    before, end = target.cpu_seconds(), time.perf_counter() + seconds

    def _work(visitor: Visitor, taken: list[float]) -> None:
        while (began := time.perf_counter()) < end or not taken:
            act(visitor)
            taken.append(time.perf_counter() - began)

    run_together(_work, zip(visitors, latencies, strict=True))
    cpu = max(target.cpu_seconds() - before, 1 / TICKS)  # the system counts in ticks
    return Round([one for taken in latencies for one in taken], cpu)


def interleaved(
    operation: Operation, targets: Sequence[Target], visitors: Mapping[str, Sequence[Visitor]], seconds: float
) -> dict[str, Series]:
    """Measure an operation for so many seconds at each server, in turns. A sign-in has a bare hash beside it."""
    able = [target for target in targets if operation.is_possible(visitors[target.name][0])]
    series: dict[str, Series] = defaultdict(Series)
    count = max(1, round(seconds / ROUND_SECONDS))
    for target in able:  # first compile, cache and connect, which is not measured
        one_round(target, visitors[target.name][: operation.connections], operation.act, min(WARM_UP_SECONDS, seconds))
    for number in range(count):
        for target in able if number % 2 == 0 else reversed(able):
            here = visitors[target.name][: operation.connections]
            series[target.name].rounds.append(one_round(target, here, operation.act, seconds / count))
        if operation.act is Visitor.sign_in:
            series[PASSWORD_HASH].rounds.append(bare_hash())
    return series


def bare_hash() -> Round:
    """Return the cost of checking one password by itself, with the default parameters."""
    cost = Passwords()
    hasher = Hasher(memory_kib=cost.argon2_memory_kib, passes=cost.argon2_passes, slots=1, patience=1)
    phc = hasher.hash(PASSWORD)
    began = time.process_time()
    for _ in range(HASHES):
        hasher.verify(phc, PASSWORD)
    return Round([0.0] * HASHES, time.process_time() - began)
