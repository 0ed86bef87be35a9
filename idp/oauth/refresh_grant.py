"""Refresh tokens (RFC 6749 §6, RFC 9700 §4.14).

A public client's token is rotated: each is used once. For a few seconds a used one gives the *same* successor again, for
apps that lost the answer or asked twice at once. Later reuse means that two parties hold it, so the family is revoked.
Confidential clients keep their token; it is bound to the client's own authentication.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import structlog

from idp import clock, crypto, db
from idp.audit import Event, record
from idp.errors import Unreadable
from idp.identity.scopes import SINGLE, only_scopes
from idp.oauth.active_grant import ActiveGrant, find_active_grant
from idp.oauth.clients import RegisteredClient
from idp.oauth.errors import OAuthError, invalid_grant, invalid_request
from idp.oauth.provider import Provider
from idp.oauth.resource_indicators import Target
from idp.oauth.rich_requests import choose_target
from idp.oauth.token_request import TokenRequest
from idp.oauth.tokens import Particulars, mint
from idp.store import grants
from idp.store.grants import RefreshToken

log = structlog.get_logger("oauth")


@dataclass(frozen=True)
class Refreshed:
    """A refresh that was granted; ``refresh_token`` is empty where the client keeps the one that it has."""

    active: ActiveGrant
    refresh_token: str
    target: Target | None = None


def exchange(provider: Provider, client: RegisteredClient, request: TokenRequest) -> dict[str, Any]:
    """Return the token response for the refresh token of a request; raises ``OAuthError``.

    A rotated token is used up before anything is minted.
    """
    if not request.parameters.get("refresh_token"):
        raise invalid_request("The refresh_token is missing.")
    with db.transaction():
        found = refresh(provider, client, request, clock.now())
    if isinstance(found, OAuthError):
        raise found
    log.info("refreshed", client_id=client.client_id, sub=found.active.user.id)
    particulars = Particulars(request.bound_to, refresh_token=found.refresh_token, target=found.target)
    return mint(provider, found.active, _scopes(request, found.active), particulars)


def first_refresh_token(provider: Provider, active: ActiveGrant, bound_to: str, now: datetime) -> str:
    """Return the refresh token that comes with a code; empty for a client without the grant type.

    OpenID Connect Core §11: use of refresh tokens "is not exclusive to the offline_access use case". Without that scope the
    grant, and so its token, ends with the session. ``bound_to``: the key that the client proved to hold.
    """
    if not active.may_refresh:
        return ""
    # RFC 9449 §5: a public client's refresh token MUST be bound; a confidential client's is bound to its authentication.
    if bound_to and active.client.is_public:
        grants.bind_grant(active.grant.organisation_id, active.grant.id, bound_to)
    return _issue(provider, active, now, crypto.new_bearer(active.grant.organisation_id))


def _issue(provider: Provider, active: ActiveGrant, now: datetime, bearer: str) -> str:
    grants.add_refresh_token(
        RefreshToken(
            organisation_id=active.grant.organisation_id,
            digest=crypto.digest("refresh_token", bearer),
            grant_id=active.grant.id,
            created_at=now,
            idle_until=_idle_until(provider, now),
        )
    )
    return bearer


def _idle_until(provider: Provider, now: datetime) -> datetime:
    return now + timedelta(days=provider.settings.lifetimes.refresh_idle_days)


def refresh(provider: Provider, client: RegisteredClient, request: TokenRequest, now: datetime) -> Refreshed | OAuthError:
    """Use the refresh token of a request, within a transaction. Returns an error, never raises it: revocations must stay."""
    bearer = request.parameters.get("refresh_token")
    organisation_id, digest = crypto.organisation_id_of(bearer), crypto.digest("refresh_token", bearer)
    token = grants.refresh_token_of(organisation_id, digest) if organisation_id else None
    if token is None:
        return invalid_grant("no such refresh token")
    active = find_active_grant(provider, organisation_id, token.grant_id, now)
    if isinstance(active, str):
        return invalid_grant(active)
    # RFC 6749 §10.4: "The authorization server MUST maintain the binding between a refresh token and the client".
    if active.client.client_id != client.client_id:
        return invalid_grant("another client's refresh token")
    if active.client.is_public and active.grant.bound_to not in ("", request.bound_to):
        return invalid_grant("the refresh token is bound to another key")
    # RFC 6749 §6: the scope "MUST NOT include any scope not originally granted".
    if not set(request.parameters.get("scope").split()) <= set(active.grant.scopes):
        return OAuthError("invalid_scope", "The scope is wider than what was granted.")
    if not active.may_refresh:
        return invalid_grant("the client may no longer have offline_access")
    if not only_scopes(_scopes(request, active)):
        return OAuthError("invalid_scope", "The client may have none of these scopes any more.")
    # RFC 8707 §2.2, RFC 9396 §6: refreshing narrows. What raises here has changed nothing yet, and the token stays.
    target = choose_target(provider, active, _scopes(request, active), request)
    found = _use(provider, request, active, token, now)
    if isinstance(found, OAuthError):
        return found
    grants.note_grant_use(organisation_id, active.grant.id, now)
    return replace(found, target=target)


def _scopes(request: TokenRequest, active: ActiveGrant) -> list[str]:
    """Return the requested scopes that are valid now, or all: ``scope`` in the answer tells the client (RFC 6749 §5.1).

    Single claims (OpenID Connect Core §5.5) were asked for beside the scopes, and stay.
    """
    requested = request.parameters.get("scope").split() or active.scopes
    return [name for name in active.scopes if name in requested or name.startswith(SINGLE)]


def _use(
    provider: Provider, request: TokenRequest, active: ActiveGrant, token: RefreshToken, now: datetime
) -> Refreshed | OAuthError:
    if token.idle_until <= now:
        return invalid_grant("not used for too long")
    if not active.client.is_public:
        grants.touch_refresh_token(token.organisation_id, token.digest, _idle_until(provider, now))
        return Refreshed(active, "")
    successor = crypto.new_bearer(token.organisation_id)
    sealed = provider.settings.ring.seal_json(successor, _place(token))
    if grants.burn_refresh_token(token.organisation_id, token.digest, now, sealed):
        return Refreshed(active, _issue(provider, active, now, successor))
    return _use_again(provider, request, active, token, now)


def _use_again(
    provider: Provider, request: TokenRequest, active: ActiveGrant, token: RefreshToken, now: datetime
) -> Refreshed | OAuthError:
    """Give the same successor for a used token within the grace time; revoke the family after it (RFC 9700 §4.14.2)."""
    used = grants.refresh_token_of(token.organisation_id, token.digest)
    grace = timedelta(seconds=provider.settings.lifetimes.refresh_grace_seconds)
    if used is not None and used.used_at is not None and now - used.used_at <= grace:
        try:
            return Refreshed(active, str(provider.settings.ring.open_json(used.sealed_successor, _place(token))))
        except (Unreadable, ValueError):
            pass  # wiped, or sealed with a key that is gone: treated as any other reuse
    _revoke_family(request, active, now)
    return invalid_grant("refresh token reuse")


def _place(token: RefreshToken) -> str:
    return f"refresh_tokens:sealed_successor:{crypto.b64url(token.digest)}"


def _revoke_family(request: TokenRequest, active: ActiveGrant, now: datetime) -> None:
    grant = active.grant
    if grants.revoke_grant(grant.organisation_id, grant.id, now, "refresh_reuse"):
        record(
            request.origin(grant.client_id),
            Event.REUSE_FOUND,
            organisation_id=grant.organisation_id,
            outcome="failure",
            subject_id=grant.user_id,
            data={"grant": grant.id, "why": "refresh_reuse"},
        )
