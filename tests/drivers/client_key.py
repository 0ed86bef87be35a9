"""Sign as an app whose public key is registered: client assertions (RFC 7523) and other JWTs."""

import json
import secrets
from typing import Any

from joserfc import jws
from joserfc.jwk import ECKey, OKPKey, RSAKey

from idp import clock
from tests.drivers.dpop import b64url

KINDS = {
    "ES256": lambda: ECKey.generate_key("P-256"),
    "EdDSA": lambda: OKPKey.generate_key("Ed25519"),
    "RS256": lambda: RSAKey.generate_key(2048),
    "PS256": lambda: RSAKey.generate_key(2048),
}
BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class ClientKey:
    """Hold a private key with its ``kid``."""

    def __init__(self, alg: str = "ES256", kid: str = "one") -> None:
        self.alg, self.kid, self.key = alg, kid, KINDS[alg]()

    @property
    def public(self) -> dict[str, Any]:
        """Return the public key as the app registers it."""
        return {**self.key.as_dict(private=False), "kid": self.kid, "use": "sig"}

    @property
    def jwks(self) -> dict[str, Any]:
        """Return a key set with this key."""
        return {"keys": [self.public]}

    def sign(self, claims: dict[str, Any], **header: Any) -> str:
        """Return a JWT. ``header`` replaces members of its header; None leaves a member or a claim out."""
        members = {"alg": self.alg, "kid": self.kid, **header}
        kept = {name: value for name, value in members.items() if value is not None}
        payload = json.dumps({name: value for name, value in claims.items() if value is not None}).encode()
        signed = f"{b64url(json.dumps(kept).encode())}.{b64url(payload)}"
        name = {"EdDSA": "Ed25519"}.get(self.alg, self.alg)
        registry = jws.JWSRegistry(algorithms=[name])
        return f"{signed}.{b64url(registry.get_alg(name).sign(signed.encode(), self.key))}"

    def assertion(
        self, client_id: str, audience: Any, *, header: dict[str, Any] | None = None, **over: Any
    ) -> dict[str, str]:
        """Return the two parameters of a client assertion."""
        now = clock.epoch_seconds(clock.now())
        claims = {"iss": client_id, "sub": client_id, "aud": audience, "iat": now, "exp": now + 60,
                  "jti": secrets.token_urlsafe(16), **over}  # fmt: skip
        return {"client_assertion_type": BEARER, "client_assertion": self.sign(claims, **(header or {}))}
