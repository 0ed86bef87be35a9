"""Pages of an organisation's shops and groups, in the order of their compared names."""

from collections.abc import Sequence

from sqlalchemy import select

from idp.keyset import Place, page_of
from idp.store import organisations
from idp.store.organisations import Group, Shop


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
