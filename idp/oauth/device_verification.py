"""Let a person approve a device that shows a code (RFC 8628 §3.3): behind the same sign-in as any app.

A code that somebody else sent may be an attempt to have their own device approved (§5.4). So the page names the app, the
device and the code, and nothing is approved without pressing a button.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import structlog

from idp import clock, db
from idp.audit import Event, record
from idp.identity.lockout import rate_limits
from idp.oauth.client_metadata import DEVICE_CODE
from idp.oauth.code_grant import add_grant, new_grant
from idp.oauth.device_grant import REQUEST, USER_CODE, macs_of, needs_of
from idp.oauth.errors import OAuthError
from idp.oauth.provider import Provider
from idp.signin import authenticate as signin
from idp.signin.requirements import Needs
from idp.signin.state import BrowserContext, Continue, SignedIn
from idp.store import polled_requests as store
from idp.store.polled_requests import PolledRequest

SHOWN = "user_code"
"""Under this name the needs of a sign-in carry the code that was entered, to be compared with the device."""

log = structlog.get_logger("oauth")


@dataclass(frozen=True)
class Waiting:
    """A device that waits for the person who is signed in. ``device_name`` is empty where the app names none."""

    settled: SignedIn
    request: PolledRequest
    needs: Needs
    device_name: str
    user_code: str


@dataclass(frozen=True)
class Over:
    """Nothing is left to decide. ``decision``: what this person decided now, ``approved`` or ``denied``, or nothing."""

    decision: str = ""


Outcome = Waiting | Continue | Over


def enter(provider: Provider, typed: str, visit: BrowserContext) -> str | None:
    """Begin to approve the device that shows a code. Returns the id of a sign-in, or None if no device shows it.

    Raises ``TooMany``: a guess is counted for its address before it is checked (§5.1).
    """
    now, code = clock.now(), USER_CODE.read(typed)
    place = rate_limits.admit_user_code(provider.settings, visit.address, now)
    found = store.entered(macs_of(provider, code), now) if code else None
    carried = {REQUEST: found.id, SHOWN: USER_CODE.shown(code).upper()} if found else {}
    needs = _needs(provider, found, carried) if found else None
    if needs is None:
        return None
    with db.transaction():
        rate_limits.forgive_user_code(place)
    return signin.open_for(provider.settings, needs, visit).attempt_id


def read_again(provider: Provider, stored: Needs) -> Needs | None:
    """Work out the needs of a device's request again, with the client as it is now. Returns None if it is over."""
    found = store.request(stored.carried[REQUEST])
    needs = _needs(provider, found, stored.carried) if found else None
    return replace(needs, ui_locales=stored.ui_locales or needs.ui_locales) if needs else None


def _needs(provider: Provider, row: PolledRequest, carried: Mapping[str, str]) -> Needs | None:
    client = provider.clients.get(row.client_id)
    if row.decided_at is not None or row.expires_at <= clock.now():
        return None
    if client is None or not client.check_grant_type(DEVICE_CODE):
        return None
    try:
        return needs_of(provider, client, row.parameters, carried)
    except OAuthError:
        return None


def resume(provider: Provider, visit: BrowserContext, attempt_id: str) -> Outcome:
    """Come back from the sign-in. Returns what the person must decide, if their sign-in is enough."""
    stored = signin.asked_by(provider.settings, attempt_id)
    needs = read_again(provider, stored) if stored is not None and REQUEST in stored.carried else None
    row = store.request(needs.carried[REQUEST]) if needs else None
    if needs is None or row is None:
        return Over()
    settled = signin.authenticate(provider.settings, needs, visit, attempt_id)
    if isinstance(settled, Continue):
        return settled
    if isinstance(settled, SignedIn):
        device_name, user_code = str(row.parameters.get("device_name", "")), needs.carried.get(SHOWN, "")
        return Waiting(settled, row, needs, device_name, user_code)
    log.info("device_refused", client_id=row.client_id, error=settled.error, detail=settled.why)
    if settled.error == "access_denied":
        _deny(row, visit, "", "")
    return Over("denied")


def decide(provider: Provider, visit: BrowserContext, attempt_id: str, *, approve: bool) -> Outcome:
    """Take the decision of a person whose sign-in is enough. It counts once; anything else shows the page again."""
    found = resume(provider, visit, attempt_id)
    if not isinstance(found, Waiting):
        return found
    if not approve:
        _deny(found.request, visit, found.settled.organisation_id, found.settled.user_id)
        return Over("denied")
    return Over("approved" if _approve(provider, found, visit) else "")


def _approve(provider: Provider, waiting: Waiting, visit: BrowserContext) -> bool:
    """Make the grant and close the sign-in, in one transaction. Returns False if another decision was first."""
    settled, row = waiting.settled, waiting.request
    origin = visit.origin(settled.user_id, row.client_id)
    grant = new_grant(provider, row.client_id, waiting.needs.acr, settled, made_by=DEVICE_CODE)
    with db.transaction():
        if not signin.finish(settled) or not store.approve(row.id, grant.organisation_id, grant.id, clock.now()):
            return False
        add_grant(grant, origin)
        about = {"organisation_id": grant.organisation_id, "subject_id": grant.user_id}
        record(origin, Event.TERMINAL_APPROVED, **about, data={"grant": grant.id})
    log.info("device_approved", client_id=row.client_id, sub=settled.user_id)
    return True


def _deny(row: PolledRequest, visit: BrowserContext, organisation_id: str, user_id: str) -> None:
    with db.transaction():
        if store.deny(row.id, clock.now()) and user_id:
            about = {"organisation_id": organisation_id, "subject_id": user_id}
            record(visit.origin(user_id, row.client_id), Event.TERMINAL_DENIED, **about, outcome="failure", data={})
