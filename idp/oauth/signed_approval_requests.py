"""Read the requests for an approval that a client has signed (OpenID CIBA Core §7.1.1, FAPI-CIBA §5.2.2).

A client that registers an algorithm for them signs each one; any other client signs none.
"""

from collections.abc import Mapping
from typing import Any

from idp import clock, crypto, db
from idp.oauth import client_auth, request_objects, request_parameters, strict_json
from idp.oauth.clients import RegisteredClient
from idp.oauth.errors import OAuthError, invalid_request
from idp.oauth.provider import Provider
from idp.store import spent_ids

MEMBER = "backchannel_authentication_request_signing_alg"
REQUIRED = ("iss", "aud", "exp", "iat", "nbf", "jti")
LONGEST_LIFE = 3_600
"""Seconds: FAPI-CIBA §5.2.2 (9) wants ``exp`` at most so long after ``nbf``, and ``nbf`` at most so long ago."""


def open_request(
    provider: Provider, client: RegisteredClient, sent: Mapping[str, str], known: frozenset[str]
) -> Mapping[str, str]:
    """Return the parameters of a request: those of its JWT alone, if the client signs. Raises ``invalid_request``.

    ``known``: every parameter that is understood.
    """
    alg = client.metadata.get(MEMBER)
    if not alg:
        if "request" in sent:
            raise invalid_request(f"The client is not registered for signed requests: {MEMBER} is missing.")
        return sent
    if "request" not in sent:
        raise invalid_request("This client must sign its requests: the request is missing.")
    # CIBA §7.1.1: parameters "MUST NOT be present outside of the JWT", but for those by which the client authenticates.
    if set(sent) - client_auth.PARAMETERS - {"request"}:
        raise invalid_request("All parameters of a signed request belong in its JWT.")
    try:
        claims = request_objects.read_signed_claims(provider, client, sent["request"], (str(alg),))
    except OAuthError as error:  # CIBA §13 has no other name for it
        raise OAuthError("invalid_request", error.description, detail=error.detail) from error
    _check(client, claims)
    return request_parameters.of_members({name: claims[name] for name in known & claims.keys()}).insist().values


def _check(client: RegisteredClient, claims: Mapping[str, Any]) -> None:
    """Check what such a request must say beside any other request object, and use up its id."""
    missing = [name for name in REQUIRED if name not in claims]
    if missing:
        raise invalid_request(f"The signed request has no {missing[0]}.")
    at, begins, ends = clock.epoch_seconds(clock.now()), claims["nbf"], claims["exp"]
    if begins < at - LONGEST_LIFE or ends > begins + LONGEST_LIFE:
        raise invalid_request("The signed request is valid for more than an hour, or has been for so long.")
    if not strict_json.is_number(claims["iat"]) or claims["iat"] > at + request_objects.LEEWAY:
        raise invalid_request("The iat of the signed request is in the future, or no time.")
    if not strict_json.is_id(claims["jti"]):
        raise invalid_request("The jti of the signed request is no text, or too long.")
    with db.transaction():
        used = crypto.digest("approval_request", f"{client.client_id}\0{claims['jti']}")
        is_first = spent_ids.spend(used, clock.from_epoch(int(ends)))
    if not is_first:
        raise invalid_request("The signed request was used before.")
