"""Words, dates, names and what is chosen stand whole and in line, in a real Chromium."""

from collections.abc import Iterable
from itertools import product

import pytest

from idp.languages import LANGUAGES
from tests.browser.conftest import Visit
from tests.browser.pictures import LEAVES
from tests.browser.samples import SAMPLES

LINES_OF_WORDS = """sought => {
    const found = new Set(), range = document.createRange();
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walk.nextNode()) for (const word of walk.currentNode.data.matchAll(new RegExp(sought, 'gi'))) {
        range.setStart(walk.currentNode, word.index);
        range.setEnd(walk.currentNode, word.index + word[0].length);
        const tops = new Set([...range.getClientRects()].map(one => one.top));
        if (tops.size) found.add(tops.size);
    }
    return [...found];
}"""
"""On how many lines each place of a word stands."""
CUT = """() => [...document.querySelectorAll('select')].filter(one => {
    const style = getComputedStyle(one), pen = document.createElement('canvas').getContext('2d');
    pen.font = style.font;
    const room = one.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
    return pen.measureText(one.selectedOptions[0].text).width > room;
}).map(one => one.selectedOptions[0].text)"""
"""What is chosen, where its end cannot be read."""
BOX = "element => element.getBoundingClientRect().toJSON()"
LEFT_OF_TEXT = """element => {
    const range = document.createRange();
    range.selectNodeContents(element);
    return range.getBoundingClientRect().x;
}"""
BROKEN_NAMES = """where => {
    const broken = [], range = document.createRange();
    for (const name of document.querySelectorAll(where)) {
        const walk = document.createTreeWalker(name, NodeFilter.SHOW_TEXT);
        while (walk.nextNode()) for (const part of walk.currentNode.data.matchAll(/\\S+/g)) {
            range.setStart(walk.currentNode, part.index);
            range.setEnd(walk.currentNode, part.index + part[0].length);
            if (new Set([...range.getClientRects()].map(one => one.top)).size > 1) broken.push(part[0]);
        }
    }
    return broken;
}"""
"""The parts of names that a line ends within, other than where they may be parted."""


def test_names_of_settings_break_only_after_an_underscore(visit: Visit) -> None:
    """On a phone the last letter of "authorization_signed_response_alg" stood on a line of its own."""
    page = visit("console-app")
    page.set_viewport_size({"width": 360, "height": 800})
    assert page.locator("code.whole").count() > 40
    assert page.evaluate(BROKEN_NAMES, "code.whole") == []


@pytest.mark.parametrize(
    ("word", "names", "languages"),
    [
        ("e-mail", ("console-people", "details", "verify-email"), LANGUAGES),
        ("authenticator-app", ("set-up-further", "authenticator-apps"), ("nl", "de")),
        ("ID-token", ("console-trial",), ("nl",)),
        ("xero-au", ("security-must",), ("nl", "en")),
    ],
)
def test_no_line_ends_within(
    visit: Visit, swap_in: Visit, word: str, names: tuple[str, ...], languages: tuple[str, ...]
) -> None:
    """At no width does a line end after the letter of "e-mail", a heading within "Authenticator-App" or "ID-token", or a
    sentence within the name of a policy. A search in the page finds the word."""
    page = visit(names[0])
    for name, language in product(names, languages):
        swap_in(name, language)
        for width in range(320, 400, 8):
            page.set_viewport_size({"width": width, "height": 800})
            found = page.evaluate(LINES_OF_WORDS, word.replace("-", "-\u2060?"))
            assert found == [1], f"{name}, {language} at {width} pixels"
        assert page.evaluate("word => window.find(word)", word), f"{name}, {language}"


@pytest.mark.parametrize("width", [360, 768, 1280])
def test_the_header_of_the_profile_stands_in_line_with_the_page(visit: Visit, width: int) -> None:
    """The first tab stood beside the edge of the heading, and a long username upon the name of the organisation."""
    page = visit("remove-wrong", "nl")
    page.set_viewport_size({"width": width, "height": 800})
    brand, person, heading = (page.locator(one).evaluate(BOX) for one in (".brand-mark", ".me strong", "h1"))
    assert brand["right"] <= person["left"] or brand["bottom"] <= person["top"]
    assert page.locator(".nav a").first.evaluate(LEFT_OF_TEXT) == heading["left"]


@pytest.mark.parametrize(
    ("name", "word", "widths"),
    [("press-address", "@webshop", (360, 768)), ("security", r"20\s+november\s+2026\.?", range(320, 400, 8))],
)
def test_a_line_begins_with_an_address_or_a_date(visit: Visit, name: str, word: str, widths: Iterable[int]) -> None:
    """An address broke within "webshop", and a date after its day."""
    page = visit(name, "nl")
    for width in widths:
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate(LINES_OF_WORDS, word) == [1], f"{width} pixels"


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_chosen_in_a_filter_is_read_whole_on_a_phone(visit: Visit, swap_in: Visit, language: str) -> None:
    """In French "Tout le monde" was "Tout le mon…", and any shop with a longer name was cut in every language."""
    page = visit("console-people")
    page.set_viewport_size({"width": 360, "height": 800})
    for name in ("console-people", "console-shop", "console-audit", "console-apps", "console-organisations"):
        swap_in(name, language)
        for order in page.locator("#sort option").all():
            page.locator("#sort").select_option(order.get_attribute("value"))
            assert page.evaluate(CUT) == [], name
        assert page.evaluate(CUT) == [], name


@pytest.mark.parametrize("width", [360, 768, 1280])
def test_a_long_name_is_parted_at_its_dots_alone(visit: Visit, swap_in: Visit, width: int) -> None:
    """In lists and facts "address" stood on two lines, and so did the reason "SMTPRecipientsRefused" of a mail."""
    page = visit("console-people")
    page.set_viewport_size({"width": width, "height": 800})
    for name, where in {
        "console-people": "tbody th a, tbody th .small",
        "console-sessions": "tbody th a",
        "console-mail": "td.long, .reason",
        "console-owner": "h1, dd",
        "device-long": "dd, p",
        "details-wrong": ".form-text",
    }.items():
        assert swap_in(name, "nl").locator(where).count(), name
        assert page.locator("wbr").count(), name
        assert page.evaluate(BROKEN_NAMES, where) == [], name


def test_nothing_sticks_out_where_the_layout_changes(visit: Visit, swap_in: Visit) -> None:
    """Recovery codes, three beside each other, were wider than the narrowest page that had them so."""
    names = sorted(SAMPLES.keys() - {LEAVES})
    page = visit(names[0])
    for width in (544, 768, 960):
        page.set_viewport_size({"width": width, "height": 800})
        wide = [name for name in names if swap_in(name).evaluate("document.documentElement.scrollWidth") > width]
        assert wide == [], f"{width} pixels"
