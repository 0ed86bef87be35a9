"""The two ceremonies of WebAuthn Level 3: registration (§7.1) and authentication (§7.2). Nothing here touches rows.

A ``Ceremony`` is prepared on the server and kept sealed in the sign-in. Its challenge works once, for five minutes, and only
for its kind and place. An answer that is wrong in any way becomes None, and the browser is not told why.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

import structlog
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from idp import crypto
from idp.config import Settings
from idp.on_use import OnUse

if TYPE_CHECKING:
    from webauthn.registration.verify_registration_response import VerifiedRegistration
webauthn, helpers = OnUse("webauthn"), OnUse("webauthn.helpers")
public_keys = OnUse("webauthn.helpers.decoded_public_key_to_cryptography")

log = structlog.get_logger("passkeys")

LIFE = timedelta(minutes=5)
LONGEST_ID = 1023
"""Bytes of a credential id (§7.1 step 25)."""
ES256, EDDSA, RS256 = -7, -8, -257
ALGORITHMS = (ES256, EDDSA, RS256)
"""As COSE numbers them (RFC 9053 §2, RFC 8812 §2)."""
TRANSPORTS = frozenset(("usb", "nfc", "ble", "smart-card", "internal", "cable", "hybrid"))
"""WebAuthn §5.8.4, and ``cable`` as older browsers call ``hybrid``."""
AAGUID_EXTENSION = x509.ObjectIdentifier("1.3.6.1.4.1.45724.1.1.4")

_BASE64URL = re.compile(r"[A-Za-z0-9_-]*")

Kind = Literal["create", "get"]


@dataclass(frozen=True)
class Ceremony:
    """What a browser is asked: ``options`` is JSON for it. ``place``: the step it was made for. ``until``: epoch seconds."""

    kind: Kind
    place: str
    challenge: str
    until: float
    options: str

    def as_json(self) -> dict[str, Any]:
        """Return what is sealed."""
        return asdict(self)


@dataclass(frozen=True)
class Descriptor:
    """A credential as options name it."""

    credential_id: bytes
    transports: Sequence[str] = ()


@dataclass(frozen=True)
class Answer:
    """What a browser sent, read but not believed. ``credential_id`` and ``user_handle`` say whose it claims to be."""

    credential_id: bytes
    user_handle: bytes | None
    raw: Mapping[str, Any]


@dataclass(frozen=True)
class Shown:
    """A credential was shown, its signature right."""

    sign_count: int
    user_verified: bool
    backup_eligible: bool
    backed_up: bool


@dataclass(frozen=True)
class Made:
    """A credential was made. ``hardware``: a maker that is believed attests it, and it cannot be copied."""

    credential_id: bytes
    public_key: bytes
    sign_count: int
    user_verified: bool
    backup_eligible: bool
    backed_up: bool
    aaguid: str
    transports: tuple[str, ...]
    hardware: bool


def ask(
    settings: Settings, place: str, now: datetime, *, allow: Sequence[Descriptor] = (), must_verify: bool = False
) -> Ceremony:
    """Ask for a credential: one of ``allow``, or (none given) whichever the person picks."""
    challenge = crypto.b64url(crypto.random_bytes(32))
    options = {
        "challenge": challenge,
        "timeout": int(LIFE.total_seconds() * 1000),
        "rpId": _rp_id(settings),
        "allowCredentials": _descriptors(allow),
        "userVerification": "required" if must_verify else "preferred",
    }
    return _ceremony("get", place, challenge, now, options)


def make(
    settings: Settings, place: str, now: datetime, *, handle: bytes, username: str, exclude: Sequence[Descriptor]
) -> Ceremony:
    """Ask for a new credential; ``handle`` names the user to their authenticator and is random (§14.6.1)."""
    challenge = crypto.b64url(crypto.random_bytes(32))
    options = {
        "rp": {"id": _rp_id(settings), "name": settings.name},
        "user": {"id": crypto.b64url(handle), "name": username, "displayName": username},
        "challenge": challenge,
        "pubKeyCredParams": [{"type": "public-key", "alg": algorithm} for algorithm in ALGORITHMS],
        "timeout": int(LIFE.total_seconds() * 1000),
        "excludeCredentials": _descriptors(exclude),
        "authenticatorSelection": {"residentKey": "preferred", "userVerification": "preferred"},
        # Browsers ask the person before they tell an attestation: only where it can matter.
        "attestation": "direct" if settings.attestation_roots else "none",
    }
    return _ceremony("create", place, challenge, now, options)


def accepted(settings: Settings, handle: bytes, held: Sequence[Descriptor]) -> str:
    """Return ``AllAcceptedCredentialsOptions`` as JSON (§5.1.10). Only the signed-in user of ``handle`` may see it."""
    ids = [crypto.b64url(one.credential_id) for one in held]
    options = {"rpId": _rp_id(settings), "userId": crypto.b64url(handle), "allAcceptedCredentialIds": ids}
    return json.dumps(options, separators=(",", ":"))


def _ceremony(kind: Kind, place: str, challenge: str, now: datetime, options: Mapping[str, Any]) -> Ceremony:
    return Ceremony(kind, place, challenge, (now + LIFE).timestamp(), json.dumps(options, separators=(",", ":")))


def _descriptors(credentials: Sequence[Descriptor]) -> list[dict[str, Any]]:
    return [
        {"type": "public-key", "id": crypto.b64url(one.credential_id), "transports": list(one.transports)}
        for one in credentials
    ]


def _rp_id(settings: Settings) -> str:
    return urlsplit(settings.issuer).hostname or ""


def _object(text: str | bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def read(text: str, *fields: str) -> Answer | None:
    """Read a credential from JSON with these ``fields`` in its response, each base64url without padding."""
    found = _object(text) or {}
    response, credential_id = found.get("response"), found.get("id")
    if not isinstance(response, dict) or found.get("rawId") != credential_id or found.get("type") != "public-key":
        return None
    handle = response.get("userHandle")
    encoded = [credential_id, *(response.get(name) for name in fields), *([] if handle is None else [handle])]
    if not all(isinstance(value, str) and _BASE64URL.fullmatch(value) and len(value) % 4 != 1 for value in encoded):
        return None
    raw_id = crypto.from_b64url(str(credential_id))
    if not 0 < len(raw_id) <= LONGEST_ID:
        return None
    return Answer(raw_id, crypto.from_b64url(handle) if handle else None, found)


def _is_current(ceremony: Ceremony, answer: Answer, now: datetime) -> bool:
    """Check what the library does not: the life of the challenge, its exact spelling, and frames of other sites."""
    client = _object(crypto.from_b64url(answer.raw["response"]["clientDataJSON"])) or {}
    is_framed = client.get("crossOrigin", False) is not False or "topOrigin" in client
    return now.timestamp() < ceremony.until and client.get("challenge") == ceremony.challenge and not is_framed


def verify_shown(
    settings: Settings, ceremony: Ceremony, answer: Answer, public_key: bytes, now: datetime, *, must_verify: bool
) -> Shown | None:
    """Verify that ``answer`` shows the credential of ``public_key`` (§7.2). The caller compares the counter."""
    try:
        if ceremony.kind != "get" or not _is_current(ceremony, answer, now):
            return None
        verified = webauthn.verify_authentication_response(
            credential=dict(answer.raw),
            expected_challenge=crypto.from_b64url(ceremony.challenge),
            expected_rp_id=_rp_id(settings),
            expected_origin=settings.issuer,
            credential_public_key=public_key,
            # The library would judge the counter before the signature: a stranger could have a theft reported.
            credential_current_sign_count=0,
            require_user_verification=must_verify,
        )
        flags = helpers.parse_authenticator_data(crypto.from_b64url(answer.raw["response"]["authenticatorData"])).flags
    except Exception as error:  # noqa: BLE001 – whatever the libraries stumble over in a stranger's bytes is a wrong answer
        log.info("assertion refused", why=repr(error)[:200])
        return None
    return Shown(verified.new_sign_count, verified.user_verified, flags.be, flags.bs)


def verify_made(settings: Settings, ceremony: Ceremony, answer: Answer, now: datetime) -> Made | None:
    """Verify that ``answer`` is a new credential that can be accepted (§7.1)."""
    try:
        if ceremony.kind != "create" or not _is_current(ceremony, answer, now):
            return None
        verified = webauthn.verify_registration_response(
            credential=dict(answer.raw),
            expected_challenge=crypto.from_b64url(ceremony.challenge),
            expected_rp_id=_rp_id(settings),
            expected_origin=settings.issuer,
            require_user_presence=True,
            require_user_verification=False,
            supported_pub_key_algs=list(ALGORITHMS),
        )
        if verified.credential_id != answer.credential_id or not _key_is_sound(verified.credential_public_key):
            return None
        flags = helpers.parse_attestation_object(verified.attestation_object).auth_data.flags
        hardware = not flags.be and _is_attested(settings, verified)
    except Exception as error:  # noqa: BLE001 – as above
        log.info("registration refused", why=repr(error)[:200])
        return None
    transports = answer.raw["response"].get("transports")
    return Made(
        credential_id=verified.credential_id,
        public_key=verified.credential_public_key,
        sign_count=verified.sign_count,
        user_verified=verified.user_verified,
        backup_eligible=flags.be,
        backed_up=flags.bs,
        aaguid=verified.aaguid,
        transports=tuple(sorted({one for one in transports if isinstance(one, str)} & TRANSPORTS))
        if isinstance(transports, list)
        else (),
        hardware=hardware,
    )


def _key_is_sound(public_key: bytes) -> bool:
    """Check that the key is of its algorithm's kind and on its curve. The library checks only at its first use."""
    decoded = helpers.decode_credential_public_key(public_key)
    key = public_keys.decoded_public_key_to_cryptography(decoded)
    if decoded.alg == ES256:
        return isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1)
    if decoded.alg == EDDSA:
        return isinstance(key, Ed25519PublicKey)
    return isinstance(key, RSAPublicKey) and 2048 <= key.key_size <= 4096 and key.public_numbers().e >= 65537


