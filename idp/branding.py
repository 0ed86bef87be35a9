"""Describe an organisation's look: name, logo, colour, and shades of that colour with enough contrast everywhere.

Not here: whether to show it. On the sign-in pages S29 decides; elsewhere every signed-in person sees it.
"""

import re
from dataclasses import dataclass
from typing import Any

from idp.languages import of_organisation
from idp.store import logos
from idp.store.logos import LogoFacts
from idp.store.organisations import Organisation

WHITE, BLACK = "#ffffff", "#000000"
TEXT, SHAPE = 4.5, 3.0
"""The least contrast of text (WCAG 2.2, 1.4.3) and of parts that are needed to use a page (1.4.11)."""
BARELY = 1.1
"""A contrast that nobody notices."""
STEPS = 40

_COLOUR = re.compile(r"#[0-9a-f]{6}")


@dataclass(frozen=True)
class Brand:
    """Hold an organisation's look as pages show it; all empty for no organisation. ``colour``: ``#rrggbb``, or empty.

    ``languages``: for people who have chosen none, the first one first.
    """

    name: str = ""
    colour: str = ""
    logo: LogoFacts | None = None
    languages: tuple[str, ...] = ()


@dataclass(frozen=True)
class Scheme:
    """Hold the light or the dark theme: every ground of text, and the ink of headings, its strongest colour."""

    grounds: tuple[str, ...]
    ink: str


LIGHT = Scheme(("#ffffff", "#f3f2ec", "#f8f7f3", "#e9e8e0"), "#0b120e")
DARK = Scheme(("#181f1b", "#0f1412", "#1e2622", "#26302b"), "#ffffff")
"""The same colours as in ``theme.css``; a test compares them."""


@dataclass(frozen=True)
class Palette:
    """Hold the shades of a theme.

    ``ground`` of buttons is the colour itself, with ``text`` and ``hover`` for it. ``edge`` separates it from the page.
    ``accent``: shapes with a meaning. ``tick``: the ground of a white tick.
    """

    ground: str
    text: str
    hover: str
    edge: str
    accent: str
    tick: str
    link: str
    link_hover: str


def brand_of(organisation: Organisation) -> Brand:
    """Return an organisation's look."""
    colour, logo = str(organisation.settings.get("colour", "")), logos.logo_of(organisation.id)
    return Brand(organisation.name, colour, logo, languages_of(organisation))


def languages_of(organisation: Organisation) -> tuple[str, ...]:
    """Return an organisation's languages, the first one first: as chosen, else those of its country. May be empty."""
    return of_organisation(organisation.settings.get("languages", ()), organisation.country)


def is_colour(value: Any) -> bool:
    """Check if ``text`` is a colour in its stored form: ``#`` and six digits of lower-case hex."""
    return isinstance(value, str) and _COLOUR.fullmatch(value) is not None


def palette(colour: str, scheme: Scheme) -> Palette:
    """Return the shades of ``colour`` in ``scheme``: text keeps 4.5:1 and shapes 3:1 for every colour. Pure."""
    text = WHITE if contrast(colour, WHITE) >= TEXT else BLACK  # a colour that fails on white has 4.67:1 with black
    accent = legible(colour, scheme.grounds, SHAPE, scheme.ink)
    link = legible(colour, scheme.grounds, TEXT, scheme.ink)
    return Palette(
        ground=colour,
        text=text,
        hover=_hover(colour, text),
        edge=accent,
        accent=accent,
        tick=legible(colour, (WHITE,), SHAPE, BLACK),
        link=link,
        link_hover=mix(link, scheme.ink, 0.4),
    )


def _hover(colour: str, text: str) -> str:
    """Return a shade further from the text; where none is visible (black, white), a shade closer to it."""
    away = mix(colour, BLACK if text == WHITE else WHITE, 0.18)
    return away if contrast(away, colour) >= BARELY else mix(colour, text, 0.18)


def legible(colour: str, grounds: tuple[str, ...], least: float, ink: str) -> str:
    """Return the shade nearest to ``colour``, mixed with ``ink``, that has contrast ``least`` with every ground."""
    shades = (mix(colour, ink, step / STEPS) for step in range(STEPS))
    return next((shade for shade in shades if all(contrast(shade, ground) >= least for ground in grounds)), ink)


def mix(one: str, other: str, share: float) -> str:
    """Return ``one`` mixed with a ``share`` (0 to 1) of ``other``."""
    pairs = zip(channels(one), channels(other), strict=True)
    return "#" + "".join(f"{round(mine + (theirs - mine) * share):02x}" for mine, theirs in pairs)


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours, 1 to 21 (WCAG 2.2)."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def channels(colour: str) -> tuple[int, int, int]:
    """Return red, green and blue, 0 to 255."""
    red, green, blue = bytes.fromhex(colour[1:])
    return red, green, blue


def _luminance(colour: str) -> float:
    """Return the relative luminance, 0 to 1 (WCAG 2.2)."""
    parts = [value / 255 for value in channels(colour)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
