"""Proofs of possession (DPoP, RFC 9449): a token is bound to a key, and each use shows the key again.

A proof must hold a nonce of ours, so that none can be made in advance. A nonce is a MAC over its minute, and is not stored.
Not here: what is bound (``tokens``, ``code_grant``, ``refresh_grant``).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from idp import clock, crypto, db
from idp.errors import Unreadable
from idp.oauth import strict_json
from idp.oauth.confirmation import KEY
from idp.oauth.errors import OAuthError
from idp.oauth.provider import Provider
from idp.oauth.public_keys import read_public_key
from idp.store import spent_ids

ALGORITHMS = ("ES256", "Ed25519", "PS256")
TYPE = "dpop+jwt"
LONGEST_PROOF = 4_096
TOLERANCE = timedelta(minutes=5)
"""How far the client's clock may be off: the nonce tells when the proof was made."""
NONCE_SECONDS = 60
"""A new nonce begins each minute; the latest ``NONCES`` are taken."""
NONCES = 5
DEFAULT_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True)
class ProofRequest:
    """The DPoP header of a request, and what its proof must be for. ``access_token``: the token that comes with it."""

    proof: str
    method: str
    path: str
    access_token: str = ""


def new_nonce(provider: Provider) -> str:
    """Return the nonce of this minute (RFC 9449 §8). It is the same for all clients, and of no use without a key."""
    return _nonce(provider, _minute(clock.now()))


def prove(provider: Provider, request: ProofRequest) -> str:
    """Return the binding (``confirmation``) that a proof shows (RFC 9449 §4.3), once; raises ``OAuthError``."""
    now = clock.now()
    header = crypto.jws_header(request.proof, LONGEST_PROOF)
    if header.get("typ") != TYPE or header.get("alg") not in ALGORITHMS:
        raise _wrong("The DPoP header must hold one proof of the type dpop+jwt, by an algorithm of ours.")
    try:
        key = read_public_key(header.get("jwk"), header.get("alg"))
        claims = strict_json.read(crypto.from_b64url(request.proof.split(".")[1]))
    except (Unreadable, ValueError) as error:
        raise _wrong("The proof cannot be read, or its key does not fit its algorithm.") from error
    if not isinstance(claims, dict) or not key.has_signed(request.proof):
        raise _wrong("The signature of the proof is wrong.")
    _check_claims(provider, request, claims, now)
    _check_nonce(provider, claims.get("nonce"), now)
    _spend(key.thumbprint, claims["jti"], now)
    return KEY + key.thumbprint


def _check_claims(provider: Provider, request: ProofRequest, claims: Mapping[str, Any], now: datetime) -> None:
    jti, made_at, url = claims.get("jti"), claims.get("iat"), claims.get("htu")
    if not strict_json.is_id(jti):
        raise _wrong("The jti of the proof is missing or too long.")
    if claims.get("htm") != request.method:
        raise _wrong("The proof is for another method.")
    addresses = [_normal(base + request.path) for base in provider.bases]
    if not isinstance(url, str) or _normal(url) not in addresses:
        raise _wrong("The proof is for another address.")
    if isinstance(made_at, bool) or not isinstance(made_at, int | float) or not _is_near(made_at, now):
        raise _wrong("The iat of the proof is missing, or minutes away from our time.")
    # RFC 9449 §4.3, 10: with an access token, "ensure that the value of the ath claim equals the hash of that access token".
    if request.access_token and claims.get("ath") != crypto.b64url(crypto.sha256(request.access_token.encode())):
        raise _wrong("The proof is for another access token.")


def _is_near(made_at: float, now: datetime) -> bool:
    return bool(abs(made_at - clock.epoch_seconds(now)) <= TOLERANCE.total_seconds())


def _normal(url: str) -> tuple[str, str, int | None, str] | None:
    """Return an address without query and fragment, as RFC 3986 §6.2 compares; None where it cannot be read."""
    try:
        parts = urlsplit(url)
        port = parts.port or DEFAULT_PORTS.get(parts.scheme.lower())
    except ValueError:
        return None
    return parts.scheme.lower(), (parts.hostname or ""), port, parts.path or "/"


def _check_nonce(provider: Provider, sent: Any, now: datetime) -> None:
    minute, _, mac = sent.partition(".") if isinstance(sent, str) and len(sent) < 100 else ("", "", "")
    is_recent = minute.isascii() and minute.isdecimal() and 0 <= _minute(now) - int(minute) < NONCES
    if not is_recent or not provider.settings.ring.is_mac(mac, "dpop_nonce", minute):
        raise OAuthError("use_dpop_nonce", "The proof needs the nonce of the DPoP-Nonce header.")


def _minute(now: datetime) -> int:
    return clock.epoch_seconds(now) // NONCE_SECONDS


def _nonce(provider: Provider, minute: int) -> str:
    return f"{minute}.{provider.settings.ring.mac('dpop_nonce', str(minute))}"


def _spend(thumbprint: str, jti: str, now: datetime) -> None:
    """Use up the id of a proof for as long as its nonce is taken (RFC 9449 §11.1)."""
    with db.transaction():
        is_first = spent_ids.spend(crypto.digest("dpop_jti", f"{thumbprint}\0{jti}"), now + TOLERANCE + TOLERANCE)
    if not is_first:
        raise _wrong("The proof was used before.")


def _wrong(description: str) -> OAuthError:
    return OAuthError("invalid_dpop_proof", description)
