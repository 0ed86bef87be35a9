"""Tell a client what a token is good for at this moment (RFC 7662), as JSON or as a signed JWT (RFC 9701)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from idp import clock, crypto
from idp.identity.scopes import only_scopes
from idp.oauth import client_auth
from idp.oauth.access_tokens import active_behind, read_access_token, scopes_now
from idp.oauth.active_grant import ActiveClient, ActiveGrant, find_active_grant
from idp.oauth.client_encryption import encrypt_for, require_keys
from idp.oauth.clients import RegisteredClient
from idp.oauth.confirmation import token_type
from idp.oauth.errors import invalid_request
from idp.oauth.provider import Provider
from idp.oauth.token_request import TokenRequest
from idp.oauth.tokens import assurance_of
from idp.store import grants

PARAMETERS = client_auth.PARAMETERS | {"token", "token_type_hint"}
JWT_TYPE = "token-introspection+jwt"
DETAILS = "authorization_details"
INACTIVE: Mapping[str, Any] = {"active": False}
"""All that anybody learns of a token that is unknown, over, or not theirs to know of (RFC 7662 §2.2)."""
COPIED = ("iss", "sub", "aud", "client_id", "jti", "iat", "exp", "organisation_id", "cnf", "act")
"""Claims that an access token and the answer about it have in common."""


def introspect(provider: Provider, request: TokenRequest) -> tuple[RegisteredClient, Mapping[str, Any]]:
    """Return the client that asked, and what it may know of a token; raises ``OAuthError``.

    A client without a secret is refused: its id is public, and anybody could scan for tokens with it (RFC 7662 §2.1).
    """
    request.parameters.insist()
    client = client_auth.authenticate(provider, request)
    if client.is_public:
        raise client_auth.refusal("a public client cannot introspect")
    token = request.parameters.get("token")
    if not token:
        raise invalid_request("The token is missing.")
    now = clock.now()
    return client, _of_access_token(provider, client, token, now) or _of_refresh_token(
        provider, client, token, now
    ) or INACTIVE


def signed(provider: Provider, client: RegisteredClient, introspected: Mapping[str, Any]) -> str:
    """Return the answer as a JWT for this client (RFC 9701 §5). Its own ``iss``, ``aud`` and ``iat`` are not the token's."""
    claims = {
        "iss": provider.issuer,
        "aud": client.client_id,
        "iat": clock.epoch_seconds(clock.now()),
        "token_introspection": introspected,
    }
    require_keys(provider, client, "introspection")
    return encrypt_for(provider, client, "introspection", provider.keys.sign(client.introspection_alg, claims, JWT_TYPE))


def _of_access_token(provider: Provider, client: RegisteredClient, text: str, now: datetime) -> Mapping[str, Any] | None:
    token = read_access_token(provider, text)
    # A client sees what it was given, and what was made for it to accept. Others cannot try tokens that they found.
    if token is None or not {token.client_id, *token.audience}.intersection(client.audience):
        return None
    active = active_behind(provider, token, now)
    if isinstance(active, str):
        return None
    scopes = scopes_now(token, active)
    kept = {name: token.claims[name] for name in COPIED if name in token.claims} | {"token_type": token_type(token.bound_to)}
    kept |= {name: token.claims[name] for name in client.read_as_api if name in token.claims}
    if isinstance(active, ActiveClient):
        return {"active": True, **({"scope": " ".join(scopes)} if scopes else {}), **kept}
    details = [one for one in token.claims.get(DETAILS, ()) if one in active.details]
    if not scopes and not details:
        return None
    return {**_shared_members(provider, active, scopes), **kept, **({DETAILS: details} if details else {})}


def _of_refresh_token(provider: Provider, client: RegisteredClient, text: str, now: datetime) -> Mapping[str, Any] | None:
    organisation_id = crypto.organisation_id_of(text)
    token = grants.refresh_token_of(organisation_id, crypto.digest("refresh_token", text)) if organisation_id else None
    if token is None or token.used_at is not None or token.idle_until <= now:
        return None
    active = find_active_grant(provider, organisation_id, token.grant_id, now)
    if isinstance(active, str) or active.client.client_id != client.client_id or not active.may_refresh:
        return None
    return {
        **_shared_members(provider, active, active.scopes),
        "iss": provider.issuer,
        "sub": provider.subjects.subject(active.client, active.grant.user_id),
        "client_id": client.client_id,
        "iat": clock.epoch_seconds(token.created_at),
        "exp": clock.epoch_seconds(min(token.idle_until, active.grant.ends_at)),
        "organisation_id": organisation_id,
        **({DETAILS: list(active.details)} if active.details else {}),
    }


def _shared_members(provider: Provider, active: ActiveGrant, scopes: tuple[str, ...]) -> dict[str, Any]:
    """Return what both kinds of token tell. ``acr`` and ``auth_time`` (RFC 9470 §6.2) are worked out from the proofs."""
    return {"active": True, "scope": " ".join(only_scopes(scopes)), **assurance_of(provider, active).as_claims()}
