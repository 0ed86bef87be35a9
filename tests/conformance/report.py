"""Name the module and the plan that a test stands for."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

NODE = re.compile(r"::test_(?P<module>\w+)\[(?P<plan>[a-z0-9-]+)\]$")

NOT_APPLICABLE: Mapping[str, Mapping[str, str]] = {
    "oidcc-dynamic-certification-test-plan": {
        "oidcc-discovery-endpoint-verification": "it demands the implicit flow, which is left out (RFC 9700 §2.1.2)",
        "oidcc-registration-logo-uri": "pages load no pictures from the addresses of apps",
        "oidcc-request-uri-unsigned": "request objects are signed",
    },
}
"""The modules of a plan that need what this provider does not have, and what that is."""


@dataclass(frozen=True)
class Result:
    """The outcome of a module in a plan: ``pass``, ``fail`` or ``skip``."""

    plan: str
    module: str
    outcome: str


def result_of(node: str, phase: str, outcome: str) -> Result | None:
    """Return the result that a phase of a test gives; None for another test, and for a set-up that succeeded."""
    found = NODE.search(node)
    if found is None or (phase != "call" and outcome == "passed"):
        return None
    words = {"passed": "pass", "failed": "fail", "skipped": "skip"}
    return Result(found["plan"], module_of(found["module"]), words[outcome])


def module_of(name: str) -> str:
    """Return the published name of a module. Two underscores stand for an underscore in it."""
    return "_".join(part.replace("_", "-") for part in name.split("__"))
