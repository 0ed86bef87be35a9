"""Pages keep their rules: one dataclass, nothing inline, every word translated, every form guarded, and a small size."""

import gzip
import importlib
import re
import sys
from collections.abc import Iterator
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from babel.messages.frontend import CommandLineInterface
from babel.messages.pofile import read_po
from jinja2 import Environment, FileSystemLoader, nodes
from jinja2.meta import find_undeclared_variables

from idp.web.language import number
from idp.web.line_ends import joined, parted
from idp.web.times import day, hour, moment, place, weekday
from tests.architecture.sources import ROOT, each

TEMPLATES = ROOT / "templates"
STATIC = ROOT / "idp" / "web" / "static"
GLOBALS = {"_", "ngettext", "url_for", "csrf_token", "locale", "say", "brand", "qr", "worn", "must_wait", "unsaved"}
GLOBALS |= {"languages", "this_page", "seen_before"}
FROM_PAGES = {"page", "here"}
"""The values that a layout gets: the page, and its entry of the menu."""
ENVIRONMENT = Environment(loader=FileSystemLoader(TEMPLATES), extensions=["jinja2.ext.i18n"], autoescape=True)
ENVIRONMENT.filters.update(day=day, hour=hour, weekday=weekday, moment=moment, number=number, place=place)
ENVIRONMENT.filters.update(joined=joined, parted=parted)
FIRST_LINE = re.compile(r"\{# page: (idp(?:\.\w+)+)\.(\w+) #\}")
INLINE = re.compile(
    r"<style|\sstyle\s*=|\son\w+\s*=|<script(?![^>]*\ssrc=)|javascript:|\|\s*safe\b|autoescape", re.IGNORECASE
)
ELSEWHERE = re.compile(r"""<(?:script|link|img)\b[^>]*\b(?:src|href)\s*=\s*["'](?!\{\{)""", re.IGNORECASE)
TAG = re.compile(r"<[^>]*>", re.DOTALL)
OWN_NAMES = {"Google Authenticator", "Microsoft Authenticator", "2FAS", "Aegis", "1Password", "Bitwarden", "PKCE"}


def _all() -> list[Path]:
    return sorted(path for path in TEMPLATES.rglob("*.html") if path.parent.name != "mail")


def _pages() -> list[Path]:
    return [path for path in _all() if path.parent.name != "layout"]


def _layouts() -> list[Path]:
    return [path for path in _all() if path.parent.name == "layout"]


def _name(path: Path) -> str:
    return path.relative_to(TEMPLATES).as_posix()


def _tree(path: Path) -> nodes.Template:
    return ENVIRONMENT.parse(path.read_text("utf-8"))


def _foreign(tree: nodes.Template) -> set[str]:
    """Return the names that a template reads and does not define (blocks do not see the imports and macros above them)."""
    made = {macro.name for macro in tree.find_all(nodes.Macro)}
    made |= {assign.target.name for assign in tree.find_all(nodes.Assign) if isinstance(assign.target, nodes.Name)}
    for imported in tree.find_all(nodes.FromImport):
        made |= {name if isinstance(name, str) else name[1] for name in imported.names}
    return find_undeclared_variables(tree) - made


def _page_class(path: Path) -> type:
    found = FIRST_LINE.match(path.read_text("utf-8"))
    assert found, f"{_name(path)} does not name its page in the first line"
    return getattr(importlib.import_module(found[1]), found[2])  # type: ignore[no-any-return] # found by its name


def _attributes(owner: Any) -> dict[str, Any]:
    """Return the type of each field and property."""
    hints = get_type_hints(owner)
    properties = {name: Any for name in dir(owner) if isinstance(getattr(owner, name), property)}
    return {**properties, **hints}


def _type_of(expression: nodes.Expr, names: dict[str, Any]) -> Any:
    """Return the type of a chain such as ``page.frame.errors``, or None if it is no chain. Raises if a link is missing."""
    if isinstance(expression, nodes.Name):
        return names.get(expression.name)
    if not isinstance(expression, nodes.Getattr):
        return None
    owner = _type_of(expression.node, names)
    if not isinstance(owner, type) or not hasattr(owner, "__dataclass_fields__"):
        return None
    known = _attributes(owner)
    assert expression.attr in known, f"{owner.__name__} has no {expression.attr}"
    return known[expression.attr]


