"""Verify a JWS that was made with a shared secret (HMAC, RFC 7518 §3.2). No other key is ever used for it."""

from collections.abc import Mapping

from joserfc.jwk import OctKey
from joserfc.jws import JWSRegistry

from idp import crypto
from idp.errors import Unreadable

METHOD = "client_secret_jwt"
BY_MAC: Mapping[str, int] = {"HS256": 32, "HS384": 48, "HS512": 64}
"""By algorithm: the fewest bytes of a secret. RFC 7518 §3.2: "of the same size as the hash output [...] or larger"."""


def has_made(alg: str, secret: bytes, token: str) -> bool:
    """Check if a compact JWS was made with a secret by this algorithm."""
    if len(secret) < BY_MAC[alg]:
        return False
    signed, _, signature = token.rpartition(".")
    try:
        algorithm = JWSRegistry(algorithms=[alg]).get_alg(alg)
        return algorithm.verify(signed.encode("ascii"), crypto.from_b64url(signature), OctKey.import_key(secret))
    except (Unreadable, ValueError):
        return False
