"""Memberships of many users at once: for exports, dry runs, and acts on a selection."""

from collections.abc import Collection, Sequence

from sqlalchemy import Select, func, select

from idp.normal_forms import compared
from idp.statements import asks_every, values
from idp.store.organisations import Group, Shop
from idp.store.user_search import FEW
from idp.store.users import GroupMember, UserShop


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


def sizes_of_groups(organisation_id: str, group_ids: Sequence[str]) -> dict[str, int]:
    """Return how many users are in each of these groups; ``FEW`` and one where there are more. One statement.

    A GROUP BY would count each to its end.
    """
    here = select(GroupMember.user_id).where(GroupMember.organisation_id == organisation_id)
    bounded = [here.where(GroupMember.group_id == one).limit(FEW + 1).correlate(None).subquery() for one in group_ids]
    counts = [select(func.count()).select_from(one).scalar_subquery() for one in bounded]
    return dict(zip(group_ids, values(select(*counts))[0], strict=True)) if counts else {}
