"""Authenticate clients: client_secret_basic, client_secret_post and none (RFC 6749 §2.3).

A client uses the one method that it is registered with, one in each request. A right secret always passes: guesses are
slowed by address, and an app that shares the address must not be shut out.
"""

import base64
from urllib.parse import unquote_plus

from idp import clock
from idp.errors import TooMany
from idp.identity.lockout import rate_limits
from idp.oauth.clients import RegisteredClient
from idp.oauth.errors import OAuthError, invalid_request
from idp.oauth.provider import Provider
from idp.oauth.token_request import TokenRequest

PARAMETERS = frozenset(("client_id", "client_secret"))
"""The parameters by which a client authenticates, at every endpoint that asks it to."""


def authenticate(provider: Provider, request: TokenRequest) -> RegisteredClient:
    """Return the client that sent the request; raises ``invalid_client`` or ``invalid_request``."""
    method, client_id, secrets = _basic(request) if request.authorization else _body(request)
    client = provider.clients.get(client_id)
    if client is None or client.auth_method != method:
        raise _count(provider, request, f"{method} by {client_id[:80]}")
    if method != "none" and not any(client.check_client_secret(secret) for secret in secrets):
        raise _count(provider, request, f"wrong secret of {client_id}")
    return client


def _count(provider: Provider, request: TokenRequest, detail: str) -> OAuthError:
    """Count a wrong guess of this address and return the error for it.

    After too many, the error tells when to try again (OAuth 2.1 §2.4.1); a right secret never gets it.
    """
    try:
        rate_limits.count_client_failure(provider.settings, request.address, clock.now())
    except TooMany as closed:
        return OAuthError("invalid_client", "Too many failures.", status=429, retry_after=closed.retry_after, detail=detail)
    return refusal(detail)


def refusal(detail: str = "") -> OAuthError:
    """Return the error (RFC 6749 §5.2). It is the same whether the client is unknown or disabled, or its secret is wrong."""
    return OAuthError("invalid_client", "Client authentication failed.", status=401, detail=detail)


def _basic(request: TokenRequest) -> tuple[str, str, tuple[str, ...]]:
    """Return method, client id and the ways its secret may be read, from the Authorization header."""
    # RFC 6749 §2.3: "The client MUST NOT use more than one authentication method in each request."
    if request.parameters.get("client_secret"):
        raise invalid_request("The client authenticates in two ways at once.")
    scheme, _, token = request.authorization.partition(" ")
    if scheme.lower() != "basic":
        raise refusal("not Basic")
    try:
        user, colon, password = base64.b64decode(token.strip(), validate=True).decode().partition(":")
        # RFC 6749 §2.3.1: both are form-encoded first. Many clients leave that out, so the secret may also be plain.
        client_id, decoded = unquote_plus(user, errors="strict"), unquote_plus(password, errors="strict")
    except ValueError as error:
        raise refusal("unreadable Basic credentials") from error
    if not colon or not password:
        raise refusal("no secret")
    if request.parameters.get("client_id") not in ("", client_id):
        raise invalid_request("The client_id differs from that of the Authorization header.")
    return "client_secret_basic", client_id, (decoded, password)


def _body(request: TokenRequest) -> tuple[str, str, tuple[str, ...]]:
    client_id, secret = request.parameters.get("client_id"), request.parameters.get("client_secret")
    if not client_id:
        raise refusal("no client_id")
    return ("client_secret_post", client_id, (secret,)) if secret else ("none", client_id, ())
