"""Imitate the server of a relying app that the provider calls: it keeps what arrives, and answers as a test says."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class AppServer:
    """Hold what arrived. ``status`` and ``headers`` are the next answers; ``gate`` keeps them back while it is closed."""

    def __init__(self) -> None:
        self.status = 200
        self.headers: dict[str, str] = {}
        self.gate = threading.Event()
        self.gate.set()
        self.arrived = threading.Semaphore(0)
        self.requests: list[dict[str, Any]] = []
        self.address = ""
        self.documents: dict[str, bytes] = {}
        """What a GET of a path gets."""

    def bodies(self) -> list[str]:
        """Return the bodies that arrived."""
        return [one["body"] for one in self.requests]


@contextmanager
def app_server() -> Iterator[AppServer]:
    """Serve on a loopback port."""
    state = AppServer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
            state.requests.append({"path": self.path, "headers": dict(self.headers), "body": body})
            state.arrived.release()
            state.gate.wait(20)
            self.send_response(state.status)
            for name, value in {"Content-Length": "0", **state.headers}.items():
                self.send_header(name, value)
            self.end_headers()

        def do_GET(self) -> None:
            state.requests.append({"path": self.path, "headers": dict(self.headers), "body": ""})
            document = state.documents.get(self.path)
            self.send_response(state.status if document is not None else 404)
            for name, value in {"Content-Length": str(len(document or b"")), **state.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(document or b"")

        def log_message(self, *_: Any) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        state.gate.set()
        server.shutdown()
        server.server_close()
