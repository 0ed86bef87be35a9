"""Split long lists into pages that an index finds: a page begins beside a row of the page before it.

Skipping rows by number (OFFSET) reads all skipped rows, and shows a row twice after one is added before it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Select, func, literal, select, tuple_
from sqlalchemy.orm import InstrumentedAttribute

from idp.statements import every, values

T = TypeVar("T")
MANY = 5_000
"""If a condition matches fewer rows than this, all are read and sorted."""
FEW = 10_000
"""The number at which counting stops. An index counts so many in a few milliseconds."""
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


@dataclass(frozen=True)
class Found(Generic[T]):
    """Hold what a search found: rows of ``table`` in an order, for a page and for the count.

    ``keys``: of all rows found; None if there may be many: then those that meet ``here`` are read in the order of an index.
    ``own``: conditions of the whole list, to read rows by id.
    """

    table: Any
    order: Order
    own: Sequence[Any]
    here: Sequence[Any]
    keys: Keys | None

    def page(self, place: Place | None, most: int) -> list[T]:
        """Return a page, in the order of the search."""
        if self.keys is None:
            asked = select(self.table).where(*self.here)
            return page_of(asked, self.order.columns, place, most, descending=self.order.descending)
        ids = [key[-1] for key in beside(self.keys, self.order, place, most)]
        rows = every(select(self.table).where(*self.own, self.table.id.in_(ids))) if ids else []
        found = {row.id: row for row in rows}
        return [found[one] for one in ids if one in found]

    def count(self) -> int:
        """Return how many there are; ``FEW`` and one where there are more."""
        if self.keys is not None:
            return min(len(self.keys), FEW + 1)
        return count(select(self.table.id).where(*self.here), FEW + 1)


def keys_of(order: Order, id_: Any, here: Sequence[Any]) -> Keys:
    """Return the keys of the rows that meet these conditions."""
    return [tuple(row) for row in values(select(*order.columns, id_).where(*here))]


def count(found: Select[str], most: int) -> int:
    """Return how many rows a statement finds, at most so many."""
    return int(values(select(func.count()).select_from(found.limit(most).subquery()))[0][0])
