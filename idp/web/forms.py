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
