"""Carry what people and apps may be told when something is refused.

A ``Message`` is an English sentence in a catalogue, with the values that fill it. Floors 0–3 use messages; only ``web`` and
``mail`` translate them. A ``Refusal`` carries one message that may be shown and a detail that is only logged. OAuth errors
are not here: they are in ``oauth``.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Any


@dataclass(frozen=True)
class Message:
    """Hold a sentence: ``key`` is English (a gettext msgid with ``%(name)s`` places), ``values`` fill its places."""

    key: str
    values: Mapping[str, object] = field(default_factory=dict)
    plural: str = ""
    """The plural of the sentence, chosen by the value ``num``; empty if nothing is counted."""

    def about(self, **values: object) -> "Message":
        """Return the same message with further values."""
        return replace(self, values={**self.values, **values})

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON; a value that is neither text nor number becomes a message or text."""
        return {"key": self.key, "plural": self.plural, "values": {name: _kept(one) for name, one in self.values.items()}}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Message":
        """Return the message that ``as_json`` made."""
        values = {name: cls.from_json(one) if isinstance(one, dict) else one for name, one in value["values"].items()}
        return cls(value["key"], values, value["plural"])


def _kept(value: object) -> object:
    if isinstance(value, Message):
        return value.as_json()
    return value if isinstance(value, (str, int, float)) else str(value)


def say(key: str, **values: object) -> Message:
    """Return a message. The extraction of catalogues looks for calls of this name."""
    return Message(key, values)


def say_many(key: str, plural: str, count: int, **values: object) -> Message:
    """Return a message about ``count`` things."""
    return Message(key, {"num": count, **values}, plural)


class Refusal(Exception):
    """A request is refused. ``message`` may be shown, ``detail`` is only logged."""

    status = 400

    def __init__(self, message: Message, *, detail: str = "") -> None:
        super().__init__(detail or message.key)
        self.message = message
        self.detail = detail


class Invalid(Refusal):
    """A value is not accepted; ``field`` names its form field or its key of a file."""

    def __init__(self, field: str, message: Message, *, detail: str = "") -> None:
        super().__init__(message, detail=detail)
        self.field = field


class Forbidden(Refusal):
    """The person may not do this, and may know that it exists."""

    status = 403


class NotFound(Refusal):
    """There is no such thing for this person. It is also the answer for things of others."""

    status = 404

    def __init__(self, message: Message | None = None, *, detail: str = "") -> None:
        super().__init__(message or say("This page does not exist."), detail=detail)


class Conflict(Refusal):
    """Another change came first."""

    status = 409


class TooMany(Refusal):
    """A limit is reached; try again after ``retry_after`` seconds (RFC 6585 §4)."""

    status = 429

    def __init__(self, message: Message, *, retry_after: int, detail: str = "") -> None:
        super().__init__(message, detail=detail)
        self.retry_after = max(1, retry_after)


class Busy(Refusal):
    """There is no capacity now, and nothing was done or counted; try again after ``retry_after`` seconds."""

    status = 503

    def __init__(self, *, retry_after: int = 2, detail: str = "") -> None:
        super().__init__(say("The service is busy at the moment. Please try again soon."), detail=detail)
        self.retry_after = retry_after


def in_a_row(messages: Sequence[Message]) -> Message:
    """Return sentences as one message. There must be one."""
    return reduce(lambda first, after: say("%(first)s %(next)s", first=first, next=after), messages)


def listed(messages: Sequence[Message]) -> Message:
    """Return words as one message, with commas between them. There must be one."""
    return reduce(lambda first, after: say("%(first)s, %(next)s", first=first, next=after), messages)


MOST_FAULTS = 8
"""Refusals that are told at once. A message holds those before it, so that many would be as deep as a stack."""


class Faults:
    """Gather refusals, so that somebody reads all that is wrong at once: the first ``MOST_FAULTS`` of them."""

    def __init__(self) -> None:
        self._found: list[Message] = []

    @contextmanager
    def gathered(self) -> Iterator[None]:
        """Keep the message of a refusal within the block, and go on after it."""
        try:
            yield
        except Refusal as refusal:
            if not self.is_full:
                self._found.append(refusal.message)

    @property
    def is_full(self) -> bool:
        """Return whether no more refusals are kept."""
        return len(self._found) >= MOST_FAULTS

    def in_one(self) -> Message | None:
        """Return all messages as one, in their order; None if nothing was refused."""
        return in_a_row(self._found) if self._found else None


class Unreadable(Exception):
    """A sealed value cannot be opened: wrong key, wrong place or tampered with. It is never shown."""
