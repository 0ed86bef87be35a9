"""Sign JWTs as an app does, with keys that its registration names."""

import hmac
import json
from functools import cache
from typing import Any

from joserfc import jws
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from idp import crypto

ALGORITHMS = ("ES256", "RS256", "PS256", "Ed25519", "HS256", "RS512")


@cache
def key(alg: str, kid: str = "") -> Key:
    """Return a private key for an algorithm, made once."""
    kid = kid or f"for-{alg}"
    if alg.startswith("Ed"):
        return OKPKey.generate_key("Ed25519", {"kid": kid})
    if alg.startswith("ES"):
        return ECKey.generate_key("P-256", {"kid": kid})
    return RSAKey.generate_key(2048, {"kid": kid})


def jwks(*keys: Key) -> dict[str, Any]:
    """Return the public key set to register."""
    return {"keys": [one.as_dict(private=False) for one in keys]}


def hmac_signed(claims: Any, secret: bytes, **header: Any) -> str:
    """Return a JWS by HS256 with any bytes as its secret, also a public key (RFC 8725 §2.1)."""
    parts = [crypto.b64url(json.dumps(part).encode()) for part in ({"alg": "HS256", **header}, claims)]
    return ".".join((*parts, crypto.b64url(hmac.digest(secret, ".".join(parts).encode(), "sha256"))))


def signed(claims: Any, by: Key, alg: str, **header: Any) -> str:
    """Return a JWS of any claims by any key. A header of None is left out."""
    whole = {"alg": alg, "kid": by.kid, "typ": "oauth-authz-req+jwt", **header}
    payload = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
    kept = {name: value for name, value in whole.items() if value is not None}
    return jws.serialize_compact(
        kept, payload, by, registry=JWSRegistry(algorithms=list(ALGORITHMS), strict_check_header=False)
    )
