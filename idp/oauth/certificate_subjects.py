"""Compare the subject of a TLS certificate with the one that a client registers (RFC 8705 §2.1.2).

A distinguished name is compared by its parts, as RFC 5280 §7.1 says: their order and types count, and neither case nor the
way in which a text was written down. An alternative name must be the same.
"""

import unicodedata
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from idp.errors import Invalid, say
from idp.on_use import OnUse

if TYPE_CHECKING:
    from cryptography import x509
else:
    x509 = OnUse("cryptography.x509")

LONGEST = 500
DN, DNS, URI, IP, EMAIL = (f"tls_client_auth_{name}" for name in ("subject_dn", "san_dns", "san_uri", "san_ip", "san_email"))
MEMBERS = (DN, DNS, URI, IP, EMAIL)
"""The members of a client that may name the subject of its certificate. Just one of them does."""
TYPES = {
    "CN": "2.5.4.3", "L": "2.5.4.7", "ST": "2.5.4.8", "O": "2.5.4.10", "OU": "2.5.4.11", "C": "2.5.4.6",
    "STREET": "2.5.4.9", "DC": "0.9.2342.19200300.100.1.25", "UID": "0.9.2342.19200300.100.1.1",
    "emailAddress": "1.2.840.113549.1.9.1", "E": "1.2.840.113549.1.9.1", "serialNumber": "2.5.4.5", "SN": "2.5.4.4",
    "GN": "2.5.4.42", "title": "2.5.4.12", "businessCategory": "2.5.4.15", "postalCode": "2.5.4.17",
    "organizationIdentifier": "2.5.4.97",
}  # fmt: skip
"""Types of attributes: those of RFC 4514 §3, and others that certificates have, under the names that tools print."""


def check_subject(field: str, value: Any) -> str:
    """Return a subject as it is registered; raises ``Invalid``."""
    try:
        if isinstance(value, str) and len(value) <= LONGEST and value.isprintable() and _READ[field](value.strip()):
            return value.strip()
    except ValueError:
        pass
    if field == DN:
        raise Invalid(field, say("Write the name as in CN=till,O=Shop,C=NL (RFC 4514)."))
    raise Invalid(field, say("A certificate cannot have such a name."))


def has_subject(certificate: "x509.Certificate", metadata: Mapping[str, Any]) -> bool:
    """Check if a certificate is for the subject that a client registered.

    A malformed one raises ``ValueError`` or an exception of ``cryptography.x509``.
    """
    for member in MEMBERS:
        if member in metadata:
            return _READ[member](metadata[member]) in _found(certificate, member)
    return False


def _found(certificate: "x509.Certificate", member: str) -> Iterator[Any]:
    """Yield the names of a kind that a certificate has, as ``_READ`` returns the registered one."""
    if member == DN:
        yield _parts(certificate.subject)
        return
    kinds: Mapping[str, Any] = {
        DNS: x509.DNSName, URI: x509.UniformResourceIdentifier, IP: x509.IPAddress, EMAIL: x509.RFC822Name,
    }  # fmt: skip
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    for one in names.get_values_for_type(kinds[member]):
        with suppress(ValueError):  # such as a wildcard
            yield _READ[member](str(one))


def _read_dn(text: str) -> tuple[Any, ...]:
    """Read the text form of a distinguished name (RFC 4514 §3), but for values in hex. Its types may be in any case."""
    if not text or "=#" in text:
        raise ValueError("empty, or a value in hex")
    spelt = {form: oid for name, oid in TYPES.items() for form in (name, name.lower(), name.upper())}
    known = {name: x509.ObjectIdentifier(oid) for name, oid in spelt.items()}
    return _parts(x509.Name.from_rfc4514_string(text, known))


def _parts(name: "x509.Name") -> tuple[Any, ...]:
    return tuple(frozenset((one.oid.dotted_string, _prepared(one.value)) for one in part) for part in name.rdns)


def _prepared(value: str | bytes) -> str | bytes:
    """Return a value as RFC 5280 §7.1 compares it: case and repeated spaces make no difference."""
    return " ".join(unicodedata.normalize("NFKC", value).casefold().split()) if isinstance(value, str) else value


def _read_email(text: str) -> tuple[str, str]:
    """Return the parts of an address. RFC 5280 §7.5: the case of the host makes no difference."""
    local, _, host = text.rpartition("@")
    if not local or not host or " " in text:
        raise ValueError("no address")
    return local, host.lower()


def _read_dns(text: str) -> str:
    if not text.isascii() or "*" in text or not all(text.split(".")) or not text.replace("-", "").replace(".", "").isalnum():
        raise ValueError("no host name")
    return text.lower()


def _read_uri(text: str) -> str:
    if ":" not in text or not text.isascii() or " " in text:
        raise ValueError("no URI")
    return text


_READ: Mapping[str, Callable[[str], Any]] = {
    DN: _read_dn, DNS: _read_dns, URI: _read_uri, IP: ip_address, EMAIL: _read_email,
}  # fmt: skip
"""What makes two names of a kind comparable; raises ``ValueError`` for a text that is none."""
