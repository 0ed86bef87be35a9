"""Encrypt what we send to a client by a public key of its own (RFC 7516), as OpenID Connect Registration §2 names it.

Not taken: RSA1_5, which padding oracles break, and ``dir``, as of a client's secret only a digest is stored.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, cast

from joserfc.jwk import ECKey, OKPKey, RSAKey

from idp.errors import Invalid, Unreadable, say
from idp.oauth.public_keys import PRIVATE_MEMBERS, imported
from idp.on_use import OnUse

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import x25519
    from joserfc import jwe
else:
    x25519 = OnUse("cryptography.hazmat.primitives.asymmetric.x25519")
    jwe = OnUse("joserfc.jwe")

ALGORITHMS = ("RSA-OAEP-256", "ECDH-ES", "ECDH-ES+A256KW")
ENCODINGS = ("A128CBC-HS256", "A256GCM", "A128GCM")
KINDS = ("id_token", "userinfo", "introspection", "authorization")
"""What can be encrypted: ID tokens (with logout tokens), and answers of three endpoints."""
CURVES = {"EC": ("P-256", "P-384", "P-521"), "OKP": ("X25519",)}


def alg_member(kind: str) -> str:
    """Return the member of a client that names the algorithm for its keys."""
    return f"{kind}_encrypted_response_alg"


def enc_member(kind: str) -> str:
    """Return the member of a client that names the algorithm for the content."""
    return f"{kind}_encrypted_response_enc"


def complete_members(found: dict[str, Any]) -> None:
    """Set the default of OpenID Connect Registration §2, and refuse an encryption for which there is no key."""
    for kind in KINDS:
        alg, enc = alg_member(kind), enc_member(kind)
        if enc in found and alg not in found:
            raise Invalid(enc, say("The member %(member)s is needed too.", member=alg))
        if alg not in found:
            continue
        found.setdefault(enc, ENCODINGS[0])
        if "jwks_uri" not in found and not any(is_for(key, found[alg]) for key in found.get("jwks", {}).get("keys", ())):
            raise Invalid(alg, say("The app has no key for this in jwks, and no jwks_uri."))


def is_for(jwk: Any, alg: str) -> bool:
    """Check if a key can be encrypted to by an algorithm."""
    try:
        _read(jwk, alg)
    except Unreadable:
        return False
    return True


def encrypt(text: str, keys: Iterable[Any], alg: str, enc: str, *, is_jwt: bool) -> str:
    """Return a text as a compact JWE, for the first of the keys that fits. Raises ``Unreadable`` where none does."""
    jwk = next((one for one in keys if is_for(one, alg)), None)
    if jwk is None:
        raise Unreadable("no key for this algorithm")
    header = {"alg": alg, "enc": enc}
    if isinstance(jwk.get("kid"), str):
        header["kid"] = jwk["kid"]
    if is_jwt:  # RFC 7519 §5.2: it "MUST be present" in a nested JWT
        header["cty"] = "JWT"
    return jwe.encrypt_compact(header, text, _read(jwk, alg), algorithms=[alg, enc])


def _read(jwk: Any, alg: str) -> ECKey | OKPKey | RSAKey:
    """Return the key. Raises ``Unreadable`` for one that is not for encryption, or for another algorithm."""
    kind = jwk.get("kty") if isinstance(jwk, dict) and not PRIVATE_MEMBERS & set(jwk) else None
    if kind not in (("RSA",) if alg.startswith("RSA") else tuple(CURVES)):
        raise Unreadable("another kind of key")
    if jwk.get("use", "enc") != "enc" or jwk.get("alg", alg) != alg:
        raise Unreadable("a key for something else")
    # One exponent of RSA, as for signatures: a large one makes encrypting slow.
    if jwk.get("crv") not in CURVES[kind] if kind in CURVES else jwk.get("e") != "AQAB":
        raise Unreadable("another curve or exponent")
    key = imported(jwk, kind)
    if isinstance(key, OKPKey):
        _require_secrecy(cast(Any, key.public_key))
    return key


def _require_secrecy(key: "x25519.X25519PublicKey") -> None:
    """Refuse a point of small order (RFC 7748 §6.1): no secret comes of it, and encrypting would fail later."""
    try:
        x25519.X25519PrivateKey.generate().exchange(key)
    except ValueError as error:
        raise Unreadable("a point of small order") from error
