"""What may be said to people and apps when something is refused.

A ``Message`` is a sentence in English that a catalogue knows, with the values that fill it: floors 0–3 speak in messages,
only ``web`` and ``mail`` translate them. A ``Refusal`` carries one message that may be shown and, apart from it, a detail
that is only logged. OAuth errors are not here: they stay in ``oauth``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True)
class Message:
    """``key`` is the English sentence (a gettext msgid with ``%(name)s`` places), ``values`` fill its places."""

    key: str
    values: Mapping[str, object] = field(default_factory=dict)
    plural: str = ""
    """The sentence for more than one, chosen by the value ``num``; empty where nothing is counted."""

    def about(self, **values: object) -> "Message":
        """Return the same message with further values."""
        return replace(self, values={**self.values, **values})

    def as_json(self) -> dict[str, Any]:
        """To be kept; a value that is neither text nor number becomes a message or text."""
        return {"key": self.key, "plural": self.plural, "values": {name: _kept(one) for name, one in self.values.items()}}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Message":
        """What ``as_json`` made."""
        values = {name: cls.from_json(one) if isinstance(one, dict) else one for name, one in value["values"].items()}
        return cls(value["key"], values, value["plural"])


def _kept(value: object) -> object:
    if isinstance(value, Message):
        return value.as_json()
    return value if isinstance(value, (str, int, float)) else str(value)


def say(key: str, **values: object) -> Message:
    """A message; the extraction of catalogues looks for calls of this name."""
    return Message(key, values)


def say_many(key: str, plural: str, count: int, **values: object) -> Message:
    """A message about ``count`` things."""
    return Message(key, {"num": count, **values}, plural)


class Refusal(Exception):
    """Something asked is not done. ``message`` may be shown, ``detail`` goes to the log only."""

    status = 400

    def __init__(self, message: Message, *, detail: str = "") -> None:
        super().__init__(detail or message.key)
        self.message = message
        self.detail = detail


class Invalid(Refusal):
    """A value cannot be taken; ``field`` names where it stood (a form field or a key of a file)."""

    def __init__(self, field: str, message: Message, *, detail: str = "") -> None:
        super().__init__(message, detail=detail)
        self.field = field


class Forbidden(Refusal):
    """The person may not do this, and may know that it exists."""

    status = 403


class NotFound(Refusal):
    """There is no such thing for this person: also the answer where it exists but is not theirs."""

    status = 404

    def __init__(self, message: Message | None = None, *, detail: str = "") -> None:
        super().__init__(message or say("This page does not exist."), detail=detail)


class Conflict(Refusal):
    """Somebody was first."""

    status = 409


class TooMany(Refusal):
    """A limit is reached; try again after ``retry_after`` seconds (RFC 6585 §4)."""

    status = 429

    def __init__(self, message: Message, *, retry_after: int, detail: str = "") -> None:
        super().__init__(message, detail=detail)
        self.retry_after = max(1, retry_after)


class Busy(Refusal):
    """No room just now, nothing was done or counted; try again after ``retry_after`` seconds."""

    status = 503

    def __init__(self, *, retry_after: int = 2, detail: str = "") -> None:
        super().__init__(say("It is very busy just now. Please try again in a moment."), detail=detail)
        self.retry_after = retry_after


class Unreadable(Exception):
    """A sealed thing could not be opened: wrong key, wrong place or tampered with. Never shown."""
