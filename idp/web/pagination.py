"""Page long lists without a count: read one row more than is shown, beside the row at which another page ends.

The address of a page names that row (``after`` or ``before``). A row that is gone leads to the first page.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from flask import url_for

from idp.errors import Message, say, say_many
from idp.keyset import FEW, Place
from idp.web import forms

PAGE = 50
LONGEST = 200
"""Characters of a row's name: an id, a store URL or a client id."""


class Find(Protocol):
    """Find the place of the row with this name; None where there is none."""

    def __call__(self, name: str, *, is_before: bool) -> Place | None:
        """Return the place."""


Row = TypeVar("Row")
Read = Callable[[Place | None, int], Sequence[Row]]
"""Read so many rows beside a place, in the order of the list."""


@dataclass(frozen=True)
class Pages:
    """Hold the links to the pages beside this one; empty if there is none."""

    earlier: str
    later: str


NO_PAGES = Pages("", "")
"""There is nothing beside a list that fits on one page."""


@dataclass(frozen=True)
class List:
    """Name a list: its endpoint, with the search and filters that its links keep. ``size``: rows on a page."""

    endpoint: str
    values: Mapping[str, str]
    size: int = PAGE

    def link(self, **page: Any) -> str:
        """Return the address of a page."""
        kept: dict[str, Any] = {name: value for name, value in self.values.items() if value}
        return url_for(self.endpoint, **kept, **page)


def page_of(of: List, find: Find, read: Read[Row], name_of: Callable[[Row], str]) -> tuple[Sequence[Row], Pages]:
    """Return the rows of the page that is asked for, and the links around it."""
    place = _asked(find)
    rows = read(place, of.size + 1)
    if place is not None and place.is_before and len(rows) <= of.size:
        place, rows = None, read(None, of.size + 1)  # the first page is always whole
    is_before, is_more = place is not None and place.is_before, len(rows) > of.size
    shown = rows[-of.size :] if is_before else rows[: of.size]
    has_earlier, has_later = (is_more, True) if is_before else (place is not None, is_more)
    earlier = of.link(before=name_of(shown[0])) if shown and has_earlier else ""
    return shown, Pages(earlier, of.link(after=name_of(shown[-1])) if shown and has_later else "")


def _asked(find: Find) -> Place | None:
    for name in ("after", "before"):
        if typed := forms.asked(name, LONGEST):
            return find(typed, is_before=name == "before")
    return None


def people(count: int) -> Message:
    """Return the number of people in a list, in words. Counting stops at ``FEW``."""
    if count > FEW:
        return say("More than 10,000 people")
    return say_many("%(num)s person", "%(num)s people", count)


def counted(count: int) -> Message | int:
    """Return a number that was counted up to ``FEW``."""
    return say("more than 10,000") if count > FEW else count


def requested(rows: Sequence[Row], of: List) -> tuple[Sequence[Row], Pages]:
    """Return the rows of the page that is asked for, and the links around it, of a list that is built whole."""
    number = forms.page_asked()
    first = (number - 1) * of.size
    earlier = of.link(page=number - 1) if number > 1 else ""
    later = of.link(page=number + 1) if len(rows) > first + of.size else ""
    return rows[first : first + of.size], Pages(earlier, later)
