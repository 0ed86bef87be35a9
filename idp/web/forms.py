"""Posted forms of our own pages, read once and strictly."""

from flask import request

from idp.errors import Refusal, say

LONGEST = 20_000
"""Characters of one field; a sealed request is the longest there is."""


def fields() -> dict[str, str]:
    """Each field once; a repeated, huge or binary one is refused (HTTP parameter pollution)."""
    found = {}
    for name, values in request.form.lists():
        if len(values) != 1 or len(values[0]) > LONGEST or "\0" in values[0]:
            raise Refusal(say("This form could not be read. Go back and try again."), detail=f"field {name[:40]!r}")
        found[name] = values[0]
    return found


def upload(name: str, most: int) -> bytes:
    """The one file of a form, of which at most one byte more than ``most`` is read; its name and type are not looked at.

    Empty where none was chosen.
    """
    if any(len(files) != 1 or field != name for field, files in request.files.lists()):
        raise Refusal(say("This form could not be read. Go back and try again."), detail="files")
    file = request.files.get(name)
    return file.stream.read(most + 1) if file else b""
