"""Hold the private key to which an app has its tokens and answers encrypted (RFC 7516)."""

from functools import cache
from typing import Any

from joserfc import jwe
from joserfc.jwk import ECKey, OKPKey, RSAKey

MADE = {
    "P-256": lambda: ECKey.generate_key("P-256"),
    "P-521": lambda: ECKey.generate_key("P-521"),
    "X25519": lambda: OKPKey.generate_key("X25519"),
    "RSA": lambda: RSAKey.generate_key(2048),
    "Ed25519": lambda: OKPKey.generate_key("Ed25519"),
}
ALLOWED = ["RSA-OAEP-256", "ECDH-ES", "ECDH-ES+A256KW", "A128CBC-HS256", "A256GCM", "A128GCM"]


@cache
def made(kind: str) -> Any:
    """Return a private key of a kind, made once."""
    return MADE[kind]()


class EncryptionKey:
    """Hold a key; ``header`` is that of the last JWE that it opened."""

    def __init__(self, kind: str = "P-256", kid: str = "enc") -> None:
        self.kid, self.key = kid, made(kind)
        self.header: dict[str, Any] = {}

    @property
    def public(self) -> dict[str, Any]:
        """Return the public key as the app registers it."""
        return {**self.key.as_dict(private=False), "kid": self.kid, "use": "enc"}

    @property
    def jwks(self) -> dict[str, Any]:
        """Return a key set with this key."""
        return {"keys": [self.public]}

    def open(self, token: str) -> str:
        """Return what is in a JWE; other tokens as they are."""
        if token.count(".") != 4:
            return token
        found = jwe.decrypt_compact(token, self.key, algorithms=ALLOWED)
        self.header = dict(found.protected)
        assert found.plaintext is not None
        return found.plaintext.decode()
