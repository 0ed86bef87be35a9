"""Refresh tokens (RFC 6749 §6, RFC 9700 §4.14).

A public client's token is rotated: each is used once, and for a few seconds a used one gives the *same* successor again, for
apps that lost the answer or asked twice at once. Later reuse means that two hold it: the family is revoked. Confidential
clients keep theirs; it is bound to the client's own authentication.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from authlib.oauth2.rfc6749.grants import RefreshTokenGrant

from idp import clock, crypto, db
from idp.audit import Event, record
from idp.errors import Unreadable
from idp.oauth.active_grant import OFFLINE, ActiveGrant, pass_gate
from idp.oauth.client_auth import authenticate
from idp.oauth.errors import OAuthError, invalid_grant, invalid_request
from idp.oauth.provider import Provider
from idp.oauth.request_parameters import ProtocolRequest
from idp.oauth.tokens import mint
from idp.store import grants
from idp.store.grants import RefreshToken

log = structlog.get_logger("oauth")


@dataclass(frozen=True)
class Refreshed:
    """A refresh that holds; ``refresh_token`` is empty where the client keeps the one it has."""

    standing: ActiveGrant
    refresh_token: str


class RefreshGrant(RefreshTokenGrant):  # type: ignore[misc]  # Authlib is untyped
    """Authlib's refresh grant, with the token used up before anything is minted."""

    request: ProtocolRequest

    @property
    def provider(self) -> Provider:
        """The provider's standing parts."""
        provider: Provider = self.server.provider
        return provider

    def validate_token_request(self) -> None:
        """Client and form; the token itself is judged with its use, in one transaction."""
        client = authenticate(self.provider, self.request)
        if not client.check_grant_type(self.GRANT_TYPE):
            raise OAuthError("unauthorized_client", "The client is not registered for refresh_token.")
        if not self.request.parameters.get("refresh_token"):
            raise invalid_request("The refresh_token is missing.")
        self.request.client = client

    def create_token_response(self) -> tuple[int, dict[str, Any], list[tuple[str, str]]]:
        """Use first, mint after."""
        with db.transaction():
            found = refresh(self.provider, self.request, clock.now())
        if isinstance(found, OAuthError):
            raise found
        log.info("refreshed", client_id=self.request.client.client_id, sub=found.standing.user.id)
        scopes = _scopes(self.request, found.standing)
        token = mint(self.provider, found.standing, scopes, refresh_token=found.refresh_token)
        return 200, token, self.TOKEN_RESPONSE_HEADER


def first_refresh_token(provider: Provider, standing: ActiveGrant, now: datetime) -> str:
    """The refresh token that comes with a code; empty without the grant type or without ``offline_access``."""
    if OFFLINE not in standing.scopes:
        return ""
    return _issue(provider, standing, now, crypto.new_bearer(standing.grant.organisation_id))


def _issue(provider: Provider, standing: ActiveGrant, now: datetime, bearer: str) -> str:
    grants.add_refresh_token(
        RefreshToken(
            organisation_id=standing.grant.organisation_id,
            digest=crypto.digest("refresh_token", bearer),
            grant_id=standing.grant.id,
            created_at=now,
            idle_until=_idle_until(provider, now),
        )
    )
    return bearer


def _idle_until(provider: Provider, now: datetime) -> datetime:
    return now + timedelta(days=provider.settings.lifetimes.refresh_idle_days)


def refresh(provider: Provider, request: ProtocolRequest, now: datetime) -> Refreshed | OAuthError:
    """Use the refresh token of a request, within a transaction; a fault as a value, so that a revocation is kept."""
    bearer = request.parameters.get("refresh_token")
    tenant, digest = crypto.tenant_of(bearer), crypto.digest("refresh_token", bearer)
    token = grants.refresh_token_of(tenant, digest) if tenant else None
    if token is None:
        return invalid_grant("no such refresh token")
    standing = pass_gate(provider, tenant, token.grant_id, now)
    if isinstance(standing, str):
        return invalid_grant(standing)
    # RFC 6749 §10.4: "The authorization server MUST maintain the binding between a refresh token and the client".
    if standing.client.client_id != request.client.client_id:
        return invalid_grant("another client's refresh token")
    # RFC 6749 §6: the scope "MUST NOT include any scope not originally granted".
    if not set(request.parameters.get("scope").split()) <= set(standing.grant.scopes):
        return OAuthError("invalid_scope", "The scope is wider than what was granted.")
    if OFFLINE not in standing.scopes:
        return invalid_grant("the client may no longer have offline_access")
    if not _scopes(request, standing):
        return OAuthError("invalid_scope", "The client may have none of these scopes any more.")
    found = _use(provider, request, standing, token, now)
    if isinstance(found, Refreshed):
        grants.note_grant_use(tenant, standing.grant.id, now)
    return found


def _scopes(request: ProtocolRequest, standing: ActiveGrant) -> list[str]:
    """Of the scopes that hold now those asked for, or all: the answer's ``scope`` tells the client (RFC 6749 §5.1)."""
    asked = request.parameters.get("scope").split() or standing.scopes
    return [scope for scope in standing.scopes if scope in asked]


def _use(
    provider: Provider, request: ProtocolRequest, standing: ActiveGrant, token: RefreshToken, now: datetime
) -> Refreshed | OAuthError:
    if token.idle_until <= now:
        return invalid_grant("not used for too long")
    if not standing.client.is_public:
        grants.touch_refresh_token(token.organisation_id, token.digest, _idle_until(provider, now))
        return Refreshed(standing, "")
    successor = crypto.new_bearer(token.organisation_id)
    sealed = provider.settings.ring.seal_json(successor, _place(token))
    if grants.burn_refresh_token(token.organisation_id, token.digest, now, sealed):
        return Refreshed(standing, _issue(provider, standing, now, successor))
    return _use_again(provider, request, standing, token, now)


def _use_again(
    provider: Provider, request: ProtocolRequest, standing: ActiveGrant, token: RefreshToken, now: datetime
) -> Refreshed | OAuthError:
    """A used token: within the grace the same successor, later the end of the family (RFC 9700 §4.14.2)."""
    used = grants.refresh_token_of(token.organisation_id, token.digest)
    grace = timedelta(seconds=provider.settings.lifetimes.refresh_grace_seconds)
    if used is not None and used.used_at is not None and now - used.used_at <= grace:
        try:
            return Refreshed(standing, str(provider.settings.ring.open_json(used.sealed_successor, _place(token))))
        except (Unreadable, ValueError):
            pass  # wiped or sealed with a key that is gone: then it is reuse like any other
    _revoke_family(request, standing, now)
    return invalid_grant("refresh token reuse")


def _place(token: RefreshToken) -> str:
    return f"refresh_tokens:sealed_successor:{crypto.b64url(token.digest)}"


def _revoke_family(request: ProtocolRequest, standing: ActiveGrant, now: datetime) -> None:
    grant = standing.grant
    if grants.revoke_grant(grant.organisation_id, grant.id, now, "refresh_reuse"):
        record(
            request.origin("", grant.client_id),
            Event.REUSE_FOUND,
            organisation_id=grant.organisation_id,
            outcome="failure",
            subject_id=grant.user_id,
            data={"grant": grant.id, "why": "refresh_reuse"},
        )
