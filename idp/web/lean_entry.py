"""Answer the protocol's hot path before Flask builds a request.

Most requests come from apps and machines. Flask's request, routing and hooks would cost more than the answer. So the machine
endpoints (``oauth_api``), and an authorization request that is answered by a redirect to the app, are served from the WSGI
environment. Every answer carries the headers of ``HEADERS``, as those of pages do.

An authorization request that needs a page goes on to Flask with its outcome in the environment: it is checked once.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from http.client import responses
from time import perf_counter
from typing import Any, cast

from flask import Flask

from idp import crypto, logs, timing
from idp.db import remember_reads
from idp.identity import sensitive_changes
from idp.oauth.authorization_response import Answer
from idp.web import oauth_api, oauth_pages, pages, request_context
from idp.web.browser_request import BrowserRequest
from idp.web.machine_call import Reply
from idp.web.response import ON_LOOP, REFUSED, REQUEST_ID, PageNeeded

Headers = tuple[tuple[str, str], ...]
Start = Callable[..., Any]
Wsgi = Callable[[dict[str, Any], Start], Iterable[bytes]]
AUTHORIZE = "/oauth/authorize"


class LeanEntry:
    """Put a WSGI application before Flask's."""

    def __init__(self, app: Flask) -> None:
        self._app, self._flask = app, cast(Wsgi, app.wsgi_app)
        self._settings = app.extensions["sleutel"].settings
        headers = pages.headers_for(self._settings)
        self._headers = tuple(headers.items())
        self._opened_by_apps = tuple((headers | pages.KEEPS_OPENER).items())
        self._scheme, _, self._host = self._settings.issuer.partition("://")

    def __call__(self, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        """Answer one request (PEP 3333). Whatever Host it names, it is to the issuer: the router's redirects use that.

        Raises ``PageNeeded`` if an event loop calls (``ON_LOOP``) and only Flask can answer.
        """
        environ["wsgi.url_scheme"], environ["HTTP_HOST"] = self._scheme, self._host
        return self._answer(environ, _timed(start) if self._settings.server.timing else start)

    def _answer(self, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path in oauth_api.ENDPOINTS:
            request_id = crypto.new_id()
            with self._request(request_id, reads=not oauth_api.ENDPOINTS[path].is_ready):
                reply = oauth_api.answer(self._app, environ, request_id)
            return _send(reply, request_id, self._headers, environ, start)
        is_prepared = REFUSED in environ or oauth_pages.OUTCOME in environ
        if path == AUTHORIZE and environ["REQUEST_METHOD"] == "GET" and not is_prepared:
            reply_or_none = self._authorize(environ)
            if reply_or_none is not None:
                return _send(reply_or_none, environ[request_context.BEGUN].id, self._opened_by_apps, environ, start)
        if environ.pop(ON_LOOP, False):
            raise PageNeeded(environ)
        return self._flask(environ, start)

    def _authorize(self, environ: dict[str, Any]) -> Reply | None:
        """Answer an authorization request by a redirect to the app; None if it needs a page."""
        browser = BrowserRequest(self._settings, environ)
        environ[request_context.BEGUN] = browser
        with self._request(browser.id, reads=True):
            outcome = oauth_pages.begin(self._app, environ["QUERY_STRING"].encode("latin-1"), browser)
            environ[oauth_pages.OUTCOME] = outcome
            if not isinstance(outcome, Answer) or outcome.mode == "form_post":
                return None
            headers = [("Location", pages.plain_address(outcome.location)), ("Cache-Control", "no-store")]
            return Reply(303, (*headers, *(("Set-Cookie", value) for value in browser.set_cookies(303))), b"")

    @contextmanager
    def _request(self, request_id: str, *, reads: bool) -> Iterator[None]:
        """Set up what Flask's hooks set up for pages: log, confirmation and, if it ``reads``, the reads of one moment."""
        logs.request_id.set(request_id)
        sensitive_changes.begin()
        try:
            with self._app.app_context():
                if reads:
                    remember_reads()
                yield
        finally:
            sensitive_changes.end()


def _timed(start: Start) -> Start:
    """Measure the request that begins here, and tell it with the answer."""
    timing.begin()
    began = perf_counter()

    def start_timed(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
        return start(status, [*headers, (timing.HEADER, timing.header(perf_counter() - began))], *more)

    return start_timed


def _send(reply: Reply, request_id: str, common: Headers, environ: Mapping[str, Any], start: Start) -> list[bytes]:
    names = tuple(dict(reply.headers))
    headers = [*reply.headers, (REQUEST_ID, request_id), *_beside(names, common)]
    if reply.status not in (204, 304):  # RFC 9110 §8.6
        headers.append(("Content-Length", str(len(reply.body))))
    start(f"{reply.status} {responses[reply.status]}", headers)
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [reply.body]


@cache
def _beside(names: tuple[str, ...], common: Headers) -> Headers:
    """Return the common headers of an answer that has headers of these names itself. Few combinations of names exist."""
    return tuple((name, value) for name, value in common if name not in names)
