"""Serve the logo and the colour of an organisation, as files that browsers may keep for ever.

Addresses reveal nothing: a logo's is random and new with each upload. A style depends only on the colour in its address, and
every colour has one, used or not.
"""

from typing import Any
from zlib import crc32

from flask import Blueprint, Response, abort, request

from idp.branding import DARK, LIGHT, Palette, is_colour, palette
from idp.store import app_icons, logos
from idp.web.assets import FOR_EVER

blueprint = Blueprint("brand", __name__)

PICTURE_CSP = "default-src 'none'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'; sandbox"


@blueprint.get("/brand/<logo_id>.png")
def logo(logo_id: str) -> Response:
    """Serve the logo of an organisation or the icon of an app, drawn by us."""
    image = logos.image_of(logo_id) or app_icons.image_of(logo_id)
    if image is None:
        abort(404)
    headers = {"Cache-Control": FOR_EVER, "Content-Security-Policy": PICTURE_CSP}
    return Response(image, mimetype="image/png", headers=headers)


@blueprint.get("/brand/<colour>.css")
def style(colour: str) -> Response:
    """Serve the shades of a colour, which override those of ``theme.css``."""
    if not is_colour(f"#{colour}"):
        abort(404)
    text = stylesheet(f"#{colour}")
    kept = FOR_EVER if request.args.get("v") == _version(text) else "no-cache"
    return Response(text, mimetype="text/css", headers={"Cache-Control": kept})


@blueprint.app_url_defaults
def _versioned(endpoint: str, values: dict[str, Any]) -> None:
    """Add the style's checksum to its address, as for static files: a new release may draw it differently."""
    if endpoint == "brand.style":
        values["v"] = _version(stylesheet(f"#{values['colour']}"))


def _version(text: str) -> str:
    return f"{crc32(text.encode()):08x}"


def stylesheet(colour: str) -> str:
    """Return the style of a brand in ``colour`` (``#rrggbb``)."""
    light, dark = _variables(palette(colour, LIGHT)), _variables(palette(colour, DARK))
    return f":root {{{light}}}\n@media (prefers-color-scheme: dark) {{ :root {{{dark}}} }}\n"


def _variables(shades: Palette) -> str:
    values = {
        "primary": shades.ground,
        "on-primary": shades.text,
        "primary-hover": shades.hover,
        "primary-edge": shades.edge,
        "accent": shades.accent,
        "tick": shades.tick,
        "link": shades.link,
        "link-hover": shades.link_hover,
        # Notes keep their own colour: in a red brand's they would look like errors.
        "info": "var(--strong)",
        "info-bg": "var(--pressed)",
    }
    return " ".join(f"--{name}: {value};" for name, value in values.items())
