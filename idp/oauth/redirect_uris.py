"""Check redirect addresses: which may be registered, and which in a request are registered (RFC 9700 §2.1, §4.1).

Strict at both ends: an ambiguous address is refused at registration, and by the same function at use. A request's address is
compared byte for byte, so that no parser's opinion matters.
"""

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from urllib.parse import SplitResult, urlsplit

from idp.errors import Invalid, say, say_many

LOOPBACK_LITERALS = ("127.0.0.1", "[::1]")
LOOPBACK = (*LOOPBACK_LITERALS, "localhost")
LONGEST = 2000

# RFC 3986's characters, without those that browsers and servers read differently: backslash, quotes, wildcards, spaces.
ALLOWED = re.compile(r"[A-Za-z0-9\-._~:/?\[\]!$&'()+,;=%]+")
# RFC 1035 §2.3.4: a label has at most 63 characters, a name 253.
LABEL = r"[a-z0-9](?:[a-z0-9\-]{0,61}[a-z0-9])?"
HOST = re.compile(rf"{LABEL}(?:\.{LABEL})*|\[[0-9a-f:.]+\]")
LONGEST_HOST = 253
NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
PORT = re.compile(r":[1-9][0-9]{0,4}")
# Dots, slashes, backslashes, controls and the percent sign itself, hidden by encoding.
HIDDEN = re.compile(r"%(2e|2f|5c|25|40|23|3f|[01][0-9a-f]|7f)", re.IGNORECASE)
BROKEN_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
LOOPBACK_ADDRESS = re.compile(r"(http://(?:127\.0\.0\.1|\[::1\]|localhost))(?::\d{1,5})?([/?].*)?", re.DOTALL)


def check_redirect(field: str, address: object, *, native: bool) -> str:
    """Return ``address`` where it may be registered; raises ``Invalid`` naming ``field``.

    RFC 9700 §2.1: no plain http but on loopback. RFC 8252 §7.1: a private scheme has a dot and belongs to a native app.
    """
    text = _plain(field, address)
    parts = _split(field, text)
    if parts.scheme in ("https", "http"):
        _check_web(field, text, parts)
    elif not native:
        raise Invalid(
            field, say("%(address)s must begin with https://. Only native apps may use a private scheme.", address=text)
        )
    elif "." not in parts.scheme or parts.netloc or not parts.path.startswith("/"):
        raise Invalid(field, say("%(address)s: a private scheme looks like com.example.app:/callback.", address=text))
    return text


def check_page(field: str, address: object) -> str:
    """Return the address of a page about a client (logo, policy …): https, or http on loopback; raises ``Invalid``."""
    text = _plain(field, address)
    parts = _split(field, text)
    if parts.scheme not in ("https", "http"):
        raise Invalid(field, say("%(address)s must begin with https://.", address=text))
    _check_web(field, text, parts)
    return text


def _plain(field: str, address: object) -> str:
    if not isinstance(address, str) or not address:
        raise Invalid(field, say("An address must be text that is not empty."))
    if len(address) > LONGEST:
        raise Invalid(
            field,
            say_many(
                "An address may have at most %(num)s character.", "An address may have at most %(num)s characters.", LONGEST
            ),
        )
    if not ALLOWED.fullmatch(address):
        # OAuth 2.0 §3.1.2: no fragment. "@" would hide the true host behind a user's name.
        raise Invalid(
            field, say("%(address)s contains a character that is not allowed (#, @, *, \\, spaces …).", address=address)
        )
    if HIDDEN.search(address) or BROKEN_PERCENT.search(address):
        raise Invalid(field, say("%(address)s hides a dot, slash or other special character.", address=address))
    return address


def _split(field: str, text: str) -> SplitResult:
    try:
        parts = urlsplit(text)
    except ValueError as error:
        raise Invalid(field, say("%(address)s is not an address.", address=text), detail=str(error)) from error
    if not parts.scheme or not text.startswith(parts.scheme + ":"):
        raise Invalid(field, say("%(address)s is not a full address.", address=text))
    segments = [segment.partition(";")[0] for segment in parts.path.split("/")]
    if ".." in segments or "." in segments:
        raise Invalid(field, say("%(address)s has a path with dots.", address=text))
    return parts


def _check_web(field: str, text: str, parts: SplitResult) -> None:
    host = _host(parts)
    if not text.startswith(f"{parts.scheme}://") or not _is_host(host):
        raise Invalid(
            field, say("%(address)s needs a host name in lower case, with parts of 1 to 63 characters.", address=text)
        )
    port = parts.netloc[len(host) :]
    if port and (not PORT.fullmatch(port) or int(port[1:]) > 65535):
        raise Invalid(field, say("%(address)s: a port is a number from 1 to 65535, without leading zeros.", address=text))
    if parts.scheme == "http" and host not in LOOPBACK:
        raise Invalid(field, say("%(address)s must begin with https://.", address=text))


def _host(parts: SplitResult) -> str:
    """Return the host as the address has it, brackets and case kept."""
    return parts.netloc[: parts.netloc.index("]") + 1] if "]" in parts.netloc else parts.netloc.partition(":")[0]


def _is_host(host: str) -> bool:
    """Check if every reader takes this for the same host. Browsers read a name that ends in a number as IPv4."""
    if not HOST.fullmatch(host) or len(host) > LONGEST_HOST:
        return False
    try:
        if host.startswith("["):
            IPv6Address(host[1:-1])
        elif NUMBER.fullmatch(host.rpartition(".")[2]):
            IPv4Address(host)
    except AddressValueError:
        return False
    return True


def is_clear(address: str) -> bool:
    """Check if an address could be registered today: stored ones may be older than a rule."""
    try:
        check_redirect("redirect_uri", address, native=True)
    except Invalid:
        return False
    return True


def is_registered(address: str, registered: tuple[str, ...], *, any_loopback_port: bool) -> bool:
    """Check if ``address`` is one of those registered, byte for byte; ``registered`` are clear ones (``is_clear``).

    RFC 8252 §7.3: "The authorization server MUST allow any port to be specified at the time of the request for loopback IP
    redirect URIs": for native apps only. ``localhost`` is "NOT RECOMMENDED" (§8.3), and never stands for an address literal,
    nor one literal for the other: it counts for an app that registered it.
    """
    if address in registered:
        return True
    if not any_loopback_port or not is_clear(address):
        return False
    wanted = _without_port(address)
    return wanted is not None and any(wanted == _without_port(known) for known in registered)


def _without_port(address: str) -> tuple[str, str] | None:
    match = LOOPBACK_ADDRESS.fullmatch(address)
    return (match[1], match[2] or "") if match else None
