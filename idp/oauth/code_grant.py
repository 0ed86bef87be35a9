"""The authorization code (RFC 6749 §4.1): issued to a validated address, redeemed once, used up by a wrong try."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from idp import clock, crypto, db
from idp.audit import Event, Origin, record
from idp.identity import assurance
from idp.oauth.active_grant import OFFLINE, ActiveGrant, find_active_grant
from idp.oauth.authorization_request import AuthorizationRequest
from idp.oauth.clients import RegisteredClient
from idp.oauth.confirmation import KEY
from idp.oauth.errors import OAuthError, invalid_grant, invalid_request
from idp.oauth.pkce import mismatch
from idp.oauth.provider import Provider
from idp.oauth.refresh_grant import first_refresh_token
from idp.oauth.resource_indicators import Target
from idp.oauth.rich_requests import choose_target
from idp.oauth.security_profile import code_lifetime
from idp.oauth.test_sign_in import permission
from idp.oauth.token_request import TokenRequest
from idp.oauth.tokens import Particulars, mint
from idp.signin.state import BrowserContext, SignedIn
from idp.store import grants, sessions
from idp.store.grants import AuthorizationCode, Grant


@dataclass(frozen=True)
class Redeemed:
    """A code that was redeemed just now, by this request alone."""

    code: AuthorizationCode
    active: ActiveGrant
    refresh_token: str
    target: Target


def exchange(provider: Provider, client: RegisteredClient, request: TokenRequest) -> dict[str, Any]:
    """Return the token response for the code of a request; raises ``OAuthError``.

    The code is redeemed before anything is minted: whatever happens in between, it is used.
    """
    if not request.parameters.get("code"):
        raise invalid_request("The code is missing.")
    if client.is_public and not request.parameters.get("code_verifier"):
        raise invalid_request("The code_verifier is missing.")
    with db.transaction():
        found = redeem(provider, client, request, clock.now())
    if isinstance(found, str):
        raise invalid_grant(found)
    return mint(
        provider,
        found.active,
        found.active.scopes,
        Particulars(request.bound_to, found.code.nonce or "", found.refresh_token, found.target),
    )


def issue_code(
    provider: Provider, request: AuthorizationRequest, signed_in: SignedIn, visit: BrowserContext
) -> tuple[Grant, str]:
    """Make a grant, within a transaction. Returns it with its code, of which only the digest is stored."""
    grant = new_grant(provider, request.client.client_id, request.needs.acr, signed_in, claims=request.claims)
    lifetime = timedelta(seconds=provider.settings.lifetimes.code_seconds)
    add_grant(grant, visit.origin(grant.user_id, grant.client_id))
    code = crypto.new_bearer(grant.organisation_id)
    grants.add_code(
        AuthorizationCode(
            organisation_id=grant.organisation_id,
            digest=crypto.digest("code", code),
            grant_id=grant.id,
            client_id=grant.client_id,
            redirect_uri=request.redirect_uri,
            redirect_uri_sent=request.names_redirect_uri,
            code_challenge=request.code_challenge,
            nonce=request.nonce or None,
            claims=dict(request.claims),
            dpop_jkt=request.dpop_jkt,
            expires_at=grant.created_at + code_lifetime(request.client.metadata, lifetime),
        )
    )
    return grant, code


def new_grant(
    provider: Provider,
    client_id: str,
    asked: Sequence[str],
    signed_in: SignedIn,
    *,
    made_by: str = "authorization_code",
    claims: Mapping[str, list[str]] | None = None,
) -> Grant:
    """Return a grant that is not stored yet.

    ``asked``: acr names. ``made_by``: the grant type that it depends on. ``claims``: those of the request, by section.
    """
    now, lifetimes = clock.now(), provider.settings.lifetimes
    offline = OFFLINE in signed_in.scopes
    return Grant(
        organisation_id=signed_in.organisation_id,
        id=crypto.new_id(),
        user_id=signed_in.user_id,
        client_id=client_id,
        login_id=signed_in.session_id,
        scopes=list(signed_in.scopes),
        proofs=assurance.as_json(signed_in.proofs),
        asked=list(asked),
        claims=dict(claims or {}),
        details=list(signed_in.details),
        made_by=made_by,
        created_at=now,
        ends_at=now + (timedelta(days=lifetimes.refresh_days) if offline else timedelta(hours=lifetimes.login_hours)),
    )


def add_grant(grant: Grant, origin: Origin) -> None:
    """Store a grant, within a transaction, and note that the app is signed in to within its session.

    The first grant of a session is audited; a silent single sign-on later in the same session is not.
    """
    grants.add_grant(grant)
    if sessions.note_client(grant.organisation_id, grant.login_id, grant.client_id, grant.created_at):
        _record(origin, Event.GRANT_ISSUED, grant)


def redeem(provider: Provider, client: RegisteredClient, request: TokenRequest, now: datetime) -> Redeemed | str:
    """Redeem the code of a request, once, within a transaction. Returns the reason for the log if it is refused.

    A wrong redemption uses the code up too, and revokes its grant. One without the verifier that it needs is no guess at
    it, and the code stays; so it does after an ``invalid_target`` or ``invalid_authorization_details``, which undo the
    transaction.
    """
    bearer = request.parameters.get("code")
    organisation_id, digest = crypto.organisation_id_of(bearer), crypto.digest("code", bearer)
    code = grants.code_of(organisation_id, digest) if organisation_id else None
    if code is None:
        return "no such code"
    if code.client_id == client.client_id and code.code_challenge and not request.parameters.get("code_verifier"):
        # RFC 7636 §4.6: the values "are not equal", which is an invalid_grant. Only public clients need one in any case.
        raise OAuthError("invalid_grant", "The code_verifier is missing.")
    if not grants.burn_code(organisation_id, digest, now):
        # RFC 6749 §4.1.2: "If an authorization code is used more than once, the authorization server MUST deny the
        # request and SHOULD revoke (when possible) all tokens previously issued based on that authorization code."
        return _revoke(code, request, now, "code_reuse") if code.expires_at > now or code.redeemed_at else "expired"
    wrong = _mismatch(provider, client, code, request)
    if wrong:
        return _revoke(code, request, now, wrong)
    active = find_active_grant(provider, organisation_id, code.grant_id, now)
    if isinstance(active, str):
        return active
    target = choose_target(provider, active, active.scopes, request)
    return Redeemed(code, active, first_refresh_token(provider, active, request.bound_to, now), target)


def _mismatch(provider: Provider, client: RegisteredClient, code: AuthorizationCode, request: TokenRequest) -> str:
    """Return what of the request does not match the code (RFC 6749 §4.1.3, RFC 7636 §4.6); empty where all does."""
    parameters = request.parameters
    if client.client_id != code.client_id:
        return "wrong_client"
    # RFC 9449 §10: "The authorization server MUST [check] that the DPoP proof public key matches the dpop_jkt".
    if code.dpop_jkt and request.bound_to != KEY + code.dpop_jkt:
        return "wrong_dpop_key"
    # RFC 6749 §4.1.3: "REQUIRED, if the 'redirect_uri' parameter was included in the authorization request […], and their
    # values MUST be identical." A plain OAuth request to a client's only address may leave it out in both places.
    sent = parameters.get("redirect_uri")
    if (sent or code.redirect_uri_sent) and sent != code.redirect_uri:
        return "wrong_redirect_uri"
    # An address that was withdrawn since the code was sent there may be withdrawn because an attacker reads it.
    if not client.check_redirect_uri(code.redirect_uri) and code.redirect_uri != permission.callback(provider):
        return "redirect_uri_withdrawn"
    return mismatch(parameters.get("code_verifier"), code.code_challenge)


def _revoke(code: AuthorizationCode, request: TokenRequest, now: datetime, why: str) -> str:
    if grants.revoke_grant(code.organisation_id, code.grant_id, now, why):
        grant = grants.grant(code.organisation_id, code.grant_id)
        if grant is not None:
            event = Event.REUSE_FOUND if why == "code_reuse" else Event.GRANT_REVOKED
            _record(request.origin(grant.client_id), event, grant, why=why)
    return why


def _record(origin: Origin, event: Event, grant: Grant, **data: str) -> None:
    record(
        origin,
        event,
        organisation_id=grant.organisation_id,
        outcome="failure" if data else "success",
        subject_id=grant.user_id,
        data={"grant": grant.id, **data},
    )
