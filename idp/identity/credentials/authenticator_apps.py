"""A person's authenticator apps: counted, named and removed one by one. Their codes are in ``totp``."""

from collections.abc import Sequence
from dataclasses import replace

from idp import clock, factors
from idp.audit import Event, Origin, record_about
from idp.config import Settings
from idp.db import transaction
from idp.errors import NotFound
from idp.identity import permissions, sensitive_changes
from idp.identity.credentials import second_factor
from idp.identity.credentials.authenticator_names import normal_name
from idp.identity.sensitive_changes import Access
from idp.identity.users import email_address, status
from idp.identity.users.status import NOTHING, Kept
from idp.store import totp as store
from idp.store import user_states, users
from idp.store.organisations import Organisation
from idp.store.totp import Totp
from idp.store.users import User

MOST = 5
"""Authenticator apps of one person: a code is compared with the secrets of all."""


def apps_of(user: User) -> Sequence[Totp]:
    """Return a user's authenticator apps, by their numbers."""
    return store.active_totps(user.organisation_id, user.id)


def app_of(user: User, totp_id: str) -> Totp:
    """Return an authenticator app of the user. Raises ``NotFound`` for another user's."""
    found = next((row for row in apps_of(user) if row.id == totp_id), None)
    if found is None:
        raise NotFound(detail="no such authenticator app of this user")
    return found


def free_number(user: User) -> int:
    """Return the lowest number that none of the user's apps has; 0 if no more can be added."""
    taken = {row.number for row in apps_of(user)}
    return next((number for number in range(1, MOST + 1) if number not in taken), 0)


def rename(user: User, totp_id: str, name: str, origin: Origin) -> None:
    """Rename an authenticator app of the user. Raises ``NotFound`` for another user's."""
    found = app_of(user, totp_id)
    held = Access("second_factor", user.role, found.name)
    sensitive_changes.require(held, replace(held, label=normal_name(name)))
    with transaction():
        if not store.rename_totp(user.organisation_id, user.id, totp_id, normal_name(name)):
            raise NotFound(detail="no such authenticator app of this user")
        record_about(origin, Event.APP_RENAMED, user, authenticator_app=totp_id)


def is_last_factor(user: User, totp_id: str) -> bool:
    """Check if the user has no second factor without this app."""
    others = [row for row in apps_of(user) if row.id != totp_id]
    return not others and not factors.owns_another(user.organisation_id, user.id, factors.APP)


def require_removable(settings: Settings, organisation: Organisation, user: User, totp_id: str) -> Totp:
    """Return the app. Raises ``NotFound`` for another user's, ``Forbidden`` if it is a compulsory last factor (S7)."""
    found = app_of(user, totp_id)
    if is_last_factor(user, totp_id):
        second_factor.require_voluntary(settings, organisation, user)
    return found


def remove(
    settings: Settings, organisation: Organisation, user: User, totp_id: str, origin: Origin, keep: Kept = NOTHING
) -> None:
    """Remove an authenticator app. Other sessions and trust in devices end, because its phone may have been stolen (S40).

    With the last factor the recovery codes end too (S28). Users may remove their own (see ``require_removable``). An
    administrator who may remove a user's second factor may remove any: a compulsory one must then be set up again.
    """
    with transaction():
        # Two at once must not each find that the other one stays.
        user = users.lock_user(user.organisation_id, user.id) or user
        found = _require_may_remove(settings, organisation, user, totp_id, origin)
        sensitive_changes.require(Access("second_factor", user.role), None)
        is_last, now = is_last_factor(user, totp_id), clock.now()
        if not store.remove_totp(organisation.id, user.id, now, totp_id=totp_id):
            raise NotFound(detail="removed a moment ago")
        if is_last:
            factors.drop_replacing(organisation.id, user.id, now)
        users.change_user(organisation.id, user.id, factor_changed_at=now)  # its entry may still be in the phone (S59)
        user_states.renew_factors(organisation.id, user.id)
        status.end_everything(user, "factor_removed", origin, keep)
        record_about(origin, Event.APP_REMOVED, user, authenticator_app=totp_id)
        values = {"name": found.name, "number": found.number, "is_last": is_last}
        email_address.tell_of_factor(settings, user, "factor_removed", values)


def _require_may_remove(settings: Settings, organisation: Organisation, user: User, totp_id: str, origin: Origin) -> Totp:
    permissions.require_self_or_over(organisation, user, origin)
    if origin.actor_id == user.id:
        return require_removable(settings, organisation, user, totp_id)
    permissions.require_over_factor(organisation, user, origin)
    return app_of(user, totp_id)
