"""Authenticate clients: by a secret, a signed JWT, a TLS certificate or none (RFC 6749 §2.3, RFC 7521 §4.2, RFC 8705 §2).

A client uses the method that it is registered with, or either way to send its secret if it names none; one in each request.
A right secret always passes: guesses are slowed by address, and an app that shares the address must not be shut out.
"""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from urllib.parse import unquote_plus

from idp import clock
from idp.errors import TooMany
from idp.identity.lockout import rate_limits
from idp.oauth import client_assertion, client_certificate
from idp.oauth.client_secrets import note_use
from idp.oauth.clients import RegisteredClient
from idp.oauth.confirmation import NO_CERTIFICATE, ShownCertificate
from idp.oauth.errors import OAuthError, invalid_request
from idp.oauth.provider import Provider
from idp.oauth.token_request import TokenRequest

PARAMETERS = frozenset(("client_id", "client_secret", "client_assertion", "client_assertion_type"))
"""The parameters by which a client authenticates, at every endpoint that asks it to."""


@dataclass(frozen=True)
class Claimed:
    """The client that a request names as its sender, and what proves it: readings of its secret, assertion, certificate."""

    client_id: str
    secrets: tuple[str, ...] = ()
    assertion: str = ""
    certificate: ShownCertificate = NO_CERTIFICATE


Proof = Callable[[Provider, RegisteredClient, Claimed], bool]


@dataclass(frozen=True)
class Way:
    """A place in a request where a client proves itself. ``methods``: those that use it, and what judges the proof."""

    is_used: Callable[[TokenRequest], bool]
    read: Callable[[TokenRequest], Claimed]
    methods: Mapping[str, Proof]


def authenticate(provider: Provider, request: TokenRequest) -> RegisteredClient:
    """Return the client that sent the request; raises ``invalid_client`` or ``invalid_request``."""
    used = [way for way in WAYS if way.is_used(request)]
    # RFC 6749 §2.3: "The client MUST NOT use more than one authentication method in each request."
    if len(used) > 1:
        raise invalid_request("The client authenticates in two ways at once.")
    way = used[0] if used else BARE
    claimed = way.read(request)
    client = provider.clients.get(claimed.client_id)
    if client is None or client.is_closed:
        raise _count(provider, request, f"{'/'.join(way.methods)} by {claimed.client_id[:80]}")
    allowed = [proof for method, proof in way.methods.items() if method in client.auth_methods]
    if not allowed:
        raise _wrong_method(provider, request, client, way, claimed)
    if not any(proof(provider, client, claimed) for proof in allowed):
        raise _count(provider, request, f"wrong proof of {client.client_id}")
    return client


def _wrong_method(
    provider: Provider, request: TokenRequest, client: RegisteredClient, way: Way, claimed: Claimed
) -> OAuthError:
    """Return the error for a method that the client is not registered for.

    It names the registered one to an app that showed the right secret: strangers must not learn which clients exist. Our log
    names it in any case.
    """
    registered = " or ".join(client.auth_methods)
    detail = f"{'/'.join(way.methods)} by {client.client_id}, registered for {registered}"
    for method, proof in way.methods.items():
        if proof(provider, client, claimed):
            return refusal(detail, f"This client is registered for {registered}, and the request uses {method}.")
    return _count(provider, request, detail)


def _count(provider: Provider, request: TokenRequest, detail: str) -> OAuthError:
    """Count a wrong guess of this address and return the error for it.

    After too many, the error tells when to try again (OAuth 2.1 §2.4.1); a right secret never gets it.
    """
    try:
        rate_limits.count_client_failure(provider.settings, request.address, clock.now())
    except TooMany as closed:
        return OAuthError("invalid_client", "Too many failures.", status=429, retry_after=closed.retry_after, detail=detail)
    return refusal(detail)


def refusal(detail: str = "", description: str = "Client authentication failed.") -> OAuthError:
    """Return the error (RFC 6749 §5.2). It is the same whether the client is unknown or disabled, or its secret is wrong."""
    return OAuthError("invalid_client", description, status=401, detail=detail)


def _has_header(request: TokenRequest) -> bool:
    return bool(request.authorization)


def _read_header(request: TokenRequest) -> Claimed:
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
    return Claimed(client_id, (decoded, password))


def _has_secret(request: TokenRequest) -> bool:
    return bool(request.parameters.get("client_secret"))


def _read_body(request: TokenRequest) -> Claimed:
    client_id, secret = request.parameters.get("client_id"), request.parameters.get("client_secret")
    if not client_id:
        raise refusal("no client_id")
    return Claimed(client_id, (secret,))


def _has_assertion(request: TokenRequest) -> bool:
    return bool(request.parameters.get("client_assertion") or request.parameters.get("client_assertion_type"))


def _read_assertion(request: TokenRequest) -> Claimed:
    assertion, kind = (request.parameters.get(name) for name in ("client_assertion", "client_assertion_type"))
    if kind != client_assertion.TYPE:
        raise refusal("an unknown client_assertion_type")
    client_id = client_assertion.client_of(assertion)
    # RFC 7521 §4.2: the client_id "MUST identify the same client as is identified by the client assertion".
    if request.parameters.get("client_id") not in ("", client_id):
        raise invalid_request("The client_id differs from that of the client_assertion.")
    return Claimed(client_id, assertion=assertion)


def _has_nothing(_: TokenRequest) -> bool:
    return True


def _read_bare(request: TokenRequest) -> Claimed:
    return replace(_read_body(request), certificate=request.certificate)


def _knows_secret(_: Provider, client: RegisteredClient, claimed: Claimed) -> bool:
    found = next(filter(None, map(client.find_secret, claimed.secrets)), None)
    if found is not None:
        note_use(found)
    return found is not None


def _has_signed(provider: Provider, client: RegisteredClient, claimed: Claimed) -> bool:
    return client_assertion.is_proved(provider, client, claimed.assertion)


def _has_made(provider: Provider, client: RegisteredClient, claimed: Claimed) -> bool:
    return client_assertion.is_proved_by_secret(provider, client, claimed.assertion)


def _has_issued(_: Provider, client: RegisteredClient, claimed: Claimed) -> bool:
    return client_certificate.is_issued_to(client, claimed.certificate)


def _has_registered(provider: Provider, client: RegisteredClient, claimed: Claimed) -> bool:
    return client_certificate.is_registered(provider, client, claimed.certificate)


def _needs_none(_: Provider, client: RegisteredClient, __: Claimed) -> bool:
    return client.is_public


WAYS = (
    Way(_has_header, _read_header, {"client_secret_basic": _knows_secret}),
    Way(_has_secret, _read_body, {"client_secret_post": _knows_secret}),
    Way(_has_assertion, _read_assertion, {"private_key_jwt": _has_signed, "client_secret_jwt": _has_made}),
)
"""The ways to prove oneself. A new method is a row here, or an entry in the row of its place."""
BARE = Way(
    _has_nothing,
    _read_bare,
    {"none": _needs_none, "tls_client_auth": _has_issued, "self_signed_tls_client_auth": _has_registered},
)
"""A request that only names its client. What proves it, if anything, is its connection."""
