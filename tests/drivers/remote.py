"""Reach an application at an address: ``Browser`` and ``RelyingParty`` use it like one in this process."""

import http.client
import ssl
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from werkzeug.test import Client

PATIENCE = 40
LONGEST = 1 << 24


class Remote:
    """Stand in for an application with the server at ``address``."""

    def __init__(self, address: str, trust: ssl.SSLContext | None = None, **headers: str) -> None:
        self._host, self._trust, self._headers = urlsplit(address).netloc, trust, headers
        self.test_client = self._make_client  # Flask's name

    def _make_client(self, *, use_cookies: bool = True) -> Any:
        """Return a client that sends its requests there."""
        return Client(self, use_cookies=use_cookies)

    def __call__(self, environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        """Forward a request (PEP 3333)."""
        names = {key: value for key, value in environ.items() if key.startswith("HTTP_") and key != "HTTP_HOST"}
        headers = {key.removeprefix("HTTP_").replace("_", "-"): value for key, value in names.items()} | self._headers
        if environ.get("CONTENT_TYPE"):
            headers["Content-Type"] = environ["CONTENT_TYPE"]
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)) or None
        query = f"?{environ['QUERY_STRING']}" if environ["QUERY_STRING"] else ""
        connection = self._connect()
        try:
            connection.request(environ["REQUEST_METHOD"], environ["PATH_INFO"] + query, body, headers)
            answer = connection.getresponse()
            content = answer.read(LONGEST)
        finally:
            connection.close()
        pairs = [pair for pair in answer.getheaders() if pair[0].lower() not in ("connection", "transfer-encoding")]
        start(f"{answer.status} {answer.reason}", pairs)
        return [content]

    def _connect(self) -> http.client.HTTPConnection:
        if self._trust:
            return http.client.HTTPSConnection(self._host, timeout=PATIENCE, context=self._trust)
        return http.client.HTTPConnection(self._host, timeout=PATIENCE)
