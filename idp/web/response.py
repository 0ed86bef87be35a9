"""Define the application's request and response classes: they never fail where no view can answer for it.

Werkzeug rewrites a Location while the response is sent, where no error handler sees an exception. It decodes and encodes
host and port, which changes registered addresses and fails for some (a port of 99999, a label of 64 letters). It also fails
for every page, the error page too, if a query is not UTF-8.
"""

from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from flask import Request, Response
from werkzeug.datastructures import Headers, MultiDict

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


REQUEST_ID = "X-Request-Id"
"""The header of every answer that names its lines in the log."""
REFUSED = "sleutel.refused"
"""In the environment: the HTTP status with which the server's entry refuses a request; the application words it."""


ON_LOOP = "sleutel.on_loop"
"""In the environment: an event loop calls, which must not be kept by the making of a page."""


class PageNeeded(Exception):
    """The request needs a page. A thread makes it, with the ``environ`` that this call prepared."""

    def __init__(self, environ: dict[str, Any]) -> None:
        super().__init__()
        self.environ = environ


class PlainRequest(Request):
    """Read every query without failing. The protocol reads its own strictly (``oauth.request_parameters``)."""

    @cached_property
    def args(self) -> MultiDict[str, str]:
        """Return the query's parameters; bytes that are not UTF-8 are replaced."""
        pairs: Any = parse_qsl(self._query, keep_blank_values=True, errors="replace")
        return self.parameter_storage_class(pairs)

    @cached_property
    def full_path(self) -> str:
        """Return path and query. Werkzeug's own fails for bytes that are not UTF-8."""
        return f"{self.path}?{self._query}"

    @property
    def _query(self) -> str:
        return self.query_string.decode(errors="replace")


class PlainResponse(Response):
    """Send a Location as it is, without Werkzeug's rewriting."""

    def get_wsgi_headers(self, environ: "WSGIEnvironment") -> Headers:
        """Return the headers to send."""
        location = self.headers.pop("Location", None)
        headers = super().get_wsgi_headers(environ)
        if location is not None:
            self.headers["Location"] = headers["Location"] = location
        return headers
