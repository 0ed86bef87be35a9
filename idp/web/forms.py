"""Read values of our own pages' requests strictly: fields and files of posted forms, and words of the query.

Not here: what a value means. The rules in ``identity`` check it again.
"""

from datetime import date

from flask import request

from idp.checks import NOT_A_DATE
from idp.errors import Invalid, Refusal, say

LONGEST = 20_000
"""Characters of one field; a sealed request is the longest value."""
UNREADABLE = say("This form could not be read. Go back and try again.")
MOST_PAGES = 10_000
MOST_DIGITS = 18


def fields() -> dict[str, str]:
    """Read each field once. Raises ``Refusal`` for a repeated, huge or binary one (HTTP parameter pollution)."""
    found = {}
    for name, values in request.form.lists():
        if len(values) != 1 or len(values[0]) > LONGEST or "\0" in values[0]:
            raise Refusal(UNREADABLE, detail=f"field {name[:40]!r}")
        found[name] = values[0]
    return found


def upload(name: str, most: int) -> bytes:
    """Read the one file of a form, at most one byte more than ``most``. Its name and type are ignored.

    Returns nothing if no file was chosen.
    """
    if any(len(files) != 1 or field != name for field, files in request.files.lists()):
        raise Refusal(UNREADABLE, detail="files")
    file = request.files.get(name)
    return file.stream.read(most + 1) if file else b""


def asked(name: str, longest: int = 254) -> str:
    """Read a word of the query, trimmed and bounded."""
    return request.args.get(name, "").replace("\0", "").strip()[:longest]


def page_asked(last: int = MOST_PAGES) -> int:
    """Read the number of the page of a list, from 1 to ``last``."""
    return min(max(1, request.args.get("page", 1, type=int)), last)


def row_asked() -> int:
    """Read the number of the row before which a page of a list begins; 0 for the newest rows."""
    typed = asked("before")
    return int(typed) if typed.isascii() and typed.isdecimal() and len(typed) <= MOST_DIGITS else 0


def day(name: str, typed: str) -> date:
    """Read a date as browsers send it. Raises ``Invalid`` with the field's name."""
    try:
        return date.fromisoformat(typed)
    except ValueError as error:
        raise Invalid(name, NOT_A_DATE) from error
