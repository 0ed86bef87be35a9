"""Long lists: pages without a count, by asking for one row more than is shown."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import request, url_for

from idp import zones
from idp.errors import Message, say

PAGE = 50
MOST_PAGES = 10_000


@dataclass(frozen=True)
class Pages:
    """Where one is in a list: links to the pages beside this one, empty where there is none."""

    earlier: str
    later: str


def asked(name: str, longest: int = 254) -> str:
    """A word of the query, trimmed and bounded."""
    return request.args.get(name, "").replace("\0", "").strip()[:longest]


def skipped() -> int:
    """How many rows stand before the page that is asked for."""
    return (_number() - 1) * PAGE


def pages_of(rows: Sequence[Any], endpoint: str, **values: str) -> Pages:
    """The links around a page of ``rows``, which has one more than is shown where there is a later page."""
    number = _number()
    kept: dict[str, Any] = {name: value for name, value in values.items() if value}
    earlier = url_for(endpoint, **kept, page=number - 1) if number > 1 else ""
    later = url_for(endpoint, **kept, page=number + 1) if len(rows) > PAGE else ""
    return Pages(earlier, later)


def _number() -> int:
    return min(max(1, request.args.get("page", 1, type=int)), MOST_PAGES)


def day_asked(name: str, where: ZoneInfo, *, after: bool = False) -> tuple[datetime | None, tuple[Message, ...]]:
    """The moment at which a day of the query begins (``after``: ends) in a zone, and what is wrong where it is none."""
    typed = asked(name, 10)
    if not typed:
        return None, ()
    try:
        return zones.day_begins(date.fromisoformat(typed) + timedelta(days=int(after)), where), ()
    except (ValueError, OverflowError):
        return None, (say("This must be a date, for example 2021-04-30."),)
