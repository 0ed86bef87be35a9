"""Every behaviour that the product promises is named by the test that proves it, so that a search for the row finds the
test.
"""

import ast
import re
from functools import cache

from tests.architecture.sources import ROOT, modules

ROW = re.compile(r"^\| (S\d+) \|", re.MULTILINE)


@cache
def _rows() -> list[str]:
    """Return the rows of the behaviours that people must see, in their order."""
    return ROW.findall((ROOT / "tests/behaviours.md").read_text())


@cache
def _named() -> set[str]:
    """Return the rows that the name or docstring of a test cites."""
    tests = [one for module in modules("tests") for one in module.functions() if one.name.startswith("test_")]
    words = " ".join(f"{one.name} {ast.get_docstring(one) or ''}" for one in tests)
    return set(re.findall(r"\bS\d{1,2}\b", words.replace("_", " ")))


def test_every_row_is_named_by_a_test() -> None:
    """A test cites the row in its name or docstring. Rows are numbered without a gap."""
    assert _rows() == [f"S{number}" for number in range(1, len(_rows()) + 1)]
    assert not set(_rows()) - _named()


def test_every_test_says_what_it_proves() -> None:
    """The name of a test is a sentence. Its docstring gives the row, the requirement or the reason."""
    tests = [(module, one) for module in modules("tests") for one in module.functions() if one.name.startswith("test_")]
    assert not [f"{module.place}: {one.name}" for module, one in tests if not ast.get_docstring(one)]
    named = [(module, one) for module, one in tests if not module.name.startswith("tests.conformance")]  # by the suite
    assert not [f"{module.place}: {one.name}" for module, one in named if one.name.count("_") < 3]


def test_no_test_imports_another_test() -> None:
    """Code that tests share is in ``tests/drivers`` or ``tests/factories``, where readers look for it."""
    found = [(module.place, name) for module in modules("tests") for name in module.imports()]
    assert not [f"{place} imports {name}" for place, name in found if re.search(r"^tests\..*\btest_\w+", name)]
