"""Flood a server with right and wrong sign-ins until the standard input ends. Prints how they were answered, as JSON.

It is a program of its own: in one interpreter with the visitors whose latency is measured, it would delay them itself.
"""

import argparse
import json
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.benchmarks.target import Target
from tests.benchmarks.together import run_together
from tests.benchmarks.visitor import Visitor, WrongAnswer

CONNECTIONS = 24
NICE = 10
"""A real flood is made by other machines. This one must not take a core from the server or from the measured visitors."""
MINE = [sys.executable, "-m", "tests.benchmarks.flood"]


@dataclass
class Flood:
    """Hold the process of a flood, and at its end how it was answered."""

    pid: int
    answers: Counter[str] = field(default_factory=Counter)


@contextmanager
def running(target: Target, first: int) -> Iterator[Flood]:
    """Flood the server during this context. ``first``: the number of the first person who signs in."""
    command = [*MINE, str(target.port), str(first)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        flood = Flood(process.pid)
        yield flood
        printed, _ = process.communicate()
    if process.returncode != 0:
        raise SystemExit("the flood ended with an error")
    flood.answers = Counter(json.loads(printed))


def sign_in_until(is_over: threading.Event, target: Target, first: int) -> Counter[str]:
    """Sign in without a pause, every second visitor with a wrong password. Any other answer than expected must be a 503."""
    answers: Counter[str] = Counter()

    def _work(number: int) -> None:
        try:
            visitor = Visitor(target, first + number)
            while not is_over.is_set():
                answers[_try(visitor, is_right=number % 2 == 0)] += 1
        except Exception:
            is_over.set()
            raise

    run_together(_work, ((number,) for number in range(CONNECTIONS)))
    return answers


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


def main() -> None:
    """Flood until the standard input ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("first", type=int)
    given = parser.parse_args()
    os.nice(NICE)
    is_over = threading.Event()

    def _listen() -> None:
        sys.stdin.read()
        is_over.set()

    threading.Thread(target=_listen, daemon=True).start()
    print(json.dumps(sign_in_until(is_over, Target("flooded", given.port, 0), given.first)))


if __name__ == "__main__":
    main()
