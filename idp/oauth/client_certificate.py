"""tls_client_auth, self_signed_tls_client_auth: a client proves itself by its TLS certificate (RFC 8705 §2).

The proxy that ends TLS has checked that the client holds the private key. How it passes the certificate: ``web``.
"""

import base64
from typing import TYPE_CHECKING

import structlog

from idp import clock
from idp.oauth.certificate_subjects import has_subject
from idp.oauth.client_keys import keys_of
from idp.oauth.clients import RegisteredClient
from idp.oauth.confirmation import ShownCertificate
from idp.oauth.key_addresses import Jwk
from idp.oauth.provider import Provider
from idp.on_use import OnUse

if TYPE_CHECKING:
    from cryptography import x509
else:
    x509 = OnUse("cryptography.x509")

log = structlog.get_logger("oauth")


def is_issued_to(client: RegisteredClient, shown: ShownCertificate) -> bool:
    """Check if an authority has issued the certificate to this client (§2.1)."""
    if not shown.der:
        return False
    if not shown.is_verified:  # anybody can write any name into a certificate of their own
        return _refused(client, "the proxy does not say that an authority issued it")
    return _is_valid(client, shown, to_subject=True)


def is_registered(provider: Provider, client: RegisteredClient, shown: ShownCertificate) -> bool:
    """Check if the certificate is one that the client has registered (§2.2.2): in ``x5c`` of a key of its set."""
    if not shown.der:
        return False
    if not any(keys_of(provider.key_addresses, client, lambda key: _certificate_in(key) == shown.der)):
        return _refused(client, "no key of the client has it in x5c")
    return _is_valid(client, shown, to_subject=False)


def _certificate_in(key: Jwk) -> bytes:
    """Return the certificate of a key: the first of ``x5c`` (RFC 7517 §4.7); empty where there is none."""
    chain = key.get("x5c")
    first = chain[0] if isinstance(chain, list) and chain else ""
    try:
        return base64.b64decode(first, validate=True) if isinstance(first, str) else b""
    except ValueError:
        return b""


def _is_valid(client: RegisteredClient, shown: ShownCertificate, *, to_subject: bool) -> bool:
    try:
        certificate = x509.load_der_x509_certificate(shown.der)
        if not certificate.not_valid_before_utc <= clock.now() <= certificate.not_valid_after_utc:
            return _refused(client, "it has expired, or is not valid yet")
        if to_subject and not has_subject(certificate, client.metadata):
            return _refused(client, "it is for another subject")
    except (
        ValueError, x509.InvalidVersion, x509.DuplicateExtension, x509.ExtensionNotFound, x509.UnsupportedGeneralNameType,
    ) as error:  # fmt: skip
        return _refused(client, f"it cannot be read, or lacks the name: {type(error).__name__}")
    return True


def _refused(client: RegisteredClient, why: str) -> bool:
    log.info("certificate_refused", client_id=client.client_id, why=why)
    return False
