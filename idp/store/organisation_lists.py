"""Organisations, and their shops and groups, to choose from: page by page, by their ids, or by what somebody typed."""

from collections.abc import Collection, Sequence
from datetime import datetime
from operator import attrgetter

from sqlalchemy import ColumnElement, Select, func, select

from idp.keyset import Place, page_of
from idp.normal_forms import compared, one_line
from idp.statements import asks_every, every
from idp.store import organisations
from idp.store.organisations import MOST_NAMED, Group, Organisation, Shop

LISTED = (Organisation.store_url, Organisation.name, Organisation.disabled_at)


@asks_every
def names_after(store_url: str, most: int) -> Select[str, str, datetime | None]:
    """Return at most ``most`` organisations that follow ``store_url``, the operators' own left out."""
    here = (Organisation.store_url > store_url, Organisation.kind == "retailer")
    return select(*LISTED).where(*here).order_by(Organisation.store_url).limit(most)


@asks_every
def names_before(store_url: str, most: int) -> Select[str, str, datetime | None]:
    """Return the organisations before ``store_url``, the nearest first."""
    here = (Organisation.store_url < store_url, Organisation.kind == "retailer")
    return select(*LISTED).where(*here).order_by(Organisation.store_url.desc()).limit(most)


def shops(organisation_id: str, place: Place | None, most: int) -> Sequence[Shop]:
    """Return a page of the shops, by code."""
    return page_of(select(Shop).where(Shop.organisation_id == organisation_id), (Shop.code_key,), place, most)


def groups(organisation_id: str, place: Place | None, most: int) -> Sequence[Group]:
    """Return a page of the groups, by name."""
    return page_of(select(Group).where(Group.organisation_id == organisation_id), (Group.name_key,), place, most)


def place_of_shop(organisation_id: str, name: str, *, is_before: bool) -> Place | None:
    """Return the place of the shop with this id; None if there is none."""
    found = organisations.shop(organisation_id, name)
    return Place((found.code_key,), is_before) if found else None


def place_of_group(organisation_id: str, name: str, *, is_before: bool) -> Place | None:
    """Return the place of the group with this id; None if there is none."""
    found = organisations.group(organisation_id, name)
    return Place((found.name_key,), is_before) if found else None


def shops_with(organisation_id: str, ids: Collection[str]) -> Sequence[Shop]:
    """Return the shops with these ids, by code. Unknown ids are left out, as are more than a statement takes.

    Asked without an order: SQLite would go through all shops in that order.
    """
    here = (Shop.organisation_id == organisation_id, Shop.id.in_(list(ids)[:MOST_NAMED]))
    return sorted(every(select(Shop).where(*here)), key=attrgetter("code_key")) if ids else ()


def groups_with(organisation_id: str, ids: Collection[str]) -> Sequence[Group]:
    """Return the groups with these ids, by name."""
    here = (Group.organisation_id == organisation_id, Group.id.in_(list(ids)[:MOST_NAMED]))
    return sorted(every(select(Group).where(*here)), key=attrgetter("name_key")) if ids else ()


def shops_like(organisation_id: str, typed: str, most: int) -> Sequence[Shop]:
    """Return shops whose code or name contains the typed text, by code."""
    fits = Shop.code_key.contains(compared(typed), autoescape=True) | _contains(Shop.name, typed)
    asked = select(Shop).where(Shop.organisation_id == organisation_id, fits)
    return every(asked.order_by(Shop.code_key).limit(most))


def groups_like(organisation_id: str, typed: str, most: int) -> Sequence[Group]:
    """Return groups whose name contains the typed text, by name."""
    fits = Group.name_key.contains(compared(typed), autoescape=True)
    asked = select(Group).where(Group.organisation_id == organisation_id, fits)
    return every(asked.order_by(Group.name_key).limit(most))


def _contains(column: object, typed: str) -> ColumnElement[bool]:
    """Match text in upper or lower case. Databases fold ASCII alone: other letters as typed, or with a capital first."""
    name: ColumnElement[str] = column  # type: ignore[assignment] # the type checker takes a mapped column for its value
    plain = one_line(typed)
    return (
        func.lower(name).contains(plain.lower(), autoescape=True)
        | name.contains(plain, autoescape=True)
        | name.contains(plain.title(), autoescape=True)
    )
