"""Make TLS certificates as apps and their authorities do, and pass them as a proxy does."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc.jwk import ECKey

from idp import clock

HEADER, VERIFIED = "Client-Cert", "X-Client-Verify"


@dataclass
class Certificate:
    """A certificate with its key. Without ``issuer`` it is self-signed."""

    subject: str = "CN=app"
    names: Sequence[x509.GeneralName] = ()
    issuer: "Certificate | None" = None
    begins: datetime = field(default_factory=lambda: clock.now() - timedelta(days=1))
    days: int = 30
    is_authority: bool = False
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def __post_init__(self) -> None:
        """Sign it."""
        subject, signer = x509.Name.from_rfc4514_string(self.subject), self.issuer or self
        made = x509.CertificateBuilder(
            x509.Name.from_rfc4514_string(signer.subject), subject, self.key.public_key(), x509.random_serial_number()
        )
        made = made.not_valid_before(self.begins).not_valid_after(self.begins + timedelta(days=self.days))
        made = made.add_extension(x509.BasicConstraints(ca=self.is_authority, path_length=None), critical=True)
        if self.names:
            made = made.add_extension(x509.SubjectAlternativeName(self.names), critical=False)
        self.made = made.sign(signer.key, SHA256())

    @property
    def der(self) -> bytes:
        """Return the certificate alone."""
        return self.made.public_bytes(Encoding.DER)

    @property
    def pem(self) -> str:
        """Return the certificate as text."""
        return self.made.public_bytes(Encoding.PEM).decode()

    @property
    def pem_with_key(self) -> str:
        """Return what an app configures: the certificate and its key."""
        return self.pem + self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()

    @property
    def jwk(self) -> dict[str, Any]:
        """Return its public key with ``x5c`` (RFC 7517 §4.7)."""
        return {**ECKey.import_key(self.pem_with_key).as_dict(private=False), "x5c": [base64.b64encode(self.der).decode()]}

    def passed(self, verified: str = "SUCCESS") -> dict[str, str]:
        """Return the headers of a proxy (RFC 9440 §2.2)."""
        return {HEADER: f":{base64.b64encode(self.der).decode()}:", VERIFIED: verified}
