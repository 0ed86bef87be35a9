"""The entry of ``idp run``: slow, silent and lying senders, and bodies in every form that HTTP/1.1 gives them."""

import asyncio
import json
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
from flask import Flask, Response, request, stream_with_context

from idp.server import entry as entry_module
from idp.server.entry import THREADS, Entry, environ_of
from tests.drivers.idp_process import ask, hear, send
from tests.server.conftest import Running

FORM = b"Content-Type: application/x-www-form-urlencoded\r\n"
TOKEN = b"POST /oauth/token HTTP/1.1\r\nHost: localhost\r\n" + FORM
BODY = b"grant_type=authorization_code&code=x"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
CHUNKS = b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)


def parts(heard: bytes) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of the last response in ``heard``."""
    head, _, body = heard.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    return int(first.split(" ")[1]), headers, body


def test_senders_that_announce_a_body_and_are_silent_make_nobody_wait(running: Running) -> None:
    """Issue 7 entry 30, ASVS 15.4.4: three times as many as there are threads; each gets 408 when its time is over."""
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
    """RFC 9112 §6.1: with both, the chunks count, and the connection ends: nothing can be smuggled behind."""
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
    """RFC 9110 §15.5.14, RFC 9112 §6.3: nothing is waited for, and the connection ends."""
    told, headers, _ = parts(hear(send(running.port, TOKEN + rest)))
    assert (told, headers["connection"]) == (status, "close")


def test_a_client_that_asks_first_is_told_to_go_on(running: Running) -> None:
    """RFC 9110 §10.1.1: 100 (Continue) before the body is sent."""
    lines = b"Expect: 100-continue\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(BODY)
    connection = send(running.port, TOKEN + lines)
    assert connection.recv(1000).startswith(b"HTTP/1.1 100 ")
    connection.sendall(BODY)
    assert parts(hear(connection))[0] == 401


@pytest.mark.parametrize("path", ["/livez", "/oauth/jwks", "/", "/static/css/theme.css"])
def test_head_is_get_without_a_body(running: Running, path: str) -> None:
    """RFC 9110 §9.3.2."""
    got, headed = ask(running.port, path), ask(running.port, path, "HEAD")
    varying = ("date", "set-cookie", "content-security-policy")
    assert headed[0] == got[0]
    assert headed[1] == b""
    assert {name: value for name, value in headed[2].items() if name not in varying} == {
        name: value for name, value in got[2].items() if name not in varying
    }
    assert got[2]["content-length"] == str(len(got[1]))


def test_a_client_that_hangs_up_half_way_leaves_no_trace_but_its_own_end(running: Running) -> None:
    """The next request is answered, and the log has no traceback (the fixture looks at the end)."""
    for rest in (b"Content-Length: 100\r\n\r\nabc", CHUNKED + b"\r\n5\r\nab", CHUNKED + b"\r\nzz\r\n"):
        send(running.port, TOKEN + rest).close()
    send(running.port, b"GET /account/security HTTP/1.1\r\nHost: localhost\r\n\r\n").close()
    assert ask(running.port, "/readyz")[0] == 200


def test_the_environment_of_a_request() -> None:
    """PEP 3333: bytes as latin-1; a name with an underscore passes for no other (X_Forwarded_For)."""
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


class Client:
    """The server's side of one request, as granian gives it to the entry; what it was told is kept."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.status = 0
        self.headers: dict[str, str] = {}

    def response_stream(self, status: int, headers: list[tuple[str, str]]) -> "Client":
        self.status = status
        return self

    def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.status, self.headers = status, dict(headers)
        self.pieces.append(body)

    async def send_bytes(self, piece: bytes) -> None:
        self.pieces.append(piece)


def get(path: str, query: str = "") -> Any:
    """A GET as granian gives it to the entry."""
    return SimpleNamespace(
        method="GET", path=path, query_string=query, http_version="1.1", scheme="http",
        server="127.0.0.1:1", client="127.0.0.1:2", headers={"host": "localhost"},
    )  # fmt: skip


def post(path: str) -> Any:
    """A POST without a body."""
    asked = get(path)
    asked.method = "POST"
    return asked


def slow_app(may_answer: threading.Event, waits: str = "GET") -> Flask:
    """An application in which requests of one method wait, as for a database that is away or for a password hash."""
    app = Flask("slow")
    app.config["MAX_CONTENT_LENGTH"] = 1000

    @app.route("/<path:_>", methods=["GET", "POST"])
    def _page(_: str) -> str:
        return "answered" if request.method != waits or may_answer.wait(30) else "given up"

    return app


async def flood(path: str, count: int) -> list[Client]:
    """So many requests at once; they are answered as soon as those are told that must come back."""
    may_answer = threading.Event()
    entry, clients, paths = Entry(slow_app(may_answer)), [Client() for _ in range(count)], [path] * count
    flow = [
        asyncio.ensure_future(entry.__rsgi__(get(path), cast(Any, client)))
        for path, client in zip(paths, clients, strict=True)
    ]
    async with asyncio.timeout(30):
        while sum(client.status == 503 for client in clients) < count - entry_module.MOST_WAITING:
            await asyncio.sleep(0)
    may_answer.set()
    await asyncio.gather(*flow)
    return clients


