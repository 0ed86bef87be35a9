"""Handle signing keys as objects: generate, seal for the store, and open. ``keys`` decides which one signs."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_der_private_key
from joserfc.jwa import JWSAlgModel
from joserfc.jwk import ECKey, RSAKey
from joserfc.jws import JWSRegistry

from idp import crypto
from idp.config import Settings
from idp.errors import Unreadable
from idp.store.sealed import SIGNING_KEYS
from idp.store.signing_keys import SigningKey

RSA_BITS = 3072
MOST_VERIFIED = 4_096
"""Tokens of each key whose signatures are remembered; then all are forgotten."""
COMPACT = json.JSONEncoder(separators=(",", ":"))

Private = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True)
class HeldKey:
    """Hold a published key as an object."""

    kid: str
    alg: str
    key: ECKey | RSAKey
    may_sign: bool = True
    """False if the private half does not open."""

    @cached_property
    def _algorithm(self) -> JWSAlgModel:
        return JWSRegistry(algorithms=[self.alg]).get_alg(self.alg)

    @cached_property
    def _headers(self) -> dict[str, str]:
        return {}

    @cached_property
    def _verified(self) -> set[bytes]:
        return set()

    def sign(self, claims: Mapping[str, Any], typ: str) -> str:
        """Return a signed JWT (RFC 7515 §7.1). Its header depends on ``typ`` alone, and is encoded once for each."""
        header = self._headers.get(typ)
        if header is None:
            header = self._headers[typ] = _part({"alg": self.alg, "kid": self.kid, "typ": typ})
        signed = f"{header}.{_part(claims)}"
        return f"{signed}.{crypto.b64url(self._algorithm.sign(signed.encode('ascii'), self.key))}"

    def has_signed(self, token: str) -> bool:
        """Check the signature of a compact JWS by this key's own algorithm (RFC 7515 §5.2).

        Apps send one token with many requests. A right signature is remembered, by a digest of the whole token, while this
        key is published; all else about a token is asked each time.
        """
        digest = crypto.sha256(token.encode())
        if digest in self._verified:
            return True
        is_right = self._verify(token)
        if is_right:
            if len(self._verified) >= MOST_VERIFIED:
                self._verified.clear()
            self._verified.add(digest)
        return is_right

    def _verify(self, token: str) -> bool:
        signed, _, signature = token.rpartition(".")
        try:
            return self._algorithm.verify(signed.encode("ascii"), crypto.from_b64url(signature), self.key)
        except (Unreadable, ValueError):
            return False


def _part(members: Mapping[str, Any]) -> str:
    return crypto.b64url(COMPACT.encode(members).encode("ascii"))


def new_key(settings: Settings, alg: str) -> dict[str, Any]:
    """Return the columns of a new key, sealed. Slow: an RSA key takes up to a second."""
    private = _generate(alg)
    kid = str(_key_object(private, "", alg).thumbprint())
    der = private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    public = _key_object(private, kid, alg).as_dict(private=False)
    return {"kid": kid, "alg": alg, "sealed_private": SIGNING_KEYS.seal(settings.ring, kid, der), "public": public}


def _generate(alg: str) -> Private:
    if alg == "ES256":
        return ec.generate_private_key(ec.SECP256R1())
    return rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)


def _key_object(private: Private, kid: str, alg: str) -> ECKey | RSAKey:
    members: Any = {"alg": alg, "use": "sig"} | ({"kid": kid} if kid else {})
    if isinstance(private, ec.EllipticCurvePrivateKey):
        return ECKey(private, private, members)
    return RSAKey(private, private, members)


def held_key(settings: Settings, row: SigningKey) -> HeldKey:
    """Return the key as an object. One that does not open cannot sign, but its public half still verifies."""
    try:
        return _open(settings, row)
    except Unreadable:
        public: Any = ECKey.import_key(row.public) if row.alg == "ES256" else RSAKey.import_key(row.public)
        return HeldKey(row.kid, row.alg, public, may_sign=False)


def _open(settings: Settings, row: SigningKey) -> HeldKey:
    der = SIGNING_KEYS.open(settings.ring, row.kid, row.sealed_private)
    # Validating an RSA key again costs 60 ms; this one is ours and came out of an authenticated seal.
    private = load_der_private_key(der, None, unsafe_skip_rsa_key_validation=True)
    if not isinstance(private, Private):
        raise TypeError(f"signing key {row.kid} is of an unknown kind")
    return HeldKey(row.kid, row.alg, _key_object(private, row.kid, row.alg))
