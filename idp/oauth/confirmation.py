"""The key that a token is bound to (``cnf``, RFC 7800), as one text: ``jkt:…`` for DPoP, ``x5t#S256:…`` for a certificate;
empty for a bearer token.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from idp import crypto

KEY = "jkt:"
"""Begins the binding to a key that DPoP proves, by its thumbprint (RFC 9449 §6)."""

CERTIFICATE = "x5t#S256:"
"""Begins the binding to the certificate of a TLS connection (RFC 8705 §3.1)."""


@dataclass(frozen=True)
class ShownCertificate:
    """The certificate (DER) of an app's TLS connection, whose private key it proved to hold; empty where there is none.

    ``is_verified``: an authority that the proxy trusts has issued it.
    """

    der: bytes = b""
    is_verified: bool = False


NO_CERTIFICATE = ShownCertificate()


def to_certificate(shown: ShownCertificate) -> str:
    """Return the binding to a certificate; empty where there is none."""
    return CERTIFICATE + crypto.b64url(crypto.sha256(shown.der)) if shown.der else ""


def as_claim(bound_to: str) -> dict[str, dict[str, str]]:
    """Return the claim ``cnf`` of a token that is bound; nothing for a bearer token."""
    method, _, value = bound_to.rpartition(":")
    return {"cnf": {method: value}} if bound_to else {}


def from_claims(claims: Mapping[str, Any]) -> str:
    """Return what a token of ours is bound to."""
    return "".join(f"{method}:{value}" for method, value in claims.get("cnf", {}).items())


def token_type(bound_to: str) -> str:
    """Return the ``token_type`` of a token: how it is presented."""
    return "DPoP" if bound_to.startswith(KEY) else "Bearer"
