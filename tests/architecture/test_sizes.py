"""Small functions, small files, plain names."""

import ast
import re
from statistics import median

import pytest

from tests.architecture.sources import ROOT, Module, lines_of, modules

LONGEST_FUNCTION, LONGEST_FILE, LONGEST_VIEW = 40, 300, 15
EMPTY_NAMES = re.compile(r"(^|_)(util|utils|helper|helpers|service|services|manager|managers|common|misc)(_|$)")
EMPTY_CLASSES = re.compile(r"(Util|Helper|Manager)s?$")
UNFINISHED = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|X" + r"XX|Not" + r"Implemented(Error)?)\b")
ROUTES = {"route", "get", "post", "put", "patch", "delete"}
IDP = modules("idp")
EVERYTHING = IDP + modules("tests")


def _idp_id(module: Module) -> str:
    return module.place


@pytest.mark.parametrize("module", EVERYTHING, ids=_idp_id)
def test_no_file_is_long_and_every_file_says_what_it_is(module: Module) -> None:
    """At most 300 lines, and a docstring on top."""
    assert ast.get_docstring(module.tree)
    assert module.length <= LONGEST_FILE


@pytest.mark.parametrize("module", IDP, ids=_idp_id)
def test_no_function_is_long(module: Module) -> None:
    """At most 40 lines, the docstring apart."""
    assert not {one.name: lines_of(one) for one in module.functions() if lines_of(one) > LONGEST_FUNCTION}


@pytest.mark.parametrize("module", modules("idp/web"), ids=_idp_id)
def test_no_view_is_long(module: Module) -> None:
    """HTTP in, HTTP out: at most 15 lines, the docstring apart; what a view would decide is decided below."""
    named = _mounted(module)
    views = [one for one in module.functions() if one.name in named or any(_is_route(mark) for mark in one.decorator_list)]
    assert not {one.name: lines_of(one) for one in views if lines_of(one) > LONGEST_VIEW}


def _is_route(mark: ast.expr) -> bool:
    return isinstance(mark, ast.Call) and isinstance(mark.func, ast.Attribute) and mark.func.attr in ROUTES


def _mounted(module: Module) -> set[str]:
    """Functions handed to ``add_url_rule``."""
    calls = [node for node in ast.walk(module.tree) if isinstance(node, ast.Call) and len(node.args) > 2]
    handed = [one.args[2] for one in calls if ast.unparse(one.func).endswith(".add_url_rule")]
    return {one.id for one in handed if isinstance(one, ast.Name)}


def test_the_median_function_is_small() -> None:
    """The tail is bounded above; this keeps the middle, and keeps it from being chopped to bits."""
    lengths = [(one.end_lineno or 0) - one.lineno + 1 for module in IDP for one in module.functions()]
    assert 5 <= median(lengths) <= 13


@pytest.mark.parametrize("module", EVERYTHING, ids=_idp_id)
def test_files_and_classes_are_named_by_their_subject(module: Module) -> None:
    """A name that says nothing gathers everything."""
    assert not EMPTY_NAMES.search(module.path.stem)
    assert not [
        node.name for node in ast.walk(module.tree) if isinstance(node, ast.ClassDef) and EMPTY_CLASSES.search(node.name)
    ]


def test_nothing_is_left_for_later() -> None:
    """Marks of unfinished work are work."""
    files = [path for top in ("idp", "tests", "migrations", "templates") for path in (ROOT / top).rglob("*")]
    texts = {
        path: path.read_text("utf-8") for path in files if path.suffix in (".py", ".html", ".mail", ".txt", ".js", ".css")
    }
    assert not [path.name for path, text in texts.items() if UNFINISHED.search(text)]


@pytest.mark.parametrize("module", IDP, ids=_idp_id)
def test_transactions_are_committed_in_one_place(module: Module) -> None:
    """``commit()`` stands in ``db.py`` and in commands only."""
    calls = [
        node
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "commit"
    ]
    assert module.name == "idp.db" or module.name.startswith("idp.cli") or not calls
