"""Call addresses that apps have registered, and nothing inside our own network.

An app's address may be chosen by an attacker (server-side request forgery). So its name is resolved once, an address that is
not public is refused unless ``[outgoing] allow`` lists it, and the connection goes to the address that was judged. For apps
of administrators and strangers the list does not count. Redirects are not followed, proxies of the environment are not used,
and time and size are bounded as a whole.
"""

import socket
import ssl
import threading
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING, Any, TypeVar, cast
from urllib.parse import urlsplit

from idp.addresses import Network
from idp.config import Settings
from idp.db import outside_transaction
from idp.on_use import OnUse

if TYPE_CHECKING:
    import httpcore
else:
    httpcore = OnUse("httpcore")

SECONDS = 5.0
"""For the whole of a request: name, connection, TLS, and the last byte of the answer."""
MOST_BYTES = 64 * 1024
FORM = "application/x-www-form-urlencoded"
NAT64 = ip_network("64:ff9b::/96")
GLOBAL_IPV6 = ip_network("2000::/3")
"""What IANA assigns to networks that the world reaches. ``is_global`` takes site-local addresses (fec0::/10) for some."""
MOST_LOOKUPS = 16
"""Names that are looked up at a time, by ``only_public``. Those whose servers never answer must not take ever more threads,
and those of strangers none that apps of operators need.
"""
_lookups = {only_public: threading.BoundedSemaphore(MOST_LOOKUPS) for only_public in (False, True)}
Address = IPv4Address | IPv6Address
T = TypeVar("T")


class NoAnswer(Exception):
    """No answer came, or none that is usable. The text says why, for the log and for operators."""


@dataclass(frozen=True)
class Answer:
    """Hold an answer of any status."""

    status: int
    body: bytes


def keep_newest(known: dict[str, T], name: str, value: T, most: int) -> None:
    """Keep what came from an address, and forget the oldest of too many. Other threads may do so at the same time."""
    known.pop(name, None)
    for oldest in list(known)[: max(0, len(known) + 1 - most)]:
        known.pop(oldest, None)
    known[name] = value


def kept_as(address: str, *, only_public: bool) -> str:
    """Return the name under which to keep what came of an address: a refusal of ``only_public`` counts for nobody else."""
    return f"public {address}" if only_public else address


@outside_transaction
def get(settings: Settings, address: str, headers: Mapping[str, str] | None = None, *, only_public: bool = False) -> Answer:
    """Read a document. Raises ``NoAnswer``. ``only_public``: from no address that ``[outgoing] allow`` lists."""
    return _ask(settings, "GET", address, headers or {}, b"", only_public=only_public)


@outside_transaction
def post(
    settings: Settings,
    address: str,
    body: bytes,
    headers: Mapping[str, str] | None = None,
    *,
    only_public: bool = False,
) -> Answer:
    """Post a form. Raises ``NoAnswer``. ``only_public``: also to no address that ``[outgoing] allow`` lists."""
    sent = {"Content-Type": FORM, **(headers or {})}
    return _ask(settings, "POST", address, sent, body, only_public=only_public)


def _ask(
    settings: Settings,
    method: str,
    address: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    only_public: bool,
) -> Answer:
    until = time.monotonic() + SECONDS
    sent = [("User-Agent", "sleutel"), ("Accept-Encoding", "identity"), ("Connection", "close"), *headers.items()]
    judge = _Judge(() if only_public else settings.outgoing.networks, until, _lookups[only_public])
    with httpcore.ConnectionPool(ssl_context=_trusted_roots(), network_backend=cast(Any, judge)) as pool:
        try:
            if is_own(settings, address):
                raise NoAnswer("the address is one of ours: this request would wait for the next one, and so on")
            with pool.stream(method, address, headers=sent, content=body, extensions={"timeout": _timeouts()}) as found:
                return Answer(found.status, _bounded(found.iter_stream()))
        except (httpcore.TimeoutException, TimeoutError) as error:
            raise NoAnswer(f"no whole answer within {SECONDS:g} seconds") from error
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.UnsupportedProtocol, OSError, ValueError) as error:
            raise NoAnswer(f"{type(error).__name__}: {error}"[:150]) from error


def _timeouts() -> dict[str, float]:
    return dict.fromkeys(("connect", "read", "write", "pool"), SECONDS)