@each(_pages, _name)
def test_a_template_reads_its_one_dataclass_and_the_usual_globals(path: Path) -> None:
    """House rule 5: the first line names the dataclass, and it has every field that is read."""
    tree, names = _tree(path), {"page": _page_class(path)}
    assert _foreign(tree) <= GLOBALS | {"page"}
    for loop in tree.find_all(nodes.For):
        listed = get_args(_type_of(loop.iter, names))
        if listed and isinstance(loop.target, nodes.Name):
            names[loop.target.name] = listed[0]
    for expression in tree.find_all(nodes.Getattr):
        _type_of(expression, names)


def _reached(found: Any, seen: set[Any]) -> set[Any]:
    """Return the types that a field leads to: its own parts, and the fields of dataclasses among them."""
    if found in seen:
        return seen
    seen.add(found)
    for part in get_args(found):
        _reached(part, seen)
    if isinstance(found, type) and is_dataclass(found):
        for one in get_type_hints(found).values():
            _reached(one, seen)
    return seen


@each(_pages, _name)
def test_a_page_holds_values_and_no_row(path: Path) -> None:
    """House rule 5: no ``{{ }}`` can reach ``password_hash``, and a page does not change while it is written."""
    reached = _reached(_page_class(path), set())
    rows = {one.__name__ for one in reached if isinstance(one, type) and one.__module__.startswith("idp.store")}
    assert rows == set()


@each(_layouts, _name)
def test_a_layout_reads_the_page_and_the_usual_globals(path: Path) -> None:
    """House rule 5, for the templates that pages extend and import."""
    assert path.read_text("utf-8").startswith("{# ")
    assert _foreign(_tree(path)) <= GLOBALS | FROM_PAGES | {"kwargs"}


@each(_all, _name)
def test_nothing_is_inline_or_from_elsewhere(path: Path) -> None:
    """ASVS V3.4.3: the CSP allows no inline style or script and no other host. All output is escaped (V1.2.1)."""
    text = path.read_text("utf-8")
    assert not INLINE.findall(text)
    assert not ELSEWHERE.findall(text)


def _words(tree: nodes.Template) -> Iterator[str]:
    """Return the text between tags, outside translated expressions. An expression counts as its place within a tag."""
    text = "".join(
        part.data if isinstance(part, nodes.TemplateData) else "\0"
        for output in tree.find_all(nodes.Output)
        for part in output.nodes
    )
    for piece in TAG.split(text):
        yield from (word.strip(" \n\0·,()+.") for word in piece.split("\0"))


@each(_pages, _name)
def test_every_word_goes_through_the_catalogue(path: Path) -> None:
    """S62: a page has no untranslated sentence. Names of products are the same in every language."""
    bare = [word for word in _words(_tree(path)) if re.search(r"[^\W\d_]{2}", word)]
    assert set(bare) <= OWN_NAMES


@each(_all, _name)
def test_every_form_that_comes_back_carries_a_csrf_token(path: Path) -> None:
    """ASVS V3.5.1: all forms except the one posted to the relying app."""
    text = path.read_text("utf-8")
    for form in re.findall(r"<form\b.*?(?:</form>|\{%- endmacro)", text, re.DOTALL):
        if 'method="get"' in form:
            assert "csrf" not in form, "a search would carry the token into histories and logs"
            continue
        assert 'method="post"' in form
        assert "csrf()" in form or _name(path) == "oauth/form_post.html"


def test_a_sign_in_page_fits_in_the_first_round_trip() -> None:
    """A sign-in page is quick on an old tablet: style and script together are under 8 kB compressed."""
    weight = sum(len(gzip.compress((STATIC / name).read_bytes())) for name in ("css/theme.css", "js/enhance.js"))
    assert weight < 8_000


def test_every_sentence_of_the_pages_is_in_the_dutch_catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """S62: every sentence of code and templates is translated. `make messages` updates the catalogue."""
    monkeypatch.chdir(ROOT)
    made = tmp_path / "messages.pot"
    recipe = (ROOT / "Makefile").read_text("utf-8")
    keywords = re.findall(r"-k (\S+)", next(line for line in recipe.splitlines() if "messages.pot" in line))
    folders = sorted({f"templates/{path.parent.name}" for path in _all()})
    words = [part for keyword in keywords for part in ("-k", keyword)]
    monkeypatch.setattr(sys, "argv", ["pybabel"])
    CommandLineInterface().run(
        ["pybabel", "-q", "extract", "-F", "pyproject.toml", *words, "-o", str(made), "idp", *folders]
    )
    with made.open("rb") as asked, (ROOT / "idp/translations/nl/LC_MESSAGES/messages.po").open("rb") as kept:
        dutch = read_po(kept)
        missing = [message.id for message in read_po(asked) if message.id and message.id not in dutch]
    assert missing == []
