"""Serve what pages are drawn with: Bootstrap from its package, our own files under versioned addresses, QR codes."""

from typing import Any
from zlib import crc32

from flask import Flask, Response, request
from flask_bootstrap import Bootstrap5
from markupsafe import Markup

from idp.on_use import OnUse
from idp.resources import PACKAGE

segno = OnUse("segno")
STATIC = PACKAGE / "web" / "static"
A_YEAR = 31_536_000


def setup_assets(app: Flask) -> None:
    """Set up Bootstrap's files, ``qr`` for templates, and static files that browsers may keep."""
    Bootstrap5(app)
    app.jinja_env.globals["qr"] = qr
    app.url_defaults(_versioned)
    app.after_request(_kept)


def qr(text: str) -> Markup:
    """Return ``text`` as an inline SVG without style attributes (the CSP forbids them), with its quiet zone.

    It is black on white in dark mode too: many scanners do not read inverted codes (ISO/IEC 18004 asks for dark on light).
    """
    code = segno.make(text, error="m", micro=False)
    return Markup(code.svg_inline(border=4, dark="#000", light="#fff", omitsize=True, svgclass=None, lineclass=None))  # noqa: S704 – drawn here, holds no text


_versions: dict[str, str] = {}


def _versioned(endpoint: str, values: dict[str, Any]) -> None:
    """Add the file's checksum to its address, so that a new release never appears with the old style."""
    name = values.get("filename")
    if endpoint == "static" and name:
        if name not in _versions:
            _versions[name] = f"{crc32((STATIC / name).read_bytes()):08x}"
        values["v"] = _versions[name]


def _kept(response: Response) -> Response:
    """Let browsers keep a versioned file: it never changes."""
    if request.endpoint == "static" and "v" in request.args and response.status_code == 200:
        response.headers["Cache-Control"] = f"public, max-age={A_YEAR}, immutable"
    return response
