"""Groups and shops of many users at once: for exports, dry runs, files, acts on a selection, and closing a shop."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Select, func, insert, literal, select

from idp.keyset import FEW
from idp.normal_forms import compared
from idp.statements import asks_every, asks_one, values, write
from idp.store.organisations import Group, Shop
from idp.store.users import GroupMember, UserShop

CHUNK = 5_000
"""Keys of one statement. SQLite reads every membership of the organisation for each."""


@asks_every
def group_names(organisation_id: str) -> Select[str, str]:
    """Return every membership of an organisation, as user id and the group's name, by name."""
    joined = (GroupMember.organisation_id == Group.organisation_id) & (GroupMember.group_id == Group.id)
    asked = select(GroupMember.user_id, Group.name).join(Group, joined).where(Group.organisation_id == organisation_id)
    return asked.order_by(Group.name)


@asks_every
def shop_codes(organisation_id: str) -> Select[str, str]:
    """Return every shop named for a user, as user id and the shop's code, by code."""
    joined = (UserShop.organisation_id == Shop.organisation_id) & (UserShop.shop_id == Shop.id)
    asked = select(UserShop.user_id, Shop.code).join(Shop, joined).where(Shop.organisation_id == organisation_id)
    return asked.order_by(Shop.code)


@asks_every
def shop_ids(organisation_id: str) -> Select[str, str]:
    """Return every shop named for a user, as user id and shop id."""
    return select(UserShop.user_id, UserShop.shop_id).where(UserShop.organisation_id == organisation_id)


def members_among(organisation_id: str, name: str, user_ids: Collection[str]) -> set[str]:
    """Return which of these users are in the group of this name."""
    group = (
        select(Group.id).where(Group.organisation_id == organisation_id, Group.name_key == compared(name)).scalar_subquery()
    )
    here = (GroupMember.organisation_id == organisation_id, GroupMember.group_id == group)
    return {row[0] for row in values(select(GroupMember.user_id).where(*here, GroupMember.user_id.in_(user_ids)))}


def workers_among(organisation_id: str, code: str, user_ids: Collection[str]) -> set[str]:
    """Return for which of these users the shop of this code is named."""
    shop = select(Shop.id).where(Shop.organisation_id == organisation_id, Shop.code_key == compared(code)).scalar_subquery()
    here = (UserShop.organisation_id == organisation_id, UserShop.shop_id == shop)
    return {row[0] for row in values(select(UserShop.user_id).where(*here, UserShop.user_id.in_(user_ids)))}


def groups_among(organisation_id: str, user_ids: Collection[str], group_ids: Collection[str]) -> list[tuple[str, str]]:
    """Return the memberships of these people in these groups, as user id and group id. It asks by the whole key."""
    is_in = (GroupMember.group_id.in_(group_ids), GroupMember.user_id.in_(user_ids))
    here = (GroupMember.organisation_id == organisation_id, *is_in)
    return [tuple(row) for row in values(select(GroupMember.user_id, GroupMember.group_id).where(*here))]


def groups_of_users(organisation_id: str, user_ids: Sequence[str]) -> dict[str, set[str]]:
    """Return the ids of groups by user id."""
    return _ids(GroupMember, GroupMember.group_id, organisation_id, user_ids)


def shops_of_users(organisation_id: str, user_ids: Sequence[str]) -> dict[str, set[str]]:
    """Return the ids of shops by user id, of users who have not all."""
    return _ids(UserShop, UserShop.shop_id, organisation_id, user_ids)


def sizes_of_groups(organisation_id: str, group_ids: Sequence[str]) -> dict[str, int]:
    """Return how many users are in each of these groups; ``FEW`` and one where there are more. One statement.

    A GROUP BY would count each to its end.
    """
    here = select(GroupMember.user_id).where(GroupMember.organisation_id == organisation_id)
    bounded = [here.where(GroupMember.group_id == one).limit(FEW + 1).correlate(None).subquery() for one in group_ids]
    counts = [select(func.count()).select_from(one).scalar_subquery() for one in bounded]
    return dict(zip(group_ids, values(select(*counts))[0], strict=True)) if counts else {}


@asks_every
def lock_shops(organisation_id: str, ids: Collection[str]) -> Select[Shop]:
    """Return shops as they are now, locked in one order until the transaction ends: neither is deleted under the other."""
    here = (Shop.organisation_id == organisation_id, Shop.id.in_(ids))
    return select(Shop).where(*here).order_by(Shop.id).with_for_update()


@asks_every
def hold_groups(organisation_id: str, ids: Collection[str]) -> Select[str]:
    """Return which of these groups there are, and keep them until the transaction ends. Their names may change."""
    here = (Group.organisation_id == organisation_id, Group.id.in_(ids))
    return select(Group.id).where(*here).order_by(Group.id).with_for_update(read=True, key_share=True)


@asks_every
def hold_shops(organisation_id: str, ids: Collection[str]) -> Select[str]:
    """Return which of these shops there are, and keep them until the transaction ends. Their names may change."""
    here = (Shop.organisation_id == organisation_id, Shop.id.in_(ids))
    return select(Shop.id).where(*here).order_by(Shop.id).with_for_update(read=True, key_share=True)


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


def _ids(table: Any, column: Any, organisation_id: str, user_ids: Sequence[str]) -> dict[str, set[str]]:
    """Return by user id what a column of their rows holds."""
    found: dict[str, set[str]] = defaultdict(set)
    for first in range(0, len(user_ids), CHUNK):
        here = (table.organisation_id == organisation_id, table.user_id.in_(user_ids[first : first + CHUNK]))
        for user_id, other in values(select(table.user_id, column).where(*here)):
            found[user_id].add(other)
    return found
