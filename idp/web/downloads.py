"""Stream files while they are written: no length fills memory or a cache."""

from collections.abc import Iterator

from flask import Response, stream_with_context


def download(pieces: Iterator[str], kind: str, filename: str) -> Response:
    """Return an answer of ``pieces`` that the browser saves as ``filename``. ``kind`` is its Content-Type."""
    response = Response(stream_with_context(pieces), content_type=kind)
    response.headers["Content-Disposition"] = f'attachment; filename="{filename}"'
    response.headers["Cache-Control"] = "no-store"
    return response
