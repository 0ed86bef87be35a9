"""The figures that ``make bench`` prints follow from its measurements."""

from collections import Counter

import pytest

from tests.benchmarks import mixed
from tests.benchmarks.measure import Round, Series, percentile, ratio
from tests.benchmarks.report import Figure, compared, table


@pytest.mark.parametrize(("percent", "expected"), [(0, 1.0), (1, 1.0), (50, 50.0), (50.5, 51.0), (99, 99.0), (100, 100.0)])
def test_percentile_is_the_nearest_rank(percent: float, expected: float) -> None:
    """Latencies are real: every printed value was measured."""
    assert percentile([float(number) for number in range(100, 0, -1)], percent) == expected


def test_percentile_of_one_value_is_that_value() -> None:
    """A slow operation may happen once in a round."""
    assert percentile([7.0], 50) == percentile([7.0], 99) == 7.0


def test_cpu_is_per_operation_and_the_median_of_the_rounds() -> None:
    """One disturbed round does not change a figure."""
    series = Series([Round([0.1] * 10, cpu=0.02), Round([0.1] * 20, cpu=0.06), Round([0.1] * 10, cpu=9.0)])
    assert series.cpu_ms == pytest.approx(3.0)
    assert series.latency_ms(99) == pytest.approx(100)


def test_ratio_compares_rounds_that_ran_beside_each_other() -> None:
    """A machine that becomes three times slower during a run changes no ratio."""
    ours = Series([Round([0.0] * 10, cpu=slower * 0.02) for slower in (1, 2, 3)])
    theirs = Series([Round([0.0] * 10, cpu=slower * 0.01) for slower in (1, 2, 3)])
    assert ratio(ours, theirs) == pytest.approx(2.0)


def test_table_shows_the_first_server_beside_each_other() -> None:
    """Each other server has a column of ratios; a line without a comparison leaves it empty."""
    figures = [compared("memory: MiB", {"Sleutel": 120.0, "node": 80.0}), Figure("argon2: ms", {"Sleutel": 22.0})]
    head, memory, argon2 = table(figures).splitlines()
    assert head.split() == ["Sleutel", "node", "×", "node"]
    assert memory.split() == ["memory:", "MiB", "120", "80.0", "1.50"]
    assert argon2.split() == ["argon2:", "ms", "22.0"]
    assert table(figures, as_percent=True).splitlines()[1].endswith("+50 %")


def test_mixed_load_compares_the_flooded_server_with_itself() -> None:
    """The line of each operation has both figures and their ratio. The flood's answers are counted below."""
    quiet, flooded = ({name: [one] * 10 for name in mixed.WATCHED} for one in (0.002, 0.008))
    pair = mixed.Pair(
        mixed.Watch(quiet, 5.0, 0.5, 0.0, 0.1), mixed.Watch(flooded, 5.0, 1.5, 0.1, 0.3), Counter({"signed in": 60})
    )
    lines = {line.name: line for line in mixed.figures(pair)}
    assert lines["userinfo: p99 ms"].values == {"loaded": pytest.approx(8.0), "unloaded": pytest.approx(2.0)}
    assert lines["userinfo: p99 ms"].ratios == {"unloaded": pytest.approx(4.0)}
    assert lines["/livez: a second"].values == {"loaded": 2.0, "unloaded": 2.0}
    assert lines["flood, signed in"].values == {"loaded": 60}
    assert pair.others == pytest.approx(0.4), "the round with the least of it is shown"
