"""One short round of ``make bench`` against Sleutel gets the expected answer to every operation."""

import os
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner

from idp.cli import main
from tests.benchmarks import chain, console, fill, measure, report
from tests.benchmarks.operations import OPERATIONS
from tests.benchmarks.peers.sleutel import provision
from tests.benchmarks.target import Target
from tests.benchmarks.visitor import Visitor, WrongAnswer
from tests.conftest import Live
from tests.drivers.crowd import write_config

SECONDS = 0.05


@pytest.fixture
def target(live: Live, tmp_path: Path) -> Target:
    """Serve the application in this process, provisioned like a measured server."""
    config = write_config(live.settings, tmp_path)
    done = CliRunner().invoke(main, ["apply", "--config", str(config), str(provision(tmp_path))])
    assert done.exit_code == 0, done.output
    return Target("Sleutel", urlsplit(live.settings.issuer).port or 0, os.getpid())


def test_every_operation_is_measured(target: Target) -> None:
    """A figure is printed for each operation, with latencies, processor time and memory."""
    visitors = [Visitor(target, number) for number in range(2)]
    for visitor in visitors:
        visitor.sign_in()
    able = [operation for operation in OPERATIONS if operation.is_possible(visitors[0])]
    figures = []
    for operation in able:
        series = measure.interleaved(operation, [target], {target.name: visitors}, SECONDS)
        assert series[target.name].latency_ms(99) > 0
        figures += report.of_series(operation, series)
    printed = report.table([*figures, *report.of_targets([target])])
    assert all(f"{operation.name}, {operation.connections} connections: CPU ms" in printed for operation in able)
    assert "memory loaded: MiB" in printed
    for visitor in visitors:
        visitor.close()


def test_a_wrong_answer_ends_the_run(target: Target) -> None:
    """An operation that fails is not a fast one: an invalid access token must not be measured."""
    visitor = Visitor(target, 0)
    visitor.access_token = "nobody-gave-this-out"
    with pytest.raises(WrongAnswer):
        measure.one_round(target, [visitor], Visitor.userinfo, SECONDS)
    visitor.close()


def test_a_wrong_password_is_refused(target: Target) -> None:
    """The flood of ``--mixed`` has sign-ins that fail. They get no code, and the run goes on after their refusal."""
    visitor = Visitor(target, 0)
    visitor.sign_in_wrongly()
    assert not visitor.access_token
    visitor.close()


def test_every_list_of_the_console_is_measured(target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``--console`` asks each list with its searches, filters, orders and pages, and all of them answer."""
    for name in ("SHOPS", "GROUPS", "ORGANISATIONS", "APPS"):
        monkeypatch.setattr(chain, name, 60)
    config = tmp_path / "crowd.toml"
    fill.fill(config, 60)
    console.prepare(config)
    longest = [figure.values["longest ms"] for figure in console.run(target, 0)]
    assert longest == sorted(longest, reverse=True)
    assert longest[-1] > 0
