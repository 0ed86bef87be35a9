"""Let a person decide about a request that an app polls for (RFC 8628 §3.3, OpenID CIBA §8), behind the same sign-in.

What a request needs is read again at each visit, with the client as it is then. Nothing is approved without a button.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import structlog

from idp import clock, db
from idp.audit import Event, record
from idp.oauth.authorization_request import read_without_browser
from idp.oauth.client_metadata import CIBA, DEVICE_CODE
from idp.oauth.code_grant import add_grant, new_grant
from idp.oauth.errors import OAuthError
from idp.oauth.provider import Provider
from idp.signin import authenticate as signin
from idp.signin.requirements import Needs
from idp.signin.state import BrowserContext, Continue, SignedIn
from idp.store import organisations
from idp.store import polled_requests as store
from idp.store.polled_requests import APPROVAL, DEVICE, PolledRequest

REQUEST = "polled_request"
"""Under this name the needs of a sign-in carry the id of the request."""

log = structlog.get_logger("oauth")


@dataclass(frozen=True)
class Kind:
    """A kind of request: the grant type, the page of ours that decides it, and its events in the audit log."""

    grant_type: str
    page: str
    approved: Event
    denied: Event


KINDS: Mapping[str, Kind] = {
    DEVICE: Kind(DEVICE_CODE, "/device/confirm", Event.TERMINAL_APPROVED, Event.TERMINAL_DENIED),
    APPROVAL: Kind(CIBA, "/approve/confirm", Event.APPROVAL_GIVEN, Event.APPROVAL_DENIED),
}


@dataclass(frozen=True)
class Waiting:
    """A request that waits for the person who is signed in. ``shop_name``: of the shop that it names, if it names one."""

    settled: SignedIn
    request: PolledRequest
    needs: Needs
    shop_name: str


@dataclass(frozen=True)
class Over:
    """Nothing is left to decide. ``decision``: what this person decided now, ``approved`` or ``denied``, or nothing."""

    decision: str = ""


@dataclass(frozen=True)
class Elsewhere:
    """The request names a shop that the person's organisation does not have. So it is not theirs to decide."""

    shop: str


Outcome = Waiting | Continue | Over | Elsewhere


def begin(provider: Provider, row: PolledRequest, carried: Mapping[str, str], visit: BrowserContext) -> str | None:
    """Begin to decide a request. Returns the id of a sign-in, or None if the request is over. ``carried``: kept with it."""
    needs = _needs(provider, row, {REQUEST: row.id, **carried})
    return signin.open_for(provider.settings, _to_sign_in(needs), visit).attempt_id if needs else None


def read_again(provider: Provider, stored: Needs) -> Needs | None:
    """Work out the needs of a request again, with the client as it is now. Returns None if it is over."""
    found = _read_again(provider, stored)
    return _to_sign_in(found[1]) if found else None


def _read_again(provider: Provider, stored: Needs) -> tuple[PolledRequest, Needs] | None:
    row = store.request(stored.carried[REQUEST])
    needs = _needs(provider, row, stored.carried) if row else None
    return (row, replace(needs, ui_locales=stored.ui_locales or needs.ui_locales)) if row and needs else None


def _to_sign_in(needs: Needs) -> Needs:
    """Return what the sign-in must reach: acts (RFC 9396) are allowed on the page that decides, with all the rest."""
    return replace(needs, details=())


def _needs(provider: Provider, row: PolledRequest, carried: Mapping[str, str]) -> Needs | None:
    client, kind = provider.clients.get(row.client_id), KINDS[row.kind]
    if row.decided_at is not None or row.expires_at <= clock.now():
        return None
    if client is None or not client.check_grant_type(kind.grant_type):
        return None
    try:
        needs = read_without_browser(provider, client, row.parameters, kind.page, carried)
    except OAuthError:
        return None
    return replace(needs, subject=row.user_id) if row.user_id else needs


def resume(provider: Provider, visit: BrowserContext, attempt_id: str) -> Outcome:
    """Come back from the sign-in. Returns what the person must decide, if their sign-in is enough."""
    stored = signin.asked_by(provider.settings, attempt_id)
    found = _read_again(provider, stored) if stored is not None and REQUEST in stored.carried else None
    if found is None:
        return Over()
    row, needs = found
    settled = signin.authenticate(provider.settings, _to_sign_in(needs), visit, attempt_id)
    if isinstance(settled, Continue):
        return settled
    if isinstance(settled, SignedIn):
        return _in_its_shop(replace(settled, details=needs.details), row, needs)
    log.info("decision_refused", client_id=row.client_id, error=settled.error, detail=settled.why)
    if settled.error == "access_denied":
        _deny(row, visit, None)
    return Over("denied")


def _in_its_shop(settled: SignedIn, row: PolledRequest, needs: Needs) -> Waiting | Elsewhere:
    """Find the shop in the person's own organisation: what a device says of itself, anybody could say (RFC 8628 §5.4)."""
    code = str(row.parameters.get("shop", ""))
    shop = organisations.shop_at(settled.organisation_id, code) if code else None
    return Elsewhere(code) if code and shop is None else Waiting(settled, row, needs, shop.name if shop else "")


def decide(provider: Provider, visit: BrowserContext, attempt_id: str, *, approve: bool) -> Outcome:
    """Take the decision of a person whose sign-in is enough. It counts once; anything else shows the page again."""
    found = resume(provider, visit, attempt_id)
    if not isinstance(found, Waiting):
        return found
    if not approve:
        _deny(found.request, visit, found.settled)
        return Over("denied")
    return Over("approved" if _approve(provider, found, visit) else "")


def _approve(provider: Provider, waiting: Waiting, visit: BrowserContext) -> bool:
    """Make the grant and close the sign-in, in one transaction. Returns False if another decision was first."""
    settled, row = waiting.settled, waiting.request
    kind, origin = KINDS[row.kind], visit.origin(settled.user_id, row.client_id)
    grant = new_grant(provider, row.client_id, waiting.needs.acr, settled, made_by=kind.grant_type)
    with db.transaction():
        if not signin.finish(settled) or not store.approve(row.id, grant.organisation_id, grant.id, clock.now()):
            return False
        store.ping(row.id, clock.now())
        add_grant(grant, origin)
        about = {"organisation_id": grant.organisation_id, "subject_id": grant.user_id}
        types = [str(detail["type"]) for detail in grant.details]
        record(origin, kind.approved, **about, data={"grant": grant.id, **({"details": types} if types else {})})
    log.info("request_approved", kind=row.kind, client_id=row.client_id, sub=settled.user_id)
    return True


def _deny(row: PolledRequest, visit: BrowserContext, settled: SignedIn | None) -> None:
    """Note a refusal. ``settled``: the person who pressed the button; None for one who refused at the consent.

    Who that was is not known, but for an approval: nobody else than the person who is asked reaches its consent.
    """
    organisation_id = settled.organisation_id if settled else row.organisation_id
    user_id = settled.user_id if settled else row.user_id
    with db.transaction():
        if not store.deny(row.id, clock.now()):
            return
        store.ping(row.id, clock.now())
        if organisation_id and user_id:
            about = {"organisation_id": organisation_id, "subject_id": user_id}
            record(visit.origin(user_id, row.client_id), KINDS[row.kind].denied, **about, outcome="failure", data={})
