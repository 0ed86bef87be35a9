"""Take the certificate that an app proved to hold in its TLS connection (RFC 8705 §2), from the proxy that ends TLS.

The proxy puts it into the header ``server.client_certificate_header``, and says in another one if it verified its chain. It
must overwrite whatever its client sent there.
"""

import base64
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from idp.addresses import parse
from idp.config import Settings
from idp.oauth.confirmation import NO_CERTIFICATE, ShownCertificate

LONGEST = 16_384
PEM = re.compile(r"\s*-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----\s*")
VERIFIED = "SUCCESS"


def certificate_of(settings: Settings, environ: Mapping[str, Any]) -> ShownCertificate:
    """Return the certificate. It is believed from ``server.trusted_proxies`` alone."""
    server = settings.server
    value = _header(environ, server.client_certificate_header)
    if not value or len(value) > LONGEST:
        return NO_CERTIFICATE
    peer = parse(str(environ.get("REMOTE_ADDR") or ""))
    if peer is None or not any(peer in network for network in server.proxies):
        return NO_CERTIFICATE
    return ShownCertificate(_decoded(value), _header(environ, server.client_certificate_verified_header) == VERIFIED)


def _header(environ: Mapping[str, Any], name: str) -> str:
    """Return the value of a header; empty where it did not come, or has no name. One that came twice has a comma."""
    return str(environ.get(f"HTTP_{name.upper().replace('-', '_')}", "")) if name else ""


def _decoded(value: str) -> bytes:
    """Read the header as RFC 9440 §2.1 writes it (``:base64:``), or as a URL-encoded PEM, which nginx and others pass."""
    if len(value) > 2 and value.startswith(":") and value.endswith(":"):
        text = value[1:-1]
    else:
        found = PEM.fullmatch(unquote(value))
        text = "".join(found[1].split()) if found else ""
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return b""
