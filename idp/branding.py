"""How an organisation looks: its name, logo and colour, and the shades of that colour that can be read anywhere.

Whether it is shown is not decided here: that is S29 on the sign-in pages, and being signed in elsewhere.
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
"""The least contrast of text (WCAG 2.2, 1.4.3) and of what one must see to use a page (1.4.11)."""
BARELY = 1.1
"""A contrast that nobody notices."""
STEPS = 40

_COLOUR = re.compile(r"#[0-9a-f]{6}")


@dataclass(frozen=True)
class Brand:
    """What pages show of an organisation; all empty: of none. ``colour``: ``#rrggbb``, or empty.

    ``languages``: in which it speaks to people who have chosen none, the first one first.
    """

    name: str = ""
    colour: str = ""
    logo: LogoFacts | None = None
    languages: tuple[str, ...] = ()


@dataclass(frozen=True)
class Scheme:
    """The light or the dark theme: everything text may lie on, and the ink of headings, its strongest colour."""

    grounds: tuple[str, ...]
    ink: str


LIGHT = Scheme(("#ffffff", "#f3f2ec", "#f8f7f3", "#e9e8e0"), "#0b120e")
DARK = Scheme(("#181f1b", "#0f1412", "#1e2622", "#26302b"), "#ffffff")
"""As in ``theme.css``; a test compares them."""


@dataclass(frozen=True)
class Palette:
    """The shades a theme is drawn with.

    ``ground`` of buttons is the colour itself; ``text`` and ``hover`` go with it, ``edge`` parts it from the page.
    ``accent``: shapes that tell something. ``tick``: the ground of a white tick.
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
    """How an organisation looks."""
    colour, logo = str(organisation.settings.get("colour", "")), logos.logo_of(organisation.id)
    return Brand(organisation.name, colour, logo, languages_of(organisation))


def languages_of(organisation: Organisation) -> tuple[str, ...]:
    """An organisation's languages, the first one first: as it chose, else those of its country. May be empty."""
    return of_organisation(organisation.settings.get("languages", ()), organisation.country)


def is_colour(value: Any) -> bool:
    """Whether this is a colour as it is stored: ``#`` and six digits of lower-case hex."""
    return isinstance(value, str) and _COLOUR.fullmatch(value) is not None


def palette(colour: str, scheme: Scheme) -> Palette:
    """The shades of ``colour`` in ``scheme``: whatever the colour is, text keeps 4.5:1 and shapes 3:1. Pure."""
    text = WHITE if contrast(colour, WHITE) >= TEXT else BLACK  # what fails on white has 4.67:1 with black
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
    """A shade away from the text; where there is none to be seen (black, white), a shade towards it."""
    away = mix(colour, BLACK if text == WHITE else WHITE, 0.18)
    return away if contrast(away, colour) >= BARELY else mix(colour, text, 0.18)


def legible(colour: str, grounds: tuple[str, ...], least: float, ink: str) -> str:
    """The shade nearest to ``colour`` on its way to ``ink`` that has contrast ``least`` with every ground."""
    shades = (mix(colour, ink, step / STEPS) for step in range(STEPS))
    return next((shade for shade in shades if all(contrast(shade, ground) >= least for ground in grounds)), ink)


def mix(one: str, other: str, share: float) -> str:
    """``one`` with a ``share`` (0 to 1) of ``other``."""
    pairs = zip(channels(one), channels(other), strict=True)
    return "#" + "".join(f"{round(mine + (theirs - mine) * share):02x}" for mine, theirs in pairs)


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours, 1 to 21 (WCAG 2.2)."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def channels(colour: str) -> tuple[int, int, int]:
    """Red, green and blue, 0 to 255."""
    red, green, blue = bytes.fromhex(colour[1:])
    return red, green, blue


def _luminance(colour: str) -> float:
    """Relative luminance, 0 to 1 (WCAG 2.2)."""
    parts = [value / 255 for value in channels(colour)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
