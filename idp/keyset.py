"""Split long lists into pages that an index finds: a page begins beside a row of the page before it.

Skipping rows by number (OFFSET) reads all skipped rows, and shows a row twice after one is added before it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, literal, tuple_
from sqlalchemy.orm import InstrumentedAttribute

from idp.statements import every

T = TypeVar("T")
Keys = list[tuple[Any, ...]]


@dataclass(frozen=True)
class Place:
    """The values of a row by which its list is ordered; a page begins after it, or ends before it."""

    key: tuple[Any, ...]
    is_before: bool = False


@dataclass(frozen=True)
class Order:
    """Hold an order of a list: the columns of its index."""

    columns: tuple[Any, ...]
    descending: bool = False

    def key_of(self, row: Any) -> tuple[Any, ...]:
        """Return the place of a row in this order."""
        return tuple(getattr(row, column.key) for column in self.columns)


def beyond(
    columns: Sequence[InstrumentedAttribute[Any]], place: Place | None, *, descending: bool = False
) -> list[ColumnElement[bool]]:
    """Match the rows on the side of ``place`` to which a page extends; all rows where there is no place."""
    if place is None:
        return []
    key = tuple_(*(literal(value, column.type) for value, column in zip(place.key, columns, strict=True)))
    row = tuple_(*columns)
    return [row < key if descending != place.is_before else row > key]


def page_of(
    statement: Select[T],
    columns: Sequence[InstrumentedAttribute[Any]],
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


def beside(keys: Keys, order: Order, place: Place | None, most: int) -> Keys:
    """Return the keys of a page of rows whose keys were all read. A key is the row's place in the order, and the id."""
    ordered = sorted(keys, reverse=order.descending)
    if place is None:
        return ordered[:most]
    before = [key for key in ordered if (key[:-1] > place.key if order.descending else key[:-1] < place.key)]
    if place.is_before:
        return before[-most:]
    return [key for key in ordered[len(before) :] if key[:-1] != place.key][:most]