def test_a_flood_is_asked_to_come_back(capsys: pytest.CaptureFixture[str]) -> None:
    """Issue 7 entry 30: no more requests wait for a thread than it can answer soon; nobody else waits at all."""
    said = []
    for path in ("/page", "/oauth/token"):
        clients = asyncio.run(flood(path, entry_module.MOST_WAITING + 5))
        taken, refused = clients[: entry_module.MOST_WAITING], clients[entry_module.MOST_WAITING :]
        assert {client.status for client in taken} == {200}
        for client in refused:
            assert (client.status, client.headers["cache-control"]) == (503, "no-store")
            assert int(client.headers["retry-after"]) > 0, "RFC 9110 §10.2.3"
        said.append(refused[0].pieces[0])
        assert capsys.readouterr().err.count("too_busy") <= 2, "the log is not flooded"
    assert b"Probeer het zo opnieuw" in said[0]
    assert json.loads(said[1])["error"] == "temporarily_unavailable", "a machine's form"


async def asked_beside_forms(count: int) -> list[int]:
    """The statuses of a page, a token request and a silent sign-on, asked while so many forms wait."""
    may_answer = threading.Event()
    entry = Entry(slow_app(may_answer, waits="POST"))
    forms = [asyncio.ensure_future(entry.__rsgi__(post("/sign-in/x"), cast(Any, Client()))) for _ in range(count)]
    await asyncio.sleep(0)
    others = [Client() for _ in range(3)]
    async with asyncio.timeout(30):
        for client, path in zip(others, ("/quick", "/oauth/token", "/oauth/authorize"), strict=True):
            await entry.__rsgi__(get(path), cast(Any, client))
    may_answer.set()
    await asyncio.gather(*forms)
    return [client.status for client in others]


def test_forms_that_wait_delay_neither_pages_nor_apps() -> None:
    """Issue 9: password hashes are slow, and a flood of sign-ins must starve nobody."""
    assert asyncio.run(asked_beside_forms(50)) == [200, 200, 200]


async def asked_for_readiness(*, is_stuck: bool) -> tuple[Client, int]:
    """What `/readyz` and `/livez` say while more pages wait for the database than there are threads."""
    may_answer, app = threading.Event(), Flask("stuck")
    app.config["MAX_CONTENT_LENGTH"] = 1000
    app.add_url_rule("/livez", "live", lambda: "alive")
    app.add_url_rule("/readyz", "ready", lambda: "ready" if not is_stuck or may_answer.wait(30) else "given up")
    app.add_url_rule("/page", "page", lambda: "page" if may_answer.wait(30) else "given up")
    entry, ready, alive = Entry(app), Client(), Client()
    pages = [asyncio.ensure_future(entry.__rsgi__(get("/page"), cast(Any, Client()))) for _ in range(20)]
    await asyncio.sleep(0)
    async with asyncio.timeout(20):
        await entry.__rsgi__(get("/readyz"), cast(Any, ready))
        await entry.__rsgi__(get("/livez"), cast(Any, alive))
    may_answer.set()
    await asyncio.gather(*pages)
    return ready, alive.status


def test_readiness_is_told_in_time_whatever_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Issue 7 entry 29: no queue delays `/readyz`, and a check that hangs is answered 503; `/livez` never waits."""
    assert (asked := asyncio.run(asked_for_readiness(is_stuck=False)))[0].status == asked[1] == 200
    monkeypatch.setattr(entry_module, "READY_SECONDS", 0.1)
    ready, alive = asyncio.run(asked_for_readiness(is_stuck=True))
    assert (ready.status, json.loads(ready.pieces[0]), alive) == (503, {"status": "unavailable"}, 200)
    assert ready.headers["cache-control"] == "no-store"


def test_a_request_that_found_no_thread_in_time_is_not_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    """Issue 7 entry 30: after an outage, threads answer those who still wait, not those who have given up."""
    monkeypatch.setattr(entry_module, "MOST_WAITING", 10)
    monkeypatch.setattr(entry_module, "WAIT_SECONDS", -1.0)
    assert {client.status for client in asyncio.run(flood("/page", 12))} == {503}


def test_a_download_goes_out_piece_by_piece() -> None:
    """Issue 7 entry 30: between two pieces no thread is held, and Flask finds its request in whatever thread comes next."""
    app = Flask("download")
    app.config["MAX_CONTENT_LENGTH"] = 1000
    ended: list[str] = []
    app.teardown_request(lambda _: ended.append("request"))

    @app.get("/list")
    def _list() -> Response:
        def _lines() -> Iterator[str]:
            for number in range(30):
                yield f"{request.args['name']} {number}\n"

        return Response(stream_with_context(_lines()))

    client = Client()
    asyncio.run(Entry(app).__rsgi__(get("/list", "name=a"), cast(Any, client)))
    assert (client.status, len(client.pieces)) == (200, 30)
    assert client.pieces[-1] == b"a 29\n"
    assert ended, "what the request held is given back"
