"""A security key (or a passkey provider) in Python, which can be told to do wrong. Its certificates are its own maker's."""

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import cbor2
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from idp.crypto import b64url, from_b64url

UP, UV, BE, BS, AT = 1, 4, 8, 16, 64
MADE_UP_MAKER = bytes(range(16))
FOUNDED = datetime(2020, 1, 1, tzinfo=UTC)
"""The first day of the made-up maker's certificates, which are valid for a hundred years."""


@dataclass
class Credential:
    """Hold a key pair with what the authenticator keeps beside it."""

    id: bytes
    private: Any
    handle: bytes
    counter: int = 0


@dataclass
class SecurityKey:
    """Answer options as a browser would post them.

    ``flags`` are set beside user presence. ``counts``: the key has a counter. ``alg`` is -7, -8 or -257. ``maker`` attests
    the key, by its usual certificate or by ``certificate`` (DER); ``is_u2f``: in the old format. The values of ``lie`` in
    ``make`` and ``show`` replace those of the client data: ``type``, ``origin``, ``challenge``, ``crossOrigin``.
    """

    origin: str
    flags: int = UV
    counts: bool = True
    alg: int = -7
    aaguid: bytes = bytes(16)
    maker: "Maker | None" = None
    certificate: bytes = b""
    is_u2f: bool = False
    held: list[Credential] = field(default_factory=list)

    def make(self, options: str, *, lie: Mapping[str, Any] | None = None, **over: Any) -> str:
        """Answer ``navigator.credentials.create``. ``over``: rp_id, flags, credential_id, cose, fmt, statement, more."""
        asked = json.loads(options)
        private, cose = _new_key(self.alg)
        credential = Credential(
            over.get("credential_id", secrets.token_bytes(32)), private, from_b64url(asked["user"]["id"])
        )
        self.held.append(credential)
        client = self._client("webauthn.create", asked, lie)
        attested = self.aaguid + len(credential.id).to_bytes(2, "big") + credential.id + over.get("cose", cose)
        data = self._data(asked["rp"]["id"], credential, over, AT) + attested + over.get("more", b"")
        fmt, statement = self._attest(data, client, credential)
        parts = {"fmt": over.get("fmt", fmt), "attStmt": over.get("statement", statement), "authData": data}
        found = {"attestationObject": b64url(over.get("object", cbor2.dumps(parts))), "transports": ["usb", "made-up"]}
        return _posted(credential.id, client, found)

    def show(self, options: str, *, lie: Mapping[str, Any] | None = None, **over: Any) -> str:
        """Answer ``navigator.credentials.get`` with the last credential, or ``credential``; ``handle=None``: none."""
        asked = json.loads(options)
        allowed = {from_b64url(one["id"]) for one in asked["allowCredentials"]}
        fitting = [one for one in self.held if not allowed or one.id in allowed]
        credential = over.get("credential") or fitting[-1]
        credential.counter += self.counts
        client = self._client("webauthn.get", asked, lie)
        data = self._data(asked["rpId"], credential, over) + over.get("more", b"")
        signature = _sign(credential.private, data + hashlib.sha256(client).digest())
        found = {"authenticatorData": b64url(data), "signature": b64url(over.get("signature", signature))}
        handle = over.get("handle", credential.handle)
        return _posted(credential.id, client, {**found, **({"userHandle": b64url(handle)} if handle else {})})

    def _client(self, kind: str, asked: Mapping[str, Any], lie: Mapping[str, Any] | None) -> bytes:
        client_data = {
            "type": kind,
            "challenge": asked["challenge"],
            "origin": self.origin,
            "crossOrigin": False,
            **(lie or {}),
        }
        return json.dumps(client_data).encode()

    def _data(self, rp_id: str, credential: Credential, over: Mapping[str, Any], more: int = 0) -> bytes:
        flags = over.get("flags", UP | self.flags) | more
        counter = over.get("counter", credential.counter)
        return hashlib.sha256(over.get("rp_id", rp_id).encode()).digest() + bytes([flags]) + counter.to_bytes(4, "big")

    def _attest(self, data: bytes, client: bytes, credential: Credential) -> tuple[str, dict[str, Any]]:
        if self.maker is None:
            return "none", {}
        chain, client_hash = [self.certificate or self.maker.certificate(self.aaguid)], hashlib.sha256(client).digest()
        if self.is_u2f:
            public = credential.private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
            signed = b"\0" + data[:32] + client_hash + credential.id + public
            return "fido-u2f", {"sig": self.maker.key.sign(signed, ec.ECDSA(SHA256())), "x5c": chain}
        return "packed", {"alg": -7, "sig": self.maker.key.sign(data + client_hash, ec.ECDSA(SHA256())), "x5c": chain}


