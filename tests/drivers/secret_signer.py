"""Sign as an app that shares its secret: client assertions by HMAC (client_secret_jwt)."""

import hashlib
import hmac
import json
import secrets
from typing import Any

from idp import clock
from tests.drivers.client_key import BEARER
from tests.drivers.dpop import b64url

HASHES = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}


def assertion(client_id: str, secret: str | bytes, audience: Any, alg: str = "HS256", **over: Any) -> dict[str, str]:
    """Return the two parameters of a client assertion. ``header`` among ``over`` replaces members of its header."""
    now = clock.epoch_seconds(clock.now())
    header = {"alg": alg, **over.pop("header", {})}
    claims = {"iss": client_id, "sub": client_id, "aud": audience, "iat": now, "exp": now + 60,
              "jti": secrets.token_urlsafe(16), **over}  # fmt: skip
    payload = {name: value for name, value in claims.items() if value is not None}
    signed = f"{b64url(json.dumps(header).encode())}.{b64url(json.dumps(payload).encode())}"
    key = secret.encode() if isinstance(secret, str) else secret
    return {
        "client_assertion_type": BEARER,
        "client_assertion": f"{signed}.{b64url(hmac.new(key, signed.encode(), HASHES[alg]).digest())}",
    }
