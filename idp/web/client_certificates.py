"""Take the certificate that an app proved to hold in its TLS connection (RFC 8705 §2), from the proxy that ends TLS.

The proxy puts it into the header ``server.client_certificate_header``, and must overwrite whatever its client sent there.
"""

import base64
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from idp.addresses import parse
from idp.config import Settings

LONGEST = 16_384
PEM = re.compile(r"\s*-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----\s*")


def certificate_of(settings: Settings, environ: Mapping[str, Any]) -> bytes:
    """Return the certificate (DER), empty where there is none. It is believed from ``server.trusted_proxies`` alone."""
    name = settings.server.client_certificate_header
    value = str(environ.get(f"HTTP_{name.upper().replace('-', '_')}", "")) if name else ""
    if not value or len(value) > LONGEST:
        return b""
    peer = parse(str(environ.get("REMOTE_ADDR") or ""))
    if peer is None or not any(peer in network for network in settings.server.proxies):
        return b""
    return _decoded(value)


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
