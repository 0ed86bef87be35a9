"""Remove a user's second factor, or reset it so that the next sign-in sets up another one."""

from datetime import datetime

from idp import clock, factors
from idp.audit import Event, Origin, record_about
from idp.config import Settings
from idp.db import transaction
from idp.errors import Forbidden
from idp.identity import permissions, sensitive_changes
from idp.identity.sensitive_changes import Access
from idp.identity.users import email_address
from idp.identity.users.lookup import person_of, rules_of
from idp.identity.users.status import NOTHING, Kept, end_everything
from idp.store import users
from idp.store.organisations import Organisation
from idp.store.users import User


def decline_recommendation(user: User, origin: Origin) -> None:
    """Keep that a user has read the recommendation to set up a second factor, so that it is not shown again (S10)."""
    with transaction():
        users.change_user(user.organisation_id, user.id, notice_dismissed_at=clock.now())
        record_about(origin, Event.FACTOR_OFFER_DECLINED, user)


def reset_factor(settings: Settings, organisation: Organisation, user: User, origin: Origin) -> None:
    """Remove a user's second factor and require a set-up at the next sign-in (S47)."""
    now = clock.now()
    with transaction():
        user = users.lock_user(user.organisation_id, user.id) or user
        permissions.require_over_factor(organisation, user, origin)
        permissions.require_another(user, origin)
        sensitive_changes.require(Access("second_factor", user.role), None)
        _drop_factor(user, now)
        users.change_user(organisation.id, user.id, must_set_up_since=now)
        end_everything(user, "factor_reset", origin)
        record_about(origin, Event.FACTOR_RESET, user)
        email_address.tell_of_factor(settings, user, "factor_reset")


def require_set_up(organisation: Organisation, user: User, origin: Origin) -> bool:
    """Require a set-up at the next sign-in of a user without a second factor. Returns False if nothing was to be done."""
    with transaction():
        user = users.lock_user(user.organisation_id, user.id) or user
        permissions.require_over(organisation, user, origin)
        if user.must_set_up_since is not None or factors.owned_by(user.organisation_id, user.id):
            return False
        sensitive_changes.require(None, Access("requirement", user.role))
        users.change_user(organisation.id, user.id, must_set_up_since=clock.now())
        record_about(origin, Event.FACTOR_REQUIRED, user)
    return True


def remove_factor(settings: Settings, organisation: Organisation, user: User, origin: Origin, keep: Kept = NOTHING) -> bool:
    """Remove a user's second factor, with codes and trust in devices (S28). Returns False if there was none.

    Users may remove their own unless it is compulsory for them (S7, ``Forbidden``). Administrators may remove others' (S47).
    """
    with transaction():
        user = users.lock_user(user.organisation_id, user.id) or user  # the rights and the rules are those of this moment
        _require_may_remove(settings, organisation, user, origin)
        sensitive_changes.require(Access("second_factor", user.role), None)
        if not _drop_factor(user, clock.now()):
            return False
        users.change_user(organisation.id, user.id, must_set_up_since=None)
        end_everything(user, "factor_removed", origin, keep)
        record_about(origin, Event.FACTOR_REMOVED, user)
        email_address.tell_of_factor(settings, user, "factor_removed")
    return True


def _require_may_remove(settings: Settings, organisation: Organisation, user: User, origin: Origin) -> None:
    permissions.require_self_or_over(organisation, user, origin)
    if origin.actor_id == user.id:
        require_voluntary(settings, organisation, user)
    else:
        permissions.require_over_factor(organisation, user, origin)


def require_voluntary(settings: Settings, organisation: Organisation, user: User) -> None:
    """Raise ``Forbidden`` with its reason if a user's second factor is compulsory (S7)."""
    rules = rules_of(settings, organisation, person_of(settings, organisation, user), clock.now())
    if rules.must_own:
        raise Forbidden(rules.compulsory_because[0].message, detail="a second factor is compulsory")


def _drop_factor(user: User, now: datetime) -> bool:
    """Take every factor out of use. Returns whether there was one."""
    had = factors.drop_all(user.organisation_id, user.id, now)
    users.change_user(user.organisation_id, user.id, factor_changed_at=now, has_factor=False, has_passkey=False)
    return had > 0
