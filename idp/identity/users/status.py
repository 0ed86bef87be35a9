"""Disable and enable users, and end their sessions, grants and trust in devices."""

from dataclasses import dataclass

from idp import clock
from idp.audit import Event, Origin, record_about
from idp.checks import check_reason
from idp.config import Settings
from idp.db import transaction
from idp.identity import email_links, permissions, sensitive_changes
from idp.identity.owner import require_another_owner
from idp.identity.sensitive_changes import Access
from idp.identity.sessions import sessions
from idp.mail.messages import notify
from idp.store import attempts, remembered_devices, users
from idp.store.organisations import Organisation
from idp.store.users import User


@dataclass(frozen=True)
class Kept:
    """What goes on when everything else of a user ends: the session and the sign-in in which they act themselves."""

    session_id: str = ""
    attempt: bytes = b""


NOTHING = Kept()


def end_everything(user: User, why: str, origin: Origin, keep: Kept = NOTHING) -> int:
    """End sessions with their grants, sign-ins in progress and trust in devices (S40, S47). Returns how many sessions."""
    email_links.void(user, "bypass")
    ended = sessions.end_all(user.organisation_id, user.id, why, origin, keep_session=keep.session_id)
    attempts.drop_attempts_of(user.organisation_id, user.id, but_not=keep.attempt)
    remembered_devices.revoke_devices(user.organisation_id, user.id, clock.now())
    return ended


def disable(settings: Settings, organisation: Organisation, user: User, origin: Origin, *, reason: str = "") -> int | None:
    """Disable a user and end everything that is open. Returns how many sessions ended; None if disabled already.

    ``reason``: one line for the audit log, which the user is not told. Raises ``Invalid`` if it is too long.
    """
    permissions.require_over(organisation, user, origin)
    permissions.require_another(user, origin)
    if user.disabled_at is not None:
        return None
    sensitive_changes.require(Access("account", user.role), None)
    about = check_reason(reason)
    with transaction():
        require_another_owner(user)
        found = users.lock_user(organisation.id, user.id)
        if found is None or found.disabled_at is not None:
            return None
        permissions.require_over(organisation, found, origin)  # of two who disable each other one stays
        sensitive_changes.require(Access("account", found.role), None)
        users.change_user(organisation.id, user.id, disabled_at=clock.now())
        email_links.void(user, "ownership")
        ended = end_everything(user, "disabled", origin)
        record_about(origin, Event.USER_DISABLED, user, **about)
        notify(settings, organisation.id, user.id, "disabled")
    return ended


def enable(settings: Settings, organisation: Organisation, user: User, origin: Origin) -> bool:
    """Enable a disabled user. Returns False if the user was enabled already."""
    permissions.require_over(organisation, user, origin)
    if user.disabled_at is None:
        return False
    sensitive_changes.require(None, Access("account", user.role))
    with transaction():
        found = users.lock_user(organisation.id, user.id)
        if found is None or found.disabled_at is None:
            return False
        sensitive_changes.require(None, Access("account", found.role))
        users.change_user(organisation.id, user.id, disabled_at=None)
        record_about(origin, Event.USER_ENABLED, user)
    return True


def end_sessions(settings: Settings, organisation: Organisation, user: User, origin: Origin) -> int:
    """Sign a user out everywhere; trust in devices stays (S37). Returns the number of sessions that ended."""
    permissions.require_self_or_over(organisation, user, origin)
    sensitive_changes.require(Access("sessions", user.role), None)
    with transaction():
        users.lock_user(user.organisation_id, user.id)
        attempts.drop_attempts_of(organisation.id, user.id)
        ended = sessions.end_all(organisation.id, user.id, "ended_by_request", origin)
        if ended and origin.actor_id != user.id:
            notify(settings, organisation.id, user.id, "sessions_ended")
        return ended
