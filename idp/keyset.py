"""Split long lists into pages that an index finds: a page begins beside a row of the page before it.

Skipping rows by number (OFFSET) reads all skipped rows, and shows a row twice after one is added before it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, literal, tuple_
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql.elements import KeyedColumnElement

from idp.statements import every

T = TypeVar("T")
Columns = Sequence[InstrumentedAttribute[Any] | KeyedColumnElement[Any]]


@dataclass(frozen=True)
class Place:
    """The values of a row by which its list is ordered; a page begins after it, or ends before it."""

    key: tuple[Any, ...]
    is_before: bool = False


def beyond(columns: Columns, place: Place | None, *, descending: bool = False) -> list[ColumnElement[bool]]:
    """Match the rows on the side of ``place`` to which a page extends; all rows where there is no place."""
    if place is None:
        return []
    key = tuple_(*(literal(value, column.type) for value, column in zip(place.key, columns, strict=True)))
    row = tuple_(*columns)
    return [row < key if descending != place.is_before else row > key]


def page_of(
    statement: Select[T],
    columns: Columns,
    place: Place | None,
    most: int,
    *,
    descending: bool = False,
) -> list[T]:
    """Return at most ``most`` rows beside ``place`` in the order of ``columns``; without a place, the first ones."""
    is_before = place is not None and place.is_before
    order = [column.desc() if descending != is_before else column.asc() for column in columns]
    found = every(statement.where(*beyond(columns, place, descending=descending)).order_by(*order).limit(most))
    return found[::-1] if is_before else found
