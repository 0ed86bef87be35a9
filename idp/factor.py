"""Define the shape of an entry in ``FACTORS``: a factor with its methods, counters and words. The entries: ``factors``."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from idp.audit import Event
from idp.errors import Message


class Shown(Protocol):
    """Hold the members of a proof that decide its level."""

    @property
    def user_verified(self) -> bool:
        """Check if the authenticator verified its user."""

    @property
    def hardware(self) -> bool:
        """Check if the maker attests that it is hardware."""

    @property
    def copyable(self) -> bool:
        """Check if the credential can be copied."""


@dataclass(frozen=True)
class Method:
    """Describe a way to authenticate. ``alone`` and ``beside_password``: the level that one such proof reaches.

    ``amr``: its values of RFC 8176. ``is_trust``: it replaces a code and survives ``prompt=login``, but proves nothing
    itself.
    """

    name: str
    alone: Callable[[Shown], int]
    beside_password: Callable[[Shown], int]
    amr: Callable[[Shown], tuple[str, ...]]
    is_trust: bool = False


@dataclass(frozen=True)
class Ownership:
    """Describe how to find the owners of a factor. ``level``: the highest one that a user's own reaches, or ``NOTHING``.

    ``levels``: the same for all owners in an organisation, in one statement. ``since``: the date of the user's oldest.
    """

    level: Callable[[str, str], int]
    levels: Callable[[str], Mapping[str, int]]
    since: Callable[[str, str], datetime | None]


@dataclass(frozen=True)
class Counter:
    """Describe a counter of wrong tries: ``words`` for lists, ``blocked``: the sentence of the mail about its lockout.

    The values of ``blocked`` are ``username``, ``organisation`` and ``when``.
    """

    words: Message
    blocked: Message


@dataclass(frozen=True)
class Panel:
    """Describe a factor with its own page in the profile, for the list of sign-in details. ``endpoint``: of that page.

    ``count``: how many a user has. ``has``: that number in words. ``lacks``, ``add``: the text and the link for none.
    ``active``: the state of a user whose first factor it is.
    """

    endpoint: str
    title: Message
    count: Callable[[str, str], int]
    has: Callable[[int], Message]
    lacks: Message
    add: Message
    active: Message


@dataclass(frozen=True)
class Factor:
    """Describe a kind of second factor. ``ownership`` is None if it only replaces a lost one.

    ``drop``: removes all of a user's; returns their number. ``counters``: its failure counters, which a lockout closes.
    ``events``, ``notices``: its audit events and mails in words. ``first_notice``: the mail about the first one, and
    ``set_up`` its sentence in ``factor_set_up``. ``signed_in``: a sign-in with it in words. ``panel``: the way to its page.
    """

    name: str
    methods: tuple[Method, ...]
    drop: Callable[[str, str, datetime], int]
    events: Mapping[Event, Message]
    ownership: Ownership | None = None
    signed_in: Message | None = None
    counters: Mapping[str, Counter] = field(default_factory=dict)
    notices: Mapping[str, Message] = field(default_factory=dict)
    first_notice: str = ""
    set_up: Message | None = None
    panel: Panel | None = None


@dataclass(frozen=True)
class Owned:
    """Hold a factor that a user owns, and the highest level that it reaches."""

    factor: str
    level: int
