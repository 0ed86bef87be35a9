"""With any colour that an organisation chooses, its pages stay readable."""

import re
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from idp.branding import DARK, LIGHT, SHAPE, TEXT, Scheme, contrast, is_colour, palette
from idp.errors import Invalid
from idp.identity.organisations.settings import validate_settings

THEME = Path(__file__).parents[2] / "idp" / "web" / "static" / "css" / "theme.css"
COLOURS = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")


@given(COLOURS, st.sampled_from([LIGHT, DARK]))
@example("#ffffff", LIGHT)
@example("#000000", DARK)
@example("#777777", LIGHT)
@example("#ffd400", LIGHT)
def test_every_colour_gives_a_readable_palette(colour: str, scheme: Scheme) -> None:
    """WCAG 2.2, 1.4.3 and 1.4.11: text has contrast 4.5:1 and meaningful shapes 3:1, in light and dark, for every colour."""
    shades = palette(colour, scheme)
    assert shades.ground == colour
    assert contrast(shades.text, shades.ground) >= TEXT
    assert contrast(shades.text, shades.hover) >= TEXT
    assert shades.hover != shades.ground
    assert contrast(shades.tick, "#ffffff") >= SHAPE
    for ground in scheme.grounds:
        assert contrast(shades.link, ground) >= TEXT
        assert contrast(shades.link_hover, ground) >= TEXT
        assert contrast(shades.accent, ground) >= SHAPE
        assert contrast(shades.edge, ground) >= SHAPE


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [("#ffffff", "#000000", 21.0), ("#777777", "#ffffff", 4.48), ("#0000ff", "#ffffff", 8.59), ("#ff0000", "#ff0000", 1.0)],
)
def test_contrast_follows_the_formula_of_wcag(one: str, other: str, ratio: float) -> None:
    """WCAG 2.2, "contrast ratio": the expected values come from other calculators."""
    assert contrast(one, other) == pytest.approx(ratio, abs=0.01)
    assert contrast(other, one) == contrast(one, other)


def test_a_readable_colour_is_used_unchanged() -> None:
    """A colour is changed only if it would be unreadable."""
    assert palette("#0b3d91", LIGHT).link == "#0b3d91"
    assert palette("#ffd400", DARK).link == "#ffd400"


def test_background_colours_are_those_of_the_theme() -> None:
    """Contrast is worked out against these colours, so they must follow each change of ``theme.css``."""
    light, dark = THEME.read_text("utf-8").split("@media (prefers-color-scheme: dark)", 1)
    for css, scheme in ((light, LIGHT), (dark, DARK)):
        drawn = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{3,6});", css.split("\n}\n", 1)[0]))
        named = [drawn[name] for name in ("card", "ground", "tint", "pressed")]
        assert [_whole(colour) for colour in named] == list(scheme.grounds)
        assert _whole(drawn["strong"]) == scheme.ink


def _whole(colour: str) -> str:
    return colour if len(colour) == 7 else "#" + "".join(digit * 2 for digit in colour[1:])


@pytest.mark.parametrize(
    "value", ["red", "#fff", "#GGGGGG", "#0B3D91", "0b3d91", "#0b3d91;", "#0b3d91\n", "#００００００", 7, None, True]
)
def test_only_six_hex_digits_are_a_colour(value: object) -> None:
    """V1.2.1: no other text ever reaches a stylesheet."""
    assert not is_colour(value)
    with pytest.raises(Invalid) as refusal:
        validate_settings({"colour": value})
    assert refusal.value.field == "colour"


def test_a_colour_or_none_may_be_set() -> None:
    """An organisation may go back to the installation's colour."""
    assert validate_settings({"colour": "#0b3d91"}) == {"colour": "#0b3d91"}
    assert validate_settings({"colour": ""}) == {"colour": ""}
