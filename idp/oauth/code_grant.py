"""The authorization code (RFC 6749 §4.1): issued to a validated address, redeemed once, burnt by any wrong redemption."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant

from idp import clock, crypto, db
from idp.audit import Event, record
from idp.identity import assurance
from idp.oauth.active_grant import OFFLINE, ActiveGrant, pass_gate
from idp.oauth.authorization_request import AuthorizationRequest, destination_of, read_asked
from idp.oauth.authorization_response import Answer, answer
from idp.oauth.client_auth import authenticate
from idp.oauth.errors import OAuthError, invalid_grant, invalid_request
from idp.oauth.pkce import verifier_fits
from idp.oauth.provider import Provider
from idp.oauth.refresh_grant import first_refresh_token
from idp.oauth.request_parameters import ProtocolRequest
from idp.oauth.test_sign_in import permission
from idp.oauth.tokens import mint
from idp.signin.state import SignedIn
from idp.store import grants, sessions
from idp.store.grants import AuthorizationCode, Grant


@dataclass(frozen=True)
class Redeemed:
    """A code that was redeemed just now, by this request alone."""

    code: AuthorizationCode
    standing: ActiveGrant
    refresh_token: str


class CodeGrant(AuthorizationCodeGrant):  # type: ignore[misc]  # Authlib is untyped
    """Authlib's code grant, with single use before minting and our own reading of the request."""

    request: ProtocolRequest
    asked: AuthorizationRequest

    @property
    def provider(self) -> Provider:
        """The provider's standing parts."""
        provider: Provider = self.server.provider
        return provider

    @classmethod
    def check_authorization_endpoint(cls, request: ProtocolRequest) -> bool:
        """Every request is judged here, in one order; the response type comes after client and address."""
        return True

    def validate_authorization_request(self) -> str:
        """The address to answer to; ``asked`` is what was asked. Faults carry the address once it is validated."""
        destination = destination_of(self.provider, self.request.parameters, self.request.browser_id)
        self.request.client = destination.client
        try:
            self.asked = read_asked(self.provider, self.request.parameters, destination)
        except OAuth2Error as error:
            error.redirect_uri = destination.redirect_uri
            raise
        return destination.redirect_uri

    def create_authorization_response(self, redirect_uri: str, grant_user: SignedIn) -> Answer:
        """A code for whom the sign-in settled, within the transaction of the sign-in's end."""
        code = issue_code(self.provider, self.asked, grant_user, self.request)
        return answer(self.provider.issuer, redirect_uri, self.asked.mode, self.asked.state, code=code)

    def validate_token_request(self) -> None:
        """Client and form; the code itself is judged with its redemption, in one transaction."""
        client = authenticate(self.provider, self.request)
        if not client.check_grant_type(self.GRANT_TYPE):
            raise OAuthError("unauthorized_client", "The client is not registered for authorization_code.")
        if not self.request.parameters.get("code"):
            raise invalid_request("The code is missing.")
        if not self.request.parameters.get("code_verifier"):
            raise invalid_request("The code_verifier is missing.")
        self.request.client = client

    def create_token_response(self) -> tuple[int, dict[str, Any], list[tuple[str, str]]]:
        """Redeem first, mint after: whatever happens in between, the code is gone."""
        with db.transaction():
            found = redeem(self.provider, self.request, clock.now())
        if isinstance(found, str):
            raise invalid_grant(found)
        token = mint(
            self.provider,
            found.standing,
            found.standing.scopes,
            nonce=found.code.nonce or "",
            claims=found.code.claims,
            refresh_token=found.refresh_token,
        )
        return 200, token, self.TOKEN_RESPONSE_HEADER


