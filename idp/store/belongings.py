"""Find shops and groups of an organisation to choose from: by their ids, or by what somebody typed. Move a shop's people."""

from collections.abc import Collection, Sequence
from operator import attrgetter

from sqlalchemy import ColumnElement, Select, func, insert, literal, select

from idp.normal_forms import compared, one_line
from idp.statements import asks_every, asks_one, every, write
from idp.store.organisations import MOST_NAMED, Group, Shop
from idp.store.users import UserShop


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
    name: ColumnElement[str] = column  # type: ignore[assignment]
    plain = one_line(typed)
    return (
        func.lower(name).contains(plain.lower(), autoescape=True)
        | name.contains(plain, autoescape=True)
        | name.contains(plain.title(), autoescape=True)
    )


@asks_every
def lock_shops(organisation_id: str, ids: Collection[str]) -> Select[Shop]:
    """Return shops as they are now, locked in one order until the transaction ends: neither is deleted under the other."""
    here = (Shop.organisation_id == organisation_id, Shop.id.in_(ids))
    return select(Shop).where(*here).order_by(Shop.id).with_for_update()


def count_people(organisation_id: str, shop_id: str) -> int:
    """Return how many users have this shop by name, those with all shops left out. It reads the index of the shop alone."""
    return _people(organisation_id, shop_id) or 0


@asks_one
def _people(organisation_id: str, shop_id: str) -> Select[int]:
    here = (UserShop.organisation_id == organisation_id, UserShop.shop_id == shop_id)
    return select(func.count()).where(*here)


def add_people(organisation_id: str, from_id: str, to_id: str) -> int:
    """Name another shop for everybody who has this one by name. Returns how many got it: some may have had it."""
    theirs = select(UserShop.user_id).where(UserShop.organisation_id == organisation_id, UserShop.shop_id == to_id)
    moved = select(literal(organisation_id), UserShop.user_id, literal(to_id)).where(
        UserShop.organisation_id == organisation_id, UserShop.shop_id == from_id, UserShop.user_id.not_in(theirs)
    )
    return write(insert(UserShop).from_select(["organisation_id", "user_id", "shop_id"], moved))
