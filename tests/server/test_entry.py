"""The entry of ``idp run`` copes with slow, silent and lying senders, and with bodies in every form of HTTP/1.1."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from idp.server.entry import THREADS
from idp.server.environ import environ_of
from idp.web.assets import static_files
from tests.drivers.idp_process import ask, hear, send
from tests.server.conftest import Running

FORM = b"Content-Type: application/x-www-form-urlencoded\r\n"
TOKEN = b"POST /oauth/token HTTP/1.1\r\nHost: localhost\r\n" + FORM
BODY = b"grant_type=authorization_code&code=x"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
CHUNKS = b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)


def parts(heard: bytes) -> tuple[int, dict[str, str], bytes]:
    """Return status, headers and body of the last response in ``heard``."""
    head, _, body = heard.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    return int(first.split(" ")[1]), headers, body


def test_senders_that_withhold_their_body_do_not_block_others(running: Running) -> None:
    """ASVS 15.4.4: there are three times as many senders as threads. Each gets 408 when its time is
    over.
    """
    silent = [send(running.port, TOKEN + b"Content-Length: 100\r\n\r\ngrant") for _ in range(sum(THREADS.values()) * 3)]
    page = send(running.port, b"POST /sign-in/x HTTP/1.1\r\nHost: localhost\r\n" + FORM + CHUNKED + b"\r\n5\r\nab")
    for path, wanted in (("/livez", 200), ("/readyz", 200), ("/oauth/jwks", 200), ("/no-such-page", 404)):
        assert ask(running.port, path, timeout=5)[0] == wanted
    for connection in silent:
        status, headers, body = parts(hear(connection))
        assert (status, json.loads(body)["error"]) == (408, "invalid_request"), "RFC 9110 §15.5.9, RFC 6749 §5.2"
        assert headers["connection"] == "close"
        assert headers["x-content-type-options"] == "nosniff"
    status, _, body = parts(hear(page))
    assert status == 408
    assert b"did not arrive in full" in body


@pytest.mark.parametrize(
    "rest",
    [
        b"Content-Length: %d\r\n\r\n%s" % (len(BODY), BODY),
        CHUNKED + b"\r\n" + CHUNKS,
        CHUNKED + b"Content-Length: 3\r\n\r\n" + CHUNKS,
        b"Content-Length: 3\r\n" + CHUNKED + b"\r\n" + CHUNKS,
    ],
    ids=["length", "chunked", "both", "both the other way"],
)
def test_a_body_is_read_whole_in_either_form(running: Running, rest: bytes) -> None:
    """RFC 9112 §6.1: with both headers the chunks count and the connection ends, so that no request can be smuggled."""
    behind = b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    heard = hear(send(running.port, TOKEN + rest + behind))
    assert parts(heard)[0] == 401, heard
    assert b"invalid_client" in heard, "the form was understood"
    assert heard.count(b"HTTP/1.1 ") == (1 if CHUNKED in rest else 2), heard


@pytest.mark.parametrize(
    ("rest", "status"),
    [
        (b"Content-Length: 99999999999\r\n\r\n", 413),
        (CHUNKED + b"\r\n" + b"%x\r\n%s\r\n" % (200_000, b"a" * 200_000), 413),
        (b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400),
        (b"Content-Length: -1\r\n\r\n", 400),
        (b"Transfer-Encoding: identity\r\n\r\nabc", 400),
    ],
    ids=["announced too long", "chunks too long", "two lengths", "no length", "unknown coding"],
)
def test_what_is_too_long_or_ambiguous_is_refused_unread(running: Running, rest: bytes, status: int) -> None:
    """RFC 9110 §15.5.14, RFC 9112 §6.3: the server does not wait for the body, and ends the connection."""
    status_line, headers, _ = parts(hear(send(running.port, TOKEN + rest)))
    assert (status_line, headers["connection"]) == (status, "close")


def test_a_client_that_asks_first_is_told_to_go_on(running: Running) -> None:
    """RFC 9110 §10.1.1: the server sends 100 (Continue) before the body."""
    lines = b"Expect: 100-continue\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(BODY)
    connection = send(running.port, TOKEN + lines)
    assert connection.recv(1000).startswith(b"HTTP/1.1 100 ")
    connection.sendall(BODY)
    assert parts(hear(connection))[0] == 401


@pytest.mark.parametrize("path", ["/livez", "/oauth/jwks", "/", f"/static/{static_files()['css/theme.css'].address}"])
def test_head_is_get_without_a_body(running: Running, path: str) -> None:
    """RFC 9110 §9.3.2."""
    got, headed = ask(running.port, path), ask(running.port, path, "HEAD")
    varying = ("date", "set-cookie", "content-security-policy", "x-request-id")
    assert headed[0] == got[0]
    assert headed[1] == b""
    assert {name: value for name, value in headed[2].items() if name not in varying} == {
        name: value for name, value in got[2].items() if name not in varying
    }
    assert got[2]["content-length"] == str(len(got[1]))


def test_a_client_that_hangs_up_half_way_harms_no_other_request(running: Running) -> None:
    """The next request is answered, and the log has no traceback (the fixture checks it at the end)."""
    for rest in (b"Content-Length: 100\r\n\r\nabc", CHUNKED + b"\r\n5\r\nab", CHUNKED + b"\r\nzz\r\n"):
        send(running.port, TOKEN + rest).close()
    send(running.port, b"GET /account/security HTTP/1.1\r\nHost: localhost\r\n\r\n").close()
    assert ask(running.port, "/readyz")[0] == 200


def test_the_environment_of_a_request() -> None:
    """PEP 3333: bytes are latin-1, and a name with an underscore does not replace another (X_Forwarded_For)."""
    scope: Any = SimpleNamespace(
        method="POST", path="/shop/é", query_string="a=%C3%A9", http_version="1.1", scheme="http",
        server="[::1]:8000", client="[2001:db8::7]:4711",
        headers={
            "content-type": "a/b", "content-length": "3", "x_forwarded_for": "6.6.6.6", "x-forwarded-for": "203.0.113.9",
        },
    )  # fmt: skip
    environ = environ_of(scope)
    assert environ["PATH_INFO"].encode("latin-1").decode() == "/shop/é"
    assert (environ["CONTENT_TYPE"], environ["CONTENT_LENGTH"]) == ("a/b", "3")
    assert (environ["REMOTE_ADDR"], environ["HTTP_X_FORWARDED_FOR"]) == ("2001:db8::7", "203.0.113.9")
    assert "6.6.6.6" not in map(str, environ.values())
