"""Exchange an access token for one that is good for another API (RFC 8693): so that an API can call a further one.

The new token rests on the same grant: same person, same proofs, and never a scope that the person did not grant the app. It
ends with the token that it came from, so that no chain of exchanges lasts longer. ``access_tokens`` judges it at each use.
"""

from collections.abc import Mapping
from typing import Any

import structlog

from idp import clock
from idp.oauth.access_tokens import AccessToken, active_behind, read_access_token
from idp.oauth.active_grant import ActiveGrant
from idp.oauth.client_metadata import MAY_EXCHANGE_FOR
from idp.oauth.clients import RegisteredClient
from idp.oauth.errors import OAuthError, invalid_request
from idp.oauth.provider import Provider
from idp.oauth.resource_indicators import Target, choose, invalid_target, named_in
from idp.oauth.token_request import TokenRequest
from idp.oauth.tokens import Acting, mint_exchanged

log = structlog.get_logger("oauth")
PARAMETERS = frozenset(
    ("subject_token", "subject_token_type", "actor_token", "actor_token_type", "requested_token_type", "audience")
)
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
TYPES = frozenset((ACCESS_TOKEN, "urn:ietf:params:oauth:token-type:jwt"))
"""Our access tokens are both (RFC 8693 §3)."""
LONGEST_CHAIN = 5


def exchange(provider: Provider, client: RegisteredClient, request: TokenRequest) -> dict[str, Any]:
    """Return the token response (RFC 8693 §2.2.1); raises ``OAuthError``."""
    if client.is_public:
        raise OAuthError("unauthorized_client", "A client without a secret cannot exchange tokens.")
    if request.parameters.get("requested_token_type") not in ("", *TYPES):
        raise invalid_request("Only access tokens are issued.")
    subject = _token(provider, client, request, "subject")
    active = active_behind(provider, subject, clock.now())
    if not isinstance(active, ActiveGrant):
        raise _refused(active if isinstance(active, str) else "there is no user behind the subject token")
    if not client.serves(subject.organisation_id):
        raise _refused("the client does not serve the organisation")
    target = _target(provider, client, request, _scopes(provider, client, request, subject, active))
    acting = Acting(client.client_id, _act(provider, client, request, subject), request.bound_to, subject.claims["exp"])
    log.info("exchanged", client_id=client.client_id, sub=subject.subject, grant=active.grant.id)
    return {**mint_exchanged(provider, active, target, acting), "issued_token_type": ACCESS_TOKEN}


def _token(provider: Provider, client: RegisteredClient, request: TokenRequest, role: str) -> AccessToken:
    """Return the subject's or the actor's token: one that the client got, or that was made for it to accept."""
    text, kind = request.parameters.get(f"{role}_token"), request.parameters.get(f"{role}_token_type")
    if not text or not kind:
        raise invalid_request(f"The {role}_token or its type is missing.")
    if kind not in TYPES:
        raise invalid_request(f"The {role}_token_type must be that of an access token.")
    token = read_access_token(provider, text)
    if token is None or not {token.client_id, *token.audience}.intersection(client.audience):
        raise _refused(f"the {role}_token is invalid, expired, or none of this client's")
    return token


def _refused(detail: str) -> OAuthError:
    """Return the error of RFC 8693 §2.2.2 for a token that is "invalid for any reason" or unacceptable."""
    return OAuthError("invalid_request", "A token is invalid, expired, revoked or not for this client.", detail=detail)


def _scopes(
    provider: Provider, client: RegisteredClient, request: TokenRequest, subject: AccessToken, active: ActiveGrant
) -> tuple[str, ...]:
    """Return the scopes that the new token may have: granted by the person, and registered for the client that asks.

    An API has only its own scopes in the tokens that it gets. So those of a further one come from the grant; of the API
    that the subject token is for, only those in that token count.
    """
    wanted = request.parameters.get("scope").split()
    apis = [api for name, api in provider.clients.resources().items() if name in subject.audience]
    narrowed = {scope for api in apis for scope in api.scopes} - set(subject.scopes)
    usable = (client.usable_scopes & set(wanted) if wanted else client.usable_scopes) - narrowed
    allowed = [scope for scope in active.scopes if scope in usable]
    if wanted and not set(wanted) <= set(allowed):
        raise OAuthError("invalid_scope", "The scope is wider than what the person granted or the client may have.")
    return tuple(allowed)


def _target(provider: Provider, client: RegisteredClient, request: TokenRequest, scopes: tuple[str, ...]) -> Target:
    named = named_in(f"{request.parameters.get('resource')} {request.parameters.get('audience')}")
    if not named:
        raise invalid_request("The resource that the token is for is missing.")
    # Userinfo is no API of somebody's: what it tells about a person is for the app alone.
    if provider.issuer in named or not set(named) <= set(client.metadata.get(MAY_EXCHANGE_FOR, ())):
        raise invalid_target("The client may not exchange tokens for this resource.")
    return choose(provider, scopes, " ".join(named))


def _act(provider: Provider, client: RegisteredClient, request: TokenRequest, subject: AccessToken) -> Mapping[str, Any]:
    """Return the claim ``act`` (RFC 8693 §4.1): the client, or the actor whose token it shows, and those before it."""
    acting: dict[str, Any] = {"sub": client.client_id}
    if request.parameters.get("actor_token") or request.parameters.get("actor_token_type"):
        actor = _token(provider, client, request, "actor")
        active = active_behind(provider, actor, clock.now())
        if isinstance(active, str):
            raise _refused(active)
        acting = {"sub": actor.subject, "client_id": actor.client_id}
    if isinstance(subject.claims.get("act"), dict):
        acting["act"] = subject.claims["act"]
    if _depth(acting) > LONGEST_CHAIN:
        raise _refused("too many exchanges in a row")
    return acting


def _depth(act: Mapping[str, Any]) -> int:
    return 1 + (_depth(act["act"]) if "act" in act else 0)
