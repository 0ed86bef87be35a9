"""Functions and files are small, and names are plain."""

import ast
import re
from statistics import median

from tests.architecture.sources import ROOT, Module, each, lines_of, modules, place_of

LONGEST_FUNCTION, LONGEST_FILE, LONGEST_VIEW = 40, 300, 15
EMPTY_NAMES = re.compile(r"(^|_)(util|utils|helper|helpers|service|services|manager|managers|common|misc)(_|$)")
EMPTY_CLASSES = re.compile(r"(Util|Helper|Manager)s?$")
UNFINISHED = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|X" + r"XX|Not" + r"Implemented(Error)?)\b")
ROUTES = {"route", "get", "post", "put", "patch", "delete"}


def _idp() -> tuple[Module, ...]:
    return modules("idp")


def _web() -> tuple[Module, ...]:
    return modules("idp/web")


def _everything() -> tuple[Module, ...]:
    return modules("idp") + modules("tests")


@each(_everything, place_of)
def test_no_file_is_long_and_every_file_says_what_it_is(module: Module) -> None:
    """A file has at most 300 lines, and begins with a docstring."""
    assert ast.get_docstring(module.tree)
    assert module.length <= LONGEST_FILE


@each(_idp, place_of)
def test_no_function_is_long(module: Module) -> None:
    """A function has at most 40 lines without its docstring."""
    assert not {one.name: lines_of(one) for one in module.functions() if lines_of(one) > LONGEST_FUNCTION}


@each(_web, place_of)
def test_no_view_is_long(module: Module) -> None:
    """A view has at most 15 lines without its docstring: it reads HTTP and answers. Lower floors decide."""
    named = _mounted(module)
    views = [one for one in module.functions() if one.name in named or any(_is_route(mark) for mark in one.decorator_list)]
    assert not {one.name: lines_of(one) for one in views if lines_of(one) > LONGEST_VIEW}


def _is_route(mark: ast.expr) -> bool:
    return isinstance(mark, ast.Call) and isinstance(mark.func, ast.Attribute) and mark.func.attr in ROUTES


def _mounted(module: Module) -> set[str]:
    """Return the functions handed to ``add_url_rule``."""
    calls = [node for node in ast.walk(module.tree) if isinstance(node, ast.Call) and len(node.args) > 2]
    handed = [one.args[2] for one in calls if ast.unparse(one.func).endswith(".add_url_rule")]
    return {one.id for one in handed if isinstance(one, ast.Name)}


def test_the_median_function_is_small() -> None:
    """The tests above bound the longest functions. This one bounds the middle, from both sides."""
    lengths = [(one.end_lineno or 0) - one.lineno + 1 for module in _idp() for one in module.functions()]
    assert 5 <= median(lengths) <= 13


@each(_everything, place_of)
def test_files_and_classes_are_named_by_their_subject(module: Module) -> None:
    """A vague name collects unrelated code."""
    assert not EMPTY_NAMES.search(module.path.stem)
    assert not [
        node.name for node in ast.walk(module.tree) if isinstance(node, ast.ClassDef) and EMPTY_CLASSES.search(node.name)
    ]


def test_nothing_is_left_for_later() -> None:
    """A mark of unfinished work is unfinished work."""
    files = [path for top in ("idp", "tests", "migrations", "templates") for path in (ROOT / top).rglob("*")]
    texts = {
        path: path.read_text("utf-8") for path in files if path.suffix in (".py", ".html", ".mail", ".txt", ".js", ".css")
    }
    assert not [path.name for path, text in texts.items() if UNFINISHED.search(text)]


@each(_idp, place_of)
def test_transactions_are_committed_in_one_place(module: Module) -> None:
    """Only ``db.py``, its unit of work and commands call ``commit()``."""
    calls = [
        node
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "commit"
    ]
    assert module.name in ("idp.db", "idp.unit_of_work") or module.name.startswith("idp.cli") or not calls
