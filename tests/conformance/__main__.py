"""``make conformance``: run every module, and print pass or fail for each."""

import sys
from collections import defaultdict

import pytest

from tests.conformance.report import NOT_APPLICABLE, result_of


class Report:
    """Collect the result of each module, and print them by plan."""

    def __init__(self) -> None:
        self.plans: dict[str, dict[str, str]] = defaultdict(dict)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take the result of a phase of a test."""
        found = result_of(report.nodeid, report.when, report.outcome)
        if found is not None and self.plans[found.plan].get(found.module) != "fail":
            self.plans[found.plan][found.module] = found.outcome

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the modules."""
        for plan, modules in self.plans.items():
            terminalreporter.section(plan)
            for module, outcome in modules.items():
                terminalreporter.line(f"{outcome:5} {module}", green=outcome == "pass", red=outcome == "fail")
            for module, reason in NOT_APPLICABLE.get(plan, {}).items():
                terminalreporter.line(f"n/a   {module}, not applicable: {reason}")
        outcomes = [outcome for modules in self.plans.values() for outcome in modules.values()]
        terminalreporter.section(f"{outcomes.count('pass')} passed, {outcomes.count('fail')} failed")


if __name__ == "__main__":
    sys.exit(pytest.main(["-q", "-n0", "--no-summary", "tests/conformance", *sys.argv[1:]], plugins=[Report()]))
