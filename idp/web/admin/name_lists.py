"""Search lists of names: shops, groups, organisations. The address holds what was typed, the order and the filter."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from idp.errors import Message, say
from idp.keyset import FEW
from idp.web import forms
from idp.web.admin.people_search import Filter
from idp.web.admin.user_pages import Choices
from idp.web.pagination import List

Filters = tuple[tuple[str, Message], ...]


@dataclass(frozen=True)
class Asked:
    """Hold what an address asks of a list: words, an order and a filter (``only``). Empty ones are not asked."""

    q: str = ""
    sort: str = ""
    only: str = ""

    @property
    def is_all(self) -> bool:
        """Return whether nothing is left out."""
        return not self.q and not self.only


@dataclass(frozen=True)
class Search:
    """Hold the form of a search. ``chips``: the chosen filters; ``clear``: the list without them.

    ``count``: how many are found, in words; None if the list is empty, and there is nothing to search.
    """

    asked: Asked
    orders: Choices
    count: Message | None = None
    filters: Filters = ()
    chips: tuple[Filter, ...] = ()
    clear: str = ""


@dataclass(frozen=True)
class Kind:
    """Describe a list: its endpoint, and the choices of its form. ``several``: more than are counted, in words."""

    endpoint: str
    orders: Choices
    several: Message
    filters: Filters = ()
    chosen: Message | None = None
    """What says that a filter is chosen, with a place for its ``name``."""
    values: Mapping[str, str] = field(default_factory=dict)
    """Of the address of the list."""

    def list_of(self, asked: Asked) -> List:
        """Return the list of a search, for links."""
        return List(self.endpoint, {**self.values, "q": asked.q, "sort": asked.sort, "only": asked.only})


def asked_of(kind: Kind) -> Asked:
    """Return what this request asks. Whatever is unknown counts as not asked."""
    sort, only = forms.asked("sort", 20), forms.asked("only", 20)
    return Asked(forms.asked("q"), sort if sort in dict(kind.orders) else "", only if only in dict(kind.filters) else "")


def search(kind: Kind, asked: Asked, count: int, in_words: Message) -> Search:
    """Return the form of a search. ``in_words``: the number that was found."""
    chips = []
    if asked.q:
        chips.append(Filter(say("Search: %(words)s", words=asked.q), kind.list_of(replace(asked, q="")).link()))
    if asked.only and kind.chosen:
        chosen = kind.chosen.about(name=dict(kind.filters)[asked.only])
        chips.append(Filter(chosen, kind.list_of(replace(asked, only="")).link()))
    return Search(
        asked,
        kind.orders,
        None if asked.is_all and not count else kind.several if count > FEW else in_words,
        kind.filters,
        tuple(chips),
        kind.list_of(Asked(sort=asked.sort)).link(),
    )
