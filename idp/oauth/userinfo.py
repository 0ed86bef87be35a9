"""Answer userinfo requests (OpenID Connect Core §5.3). How a token is presented: ``presented_token``."""

import json
from dataclasses import dataclass
from typing import Any

from idp import clock
from idp.identity.scopes import SINGLE
from idp.oauth import claims
from idp.oauth.access_tokens import active_behind, scopes_now
from idp.oauth.active_grant import ActiveClient, TooWeak
from idp.oauth.client_encryption import encrypt_for, require_keys
from idp.oauth.clients import RegisteredClient
from idp.oauth.encryption import alg_member
from idp.oauth.errors import OAuthError
from idp.oauth.presented_token import ResourceError, ResourceRequest, error_for, invalid_token, prove, take
from idp.oauth.provider import Provider

PARAMETERS = frozenset(("access_token",))


@dataclass(frozen=True)
class Userinfo:
    """Hold the claims about a person, and the client that asked for them."""

    client: RegisteredClient
    claims: dict[str, Any]


def userinfo(provider: Provider, request: ResourceRequest) -> Userinfo:
    """Return the claims for the access token of a request; raises ``ResourceError``."""
    try:
        return _claims(provider, request)
    except ResourceError:
        raise
    except OAuthError as error:
        raise error_for(request.scheme, error) from error


def as_jwt(provider: Provider, found: Userinfo) -> str:
    """Return the claims signed, encrypted or both, as the client is registered for it (Core §5.3.2); empty for JSON.

    They have no ``exp``, so that no app takes them for an ID token.
    """
    metadata = found.client.metadata
    alg, is_encrypted = metadata.get("userinfo_signed_response_alg"), alg_member("userinfo") in metadata
    if not alg and not is_encrypted:
        return ""
    claims = {**found.claims, "iss": provider.issuer, "aud": found.client.client_id}
    text = provider.keys.sign(alg, claims) if alg else json.dumps(claims)
    return encrypt_for(provider, found.client, "userinfo", text, is_jwt=bool(alg))


def _claims(provider: Provider, request: ResourceRequest) -> Userinfo:
    token = take(provider, request)
    client = provider.clients.get(token.client_id)
    if client is not None:
        require_keys(provider, client, "userinfo")
    prove(provider, request, token)
    active = active_behind(provider, token, clock.now())
    if isinstance(active, TooWeak):
        # RFC 9470 §3: the user can sign in again, as the challenge says; a new token by the refresh token would not help.
        error = OAuthError("insufficient_user_authentication", "A stronger sign-in is needed.", status=401, detail=active)
        raise error_for(request.scheme, error, acr_values=active.acr)
    if isinstance(active, str):
        raise invalid_token(active)
    # The token says what was granted when it was made; what was withdrawn since then is not given.
    scopes = scopes_now(token, active)
    if isinstance(active, ActiveClient) or "openid" not in scopes:
        raise OAuthError("insufficient_scope", "The scope openid is needed.", status=403)
    granted = (*scopes, *(name for name in active.scopes if name.startswith(SINGLE)))
    person = claims.for_userinfo(active.user, active.client, granted, active.grant.claims)
    return Userinfo(active.client, {"sub": token.subject, **person})
