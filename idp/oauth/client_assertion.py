"""A client proves itself by a JWT, made by its own key or with its secret (RFC 7523 §3, OpenID Connect Core §9)."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import structlog

from idp import clock, crypto, db
from idp.errors import Unreadable
from idp.oauth import security_profile, strict_json
from idp.oauth.client_keys import ClientJwt, jwt_of, read_signed
from idp.oauth.client_secrets import note_use, opened_secrets
from idp.oauth.clients import RegisteredClient
from idp.oauth.kept_secrets import KeptSecret
from idp.oauth.provider import Provider
from idp.oauth.public_keys import FORMS
from idp.oauth.signing_secrets import BY_MAC, has_made
from idp.store import spent_ids
from idp.write_gate import leave_for_call

TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
TYPES_OF_JWT = ("", "jwt", "client-authentication+jwt")
"""Values of ``typ``: any other JWT that the client signed (a request object, a DPoP proof) is no assertion."""
ALGORITHMS = tuple(FORMS)
LONGEST = 4_096
LONGEST_LIFE = timedelta(hours=1)
"""Libraries choose a minute to an hour (Authlib)."""
LEEWAY = timedelta(seconds=60)
"""How far the client's clock may be off."""
ADDRESSES = (
    "", "/oauth/token", "/oauth/par", "/oauth/revoke", "/oauth/introspect", "/oauth/device_authorization",
    "/oauth/backchannel_authentication",
)  # fmt: skip
"""What may stand in ``aud`` after the issuer: nothing (FAPI 2.0), or an endpoint (Core §9, RFC 9126 §2)."""

log = structlog.get_logger("oauth")


def client_of(assertion: str) -> str:
    """Return the client that an assertion says to be from; empty where it cannot be read."""
    try:
        claims = strict_json.read(crypto.from_b64url(assertion[:LONGEST].split(".")[1]))
    except (Unreadable, ValueError, IndexError):
        return ""
    subject = claims.get("sub") if isinstance(claims, dict) else None
    return subject if isinstance(subject, str) else ""


def is_proved(provider: Provider, client: RegisteredClient, assertion: str) -> bool:
    """Check an assertion that this client has signed by its key (private_key_jwt), once."""
    named = client.metadata.get("token_endpoint_auth_signing_alg")
    algorithms = (named,) if named else security_profile.allowed(client.metadata, ALGORITHMS)
    return _is_right(provider, client, lambda: read_signed(provider.key_addresses, client, assertion, algorithms))


def is_proved_by_secret(provider: Provider, client: RegisteredClient, assertion: str) -> bool:
    """Check an assertion that this client has made with its secret (client_secret_jwt), once."""
    used: list[KeptSecret] = []
    is_right = _is_right(provider, client, lambda: _read_by_secret(provider, client, assertion, used))
    if is_right:
        note_use(used[0])
    return is_right


def _read_by_secret(provider: Provider, client: RegisteredClient, assertion: str, used: list[KeptSecret]) -> ClientJwt:
    """Return an assertion that was made with a secret of the client, which is put in ``used``. Raises ``Unreadable``.

    The algorithm is one of those for secrets, whatever keys the client has beside: no public key is ever a secret.
    """
    header = crypto.jws_header(assertion, LONGEST)
    alg = header.get("alg")
    if not isinstance(alg, str) or alg not in BY_MAC or alg != client.metadata.get("token_endpoint_auth_signing_alg", alg):
        raise Unreadable("another algorithm")
    used += [kept for kept, secret in opened_secrets(provider.settings, client) if has_made(alg, secret, assertion)]
    if not used:
        raise Unreadable("no secret of the client has made it; a former one may be too short, or kept as a digest alone")
    return jwt_of(header, assertion)


def _is_right(provider: Provider, client: RegisteredClient, read: Callable[[], ClientJwt]) -> bool:
    _leave_early(client)
    try:
        found = read()
        is_assertion = found.type in TYPES_OF_JWT
        why = _fault(provider, client, found.claims, clock.now()) if is_assertion else "another kind of JWT"
    except Unreadable as error:
        why = str(error)
    if why:
        log.info("assertion_refused", client_id=client.client_id, why=why)
    return not why


def _leave_early(client: RegisteredClient) -> None:
    """Raise ``MustCall`` where others need this thread, if the request may have to fetch a key of the client.

    The request's own JWT and answers that are encrypted may need another key than the assertion, which is spent by then: the
    request could not begin again elsewhere.
    """
    if client.metadata.get("jwks_uri"):
        leave_for_call()


def _fault(provider: Provider, client: RegisteredClient, claims: Mapping[str, Any], now: datetime) -> str:
    """Return what is wrong with the claims (RFC 7523 §3); empty where nothing is. A right one is spent."""
    if claims.get("iss") != client.client_id or claims.get("sub") != client.client_id:
        return "iss and sub must be the client_id"
    if not _is_for_us(provider, client, claims.get("aud")):
        others = "" if security_profile.is_fapi(client.metadata) else ", or an endpoint of it"
        return f"aud must be the issuer{others}"
    ends = _moment(claims.get("exp"))
    if ends is None or not now - LEEWAY < ends <= now + LONGEST_LIFE + LEEWAY:
        return "exp is missing, past, or more than an hour away"
    begins = [_moment(claims[name]) for name in ("iat", "nbf") if name in claims]
    if any(one is None or one > now + LEEWAY for one in begins):
        return "iat or nbf is in the future"
    jti = claims.get("jti")
    if not strict_json.is_id(jti):
        return "jti is missing or too long"
    with db.transaction():
        is_first = spent_ids.spend(crypto.digest("client_assertion", f"{client.client_id}\0{jti}"), ends + LEEWAY)
    return "" if is_first else "the assertion was used before"


def _is_for_us(provider: Provider, client: RegisteredClient, sent: Any) -> bool:
    """Check if an assertion is for us alone.

    Another audience in its list could use the assertion here as if it were the client.
    """
    # FAPI 2.0 §5.3.2.1 (8): the server "shall only accept its issuer identifier value […] as a string". An address could be
    # that of another server, which a client was made to take for ours.
    if security_profile.is_fapi(client.metadata):
        return bool(sent == provider.issuer)
    audience = sent if isinstance(sent, list) else [sent]
    ours = [base + path for base in provider.bases for path in ADDRESSES]
    return bool(audience) and all(one in ours for one in audience)


def _moment(value: Any) -> datetime | None:
    """Return a NumericDate (RFC 7519 §2); None where it is none."""
    is_moment = strict_json.is_number(value) and 0 <= value < 2**37
    return clock.from_epoch(int(value)) if is_moment else None
