"""Catalogues are complete, compiled, and equal to the messages of the sources (S62)."""

import re
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import read_mo, write_mo
from babel.messages.pofile import read_po

from tests.architecture.sources import ROOT

CATALOGUES = sorted((ROOT / "idp" / "translations").rglob("*.po"))
PLACES = re.compile(r"%\((\w+)\)[sd]")


def _read(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file)


@pytest.fixture(params=CATALOGUES, ids=lambda path: path.stem)
def path(request: pytest.FixtureRequest) -> Path:
    """Give the path of each catalogue."""
    found: Path = request.param
    return found


def test_there_is_a_dutch_catalogue_for_the_pages_and_for_the_mails() -> None:
    """S62: pages and mails have a catalogue each."""
    assert {path.stem for path in CATALOGUES} == {"messages", "mail"}


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
