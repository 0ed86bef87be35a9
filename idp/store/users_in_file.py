"""Read many users at once, with their groups and shops: what a file of people is compared with."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from sqlalchemy import select

from idp.statements import every, values
from idp.store.users import GroupMember, User, UserShop

CHUNK = 5_000
"""Keys of one statement. SQLite reads every membership of the organisation for each."""


def users_named(organisation_id: str, username_keys: Sequence[str]) -> dict[str, User]:
    """Return users by username in compared form."""
    found: dict[str, User] = {}
    for keys in _chunks(username_keys):
        here = (User.organisation_id == organisation_id, User.username_key.in_(keys))
        found |= {row.username_key: row for row in every(select(User).where(*here))}
    return found


def groups_of_users(organisation_id: str, user_ids: Sequence[str]) -> dict[str, set[str]]:
    """Return the ids of groups by user id."""
    return _ids(GroupMember, GroupMember.group_id, organisation_id, user_ids)


def shops_of_users(organisation_id: str, user_ids: Sequence[str]) -> dict[str, set[str]]:
    """Return the ids of shops by user id, of users who have not all."""
    return _ids(UserShop, UserShop.shop_id, organisation_id, user_ids)


def _ids(table: Any, column: Any, organisation_id: str, user_ids: Sequence[str]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for ids in _chunks(user_ids):
        here = (table.organisation_id == organisation_id, table.user_id.in_(ids))
        for user_id, other in values(select(table.user_id, column).where(*here)):
            found[user_id].add(other)
    return found


def _chunks(keys: Sequence[str]) -> Iterator[Collection[str]]:
    yield from (keys[at : at + CHUNK] for at in range(0, len(keys), CHUNK))
