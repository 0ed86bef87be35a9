"""Measure refreshes, silent sign-ons and ``/livez`` with and without a flood of sign-ins."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.benchmarks.measure import percentile
from tests.benchmarks.report import Figure
from tests.benchmarks.target import Target
from tests.benchmarks.visitor import Visitor, WrongAnswer

FLOOD = 24
MACHINES = 4
UNLOADED, LOADED = "unloaded", "loaded"
WATCHED: dict[str, tuple[Callable[[Visitor], None], int]] = {
    "refresh": (Visitor.refresh, MACHINES),
    "silent SSO": (Visitor.silent, MACHINES),
    "/livez": (Visitor.live, 1),
}
PAUSE = 0.02
"""Seconds between two requests of one visitor: unloaded, the machine endpoints are not at their limit."""


def run(target: Target, seconds: float) -> list[Figure]:
    """Measure twice, and report how the flood was answered."""
    visitors = {name: [Visitor(target, number) for number in range(count)] for name, (_, count) in WATCHED.items()}
    for visitor in (visitor for every in visitors.values() for visitor in every):
        visitor.sign_in()
    unloaded = _watch(visitors, seconds)
    answers: Counter[str] = Counter()
    with _flood(target, answers):
        time.sleep(min(1.0, seconds))
        loaded = _watch(visitors, seconds)
    figures = []
    for name in WATCHED:
        for percent in (50, 99):
            values = {LOADED: percentile(loaded[name], percent) * 1000, UNLOADED: percentile(unloaded[name], percent) * 1000}
            figures.append(Figure(f"{name}: p{percent} ms", values, {UNLOADED: values[LOADED] / values[UNLOADED]}))
        figures.append(
            Figure(f"{name}: a second", {LOADED: len(loaded[name]) / seconds, UNLOADED: len(unloaded[name]) / seconds})
        )
    return [*figures, *(Figure(f"flood, {name}", {LOADED: count}) for name, count in sorted(answers.items()))]


def _watch(visitors: dict[str, list[Visitor]], seconds: float) -> dict[str, list[float]]:
    """Return the latencies of all operations, measured at the same time."""
    taken: dict[str, list[float]] = {name: [] for name in visitors}
    errors: list[Exception] = []
    end = time.perf_counter() + seconds

    def _work(name: str, visitor: Visitor) -> None:
        try:
            while (began := time.perf_counter()) < end:
                WATCHED[name][0](visitor)
                taken[name].append(time.perf_counter() - began)
                time.sleep(PAUSE)
        except Exception as error:  # noqa: BLE001 — raised below, by the thread that can end the run
            errors.append(error)

    threads = [threading.Thread(target=_work, args=(name, visitor)) for name, every in visitors.items() for visitor in every]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return taken


@contextmanager
def _flood(target: Target, answers: Counter[str]) -> Iterator[None]:
    """Sign in without a pause, every second visitor with a wrong password. Any other answer than expected must be a 503."""
    is_over = threading.Event()
    errors: list[Exception] = []

    def _work(number: int) -> None:
        visitor = Visitor(target, MACHINES + number)
        try:
            while not is_over.is_set():
                answers[_try(visitor, is_right=number % 2 == 0)] += 1
        except Exception as error:  # noqa: BLE001 — raised below, by the thread that can end the run
            errors.append(error)

    threads = [threading.Thread(target=_work, args=(number,)) for number in range(FLOOD)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        is_over.set()
        for thread in threads:
            thread.join()
    if errors:
        raise errors[0]


def _try(visitor: Visitor, *, is_right: bool) -> str:
    try:
        if is_right:
            visitor.sign_in()
            return "signed in"
        visitor.sign_in_wrongly()
    except WrongAnswer as error:
        if error.status != 503:
            raise
        return "told to wait (503)"
    return "refused a wrong password"
