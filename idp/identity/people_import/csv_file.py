"""Read a CSV file as spreadsheets write it: find out its encoding, its separator and its columns. Pure."""

import csv
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass

from idp.errors import Invalid, say

MOST_BYTES = 4_000_000
MOST_LINES = 10_000
MOST_COLUMNS = 16_384
"""As many as spreadsheets have. Looking at millions of names would take seconds."""
LONGEST_CELL = 2_000
NOT_CSV = say("This is not a CSV file. In your spreadsheet, choose Save as, then CSV.")
SEPARATORS = (";", ",", "\t")
HEADERS: Mapping[str, tuple[str, ...]] = {
    "username": ("username", "gebruikersnaam", "inlognaam", "benutzername", "anmeldename", "identifiant"),
    "name": ("name", "naam", "fullname", "volledigenaam", "vollständigername", "nom", "nomcomplet"),
    "email": ("email", "emailadres", "emailaddress", "mail", "emailadresse", "adresseemail", "courriel"),
    "phone_number": (
        "phonenumber",
        "phone",
        "telephone",
        "telefoon",
        "telefoonnummer",
        "mobiel",
        "telefon",
        "handy",
        "téléphone",
        "portable",
    ),
    "role": ("role", "rol", "rolle", "rôle"),
    "shops": ("shops", "shop", "winkels", "winkel", "filialen", "filiale", "magasins", "magasin"),
    "groups": ("groups", "group", "groepen", "groep", "gruppen", "gruppe", "groupes", "groupe"),
    "locale": ("locale", "language", "taal", "sprache", "langue"),
    "valid_until": (
        "validuntil",
        "geldigtotenmet",
        "geldigtot",
        "einddatum",
        "lastday",
        "gültigbis",
        "gültigbiseinschliesslich",
        "letztertag",
        "valablejusquau",
        "dernierjour",
        "datedefin",
    ),
}
"""The names that a column may have, by field, without spaces and signs."""
UNKNOWN = say("The column “%(name)s” is not known. Use the names under “Columns” below, or remove it.")
LINE, WHY = "line", "refused_because"
"""Columns of the file of refused lines, beside those of the file that was imported."""
OF_EXPORT = frozenset(
    ("id", "emailverified", "secondfactor", "disabled", "createdat", "lastloginat", LINE, WHY.replace("_", ""))
)
"""Columns of our own files that no file can change. They are ignored."""


@dataclass(frozen=True)
class Row:
    """Hold a line of the file: its number there, and its cells by field. ``more``: those without a name in the header."""

    number: int
    cells: Mapping[str, str]
    more: tuple[str, ...] = ()


def read(data: bytes) -> list[Row]:
    """Return the lines of a file; raises ``Invalid`` for ``file``."""
    if not data:
        raise Invalid("file", say("Choose a file first."))
    if len(data) > MOST_BYTES:
        raise Invalid("file", say("The file is too large. Use at most %(most)s MB.", most=MOST_BYTES // 1_000_000))
    text = _text(data)
    if "\0" in text:
        raise Invalid("file", NOT_CSV)
    first, _, rest = text.partition("\n")
    named = re.fullmatch(r"sep=([^\"\r])\s*", first)
    text = rest if named else text
    return _rows(text, named[1] if named else _separator(text), 1 if named else 0)


def _text(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings = ["utf-16"]
    elif data[1:2] == b"\0" or data[:1] == b"\0":
        encodings = ["utf-16-le" if data[1:2] == b"\0" else "utf-16-be"]
    else:
        encodings = ["utf-8-sig", "cp1252"]
    for encoding in encodings:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise Invalid("file", say("The text of this file could not be read. Save it as “CSV UTF-8”."))


def _separator(text: str) -> str:
    header = next((line for line in text.splitlines() if line.strip()), "")
    bare = re.sub(r'"[^"]*"', "", header)
    return max(SEPARATORS, key=bare.count)


def _rows(text: str, separator: str, before: int) -> list[Row]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    fields: list[str] = []
    found: list[Row] = []
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if not fields:
                fields = _fields(cells)
                continue
            if len(found) == MOST_LINES:
                raise Invalid(
                    "file", say("The file is too long: the limit for lines is %(most)s. Split it.", most=MOST_LINES)
                )
            given = {field: cell.strip() for field, cell in zip(fields, cells, strict=False) if field}
            found.append(Row(reader.line_num + before, given, _without_end([cell.strip() for cell in cells[len(fields) :]])))
    except csv.Error as error:
        message = say("Line %(line)s cannot be read: a quotation mark is missing, or a cell is too long.")
        raise Invalid("file", message.about(line=reader.line_num + before)) from error
    if not found:
        raise Invalid("file", say("The file has no people: only a header, or nothing."))
    return found


def _without_end(cells: list[str]) -> tuple[str, ...]:
    """Return cells without the empty ones at their end, which spreadsheets add."""
    filled = [place for place, cell in enumerate(cells, 1) if cell]
    return tuple(cells[: filled[-1]]) if filled else ()


def _fields(header: list[str]) -> list[str]:
    """Return the field of each column, empty for one that is passed over; raises ``Invalid``."""
    if len(header) > MOST_COLUMNS:
        raise Invalid("file", NOT_CSV)
    by_name = {name: field for field, names in HEADERS.items() for name in names}
    plain = [re.sub(r"[\W_]", "", cell).casefold() for cell in header]
    for cell, name in zip(header, plain, strict=True):
        if name and name not in by_name and name not in OF_EXPORT:
            raise Invalid("file", UNKNOWN.about(name=cell[:40]))
    fields = [by_name.get(name, "") for name in plain]
    twice = next((cell for cell, field in zip(header, fields, strict=True) if field and fields.count(field) > 1), "")
    if twice:
        raise Invalid("file", say("The column “%(name)s” is there twice.", name=twice[:40]))
    if "username" not in fields:
        raise Invalid("file", say("The first line must name the columns. One of them must be the username."))
    return fields
