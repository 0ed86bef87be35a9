"""Addresses that apps have registered are called without reaching anything inside the network (V1.3.6, V15.3.2)."""

import socket
import threading
from collections.abc import Callable, Iterator
from ipaddress import ip_address

import pytest

from idp import outgoing
from idp.config import ConfigError, Settings
from idp.outgoing import NoAnswer, get, is_allowed, keep_newest, post
from tests.drivers.app_server import AppServer, app_server

OPEN = {"outgoing": {"allow": ["127.0.0.0/8", "::1"]}}
INSIDE = [
    "127.0.0.1", "127.9.9.9", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
    "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fc00::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1",
    "2002:7f00:1::1", "ff02::1", "198.18.0.1", "192.0.2.1", "fec0::2", "::7f00:1", "64:ff9b:1::7f00:1",
]  # fmt: skip


@pytest.fixture
def server() -> Iterator[AppServer]:
    with app_server() as running:
        yield running


@pytest.mark.parametrize("address", INSIDE)
def test_no_address_inside_is_called(address: str) -> None:
    """Loopback, private, link-local, shared, multicast and reserved addresses, and those that only wrap one."""
    assert not is_allowed(ip_address(address), ())


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1::1", "::ffff:93.184.216.34"])
def test_public_addresses_are_called(address: str) -> None:
    """V1.3.6: public ones, also as mapped IPv6."""
    assert is_allowed(ip_address(address), ())


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "2130706433", "0x7f000001", "127.1", "[::1]", "[::ffff:127.0.0.1]"]
)
def test_no_spelling_of_loopback_reaches_a_server(settings: Settings, server: AppServer, host: str) -> None:
    """The name is resolved and judged, however it is written; the listener sees nothing."""
    port = server.address.rpartition(":")[2]
    with pytest.raises(NoAnswer):
        post(settings, f"http://{host}:{port}/x", b"a=b")
    assert not server.requests


def test_we_never_call_ourselves(configure: Callable[..., Settings], server: AppServer) -> None:
    """An app's key address could be a request of ours that fetches another app's, and so on: one request, all threads."""
    settings = configure(**OPEN, issuer=server.address)
    with pytest.raises(NoAnswer, match="ours"):
        get(settings, f"{server.address}/oauth/authorize?client_id=x")
    assert not server.requests


def test_a_listed_address_is_called_with_a_form(configure: Callable[..., Settings], server: AppServer) -> None:
    """V1.3.6: what `[outgoing] allow` lists may be called."""
    answer = post(configure(**OPEN), f"{server.address}/x?y=z", b"a=b")
    assert answer.status == 200
    (request,) = server.requests
    assert (request["path"], request["body"]) == ("/x?y=z", "a=b")
    assert request["headers"]["Host"] == server.address.removeprefix("http://")


def test_a_redirect_is_an_answer_and_is_not_followed(configure: Callable[..., Settings], server: AppServer) -> None:
    """V15.3.2: nothing is sent where nobody registered it."""
    server.status, server.headers = 302, {"Location": "/elsewhere"}
    assert post(configure(**OPEN), server.address + "/x", b"").status == 302
    assert [one["path"] for one in server.requests] == ["/x"]


def test_the_name_is_resolved_once(
    configure: Callable[..., Settings], server: AppServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: a second answer of the resolver could be another address than the one that was judged."""
    asked: list[str] = []
    real = socket.getaddrinfo

    def resolve(host: str, *more: object, **options: object) -> object:
        asked.append(host)
        return real("127.0.0.1" if host == "app.example" else host, *more, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    port = server.address.rpartition(":")[2]
    assert post(configure(**OPEN), f"http://app.example:{port}/", b"").status == 200
    assert asked.count("app.example") == 1
    assert server.requests[0]["headers"]["Host"] == f"app.example:{port}"


def _speaking(pieces: list[bytes]) -> tuple[str, threading.Event]:
    """Serve one connection that sends pieces, and then nothing."""
    listener = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def serve() -> None:
        connection, _ = listener.accept()
        with connection, listener:
            connection.recv(4096)
            for piece in pieces:
                connection.sendall(piece)
            over.wait(30)

    threading.Thread(target=serve, daemon=True).start()
    return f"http://127.0.0.1:{listener.getsockname()[1]}/", over


@pytest.mark.parametrize("pieces", [[], [b"HTTP/1.1 200 OK\r\n"], [b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"]])
def test_an_answer_that_does_not_end_is_given_up(
    configure: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch, pieces: list[bytes]
) -> None:
    """The time is for the whole: a server that sends a little now and then holds nothing for long."""
    monkeypatch.setattr(outgoing, "SECONDS", 0.2)
    address, over = _speaking(pieces)
    with pytest.raises(NoAnswer, match="seconds"):
        post(configure(**OPEN), address, b"")
    over.set()


def test_a_name_that_nobody_answers_for_is_given_up(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """V15.2.2: the time for a name counts too. Names that never come take a bounded number of threads.

    Those of strangers take no thread that an app of an operator needs.
    """
    silent = threading.Event()
    monkeypatch.setattr(outgoing, "SECONDS", 0.2)
    monkeypatch.setattr(outgoing, "_lookups", {one: threading.BoundedSemaphore(2) for one in (False, True)})
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: silent.wait() and [])
    try:
        for only_public in (True, False):
            for why in ("no whole answer", "no whole answer", "too many names"):
                with pytest.raises(NoAnswer, match=why):
                    get(settings, "https://silent.example/jwks", only_public=only_public)
    finally:
        silent.set()


def test_an_answer_is_bounded(configure: Callable[..., Settings]) -> None:
    """V1.3.6: an endless answer fills no memory."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n"
    address, over = _speaking([head, b"x" * (outgoing.MOST_BYTES + 1)])
    with pytest.raises(NoAnswer, match="more than"):
        post(configure(**OPEN), address, b"")
    over.set()


@pytest.mark.parametrize("address", ["http://127.0.0.1:9/", "ftp://127.0.0.1/", "http://no-such-host.invalid/", "http://[/"])
def test_an_address_that_does_not_answer_is_no_error_of_ours(configure: Callable[..., Settings], address: str) -> None:
    """V1.3.6: one kind of failure, whatever is wrong with the address."""
    with pytest.raises(NoAnswer):
        post(configure(**OPEN), address, b"")


def test_a_certificate_of_nobody_is_refused(configure: Callable[..., Settings], server: AppServer) -> None:
    """V12.3.2: TLS is checked; here the other side does not even speak it."""
    with pytest.raises(NoAnswer):
        post(configure(**OPEN), server.address.replace("http:", "https:"), b"")


def test_the_configuration_takes_networks_only(configure: Callable[..., Settings]) -> None:
    """V13.1.1: a name could stand for any address, so it is refused when the file is read."""
    with pytest.raises((ConfigError, ValueError), match="network"):
        configure(outgoing={"allow": ["app.example"]})


def test_only_the_oldest_of_too_many_documents_is_forgotten() -> None:
    """What addresses of apps gave is kept up to a number, and all of it up to there."""
    known = dict.fromkeys("abc", 0)
    keep_newest(known, "d", 1, 5)  # there is room for one more than these
    assert list(known) == ["a", "b", "c", "d"]
    keep_newest(known, "a", 2, 4)
    keep_newest(known, "e", 3, 4)
    assert known == {"c": 0, "d": 1, "a": 2, "e": 3}
