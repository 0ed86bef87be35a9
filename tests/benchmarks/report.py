"""Report the figures of a run as a table for people and as JSON for programs."""

import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path

from tests.benchmarks.measure import Series, ratio
from tests.benchmarks.operations import Operation
from tests.benchmarks.peers import node
from tests.benchmarks.target import Target


@dataclass(frozen=True)
class Figure:
    """Hold one line: a value for each server, and the ratio of the first server's value to each other."""

    name: str
    values: Mapping[str, float]
    ratios: Mapping[str, float] = field(default_factory=dict)


def of_series(operation: Operation, series: Mapping[str, Series]) -> list[Figure]:
    """Return the lines of one operation. The first server is compared with the others."""
    first, *others = series
    name = f"{operation.name}, {operation.connections} connections"
    cpu = {server: one.cpu_ms for server, one in series.items()}
    figures = [Figure(f"{name}: CPU ms", cpu, {other: ratio(series[first], series[other]) for other in others})]
    if operation.shows_latency:
        for percent in (50, 99):
            latencies = {server: one.latency_ms(percent) for server, one in series.items()}
            figures.append(compared(f"{name}: p{percent} ms", latencies))
    return figures


def compared(name: str, values: Mapping[str, float]) -> Figure:
    """Return a line with the ratios of the first server's value to each other."""
    first, *others = values
    return Figure(name, values, {other: values[first] / values[other] for other in others if values[other]})


def of_targets(targets: Sequence[Target]) -> list[Figure]:
    """Return the lines about memory and start."""
    return [
        compared("memory idle: MiB", {target.name: target.idle_mib for target in targets}),
        compared("memory loaded: MiB", {target.name: target.memory_mib() for target in targets}),
        compared("first answer after start: s", {target.name: target.start_seconds for target in targets}),
    ]


def machine() -> dict[str, str]:
    """Return the versions and the machine of the measurement."""
    return {
        "cpu": f"{_model()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start",
        "python": platform.python_version(),
        "sleutel": version("sleutel"),
        "node": _output("node", "--version").removeprefix("v"),
        "node oidc-provider": node.version(),
    }


def table(figures: Sequence[Figure], *, as_percent: bool = False) -> str:
    """Return all figures as one table, aligned, with a column of ratios for each other server."""
    servers = list(dict.fromkeys(server for figure in figures for server in figure.values))
    others = [server for server in servers if any(server in figure.ratios for figure in figures)]
    head = ["", *servers, *(f"{'% to' if as_percent else '×'} {server}" for server in others)]
    lines = [head]
    for figure in figures:
        values = [_number(figure.values.get(server)) for server in servers]
        ratios = [figure.ratios.get(server) for server in others]
        lines.append([figure.name, *values, *(_ratio(one, as_percent=as_percent) for one in ratios)])
    widths = [max(len(line[at]) for line in lines) for at in range(len(head))]
    return "\n".join("  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])]) for line in lines)


def write_json(file: Path, figures: Sequence[Figure], versions: Mapping[str, str]) -> None:
    """Write the figures with the versions and the machine."""
    file.write_text(json.dumps({"machine": versions, "figures": [asdict(figure) for figure in figures]}, indent=2) + "\n")


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.3f}"


def _ratio(value: float | None, *, as_percent: bool) -> str:
    if value is None:
        return ""
    return f"{(value - 1) * 100:+.0f} %" if as_percent else f"{value:.2f}"


def _model() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())


def _output(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    except FileNotFoundError:
        return "not here"
