"""Page long lists without a count: read one row more than is shown."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import url_for

from idp.web import forms

PAGE = 50


@dataclass(frozen=True)
class Pages:
    """Hold the links to the pages beside this one; empty if there is none."""

    earlier: str
    later: str


def skipped() -> int:
    """Count the rows before the page that is asked for."""
    return (forms.page_asked() - 1) * PAGE


def pages_of(rows: Sequence[Any], endpoint: str, **values: str) -> Pages:
    """Return the links around a page of ``rows``, which has one more than is shown if there is a later page."""
    number = forms.page_asked()
    kept: dict[str, Any] = {name: value for name, value in values.items() if value}
    earlier = url_for(endpoint, **kept, page=number - 1) if number > 1 else ""
    later = url_for(endpoint, **kept, page=number + 1) if len(rows) > PAGE else ""
    return Pages(earlier, later)
