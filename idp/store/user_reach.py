"""Count and list the people of an organisation that a requirement reaches, by statements and never one by one."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, and_, func, not_, or_, select, true

from idp.keyset import Place, page_of
from idp.statements import values
from idp.store.passkeys import Passkey
from idp.store.totp import Totp
from idp.store.users import GroupMember, User, UserShop


@dataclass(frozen=True)
class Match:
    """Hold conditions on a person, which all must be met. Empty ones are met by everybody.

    ``shop_ids``: they work in one of these, or in all shops. ``must_set_up``: an administrator reset their second factor.
    """

    roles: tuple[str, ...] = ()
    group_ids: tuple[str, ...] = ()
    shop_ids: tuple[str, ...] = ()
    must_set_up: bool = False


@dataclass(frozen=True)
class Reached:
    """Hold the people that ``by`` matches, without those that one of ``besides`` matches."""

    by: Match
    besides: tuple[Match, ...] = ()


def count_enabled(organisation_id: str, day: date) -> int:
    """Return how many people of an organisation may sign in on a day."""
    return _count(_enabled(organisation_id, day))


def count(organisation_id: str, day: date, reached: Sequence[Reached], *, without_factor: bool = False) -> int:
    """Return how many people are reached; ``without_factor``: only those who own no second factor."""
    without = tuple(not_(_owns(kind)) for kind in (Totp, Passkey)) if without_factor else ()
    return _count((*_enabled(organisation_id, day), _any_of(reached), *without)) if reached else 0


def listed(organisation_id: str, day: date, reached: Sequence[Reached], place: Place | None, most: int) -> list[User]:
    """Return a page of the people who are reached, by username."""
    if not reached:
        return []
    return page_of(select(User).where(*_enabled(organisation_id, day), _any_of(reached)), (User.username_key,), place, most)


def owners_among(organisation_id: str, user_ids: Collection[str]) -> set[str]:
    """Return those of these people who own a second factor."""
    owned = (
        select(kind.user_id).where(
            kind.organisation_id == organisation_id, kind.user_id.in_(user_ids), kind.removed_at.is_(None)
        )
        for kind in (Totp, Passkey)
    )
    return {row[0] for asked in owned for row in values(asked)}


def _count(here: tuple[ColumnElement[bool], ...]) -> int:
    return int(values(select(func.count()).select_from(User).where(*here))[0][0])


def _enabled(organisation_id: str, day: date) -> tuple[ColumnElement[bool], ...]:
    """Match people who may sign in on a day: not disabled, and not after the last day of their access."""
    may_enter = or_(User.valid_until.is_(None), User.valid_until >= day)
    return (User.organisation_id == organisation_id, User.disabled_at.is_(None), may_enter)


def _any_of(reached: Sequence[Reached]) -> ColumnElement[bool]:
    return or_(*(and_(_matches(one.by), *(not_(_matches(match)) for match in one.besides)) for one in reached))


def _matches(match: Match) -> ColumnElement[bool]:
    here: list[ColumnElement[bool]] = [User.role.in_(match.roles)] if match.roles else []
    here += [_is_one_of(GroupMember, GroupMember.group_id, match.group_ids)] if match.group_ids else []
    here += [User.all_shops | _is_one_of(UserShop, UserShop.shop_id, match.shop_ids)] if match.shop_ids else []
    here += [User.must_set_up_since.is_not(None)] if match.must_set_up else []
    return and_(true(), *here)


def _is_one_of(table: Any, column: Any, ids: Collection[str]) -> ColumnElement[bool]:
    here = (table.organisation_id == User.organisation_id, table.user_id == User.id, column.in_(ids))
    return select(table.user_id).where(*here).exists()


def _owns(kind: Any) -> ColumnElement[bool]:
    here = (kind.organisation_id == User.organisation_id, kind.user_id == User.id, kind.removed_at.is_(None))
    return select(kind.user_id).where(*here).exists()
