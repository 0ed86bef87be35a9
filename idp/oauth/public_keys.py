"""Verify a JWS by a public key that came from outside, as a JSON Web Key (RFC 7517).

The key must fit one algorithm of ours before anything is computed with it: sizes are bounded, and nothing of the key's own
``alg``, ``use``, ``x5c`` or address is read.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from idp import crypto
from idp.errors import Unreadable

PRIVATE_MEMBERS = frozenset(("d", "p", "q", "dp", "dq", "qi", "oth", "k"))
FORMS: Mapping[str, Mapping[str, str]] = {
    "ES256": {"kty": "EC", "crv": "P-256"},
    "Ed25519": {"kty": "OKP", "crv": "Ed25519"},
    "PS256": {"kty": "RSA", "e": "AQAB"},
    "RS256": {"kty": "RSA", "e": "AQAB"},
}
"""By algorithm: the members that a key for it must have. One exponent of RSA: a large one makes verification slow."""
FORMER_NAMES = {"EdDSA": "Ed25519"}
"""RFC 9864 §2.2 replaced the name. Libraries still write it."""
MEMBERS: Mapping[str, tuple[str, ...]] = {
    "EC": ("kty", "crv", "x", "y"),
    "OKP": ("kty", "crv", "x"),
    "RSA": ("kty", "n", "e"),
}
"""By kind: what makes the key, which is also what its thumbprint is made of (RFC 7638 §3.2)."""
LONGEST_MEMBER = 683
"""Characters: a modulus of 4,096 bits."""
RSA_BITS = range(2048, 4097)


@dataclass(frozen=True)
class PublicKey:
    """A public key that fits its algorithm."""

    alg: str
    key: ECKey | OKPKey | RSAKey

    @property
    def thumbprint(self) -> str:
        """Return its SHA-256 thumbprint as base64url (RFC 7638)."""
        return str(self.key.thumbprint())

    def has_signed(self, token: str) -> bool:
        """Check the signature of a compact JWS by the key's one algorithm (RFC 7515 §5.2)."""
        signed, _, signature = token.rpartition(".")
        try:
            algorithm = JWSRegistry(algorithms=[self.alg]).get_alg(self.alg)
            return algorithm.verify(signed.encode("ascii"), crypto.from_b64url(signature), self.key)
        except (Unreadable, ValueError, JoseError):
            return False


def read_public_key(jwk: Any, alg: Any) -> PublicKey:
    """Return the key for this algorithm. Raises ``Unreadable`` for a private key, and for one that does not fit."""
    form = FORMS.get(alg) if isinstance(alg, str) else None
    if form is None or not isinstance(jwk, dict) or PRIVATE_MEMBERS & set(jwk):
        raise Unreadable("no public key for an algorithm of ours")
    if any(jwk.get(name) != value for name, value in form.items()):
        raise Unreadable("the key does not fit the algorithm")
    return PublicKey(str(alg), imported(jwk, form["kty"]))


def imported(jwk: Mapping[str, Any], kind: str) -> ECKey | OKPKey | RSAKey:
    """Return the public key of this kind, of what makes it alone. Raises ``Unreadable``."""
    members: dict[str, Any] = {name: jwk.get(name) for name in MEMBERS[kind]}
    if not all(isinstance(value, str) and len(value) <= LONGEST_MEMBER for value in members.values()):
        raise Unreadable("a member of the key is missing or too long")
    kinds: Mapping[str, type[ECKey | OKPKey | RSAKey]] = {"EC": ECKey, "OKP": OKPKey, "RSA": RSAKey}
    try:
        key = kinds[kind].import_key(members)
        size = key.public_key.key_size if isinstance(key, RSAKey) else RSA_BITS.start
    except (ValueError, TypeError, JoseError) as error:
        raise Unreadable("not a point or modulus of its kind") from error
    if size not in RSA_BITS:
        raise Unreadable("the modulus is too short or too long")
    if isinstance(key, RSAKey) and key.public_key.public_numbers().n % 2 == 0:
        raise Unreadable("the modulus is no product of two primes")
    return key
