"""Find users who may sign in and have a role, and users whose last day has passed."""

from collections.abc import Collection
from datetime import date
from operator import attrgetter

from sqlalchemy import Select, func, select

from idp.statements import asks_every, every, values
from idp.store.users import User


def active_with_roles(organisation_id: str, roles: Collection[str]) -> list[User]:
    """Return the users with one of these roles who are not disabled and whose access has not ended, by username."""
    return sorted(_active_with_roles(organisation_id, roles), key=attrgetter("username_key"))


@asks_every
def _active_with_roles(organisation_id: str, roles: Collection[str]) -> Select[User]:
    """Ask without an order: SQLite would go through all users in that order."""
    is_open = (User.disabled_at.is_(None), User.access_ended_at.is_(None))
    return select(User).where(User.organisation_id == organisation_id, User.role.in_(roles), *is_open)


def organisations_with_ending(day: date) -> list[str]:
    """Return the ids of organisations with users whose last day was before ``day`` and whose access was not ended yet."""
    is_ending = (User.valid_until.is_not(None), User.access_ended_at.is_(None))
    grouped = select(User.organisation_id).where(*is_ending).group_by(User.organisation_id)
    return [row[0] for row in values(grouped.having(func.min(User.valid_until) < day))]


def lock_ending(organisation_id: str, today: date, most: int) -> list[User]:
    """Return some users whose last day was before ``today`` and whose access was not ended yet, locked.

    Another worker passes over them.
    """
    here = (User.organisation_id == organisation_id, User.valid_until < today, User.access_ended_at.is_(None))
    return every(select(User).where(*here).limit(most).with_for_update(skip_locked=True, key_share=True))
