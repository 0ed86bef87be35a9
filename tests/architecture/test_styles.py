"""Styles stay small and whole: no rule or variable without a use, no variable that nothing defines, no missing file."""

import re

from idp.branding import contrast
from idp.web import branding
from idp.web.assets import static_files
from tests.architecture.sources import ROOT

CSS = {name: file.body.decode() for name, file in static_files().items() if name.endswith(".css")}
STYLES = re.sub(r"/\*.*?\*/", "", "\n".join(CSS.values()), flags=re.DOTALL)
BRANDED = branding.stylesheet("#0b3d91")
TEMPLATES = {path: path.read_text("utf-8") for path in (ROOT / "templates").rglob("*.html") if path.parent.name != "mail"}
MARKUP = "\n".join(TEMPLATES.values())
USED = re.compile(r"var\(--([\w-]+)")
DEFINED = re.compile(r"--([\w-]+):")
SHAPE = 3.0
"""The least contrast of what shows where a control is (WCAG 2.2, 1.4.11)."""


def test_every_variable_is_defined_and_used() -> None:
    """A misspelt variable is silently nothing, and an unused one misleads."""
    defined, used = set(DEFINED.findall(STYLES + BRANDED)), set(USED.findall(STYLES + BRANDED))
    assert used - defined == set()
    assert defined - used == set()


def test_every_class_with_a_rule_is_on_a_page() -> None:
    """Pages load what is used. A rule that no page needs is weight for everybody."""
    selectors = re.sub(r"\{[^{}]*\}", " ", STYLES)
    named = set(re.findall(r"\.([a-z][\w-]*)", selectors))
    words = set(re.findall(r"[a-z][\w-]*", " ".join(re.findall(r'class="([^"]*)"', MARKUP))))
    beginnings = tuple(set(re.findall(r"([a-z][a-z-]*-)\{\{", MARKUP)))
    assert {name for name in named if name not in words and not name.startswith(beginnings)} == set()


def test_every_static_file_that_a_template_names_exists() -> None:
    """An address of a missing file is 404, and a page without its style is not noticed by tests over HTTP."""
    named = re.findall(r"url_for\('static', filename='([^']+)'\)", MARKUP)
    assert named
    assert set(named) <= set(static_files())


def _scheme(name: str) -> dict[str, str]:
    """Return the colours of the theme, as they are written."""
    light, _, rest = CSS["css/theme.css"].partition("@media (prefers-color-scheme: dark)")
    colours = re.compile(r"--([\w-]+): (#[0-9a-f]{3,6}|var\(--[\w-]+\));")
    found = dict(colours.findall(light))
    return found | (dict(colours.findall(rest.partition("\n}\n")[0])) if name == "dark" else {})


def _colour(scheme: dict[str, str], name: str) -> str:
    value = scheme[name]
    if value.startswith("var("):
        return _colour(scheme, value[6:-1])
    return value if len(value) == 7 else "#" + "".join(digit * 2 for digit in value[1:])


CONTROLS = {
    "edge": ("card", "ground", "tint"),
    "quiet": ("card", "ground", "tint"),
    "accent": ("card", "ground", "tint", "info-bg"),
    "primary-edge": ("card", "ground"),
    "focus": ("card", "ground", "tint"),
    "danger": ("card", "ground", "danger-bg"),
    "warning": ("card", "warning-bg"),
}
"""Each colour that draws the shape of a control or a state, and the grounds on which it stands."""


def test_controls_have_three_to_one_in_light_and_dark() -> None:
    """WCAG 2.2, 1.4.11: edges of fields and boxes, the select's arrow, marks and the focus have a contrast of 3:1.

    The arrow of a list had 1.46:1 in the dark. A tick is white on ``tick``.
    """
    low = {}
    for name in ("light", "dark"):
        scheme = _scheme(name)
        pairs = [(shape, ground) for shape, grounds in CONTROLS.items() for ground in grounds]
        found = {(one, other): contrast(_colour(scheme, one), _colour(scheme, other)) for one, other in pairs}
        found["tick", "white"] = contrast(_colour(scheme, "tick"), "#ffffff")
        low |= {(name, *pair): round(ratio, 2) for pair, ratio in found.items() if ratio < SHAPE}
    assert low == {}