def _is_attested(settings: Settings, verified: "VerifiedRegistration") -> bool:
    """Check that an attestation with a right signature leads to a trusted root (§7.1 step 24)."""
    chain = helpers.parse_attestation_object(verified.attestation_object).att_stmt.x5c
    if not settings.attestation_roots or not chain or verified.fmt not in ("packed", "fido-u2f"):
        return False
    try:
        helpers.validate_certificate_chain(x5c=chain, pem_root_certs_bytes=list(settings.attestation_roots))
    except Exception as error:  # noqa: BLE001 – a chain that cannot be followed attests nothing
        log.info("attestation not believed", why=repr(error)[:200])
        return False
    return verified.fmt == "fido-u2f" or _speaks_for(chain[0], verified.aaguid)


def _speaks_for(certificate: bytes, aaguid: str) -> bool:
    """Check a packed attestation certificate (§8.2.1), so that no other certificate of a maker is accepted."""
    found = x509.load_der_x509_certificate(certificate)
    units = [name.value for name in found.subject.get_attributes_for_oid(x509.NameOID.ORGANIZATIONAL_UNIT_NAME)]
    is_authority = found.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    if units != ["Authenticator Attestation"] or is_authority:
        return False
    for extension in found.extensions:
        if extension.oid == AAGUID_EXTENSION and isinstance(extension.value, x509.UnrecognizedExtension):
            # An OCTET STRING of sixteen bytes, in its DER wrapping.
            return extension.value.value == b"\x04\x10" + bytes.fromhex(aaguid.replace("-", ""))
    return True
