"""Serve what pages are drawn with: our own files, under names that hold a digest of their contents, and QR codes.

A file never changes under its name, so browsers keep it for ever, and a new release never appears with an old style. Each
file is compressed once, when the process starts. Pages are never compressed: they hold secrets beside what was sent with the
request, and the length of the answer would give them away (BREACH). Logos and icons are compressed pictures already.
"""

import gzip
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from flask import Flask, Response, abort, request
from markupsafe import Markup

from idp import crypto
from idp.on_use import OnUse
from idp.resources import PACKAGE

segno = OnUse("segno")
STATIC = PACKAGE / "web" / "static"
FOR_EVER = "public, max-age=31536000, immutable"
DIGITS = 12
"""Digits of the digest in a name."""
VIEW_BOX, DRAWN = re.compile(r'viewBox="([^"]+)"'), re.compile(r'<path stroke="#000" d="([^"]+)"')
KINDS = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml", "png": "image/png", "ico": "image/x-icon"}
"""Browsers must not guess the type (``nosniff``), and the machine's own list of types must not decide."""


@dataclass(frozen=True)
class StaticFile:
    """Hold a file to serve. ``address`` is its name with the digest; ``zipped`` is empty if it would be no shorter."""

    address: str
    kind: str
    body: bytes
    zipped: bytes


def setup_assets(app: Flask) -> None:
    """Serve static files, let ``url_for('static', filename=…)`` name them by their digests, and give templates ``qr``."""
    static_files()
    app.add_url_rule("/static/<path:filename>", "static", static)
    app.url_defaults(_by_digest)
    app.jinja_env.globals["qr"] = qr


def qr(text: str) -> Markup:
    """Return ``text`` as an inline SVG without style attributes (the CSP forbids them), with its quiet zone.

    It is black on white in dark mode too: many scanners do not read inverted codes (ISO/IEC 18004 asks for dark on light).
    """
    code = segno.make(text, error="m", micro=False)
    return Markup(code.svg_inline(border=4, dark="#000", light="#fff", omitsize=True, svgclass=None, lineclass=None))  # noqa: S704 – drawn here, holds no text


def qr_parts(text: str) -> tuple[str, str]:
    """Return the view box and the path of the QR code of ``text``, for a page that draws it many times."""
    box, path = VIEW_BOX.search(drawn := str(qr(text))), DRAWN.search(drawn)
    if box is None or path is None:
        raise LookupError("segno draws QR codes in another way")
    return box[1], path[1]


def static(filename: str) -> Response:
    """Serve the file of this address. A name without its digest, or with that of another release, is 404."""
    found = _by_address().get(filename)
    if found is None:
        abort(404)
    is_zipped = bool(found.zipped) and request.accept_encodings["gzip"] > 0
    response = Response(found.zipped if is_zipped else found.body, mimetype=found.kind)
    response.headers["Cache-Control"] = FOR_EVER
    response.headers["Vary"] = "Accept-Encoding"
    if is_zipped:
        response.headers["Content-Encoding"] = "gzip"
    response.set_etag(f"{filename}.gz" if is_zipped else filename)
    response.make_conditional(request)
    return response


@cache
def static_files() -> Mapping[str, StaticFile]:
    """Return every static file by its name in the folder."""
    names = [path.relative_to(STATIC).as_posix() for path in STATIC.rglob("*") if path.is_file()]
    return {name: _read(name) for name in names}


@cache
def _by_address() -> Mapping[str, StaticFile]:
    return {file.address: file for file in static_files().values()}


def _read(name: str) -> StaticFile:
    body = (STATIC / name).read_bytes()
    stem, _, extension = name.rpartition(".")
    zipped = gzip.compress(body, mtime=0)
    address = f"{stem}.{crypto.sha256(body).hex()[:DIGITS]}.{extension}"
    return StaticFile(address, KINDS[extension], body, zipped if len(zipped) < len(body) else b"")


def _by_digest(endpoint: str, values: dict[str, Any]) -> None:
    """Replace the name of a static file by its address."""
    file = static_files().get(values.get("filename", "")) if endpoint == "static" else None
    if file is not None:
        values["filename"] = file.address