def issue_code(provider: Provider, asked: AuthorizationRequest, settled: SignedIn, request: ProtocolRequest) -> str:
    """A grant with its code; within a transaction. The code's digest is stored, the code is nowhere."""
    now = clock.now()
    grant = _grant(provider, asked, settled, now)
    grants.add_grant(grant)
    code = crypto.new_bearer(grant.organisation_id)
    grants.add_code(
        AuthorizationCode(
            organisation_id=grant.organisation_id,
            digest=crypto.digest("code", code),
            grant_id=grant.id,
            client_id=grant.client_id,
            redirect_uri=asked.redirect_uri,
            redirect_uri_sent=asked.redirect_uri_sent,
            code_challenge=asked.code_challenge,
            nonce=asked.nonce or None,
            claims=dict(asked.claims.names),
            expires_at=now + timedelta(seconds=provider.settings.lifetimes.code_seconds),
        )
    )
    # design.md: the first issue is audited; a silent single sign-on later in the same login is not.
    if sessions.note_client(grant.organisation_id, grant.login_id, grant.client_id, now):
        _tell(Event.GRANT_ISSUED, grant, request)
    return code


def _grant(provider: Provider, asked: AuthorizationRequest, settled: SignedIn, now: datetime) -> Grant:
    lifetimes = provider.settings.lifetimes
    offline = OFFLINE in settled.scopes
    return Grant(
        organisation_id=settled.organisation_id,
        id=crypto.new_id(),
        user_id=settled.user_id,
        client_id=asked.client.client_id,
        login_id=settled.login_id,
        scopes=list(settled.scopes),
        proofs=assurance.as_json(settled.proofs),
        asked=list(asked.acr),
        created_at=now,
        ends_at=now + (timedelta(days=lifetimes.refresh_days) if offline else timedelta(hours=lifetimes.login_hours)),
    )


def redeem(provider: Provider, request: ProtocolRequest, now: datetime) -> Redeemed | str:
    """Redeem the code of a request, once; else, for the log, why not. Wrong redemptions burn it and revoke its grant."""
    bearer = request.parameters.get("code")
    tenant, digest = crypto.tenant_of(bearer), crypto.digest("code", bearer)
    code = grants.code_of(tenant, digest) if tenant else None
    if code is None:
        return "no such code"
    if not grants.burn_code(tenant, digest, now):
        # RFC 6749 §4.1.2: "If an authorization code is used more than once, the authorization server MUST deny the
        # request and SHOULD revoke (when possible) all tokens previously issued based on that authorization code."
        return _revoke(code, request, now, "code_reuse") if code.expires_at > now or code.redeemed_at else "expired"
    wrong = _mismatch(provider, code, request)
    if wrong:
        return _revoke(code, request, now, wrong)
    standing = pass_gate(provider, tenant, code.grant_id, now)
    if isinstance(standing, str):
        return standing
    return Redeemed(code, standing, first_refresh_token(provider, standing, now))


def _mismatch(provider: Provider, code: AuthorizationCode, request: ProtocolRequest) -> str:
    """What of the request does not fit the code (RFC 6749 §4.1.3, RFC 7636 §4.6); empty where all does."""
    if request.client.client_id != code.client_id:
        return "wrong_client"
    # RFC 6749 §4.1.3: "REQUIRED, if the 'redirect_uri' parameter was included in the authorization request […], and their
    # values MUST be identical." A plain OAuth request to a client's only address may leave it out in both places.
    sent = request.parameters.get("redirect_uri")
    if (sent or code.redirect_uri_sent) and sent != code.redirect_uri:
        return "wrong_redirect_uri"
    # An address that was withdrawn since the code was sent there may be withdrawn because somebody else reads it.
    if not request.client.check_redirect_uri(code.redirect_uri) and code.redirect_uri != permission.callback(provider):
        return "redirect_uri_withdrawn"
    if not verifier_fits(request.parameters.get("code_verifier"), code.code_challenge):
        return "wrong_verifier"
    return ""


def _revoke(code: AuthorizationCode, request: ProtocolRequest, now: datetime, why: str) -> str:
    if grants.revoke_grant(code.organisation_id, code.grant_id, now, why):
        grant = grants.grant(code.organisation_id, code.grant_id)
        if grant is not None:
            _tell(Event.REUSE_FOUND if why == "code_reuse" else Event.GRANT_REVOKED, grant, request, why=why)
    return why


def _tell(event: Event, grant: Grant, request: ProtocolRequest, **data: str) -> None:
    record(
        request.origin("" if data else grant.user_id, grant.client_id),
        event,
        organisation_id=grant.organisation_id,
        outcome="failure" if data else "success",
        subject_id=grant.user_id,
        data={"grant": grant.id, **data},
    )