def _bounded(pieces: Iterable[bytes]) -> bytes:
    body = b""
    for piece in pieces:
        body += piece
        if len(body) > MOST_BYTES:
            raise NoAnswer(f"the answer has more than {MOST_BYTES} bytes")
    return body


@cache
def _trusted_roots() -> ssl.SSLContext:
    return ssl.create_default_context()


@dataclass(frozen=True)
class _Stream:
    """A connection (``httpcore.NetworkStream``) that ends at ``until``, whatever each of its parts may take."""

    inner: Any
    until: float

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read what is there."""
        return cast(bytes, self.inner.read(max_bytes, _left(self.until)))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write all."""
        self.inner.write(buffer, _left(self.until))

    def close(self) -> None:
        """Close the connection."""
        self.inner.close()

    def start_tls(self, ssl_context: ssl.SSLContext, server_hostname: str, timeout: float | None = None) -> "_Stream":
        """Begin TLS. The certificate must be for the name in the address, not for the IP address."""
        return _Stream(self.inner.start_tls(ssl_context, server_hostname, _left(self.until)), self.until)

    def get_extra_info(self, info: str) -> Any:
        """Return what httpcore asks of a socket."""
        return self.inner.get_extra_info(info)


@dataclass(frozen=True)
class _Judge:
    """Connects to addresses of a host that may be called (``httpcore.NetworkBackend``)."""

    allowed: tuple[Network, ...]
    until: float
    lookups: threading.BoundedSemaphore

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Any = None,
    ) -> _Stream:
        """Connect to the first address that answers."""
        backend = httpcore.SyncBackend()
        *others, last = may_be_called(_looked_up(host, port, self.until, self.lookups), self.allowed)
        for one in others:
            with suppress(httpcore.NetworkError, httpcore.TimeoutException):
                return _Stream(backend.connect_tcp(one, port, _left(self.until) / 2), self.until)
        return _Stream(backend.connect_tcp(last, port, _left(self.until)), self.until)


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _looked_up(host: str, port: int, until: float, room: threading.BoundedSemaphore) -> list[str]:
    """Return the addresses of a host. Raises ``NoAnswer``, ``OSError``, and ``TimeoutError`` if there are none in time.

    The system's resolver takes no deadline: a server of names that is silent on purpose keeps it for half a minute.
    """
    if not room.acquire(blocking=False):
        raise NoAnswer("too many names are being looked up")
    found: Future[list[str]] = Future()

    def look() -> None:
        try:
            entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            found.set_result(list(dict.fromkeys(str(entry[4][0]) for entry in entries)))
        except Exception as error:  # noqa: BLE001 — the caller raises it
            found.set_exception(error)
        finally:
            room.release()

    threading.Thread(target=look, name="names", daemon=True).start()
    return found.result(_left(until))


def may_be_called(found: Iterable[str], allowed: Iterable[Network]) -> list[str]:
    """Return those of a host's addresses that may be called, at least one. Raises ``NoAnswer``."""
    public = [one for one in found if is_allowed(ip_address(one.partition("%")[0]), allowed)]
    if not public:
        raise NoAnswer("the address is not public, and [outgoing] allow does not list it")
    return public


def is_own(settings: Settings, address: str) -> bool:
    """Check if an address is at this server, by its name, so that no request makes us ask ourselves again and again."""
    ours = (settings.issuer, settings.server.client_certificate_address)
    return _origin(address) in [_origin(one) for one in ours if one]


def _origin(address: str) -> tuple[str | None, int | None]:
    parts = urlsplit(address)
    return parts.hostname, parts.port or {"https": 443, "http": 80}.get(parts.scheme)


def is_allowed(address: Address, allowed: Iterable[Network]) -> bool:
    """Check if an address is public, or listed. One that only wraps another is judged as that one."""
    inner = _unwrapped(address)
    if any(inner.version == network.version and inner in network for network in allowed):
        return True
    if isinstance(inner, IPv6Address) and inner not in GLOBAL_IPV6:
        return False
    return inner.is_global and not inner.is_multicast and not inner.is_reserved


def _unwrapped(address: Address) -> Address:
    if isinstance(address, IPv6Address):
        wrapped = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
        if wrapped is None and address in NAT64:
            wrapped = IPv4Address(int(address) & 0xFFFFFFFF)
        return wrapped or address
    return address
