"""``make bench``: Sleutel beside node oidc-provider, as ratios of processor time per operation, in one run.

Only the ratios compare with those of another run: absolute figures depend on the machine and on its other work.
"""

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from tests.benchmarks import console, fill, measure, mixed, report
from tests.benchmarks.operations import MOST_CONNECTIONS, OPERATIONS, Operation
from tests.benchmarks.peers import node, sleutel
from tests.benchmarks.report import Figure
from tests.benchmarks.target import PEOPLE, Target
from tests.benchmarks.visitor import Visitor
from tests.drivers import postgres

ALGORITHMS = ("RS256", "ES256")
DURABLE = dict.fromkeys(postgres.OFF, "on")


class Start(Protocol):
    """Start Sleutel with so many server processes (0: the default number) and so many people."""

    def __call__(self, name: str, workers: int = 0, users: int = PEOPLE) -> AbstractContextManager[Target]: ...


@dataclass(frozen=True)
class Arguments:
    """Hold the arguments of the command line."""

    postgresql: bool
    users: int
    mixed: bool
    console: bool
    only: str
    seconds: float
    json: Path | None

    @property
    def operations(self) -> list[Operation]:
        """Return the operations that are measured."""
        return [operation for operation in OPERATIONS if self.only.lower() in operation.name.lower()]


def main() -> None:
    """Start the servers, measure, and print the figures."""
    asked = _arguments()
    versions = report.machine()
    with tempfile.TemporaryDirectory(prefix="sleutel-bench-") as place, ExitStack() as stack:
        start = _starter(asked, Path(place), stack)
        print("; ".join(f"{name} {value}" for name, value in versions.items()), flush=True)
        if asked.mixed:
            figures = mixed.run(lambda number: start(f"Sleutel {number}", users=asked.users), asked.seconds)
        elif asked.console:
            figures = console.run(stack.enter_context(start("Sleutel", users=asked.users)))
        else:
            figures = compare(_started(asked, Path(place), stack, start), asked.operations, asked.seconds)
    print(report.table(figures, as_percent=asked.users > PEOPLE and not asked.mixed))
    if asked.mixed:
        print(mixed.HOW)
    if asked.postgresql and not asked.mixed and not asked.console:
        print("Sleutel runs as one process. Linear growth in processor time is × 1.00 beside two and three processes.")
    if asked.json:
        report.write_json(asked.json, figures, versions)


def compare(targets: Sequence[Target], operations: Sequence[Operation], seconds: float) -> list[Figure]:
    """Measure every operation at every server. Each line compares the first server with the others."""
    figures: list[Figure] = []
    with _signed_in(targets) as visitors:
        for operation in operations:
            series = measure.interleaved(operation, targets, visitors, seconds)
            if targets[0].name not in series:
                print(f"{operation.name}: left out, {targets[0].name} does not have it")
                continue
            figures += report.of_series(operation, series)
        return [*figures, *report.of_targets(targets)]


@contextmanager
def _signed_in(targets: Sequence[Target]) -> Iterator[dict[str, list[Visitor]]]:
    """Open all connections and sign everybody in, so that a round finds sessions, tokens and a warm server."""
    visitors = {target.name: [Visitor(target, number) for number in range(MOST_CONNECTIONS)] for target in targets}
    everybody = [visitor for here in visitors.values() for visitor in here]
    for visitor in everybody:
        visitor.sign_in()
        visitor.silent()
    try:
        yield visitors
    finally:
        for visitor in everybody:
            visitor.close()


def _starter(asked: Arguments, folder: Path, stack: ExitStack) -> Start:
    """Start the database that is asked for. Returns what starts Sleutel on a database of its own."""
    server = stack.enter_context(postgres.running(_binaries(), postgres.OPTIONS | DURABLE)) if asked.postgresql else None

    def _start(name: str, workers: int = 0, users: int = PEOPLE) -> AbstractContextManager[Target]:
        database = server.url(server.create()) if server else ""
        at = folder / name.replace(" ", "-")
        filling = partial(_fill, users - PEOPLE, is_chain=asked.console) if users > PEOPLE or asked.console else None
        return sleutel.running(name, at, database=database, workers=workers, fill=filling, is_behind_proxy=asked.mixed)

    return _start


def _fill(count: int, file: Path, *, is_chain: bool) -> None:
    """Add so many people, and what the console's lists show beside them."""
    fill.fill(file, count)
    if is_chain:
        console.prepare(file)


def _started(asked: Arguments, folder: Path, stack: ExitStack, start: Start) -> list[Target]:
    """Start the servers to compare. The others are compared with the first one."""
    if asked.users > PEOPLE:
        servers = [start(f"{asked.users:,} users", users=asked.users), start(f"{PEOPLE} users")]
    else:
        peers = [node.running(f"node {name}", folder / name, name) for name in ALGORITHMS]
        more = [start(f"{count} processes", workers=count) for count in (2, 3)] if asked.postgresql else []
        servers = [start("Sleutel", workers=1 if asked.postgresql else 0), *peers, *more]
    return [stack.enter_context(server) for server in servers]


def _binaries() -> Path:
    found = postgres.find_binaries()
    if found is None:
        raise SystemExit(f"PostgreSQL is not here: {postgres.HOW}")
    return found


def _arguments() -> Arguments:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument(
        "--users", type=int, default=PEOPLE, help=f"compare a database of so many people with one of {PEOPLE}"
    )
    parser.add_argument("--mixed", action="store_true", help="a flood of sign-ins beside refreshes and silent SSO")
    parser.add_argument("--console", action="store_true", help="the time until each list of the console answers")
    parser.add_argument("--only", default="", metavar="NAME", help="operations whose name contains this")
    parser.add_argument("--seconds", type=float, default=4.0, help="for each operation at each server")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    given = parser.parse_args()
    return Arguments(
        given.database == "postgresql",
        given.users,
        given.mixed,
        given.console,
        given.only,
        given.seconds,
        given.json,
    )


if __name__ == "__main__":
    main()
