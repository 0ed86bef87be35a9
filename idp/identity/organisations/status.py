"""Disable and enable organisations. One column closes an organisation: whatever reads its sessions and grants asks for it.

While it is disabled nobody signs in there, its apps get no tokens, its links open nothing, and its jobs and mails wait.
Sessions and grants of before never work again; people, apps, trust in devices and settings stay as they are.
"""

from dataclasses import dataclass
from functools import partial

from idp import clock
from idp.audit import Event, Origin, record
from idp.batches import in_batches
from idp.checks import check_reason
from idp.db import transaction
from idp.errors import Conflict, say
from idp.identity import permissions, sensitive_changes
from idp.identity.sensitive_changes import OrganisationState
from idp.store import disabled_organisations as store
from idp.store.organisations import Organisation

FEW = 10_000
"""Sessions are counted up to here."""


@dataclass(frozen=True)
class Disabled:
    """Hold how many people are signed out. ``is_more``: perhaps more, because not all sessions were counted."""

    people: int
    is_more: bool = False


def signed_in(organisation: Organisation) -> Disabled:
    """Return how many people disabling would sign out."""
    people, sessions = store.count_signed_in(organisation.id, clock.now(), FEW) or (0, 0)
    return Disabled(people, sessions == FEW)


def disable(organisation: Organisation, origin: Origin, *, reason: str = "") -> Disabled | None:
    """Disable an organisation. Returns how many people were signed out; None if it was disabled already.

    ``reason``: one line for the audit log. The worker ends the sessions, which open nothing any more, so that apps are told.
    """
    permissions.require_operator(origin)
    if organisation.kind != "retailer":
        raise Conflict(say("The organisation of the installation administrators cannot be disabled."))
    if organisation.disabled_at is not None:
        return None
    sensitive_changes.require(OrganisationState({}), OrganisationState({}, is_disabled=True))
    about = check_reason(reason)
    with transaction():
        ended = signed_in(organisation)
        if not store.disable(organisation.id, clock.now()):
            return None
        record(origin, Event.ORGANISATION_DISABLED, organisation_id=organisation.id, data={**about, "people": ended.people})
    return ended


def enable(organisation: Organisation, origin: Origin, *, reason: str = "") -> bool:
    """Enable a disabled organisation, after its last sessions have ended. Returns False if it was enabled already."""
    permissions.require_operator(origin)
    if organisation.disabled_at is None:
        return False
    sensitive_changes.require(OrganisationState({}, is_disabled=True), OrganisationState({}))
    about = check_reason(reason)
    end_sessions = partial(store.end_sessions, organisation.id, clock.now())
    in_batches(end_sessions)
    with transaction():
        if not store.enable(organisation.id, clock.now()):
            return False
        in_batches(end_sessions)  # those of sign-ins that were finishing
        record(origin, Event.ORGANISATION_ENABLED, organisation_id=organisation.id, data=about)
    return True
