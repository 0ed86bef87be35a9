"""Read access tokens of ours (RFC 9068 §4), and find out what they are good for now. Not here: making them (``tokens``)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from idp import clock
from idp.oauth.active_grant import ActiveClient, ActiveGrant, find_active_client, find_active_grant
from idp.oauth.client_metadata import MAY_EXCHANGE_FOR, TOKEN_EXCHANGE
from idp.oauth.confirmation import from_claims
from idp.oauth.provider import Provider
from idp.oauth.tokens import ACCESS_TOKEN_TYPE

TEXT_CLAIMS = ("iss", "sub", "jti", "client_id")
ALSO_OF_USERS = ("scope", "organisation_id")
NUMBER_CLAIMS = ("iat", "exp")


@dataclass(frozen=True)
class AccessToken:
    """An access token of ours that is well signed, of the right type, and not expired. What it rests on must be checked too.

    ``organisation_id`` and ``grant_id`` are empty in a token that a client got for itself.
    """

    organisation_id: str
    grant_id: str
    subject: str
    client_id: str
    scopes: tuple[str, ...]
    audience: tuple[str, ...]
    bound_to: str
    claims: Mapping[str, Any]


def read_access_token(provider: Provider, token: str) -> AccessToken | None:
    """Read a token, for whatever audience it was made; None unless it is an access token of ours."""
    found = provider.keys.verify(token)
    # RFC 9068 §4: "The resource server MUST verify that the typ header value is at+jwt": an ID token is no access token.
    if found is None or found.type != ACCESS_TOKEN_TYPE:
        return None
    claims, audience = found.claims, _texts(found.claims.get("aud"))
    # No client id looks like a user's id (RFC 9700 §4.15), so the two kinds of token cannot be confused.
    is_of_user = claims.get("sub") != claims.get("client_id")
    texts = (*TEXT_CLAIMS, *(ALSO_OF_USERS if is_of_user else ()))
    is_whole = all(isinstance(claims.get(name), str) for name in texts) and audience
    if not is_whole or not all(isinstance(claims.get(name), int) for name in NUMBER_CLAIMS):
        return None
    if claims["iss"] != provider.issuer or claims["exp"] <= clock.epoch_seconds(clock.now()):
        return None
    return AccessToken(
        organisation_id=claims["organisation_id"] if is_of_user else "",
        grant_id=claims["jti"].partition(".")[0] if is_of_user else "",
        subject=claims["sub"],
        client_id=claims["client_id"],
        scopes=tuple(claims.get("scope", "").split()),
        audience=audience,
        bound_to=from_claims(claims),
        claims=claims,
    )


def _texts(value: Any) -> tuple[str, ...]:
    """Return the one or more texts of ``aud`` (RFC 7519 §4.1.3); none where it is anything else."""
    values = value if isinstance(value, list) else [value]
    return tuple(values) if all(isinstance(one, str) for one in values) else ()


def active_behind(provider: Provider, token: AccessToken, now: datetime) -> ActiveGrant | ActiveClient | str:
    """Return the grant, or the client without a user, of a token that is still valid; else why it is not, for the log."""
    if not token.grant_id:
        return find_active_client(provider, token.client_id)
    active = find_active_grant(provider, token.organisation_id, token.grant_id, now)
    if isinstance(active, str):
        return active
    if provider.subjects.subject(active.client, active.grant.user_id) != token.subject:
        return "the token is for another user"
    if active.grant.client_id != token.client_id and not _may_still_exchange(provider, token):
        return "the token is another client's, or its client may no longer exchange tokens for this resource"
    return active


def _may_still_exchange(provider: Provider, token: AccessToken) -> bool:
    """Check if a client that exchanged a token for this one could do so now (RFC 8693)."""
    client = provider.clients.get(token.client_id)
    if client is None or client.is_public or "act" not in token.claims:
        return False
    may_exchange = client.check_grant_type(TOKEN_EXCHANGE) and client.serves(token.organisation_id)
    is_listed = set(token.audience) <= set(client.metadata.get(MAY_EXCHANGE_FOR, ()))
    return may_exchange and is_listed and client.usable_scopes.issuperset(token.scopes)


def scopes_now(token: AccessToken, active: ActiveGrant | ActiveClient) -> tuple[str, ...]:
    """Return the scopes of a token without those that were withdrawn since it was made."""
    return tuple(scope for scope in token.scopes if scope in active.scopes)
