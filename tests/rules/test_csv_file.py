"""Files of people as spreadsheets write them: encodings, separators, headers, and what is wrong with a file."""

from typing import Any

import pytest

from idp import csv_export
from idp.errors import Faults, Invalid, say
from idp.identity.people_import import cells, csv_file
from idp.identity.roles import ROLE_NAMES
from idp.languages import LANGUAGES
from idp.web.admin.people_import import FIELD_NAMES
from tests.drivers.words import Said

TEXT = "Gebruikersnaam;E-mail;Geldig tot en met\r\nzoë;zoe@x.nl;31-12-2026\r\n"


def values(row: csv_file.Row) -> dict[str, Any]:
    """Return the values of a line that has no faults."""
    faults = Faults()
    found = cells.values_of(row, faults)
    assert faults.in_one() is None
    return found


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("separator", [";", ",", "\t"])
def test_encoding_and_separator_are_found_out(encoding: str, separator: str) -> None:
    """S64: Dutch Excel writes semicolons in Windows-1252, "Unicode text" is UTF-16 with tabs."""
    (row,) = csv_file.read(TEXT.replace(";", separator).encode(encoding))
    assert row.cells == {"username": "zoë", "email": "zoe@x.nl", "valid_until": "31-12-2026"}
    assert values(row)["valid_until"] == "2026-12-31"
    assert row.number == 2


BAD = {
    "nothing": b"",
    "a header alone": b"username\n",
    "a NUL byte": b"username\nkim\0\n",
    "a spreadsheet": b"PK\x03\x04\x14\0\x06\0",
    "no usernames": b"name\nKim\n",
    "an unknown column": b"username;salary\nkim;1\n",
    "a column twice": b"username;gebruikersnaam\nkim;kim\n",
    "an open quote": b'username;name\nkim;"Kim\n',
    "a huge cell": b"username\n" + b"x" * 200_000 + b"\n",
    "undefined bytes": b"username\n\x81\x8d\n",
    "too many columns": b"username" + b";" * csv_file.MOST_COLUMNS + b"\nkim\n",
    "too many lines": b"username\n" + b"x\n" * (csv_file.MOST_LINES + 1),
    "too many bytes": b"x" * (csv_file.MOST_BYTES + 1),
}


@pytest.mark.parametrize("what", BAD)
def test_a_broken_file_is_refused(what: str) -> None:
    """The message says what to do; nothing ends in an error of ours."""
    with pytest.raises(Invalid) as refused:
        csv_file.read(BAD[what])
    assert refused.value.field == "file"


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_words_of_the_page_are_understood(language: str) -> None:
    """The columns and roles may be written as the import's page and people's pages name them, in every language."""
    said = Said(language)
    head = ";".join(said(name.key) for name in FIELD_NAMES.values())
    (row,) = csv_file.read(f"{head}\n{';'.join(FIELD_NAMES)}\n".encode())
    assert row.cells == {field: field for field in FIELD_NAMES}
    named = {role: csv_file.Row(2, {"role": said(name.key)}) for role, name in ROLE_NAMES.items()}
    assert {role: values(row)["role"] for role, row in named.items()} == {role: role for role in ROLE_NAMES}


def test_a_german_file_is_understood() -> None:
    """Headers, roles and languages in the words of our German pages."""
    text = "Benutzername;Rolle;Sprache;Filialen;Gruppen;Gültig bis\nkim;Mitarbeitende;Niederländisch;Mitte;Till;31.12.2026\n"
    (row,) = csv_file.read(text.encode("cp1252"))
    assert values(row) == {
        "username": "kim", "role": "employee", "locale": "nl", "shops": ["Mitte"], "groups": ["Till"],
        "valid_until": "2026-12-31",
    }  # fmt: skip


def test_a_french_file_is_understood() -> None:
    """Headers, roles and languages in the words of our French pages."""
    text = "Identifiant;Rôle;Langue;Magasins;Groupes;Valable jusqu’au\nkim;Responsable;Néerlandais;tous;Till;31/12/2026\n"
    (row,) = csv_file.read(text.encode("cp1252"))
    assert values(row) == {
        "username": "kim", "role": "manager", "locale": "nl", "shops": None, "groups": ["Till"],
        "valid_until": "2026-12-31",
    }  # fmt: skip


def test_cells_mean_what_people_write() -> None:
    """Words in several languages, lists, formulas that our export disarmed, blank lines, and Excel's own first line."""
    text = "sep=;\nusername;rol;taal;winkels;groepen;telefoon;id\n\n;;;;;;\nkim;Beheerder;Nederlands;*;a, b;'+31 6;7\n"
    (row,) = csv_file.read(text.encode())
    assert row.number == 5
    assert values(row) == {
        "username": "kim", "role": "administrator", "locale": "nl", "shops": None, "groups": ["a", "b"],
        "phone_number": "+31 6",
    }  # fmt: skip
    (long,) = csv_file.read(b"username\n" + b"x" * 3_000 + b"\n")
    faults = Faults()
    assert cells.values_of(long, faults) == {}
    assert faults.in_one() == say("A cell is too long.")


@pytest.mark.parametrize("run", ["\t", " ", '"', ";", "; ", ';"'])
def test_long_runs_are_read_once(run: str) -> None:
    """A cell of tabs must not be looked at from each of them: this test would not end."""
    text = "x" + run * 500_000 + "x"
    assert csv_export.bare(text) == text
    assert csv_export.line((text,)) == f'"{text.replace(chr(34), chr(34) * 2)}"\r\n'
