"""Define the states by which lists of people are filtered, and the orders in which they are sorted. Each has an index.

``has_factor`` and ``has_passkey`` repeat what the tables of factors say, because no index finds people without a row
there. ``reach`` says in one column what three others say. Each change sets them in its own transaction, and each sign-in
sets them again: a server of an earlier release does not know them.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Index, Select, Update, exists, false, func, or_, select, text, true, update

from idp.keyset import Order
from idp.statements import asks_one, changes
from idp.store.passkeys import Passkey
from idp.store.rate_limits import AuthFailures
from idp.store.totp import Totp
from idp.store.users import NEVER, REACH, User

ACTIVE = text("disabled_at IS NULL")
LOCKED = text("lane = '*' AND blocked_until IS NOT NULL")
"""Conditions of partial indexes. They are text: with parameters in them SQLite would not use those indexes."""


def _by_username(name: str, what: Any, condition: Any = None) -> None:
    Index(name, User.organisation_id, what, User.username_key, sqlite_where=condition, postgresql_where=condition)


_by_username("ix_users_seen", User.seen_on)
_by_username("ix_users_created", User.created_at)
_by_username("ix_users_reach", User.reach)
_by_username("ix_users_factor", User.has_factor, ACTIVE)
_by_username("ix_users_passkey", User.has_passkey, ACTIVE)
Index(
    "ix_auth_failures_locked",
    *(AuthFailures.organisation_id, AuthFailures.lane, AuthFailures.user_id),
    sqlite_where=LOCKED,
    postgresql_where=LOCKED,
)

CONDITIONS: Mapping[str, tuple[Any, ...]] = {
    "no_factor": (ACTIVE, User.has_factor == false()),
    "factor": (ACTIVE, User.has_factor == true()),
    "passkey": (ACTIVE, User.has_passkey == true()),
    "no_passkey": (ACTIVE, User.has_passkey == false()),
    "never": (ACTIVE, User.seen_on == NEVER),
    "no_email": (User.reach == "no_email",),
    "unverified": (User.reach == "unverified",),
    "disabled": (User.reach == "disabled",),
}
"""What holds of the people in each state. Disabled people are in that state only: nobody waits for their second factor."""
LOCKED_OUT = "locked"
STATES = (*CONDITIONS, LOCKED_OUT)
EVERYBODY = "everybody"


BY_USERNAME = Order((User.username_key,))
ORDERS: Mapping[str, Order] = {
    "": BY_USERNAME,
    "-username": Order((User.username_key,), descending=True),
    "seen": Order((User.seen_on, User.username_key)),
    "-seen": Order((User.seen_on, User.username_key), descending=True),
    "added": Order((User.created_at, User.username_key)),
    "-added": Order((User.created_at, User.username_key), descending=True),
}


def locked_ids(organisation_id: str) -> Select[str]:
    """Ask for the users with a way of signing in that is locked out."""
    return select(AuthFailures.user_id).where(AuthFailures.organisation_id == organisation_id, LOCKED)


def counts(organisation_id: str, most: int) -> dict[str, int]:
    """Return how many users are in each state, and how many there are (``EVERYBODY``). Counting stops at ``most``."""
    return dict(zip((EVERYBODY, *STATES), _counts(organisation_id, most) or (), strict=True))


@asks_one
def _counts(organisation_id: str, most: int) -> Select[*tuple[int, ...]]:
    """Count all in one statement."""
    here = User.organisation_id == organisation_id
    of_users = [select(User.id).where(here, *holds) for holds in ((), *CONDITIONS.values())]
    is_active = select(User.id).where(here, User.id == AuthFailures.user_id, ACTIVE).exists()
    asked = [*of_users, locked_ids(organisation_id).where(is_active).distinct()]
    bounded = [one.limit(most).correlate(None).subquery() for one in asked]
    return select(*(select(func.count()).select_from(one).scalar_subquery() for one in bounded))


def _held(table: type[Totp] | type[Passkey]) -> ColumnElement[bool]:
    of_user = (table.organisation_id == User.organisation_id, table.user_id == User.id)
    return exists().where(*of_user, table.removed_at.is_(None))


def _held_factors() -> dict[str, Any]:
    return {"has_factor": or_(_held(Totp), _held(Passkey)), "has_passkey": _held(Passkey)}


@changes
def renew_factors(organisation_id: str, user_id: str) -> Update:
    """Set what a user has, after one of several factors was removed."""
    here = (User.organisation_id == organisation_id, User.id == user_id)
    return update(User).where(*here).values(**_held_factors())


@changes
def note_sign_in(organisation_id: str, user_id: str, now: datetime, today: date) -> Update:
    """Note that a user signs in."""
    here = (User.organisation_id == organisation_id, User.id == user_id)
    return update(User).where(*here).values(last_login_at=now, seen_on=today, reach=REACH, **_held_factors())