class Maker:
    """Act as a maker of hardware keys, whose root an installation may trust."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self._root_key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Example Keys Root")])
        self.root = self._signed(self._name, self._root_key.public_key(), x509.BasicConstraints(True, None))

    @property
    def pem(self) -> bytes:
        """Return the root as a PEM file."""
        return self.root.public_bytes(Encoding.PEM)

    def certificate(self, aaguid: bytes, *, unit: str = "Authenticator Attestation", is_authority: bool = False) -> bytes:
        """Return the certificate that attests keys of this AAGUID (WebAuthn Level 3 §8.2.1). ``unit`` and the rest may be
        wrong.
        """
        oids, parts = x509.NameOID, []
        for oid, value in (
            (oids.COUNTRY_NAME, "NL"),
            (oids.ORGANIZATION_NAME, "Example Keys"),
            (oids.ORGANIZATIONAL_UNIT_NAME, unit),
            (oids.COMMON_NAME, "Example Key 1"),
        ):
            parts.append(x509.NameAttribute(oid, value))
        which = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.45724.1.1.4"), b"\x04\x10" + aaguid)
        made = self._signed(x509.Name(parts), self.key.public_key(), x509.BasicConstraints(is_authority, None), which)
        return made.public_bytes(Encoding.DER)

    def _signed(self, subject: x509.Name, public: Any, basic: Any, *more: Any) -> x509.Certificate:
        builder = x509.CertificateBuilder(self._name, subject, public, x509.random_serial_number())
        builder = builder.not_valid_before(FOUNDED).not_valid_after(FOUNDED + timedelta(days=36_500))
        builder = builder.add_extension(basic, critical=True)
        for extension in more:
            builder = builder.add_extension(extension, critical=False)
        return builder.sign(self._root_key, SHA256())


def _posted(credential_id: bytes, client: bytes, response: Mapping[str, Any]) -> str:
    identity = b64url(credential_id)
    found = {"clientDataJSON": b64url(client), **response}
    return json.dumps({"id": identity, "rawId": identity, "type": "public-key", "response": found})


def _new_key(alg: int) -> tuple[Any, bytes]:
    if alg == -8:
        okp = ed25519.Ed25519PrivateKey.generate()
        return okp, cbor2.dumps({1: 1, 3: -8, -1: 6, -2: okp.public_key().public_bytes_raw()})
    if alg == -257:
        big = rsa.generate_private_key(65537, 2048)
        public = big.public_key().public_numbers()
        return big, cbor2.dumps({1: 3, 3: -257, -1: public.n.to_bytes(256, "big"), -2: public.e.to_bytes(3, "big")})
    small = ec.generate_private_key(ec.SECP256R1())
    point = small.public_key().public_numbers()
    return small, cbor2.dumps({1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")})


def _sign(private: Any, data: bytes) -> bytes:
    if isinstance(private, ed25519.Ed25519PrivateKey):
        return private.sign(data)
    if isinstance(private, rsa.RSAPrivateKey):
        return private.sign(data, padding.PKCS1v15(), SHA256())
    return bytes(private.sign(data, ec.ECDSA(SHA256())))
