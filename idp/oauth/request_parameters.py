"""Read form-encoded parameters strictly.

RFC 6749 §3.1: "Parameters sent without a value MUST be treated as if they were omitted from the request. The authorization
server MUST ignore unrecognized request parameters. Request and response parameters MUST NOT be included more than once."
Reading raises nothing: what is wrong with a parameter is noted beside it. Which parameter it is decides whether the app or
only the person may be told.
"""

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_to_bytes

from idp.keys import LONGEST_TOKEN
from idp.oauth.errors import OAuthError

LONGEST_BODY = 65_536
"""Bytes of a query or a body."""
LONGEST_VALUE = 4_096
LONGEST_VALUES = {"claims": 8_192, "authorization_details": 8_192} | dict.fromkeys(
    ("id_token_hint", "access_token", "request", "token", "subject_token", "actor_token"), LONGEST_TOKEN
)
LONGEST_KEPT = 12_000
"""Bytes of a request that the sealed form of a page carries. An ``id_token_hint`` does not count: its short form is kept."""
LONGEST_NONCE = 1_024
"""Characters as JSON: it comes back in the ID token, which must not be too long for the places where apps send it."""
MOST_PARAMETERS = 100
SURROGATE = re.compile(r"[\ud800-\udfff]")
"""JSON can escape half of a pair, and UTF-8 cannot hold it."""
CONTROL = re.compile(r"[\x00-\x1f\x7f]")
REPEATABLE = frozenset(("resource",))
"""RFC 8707 §2: "Multiple resource parameters MAY be used". No value has a space, so a space joins them."""
WHOLE = ""
"""The name under which a fault of the whole request is noted."""


@dataclass(frozen=True)
class Parameters:
    """The values of recognised parameters, and by name what is wrong with those that were refused."""

    values: Mapping[str, str] = field(default_factory=dict)
    faults: Mapping[str, str] = field(default_factory=dict)

    def get(self, name: str) -> str:
        """Return the value; empty where omitted."""
        return self.values.get(name, "")

    def insist(self) -> "Parameters":
        """Return itself where nothing is wrong with it; raises ``invalid_request``."""
        for name, what in self.faults.items():
            raise OAuthError("invalid_request", f"The parameter {name} {what}." if name else f"The request {what}.")
        return self


def read(raw: bytes, known: Collection[str]) -> Parameters:
    """Read the parameters of a query or a form-encoded body; those that are not ``known`` are ignored."""
    if len(raw) > LONGEST_BODY or raw.count(b"&") >= MOST_PARAMETERS:
        return Parameters(faults={WHOLE: "is too long"})
    values: dict[str, str] = {}
    faults: dict[str, str] = {}
    seen: set[str] = set()
    for pair in raw.split(b"&"):
        first, _, second = pair.partition(b"=")
        name = _decode(first)
        if name is None or name not in known:
            continue
        value = _decode(second)
        if name in REPEATABLE and value and name in values:
            value = f"{values[name]} {value}"
        what = "is given more than once" if name in seen and name not in REPEATABLE else _fault_of(name, value)
        seen.add(name)
        if what:
            faults[name] = what
        elif value:
            values[name] = value
    return Parameters({name: value for name, value in values.items() if name not in faults} if faults else values, faults)


def of_members(members: Mapping[str, Any]) -> Parameters:
    """Return the members of a JWT as parameters, checked as those of an address are. An object counts as its JSON."""
    texts = {name: _text_of(_joined(value) if name in REPEATABLE else value) for name, value in members.items()}
    faults = {name: "is not text" if text is None else _fault_of(name, text) for name, text in texts.items()}
    wrong = {name: what for name, what in faults.items() if what}
    return Parameters({name: text for name, text in texts.items() if text and name not in wrong}, wrong)


def _joined(value: Any) -> Any:
    """Return several texts as one, as ``read`` keeps them."""
    return " ".join(value) if isinstance(value, list) and all(isinstance(one, str) for one in value) else value


def _text_of(value: Any) -> str | None:
    if isinstance(value, str):
        return None if SURROGATE.search(value) else value
    if isinstance(value, dict | list) or (isinstance(value, int) and not isinstance(value, bool)):
        return json.dumps(value)
    return None


def _decode(part: bytes) -> str | None:
    """Decode once; None where it is not UTF-8."""
    try:
        plain = part.replace(b"+", b" ")
        return (unquote_to_bytes(plain) if b"%" in plain else plain).decode()
    except UnicodeDecodeError:
        return None


def _fault_of(name: str, value: str | None) -> str:
    if value is None:
        return "is not encoded as UTF-8"
    if len(value) > LONGEST_VALUES.get(name, LONGEST_VALUE):
        return "is too long"
    # No parameter of ours has room for control characters; in a header or a page they would do harm.
    if CONTROL.search(value):
        return "has control characters"
    return ""
