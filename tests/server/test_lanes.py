"""The threads of ``idp run`` answer the requests of their lane, and bound what a flood, a slow database or another writer
delays.
"""

import asyncio
import json
import threading
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar, TypeVar, cast

import pytest
from flask import Flask, Response, request, stream_with_context

from idp.server import entry as entry_module
from idp.server.entry import Entry
from idp.web.response import ON_LOOP, PageNeeded
from idp.write_gate import WriteGate, leave_for_call

Result = TypeVar("Result")


def run(act: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine in a thread of its own: after browser tests, Playwright's loop is running in the main thread."""
    with ThreadPoolExecutor(1, "loop") as own:
        return own.submit(asyncio.run, act).result()


class Client:
    """Imitate the server's side of one request, as granian gives it to the entry. It keeps the answer."""

    def __init__(self, body: bytes = b"") -> None:
        self.body = body
        self.pieces: list[bytes] = []
        self.status = 0
        self.headers: dict[str, str] = {}

    async def __call__(self) -> bytes:
        return self.body

    def response_stream(self, status: int, headers: list[tuple[str, str]]) -> "Client":
        self.status = status
        return self

    def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.status, self.headers = status, dict(headers)
        self.pieces.append(body)

    async def send_bytes(self, piece: bytes) -> None:
        self.pieces.append(piece)


def get(path: str, query: str = "") -> Any:
    """Return a GET as granian gives it to the entry."""
    return SimpleNamespace(
        method="GET", path=path, query_string=query, http_version="1.1", scheme="http",
        server="127.0.0.1:1", client="127.0.0.1:2", headers={"host": "localhost"},
    )  # fmt: skip


def post(path: str, length: int = 0) -> Any:
    """Return a POST whose body is so long."""
    asked = get(path)
    asked.method, asked.headers = "POST", {**asked.headers, "content-length": str(length)}
    return asked


def slow_app(may_answer: threading.Event, waits: str = "GET") -> Flask:
    """Make an application in which requests of one method wait, as for a database that is away or for a password hash."""
    app = Flask("slow")
    app.config["MAX_CONTENT_LENGTH"] = 1000

    @app.route("/<path:_>", methods=["GET", "POST"])
    def _page(_: str) -> str:
        return "answered" if request.method != waits or may_answer.wait(30) else "given up"

    return app


async def flood(path: str, count: int) -> list[Client]:
    """Send so many requests at once. They are answered as soon as the surplus is refused."""
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
    """Only as many requests wait for a thread as it can answer soon. More are refused at once."""
    statuses = []
    for path in ("/page", "/oauth/token"):
        clients = run(flood(path, entry_module.MOST_WAITING + 5))
        taken, refused = clients[: entry_module.MOST_WAITING], clients[entry_module.MOST_WAITING :]
        assert {client.status for client in taken} == {200}
        for client in refused:
            assert (client.status, client.headers["cache-control"]) == (503, "no-store")
            assert int(client.headers["retry-after"]) > 0, "RFC 9110 §10.2.3"
        statuses.append(refused[0].pieces[0])
        assert capsys.readouterr().err.count("too_busy") <= 2, "the log is not flooded"
    assert b"Probeer het zo opnieuw" in statuses[0]
    assert json.loads(statuses[1])["error"] == "temporarily_unavailable", "a machine's form"


async def asked_beside_forms(count: int) -> list[int]:
    """Return the statuses of a page, a token request and a silent sign-on, sent while so many forms wait."""
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
    """Password hashes are slow, and a flood of sign-ins must not delay other requests."""
    assert run(asked_beside_forms(50)) == [200, 200, 200]


async def asked_beside_a_writer(gate: WriteGate) -> tuple[list[tuple[str, str]], list[int]]:
    """Return threads, bodies and statuses of token requests that are sent while another writer is inside the gate."""
    calls: list[tuple[str, str]] = []
    app = Flask("writer")
    app.config["MAX_CONTENT_LENGTH"] = 1000
    app.add_url_rule("/livez", "live", lambda: "alive")

    @app.post("/oauth/token")
    def _token() -> str:
        calls.append((threading.current_thread().name.partition("_")[0], request.get_data(as_text=True)))
        gate.enter()()
        return "written"

    entry, clients = Entry(app, machines_at_once=True), [Client(b"code=x"), Client(), Client(b"code=y")]
    leave = gate.enter()
    asked = asyncio.ensure_future(entry.__rsgi__(post("/oauth/token", 6), cast(Any, clients[0])))
    async with asyncio.timeout(20):
        while len(calls) < 2:
            await asyncio.sleep(0)
        await entry.__rsgi__(get("/livez"), cast(Any, clients[1]))
        leave()
        await asked
    await entry.__rsgi__(post("/oauth/token", 6), cast(Any, clients[2]))
    return calls, [client.status for client in clients]


def test_the_loop_answers_machines_and_waits_for_no_writer(tmp_path: Path) -> None:
    """Handing a request to a thread costs more than its answer. A writer elsewhere must not stop the loop."""
    calls, statuses = run(asked_beside_a_writer(WriteGate(tmp_path / "x.sqlite3", 30)))
    assert calls == [("loop", "code=x"), ("machines", "code=x"), ("loop", "code=y")]
    assert statuses == [200, 200, 200]


class Pages:
    """An application that needs a page for each request, and notes which thread made it of which preparations."""

    config: ClassVar = {"MAX_CONTENT_LENGTH": 1000}

    def __init__(self) -> None:
        self.made: list[tuple[str, str]] = []

    def __call__(self, environ: dict[str, Any], start: Any) -> list[bytes]:
        if environ.pop(ON_LOOP, False):
            raise PageNeeded({**environ, "prepared": "once"})
        self.made.append((threading.current_thread().name.partition("_")[0], environ.get("prepared", "")))
        start("200 OK", [("Content-Length", "4")])
        return [b"page"]


def test_a_page_is_made_by_a_thread() -> None:
    """An authorization request that needs a page is prepared on the loop, which must not render it."""
    app, client = Pages(), Client()
    run(Entry(cast(Any, app), machines_at_once=True).__rsgi__(get("/oauth/authorize"), cast(Any, client)))
    assert (app.made, client.status) == ([("pages", "once")], 200)


async def asked_for_readiness(*, is_stuck: bool) -> tuple[Client, int]:
    """Return the answers of `/readyz` and `/livez` while more pages wait for the database than there are threads."""
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


def test_readiness_is_reported_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """No queue delays `/readyz`. A check that hangs gets 503, and `/livez` never waits."""
    assert (asked := run(asked_for_readiness(is_stuck=False)))[0].status == asked[1] == 200
    monkeypatch.setattr(entry_module, "READY_SECONDS", 0.1)
    ready, alive = run(asked_for_readiness(is_stuck=True))
    assert (ready.status, json.loads(ready.pieces[0]), alive) == (503, {"status": "unavailable"}, 200)
    assert ready.headers["cache-control"] == "no-store"


def test_a_request_without_a_thread_in_time_is_not_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    """After an outage, threads answer clients that still wait, not those that have given up."""
    monkeypatch.setattr(entry_module, "MOST_WAITING", 10)
    monkeypatch.setattr(entry_module, "WAIT_SECONDS", -1.0)
    assert {client.status for client in run(flood("/page", 12))} == {503}


def test_a_download_goes_out_piece_by_piece() -> None:
    """No thread is held between two pieces, and Flask finds its request in the next thread."""
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
    run(Entry(app).__rsgi__(get("/list", "name=a"), cast(Any, client)))
    assert (client.status, len(client.pieces)) == (200, 30)
    assert client.pieces[-1] == b"a 29\n"
    assert ended, "the resources of the request are released"


async def asked_beside_calls(count: int) -> tuple[list[int], set[str]]:
    """Return the statuses of other requests while so many wait for an app's server, and where the latter were made."""
    may_answer, app, made_in = threading.Event(), Flask("calling"), set[str]()
    app.config["MAX_CONTENT_LENGTH"] = 1000
    app.add_url_rule("/<path:_>", "quick", lambda _: "answered", methods=["GET", "POST"])

    def call() -> str:
        leave_for_call()
        made_in.add(threading.current_thread().name.partition("_")[0])
        return request.get_data(as_text=True) if may_answer.wait(30) else "given up"

    for path in ("/oauth/authorize", "/oauth/token", "/page"):
        app.add_url_rule(path, path, call, methods=["GET", "POST"])
    entry, clients = Entry(app), [Client(b"code=x") for _ in range(count)]
    asked = (get("/oauth/authorize"), get("/page"), post("/oauth/token", 6), post("/oauth/authorize", 6))
    calls = [
        asyncio.ensure_future(entry.__rsgi__(asked[number % 4], cast(Any, client))) for number, client in enumerate(clients)
    ]
    await asyncio.sleep(0)
    others = [Client() for _ in range(3)]
    async with asyncio.timeout(30):
        for client, one in zip(others, (get("/quick"), get("/oauth/jwks"), post("/sign-in/x")), strict=True):
            await entry.__rsgi__(one, cast(Any, client))
    may_answer.set()
    await asyncio.gather(*calls)
    assert {client.pieces[0] for client in clients} == {b"", b"code=x"}
    return [client.status for client in others], made_in


def test_the_servers_of_apps_delay_no_other_request() -> None:
    """CWE-400: an app's key or request address may be slow on purpose, and strangers can make us ask it."""
    assert run(asked_beside_calls(40)) == ([200, 200, 200], {"calls"})
