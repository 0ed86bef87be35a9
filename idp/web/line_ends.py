"""Say where a line of a page may end: not within "e-mail" or "xero-au", and within a long name at its dots and the like.

Neither a word joiner nor ``<wbr>`` has width or sound, and a search in the page finds the words.
"""

import re
from typing import Any

from flask import Flask
from markupsafe import Markup, escape

SHORT = re.compile(r"\b([A-Za-z]|\d|[A-Z]{2,3}|[Aa]uthenticator)-(?=\w)")
"""A hyphen where a line would end badly: after a letter, a digit or an abbreviation, or in the name of one thing."""
JOINED = "\\1-\u2060"
"""The word joiner has no width and no sound."""
SHORT_NAME = re.compile(r"[\w-]{1,20}")
SHORT_PART = re.compile(r"(?<=\b\w)-|(?<=\b\w\w)-|(?<=\b\w\w\w)-|-(?=\w{1,3}\b)")
"""A hyphen with three characters or fewer at one of its sides."""
LONG_WORD = re.compile(r"\S{17,}")
"""What some column is too narrow for."""
PLACES = re.compile(r"(?<=\w\.)(?=\w)|(?<=\w)(?=@)|(?<=_)(?=\w)|(?<=[a-z])(?=[A-Z])")
"""After a dot or an underscore, and before an "@" or a capital."""


def setup_line_ends(app: Flask) -> None:
    """Add the filters ``joined``, for texts of apps, and ``parted``, for names and addresses."""
    app.jinja_env.filters.update(joined=joined, parted=parted)


def joined(text: str) -> str:
    """Keep "e-mail", "6-digit" and "QR-code" on one line."""
    return SHORT.sub(JOINED, text) if "-" in text else text


def joined_name(value: Any) -> Any:
    """Keep a short name such as "xero-au" on one line; return anything else as it is."""
    is_name = isinstance(value, str) and "-" in value and SHORT_NAME.fullmatch(value)
    return SHORT_PART.sub("-\u2060", value) if is_name else value


def parted(text: str) -> str:
    """Let a line end at the places of a long name or address, so that it does not end anywhere else."""
    if not LONG_WORD.search(text):
        return text
    return Markup("").join(_parted(word) for word in re.split(r"(\s+)", text))


def _parted(word: str) -> Markup:
    return Markup("<wbr>").join(map(escape, PLACES.split(word) if LONG_WORD.fullmatch(word) else [word]))
