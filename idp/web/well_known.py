"""Serve addresses that browsers, password managers and researchers look for."""

from datetime import timedelta
from urllib.parse import urlsplit

from flask import Blueprint, Response, make_response

from idp import clock
from idp.web import pages, request_context
from idp.web.assets import static_files

blueprint = Blueprint("well_known", __name__)
CHANGE_PASSWORD = "/account/security"
VALID = timedelta(days=180)
"""How far ahead security.txt expires, counted from today: RFC 9116 §2.5.5 recommends less than a year."""


@blueprint.get("/.well-known/change-password")
def change_password() -> Response:
    """Lead to the page on which people change their password (W3C, A Well-Known URL for Changing Passwords)."""
    return pages.see_other(CHANGE_PASSWORD)


@blueprint.get("/.well-known/security.txt")
@blueprint.get("/security.txt")
def security_txt() -> Response:
    """Say where to report a weakness (RFC 9116). Without a configured contact, RFC 2142's mailbox of the issuer's host."""
    settings = request_context.settings()
    contact = settings.security_contact or f"mailto:security@{urlsplit(settings.issuer).hostname}"
    expires = clock.now().replace(hour=0, minute=0, second=0, microsecond=0) + VALID
    lines = (
        f"Contact: {contact}",
        f"Expires: {expires:%Y-%m-%dT%H:%M:%SZ}",
        "Preferred-Languages: en, nl",
        f"Canonical: {settings.issuer}/.well-known/security.txt",
    )
    response = make_response("".join(f"{line}\n" for line in lines))
    response.headers["Content-Type"] = "text/plain; charset=utf-8"
    response.headers["Cache-Control"] = "public, max-age=86400"
    return response


@blueprint.get("/favicon.ico")
def favicon() -> Response:
    """Serve the icon that browsers ask for if a page names none."""
    return _icon("favicon.ico")


@blueprint.get("/apple-touch-icon.png")
@blueprint.get("/apple-touch-icon-precomposed.png")
@blueprint.get("/apple-touch-icon-<size>.png")
def touch_icon(size: str = "") -> Response:
    """Serve the icon for home screens of phones and tablets, in one size for all."""
    return _icon("touch.png")


def _icon(name: str) -> Response:
    file = static_files()[f"icons/{name}"]
    return Response(file.body, content_type=file.kind, headers={"Cache-Control": "public, max-age=86400"})
