"""Catalogues are complete, compiled, and equal to the messages of the sources (S62)."""

import re
from io import BytesIO
from itertools import product
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import read_mo, write_mo
from babel.messages.pofile import read_po

from idp.languages import LANGUAGES, SOURCE, named
from tests.architecture.sources import ROOT

CATALOGUES = sorted((ROOT / "idp" / "translations").rglob("*.po"))
QUOTED = re.compile("“([^”%]+)”")
PLACES = re.compile(r"%\((\w+)\)[sd]")


def _read(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file)


@pytest.fixture(params=CATALOGUES, ids=lambda path: f"{path.parts[-3]}-{path.stem}")
def path(request: pytest.FixtureRequest) -> Path:
    """Give the path of each catalogue."""
    found: Path = request.param
    return found


def test_each_language_has_a_catalogue_for_the_pages_and_one_for_the_mails() -> None:
    """S62: a language is a folder with both, and a tag in ``Language``. The templates are the English one."""
    translated = {language for language in LANGUAGES if language != SOURCE}
    assert {(path.parts[-3], path.stem) for path in CATALOGUES} == {*product(translated, ("messages", "mail"))}


def test_every_language_has_the_same_messages() -> None:
    """`make messages` was run after the last change of a text, for all languages."""
    asked = {path: {(one.id, one.context) for one in _read(path) if one.id} for path in CATALOGUES}
    assert all(found == asked[ROOT / f"idp/translations/nl/LC_MESSAGES/{path.name}"] for path, found in asked.items())


def test_nothing_else_lists_languages() -> None:
    """Forms, switches, settings and commands show ``LANGUAGES``: a language is added in one place."""
    tag, name = ("|".join(words) for words in zip(*named(), strict=True))
    pairs = re.compile(rf"""(["'])({tag})\1\s*[,:]\s*(["'])({tag}|{name})\3|(["'])({name})\5""")
    places = [*(ROOT / "templates").rglob("*.*"), *(ROOT / "idp").rglob("*.py")]
    listed = {path.relative_to(ROOT).as_posix() for path in places if pairs.search(path.read_text("utf-8"))}
    assert listed == {"idp/languages.py"}


def test_languages_are_named_in_themselves() -> None:
    """A reader finds their own language in a list, whatever the page's."""
    assert dict(named())["nl"] == "Nederlands"
    assert all(name[0].isupper() for _, name in named())


def test_every_message_is_translated_and_keeps_its_places(path: Path) -> None:
    """S62: no translation is empty or fuzzy, and each has the same placeholders as its message."""
    for message in _read(path):
        if not message.id:
            continue
        sentences = message.id if isinstance(message.id, list | tuple) else (message.id,)
        forms = message.string if isinstance(message.string, list | tuple) else (message.string,)
        assert all(forms), message.id
        assert not message.fuzzy, message.id
        wanted = set(PLACES.findall(sentences[-1]))
        assert all(set(PLACES.findall(one)) == wanted for one in forms), message.id


def test_the_compiled_catalogue_is_the_written_one(path: Path) -> None:
    """`make messages` was run, so the wheel contains the present translations."""
    made = BytesIO()
    write_mo(made, _read(path))
    made.seek(0)
    with path.with_suffix(".mo").open("rb") as file:
        kept, fresh = read_mo(file), read_mo(made)
    assert [(one.id, one.string) for one in kept if one.id] == [(one.id, one.string) for one in fresh if one.id]


def test_a_sentence_calls_a_control_by_its_name(path: Path) -> None:
    """Where a text quotes a button or a heading, its translation quotes the translation of that."""
    pages = {str(one.id): str(one.string) for one in _read(path.with_stem("messages"))}
    wrong = {}
    for message in _read(path):
        sentences = message.id if isinstance(message.id, list | tuple) else (message.id,)
        forms = message.string if isinstance(message.string, list | tuple) else (message.string,)
        names = [pages[name] for name in QUOTED.findall(sentences[-1]) if name in pages]
        if not all(name in one for name in names for one in forms):
            wrong[sentences[-1]] = names
    assert wrong == {}
