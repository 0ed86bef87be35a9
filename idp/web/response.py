"""The application's response class: a Location is sent as it was set.

Werkzeug rewrites it while the response is sent, where no error handler sees an exception: it decodes and encodes host and
port, which changes registered addresses and fails for some (a port of 99999, a label of 64 letters).
"""

from typing import TYPE_CHECKING

from flask import Response
from werkzeug.datastructures import Headers

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


class PlainResponse(Response):
    """Flask's response, without Werkzeug's rewriting of Location."""

    def get_wsgi_headers(self, environ: "WSGIEnvironment") -> Headers:
        """Return the headers to send."""
        location = self.headers.pop("Location", None)
        headers = super().get_wsgi_headers(environ)
        if location is not None:
            self.headers["Location"] = headers["Location"] = location
        return headers
