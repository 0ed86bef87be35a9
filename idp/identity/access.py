"""Decide whether a user may sign in at all: not while disabled, nor after the last day of their access.

The last day (``User.valid_until``) is a date in the organisation's time zone. It is judged at every use, so access ends on
time without the worker, which ends what is open afterwards, so that apps are told (``users.ending``).
"""

from collections.abc import Mapping
from datetime import UTC, date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from idp import clock, zones
from idp.audit import Origin
from idp.errors import Invalid, Message, say
from idp.identity import sensitive_changes
from idp.identity.roles import RULING_ROLES, Role
from idp.identity.sensitive_changes import Access
from idp.store import organisations
from idp.store.organisations import Organisation
from idp.store.users import User

DAY = timedelta(days=1)
ORGANISATION_DISABLED = say(
    "Your organisation is disabled, so nobody can sign in. "
    "Its administrators can ask the installation administrator to enable it."
)


def is_over(user: User, zone: ZoneInfo | None = None) -> bool:
    """Return whether a user may not sign in. ``zone``: the organisation's, where the caller has it."""
    return user.disabled_at is not None or has_ended(user, zone)


def is_over_on(user: User, day: date) -> bool:
    """Return whether a user may not sign in on a day, if nobody changes them before."""
    return user.disabled_at is not None or (user.valid_until is not None and user.valid_until < day)


def has_ended(user: User, zone: ZoneInfo | None = None) -> bool:
    """Return whether the last day of a user's access has passed."""
    return user.valid_until is not None and _is_past(user.organisation_id, user.valid_until, zone)


def _is_past(organisation_id: str, day: date, zone: ZoneInfo | None) -> bool:
    """Return whether a day has passed. Only near it the organisation's zone is read: no zone is more than a day from UTC."""
    today = clock.now().astimezone(UTC).date()
    if abs(day - today) <= DAY:
        today = today_of(organisation_id, zone)
    return day < today


def today_of(organisation_id: str, zone: ZoneInfo | None = None) -> date:
    """Return the present date of an organisation."""
    organisation = organisations.organisation(organisation_id) if zone is None else None
    return zones.today(clock.now(), zone or (organisation.zone if organisation else zones.zone("")))


def ended(user: User) -> Message:
    """Return what people are told who prove after their last day who they are."""
    return say(
        "Your access ended on %(date)s. Ask an administrator of your organisation to extend it.", date=user.valid_until
    )


def refusal(organisation: Organisation, user: User) -> Message | None:
    """Return what a person is told who has proved who they are and still may not sign in; None where they may."""
    if organisation.disabled_at is not None:
        return ORGANISATION_DISABLED
    return ended(user) if has_ended(user, organisation.zone) else None


def require_day(organisation_id: str, role: str, day: date | None, *, is_new: bool) -> None:
    """Raise ``Invalid`` for a last day that a person may not have. ``is_new``: somebody chooses it now, in the console."""
    if day is not None and role == Role.OWNER:
        raise Invalid("valid_until", say("The access of an owner has no last day. Leave it empty."))
    if day is not None and is_new and _is_past(organisation_id, day, None):
        raise Invalid("valid_until", say("Choose today or a later day. To end access at once, disable the person."))


def columns(fresh: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns that change. With another last day, ``access_ended_at`` is emptied: access may end again."""
    return {**fresh, "access_ended_at": None} if "valid_until" in fresh else dict(fresh)


def require_confirmed(user: User, fresh: Mapping[str, Any], origin: Origin) -> None:
    """Raise unless the acting user may set, and has confirmed, another last day. ``fresh``: the columns that change."""
    if "valid_until" not in fresh:
        return
    if origin.actor_id == user.id:
        raise Invalid("valid_until", say("This is your own account. Another administrator must change your last day."))
    role, day = fresh.get("role", user.role), fresh["valid_until"]
    if day is not None and (user.valid_until is None or day < user.valid_until) and user.role in RULING_ROLES:
        sensitive_changes.require(Access("account", user.role), None)  # it shuts out an administrator, as disabling does
    lets_in = day is None or not _is_past(user.organisation_id, day, None)
    before = None if has_ended(user) else Access("account", role, str(user.valid_until))
    sensitive_changes.require(before, Access("account", role, str(day)) if lets_in else None)
