"""What pages are drawn with: Bootstrap from its package, our own files under addresses that change with them, QR, dates."""

from datetime import date, datetime
from typing import Any
from zlib import crc32

import segno
from flask import Flask, Response, request
from flask_babel import format_date, format_datetime, format_time
from flask_bootstrap import Bootstrap5
from markupsafe import Markup

from idp.resources import PACKAGE

STATIC = PACKAGE / "web" / "static"
A_YEAR = 31_536_000


def setup_assets(app: Flask) -> None:
    """Bootstrap's files, ``qr`` and dates for templates, and static files that browsers may keep."""
    Bootstrap5(app)
    app.jinja_env.globals["qr"] = qr
    app.jinja_env.filters.update(day=day, weekday=weekday, hour=hour, moment=moment)
    app.url_defaults(_versioned)
    app.after_request(_kept)


def qr(text: str) -> Markup:
    """``text`` as an inline SVG without style attributes (the CSP bars them), black on white with its quiet zone.

    Always black on white, in dark mode too: many scanners do not read inverted codes (ISO/IEC 18004 wants dark on light).
    """
    code = segno.make(text, error="m", micro=False)
    return Markup(code.svg_inline(border=4, dark="#000", light="#fff", omitsize=True, svgclass=None, lineclass=None))  # noqa: S704 – drawn here, holds no text


def day(moment: date) -> str:
    """A date in the reader's words."""
    return str(format_date(moment, "d MMMM y"))


def weekday(moment: date) -> str:
    """A date with its day of the week, as people tell each other what happened."""
    return str(format_date(moment, "EEEE d MMMM y"))


def hour(moment: datetime) -> str:
    """A time, to the minute, with its zone."""
    return str(format_time(moment, "HH:mm z"))


def moment(moment: datetime) -> str:
    """A date and a time, to the minute, with its zone."""
    return str(format_datetime(moment, "d MMM y, HH:mm z"))


_versions: dict[str, str] = {}


def _versioned(endpoint: str, values: dict[str, Any]) -> None:
    """Add the file's checksum to its address, so that a new release is never shown with the old one's style."""
    name = values.get("filename")
    if endpoint == "static" and name:
        if name not in _versions:
            _versions[name] = f"{crc32((STATIC / name).read_bytes()):08x}"
        values["v"] = _versions[name]


def _kept(response: Response) -> Response:
    """A versioned file never changes: browsers need not ask again."""
    if request.endpoint == "static" and "v" in request.args and response.status_code == 200:
        response.headers["Cache-Control"] = f"public, max-age={A_YEAR}, immutable"
    return response
