"""Read request objects (RFC 9101, OpenID Connect Core §6): JWTs that the client has signed by a key of its own.

Unsigned, encrypted and HMAC-signed ones are not taken: of a client's secret only a digest is stored.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from idp import clock
from idp.errors import Unreadable
from idp.oauth import request_parameters, security_profile, strict_json
from idp.oauth.client_keys import ClientJwt, read_signed
from idp.oauth.clients import RegisteredClient
from idp.oauth.errors import OAuthError
from idp.oauth.provider import Provider
from idp.oauth.public_keys import FORMS
from idp.oauth.request_parameters import Parameters

ALGORITHMS = tuple(FORMS)
TYPES = ("", "jwt", "oauth-authz-req+jwt")
"""RFC 9101 §10.8 has the last one, and libraries send one of the others. A JWT made for another purpose names that."""
LEEWAY = 30
"""Seconds by which the client's clock may be ahead."""


def read_object(
    provider: Provider, client: RegisteredClient, text: str, outer: Parameters, known: frozenset[str]
) -> Parameters:
    """Return the parameters of the request object ``text``, and no others; raises ``OAuthError``.

    RFC 9101 §6.3: the server "MUST only use the parameters in the Request Object, even if the same parameter is provided in
    the query". OpenID Connect Core §6.1 has some of them in both places: they must be the same.
    """
    registered = client.metadata.get("request_object_signing_alg")
    algorithms = (registered,) if registered else security_profile.allowed(client.metadata, ALGORITHMS)
    claims = read_signed_claims(provider, client, text, algorithms)
    for name in ("client_id", "response_type"):
        if outer.get(name) and claims.get(name, outer.get(name)) != outer.get(name):
            raise _wrong(f"The {name} differs from that of the request object.")
    inner = {name: value for name, value in claims.items() if name in known}
    return request_parameters.of_members({**inner, "client_id": client.client_id})


def read_signed_claims(
    provider: Provider, client: RegisteredClient, text: str, algorithms: tuple[str, ...]
) -> Mapping[str, Any]:
    """Return the claims of a request that the client has signed for us, and that is valid now. Raises ``OAuthError``."""
    try:
        found = read_signed(provider.key_addresses, client, text, algorithms)
    except Unreadable as error:
        raise _wrong("The request object is not signed by a key and an algorithm of the client.", str(error)) from error
    _check(provider, client, found, clock.now())
    return found.claims


def _check(provider: Provider, client: RegisteredClient, found: ClientJwt, now: datetime) -> None:
    """Check what a JWT of this kind must say (RFC 9101 §4, RFC 7519 §4.1); raises ``invalid_request_object``."""
    claims, audience = found.claims, found.claims.get("aud")
    if found.type not in TYPES:
        raise _wrong("The typ of the request object is that of another kind of JWT.")
    if claims.get("iss") != client.client_id:
        raise _wrong("The iss of the request object must be the client_id.")
    if provider.issuer not in (audience if isinstance(audience, list) else [audience]):
        raise _wrong("The aud of the request object must have our issuer.")
    # RFC 9101 §10.8: a JWT by which the client authenticates has the client_id as its sub, and is no request.
    if claims.get("sub") == client.client_id:
        raise _wrong("The sub of the request object must not be the client_id.")
    if {"request", "request_uri"} & claims.keys():
        raise _wrong("The request object has a request or request_uri in it.")
    at = clock.epoch_seconds(now)
    if not strict_json.is_number(claims.get("exp", at + 1)) or claims.get("exp", at + 1) <= at:
        raise _wrong("The request object has expired.")
    if not strict_json.is_number(claims.get("nbf", at)) or claims.get("nbf", at) > at + LEEWAY:
        raise _wrong("The request object is not valid yet.")


def _wrong(description: str, detail: str = "") -> OAuthError:
    return OAuthError("invalid_request_object", description, detail=detail)
