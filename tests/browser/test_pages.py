"""Every page is shown in each of its states, in a real Chromium, in English and in another language."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, ViewportSize

from idp.languages import LANGUAGES, SOURCE
from tests.browser.conftest import Visit
from tests.browser.pictures import LEAVES
from tests.browser.samples import SAMPLES
from tests.conftest import Live
from tests.drivers.chromium import (
    DESKTOP,
    NARROWEST,
    check_accessible,
    check_fits,
    check_fits_with_wide_names,
    check_lists_fit,
    new_context,
)
from tests.drivers.languages import another_language
from tests.drivers.words import COPY_THE_KEY

TEMPLATES = Path(__file__).parents[2] / "templates"
LANGUAGE_AND_HEADINGS = "[document.documentElement.lang, document.querySelectorAll('h1').length]"
PARTS = 4
"""The number of parts, so that several processes can share the pages."""
A4 = ((680, 1000), (1000, 680))
"""Pixels between the margins, upright and sideways."""
NAMES = ("Example Shoes", "example-shoes", "Amsterdam Centre", "amsterdam-1", "Boekhouder", "Kassa", "sanne", "Jan Jansen")
NAMES += ("jan", "anna", "2FA", "Till", "xero-au", "shoes.example", "Firefox")
"""Names in the samples that a shop could choose. Long ones must fit in headers, lists, choosers, dialogs and buttons."""


def test_every_template_has_a_sample() -> None:
    """Every page is checked in the browser."""
    there = {
        path.relative_to(TEMPLATES).as_posix()
        for path in TEMPLATES.rglob("*.html")
        if path.parent.name not in ("layout", "mail")
    }
    assert {template for template, _ in SAMPLES.values()} == there


@pytest.mark.parametrize("part", range(PARTS))
def test_every_page_is_accessible_and_fits_a_phone(visit: Visit, swap_in: Visit, part: int) -> None:
    """S62, WCAG 2.2: one heading, the reader's language, targets of 44 pixels, nothing sticks out at 320 pixels, the CSP
    refuses nothing; axe finds nothing in light or dark; and no name, however long, widens the page in any font (1.4.10).

    What axe looks at is the same in every language, but for pages whose words make the layout. Beside English each page is
    shown in one other language, chosen by its name: a new language takes no time, and is seen on many pages.
    """
    names = sorted(SAMPLES.keys() - {LEAVES})[part::PARTS]
    page = visit(names[0])
    page.set_viewport_size(NARROWEST)
    for name in names:
        for language in (SOURCE, another_language(name)):
            show = visit if language == "en" else swap_in
            assert show(name, language).evaluate(LANGUAGE_AND_HEADINGS) == [language, 1], name
            check_fits(page)
            if language == "en":
                check_fits_with_wide_names(page, NAMES)
    page.set_viewport_size(DESKTOP)
    for name in names:
        for language in (SOURCE, another_language(name)) if name.startswith("set-up") else (SOURCE,):
            check_accessible(swap_in(name, language))


def test_no_column_of_a_list_breaks_a_word(visit: Visit, swap_in: Visit, own_live: Live) -> None:
    """On a tablet and on a small desktop screen, values move below each other rather than break, and no list is wider than
    its page."""
    lists = [name for name in sorted(SAMPLES) if 'class="list' in own_live.app.test_client().get(f"/sample/{name}/en").text]
    page = visit(lists[0])
    for width, languages in ((768, (SOURCE,)), (1024, (SOURCE,)), (1280, LANGUAGES)):
        page.set_viewport_size({"width": width, "height": 800})
        for name in lists:
            for language in languages:
                check_lists_fit(swap_in(name, language), f"{name}/{language} at {width} pixels")


@pytest.mark.parametrize("size", [NARROWEST, DESKTOP], ids=["phone", "desktop"])
def test_folded_parts_of_a_page_can_be_opened_at_every_width(visit: Visit, size: ViewportSize) -> None:
    """The settings of an app stood folded on a phone, and were not there at all on a desktop."""
    for name in ("console-app-add", "console-app-form", "console-add-own-policy", "authenticator-apps"):
        page = visit(name)
        page.set_viewport_size(size)
        folded = page.locator("main summary").all()
        assert folded, name
        assert [one.inner_text() for one in folded if not one.is_visible()] == [], name


def test_pages_work_and_look_whole_without_javascript(samples: str, chromium: Browser) -> None:
    """Controls that need a script are hidden without one. Everything else is there."""
    context = new_context(chromium)
    without = chromium.new_context(java_script_enabled=False)
    try:
        for name, script in (("password", "data-reveal"), ("set-up-scan", "data-copy"), ("set-up-codes", "data-print")):
            for profile, seen in ((context, True), (without, False)):
                page = profile.new_page()
                page.goto(f"{samples}/{name}/en")
                assert page.locator(f"[{script}]").first.is_visible() is seen
                assert page.locator("main button[type=submit]").first.is_visible()
                page.close()
    finally:
        context.close()
        without.close()


def test_show_reveals_the_password_and_hide_hides_it(visit: Visit) -> None:
    """ASVS V6.2.6, NIST SP 800-63B-4 §3.1.1.2: the user may look at the typed password."""
    page = visit("password")
    page.fill("#password", "green rain boots")
    page.get_by_role("button", name="Show").click()
    assert page.locator("#password").get_attribute("type") == "text"
    page.get_by_role("button", name="Hide").click()
    assert page.locator("#password").get_attribute("type") == "password"


def test_the_key_and_the_codes_can_be_copied(visit: Visit) -> None:
    """S19, S23: the key is copied without its spaces, and the codes one on each line."""
    for name, button, expected in (
        ("set-up-scan", COPY_THE_KEY, "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"),
        ("set-up-codes", "Copy Recovery codes", "\n".join(f"{one}7m2xqp-r4t9wh{one}" for one in "abcdefghijkm")),
    ):
        page = visit(name)
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        page.get_by_role("button", name=button, exact=True).click()
        page.get_by_text("Copied").wait_for()
        assert page.evaluate("navigator.clipboard.readText()") == expected


def test_settings_for_a_library_are_copied_line_by_line(visit: Visit) -> None:
    """Code keeps its line breaks and its indentation."""
    page = visit("console-app-guide")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator("[data-copy=code-2]").click()
    page.get_by_text("Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()").startswith("def home():\n    return ")


def test_a_qr_code_stays_black_on_white_in_the_dark(visit: Visit) -> None:
    """S19: scanners need dark modules on a light ground with a quiet zone of four modules."""
    page = visit("set-up-scan")
    page.emulate_media(color_scheme="dark")
    drawing = page.locator(".qr svg").inner_html()
    assert 'fill="#fff"' in drawing
    assert 'stroke="#000"' in drawing
    assert 'd="M4 4.5' in drawing
    assert page.locator(".qr").evaluate("one => getComputedStyle(one).backgroundColor") == "rgb(255, 255, 255)"


def test_printing_the_codes_prints_the_codes_alone(visit: Visit) -> None:
    """S23: the paper has site, person, date and codes, without buttons: upright, sideways, black on white."""
    page = visit("set-up-codes")
    page.emulate_media(media="print", color_scheme="dark")
    for width, height in A4:
        page.set_viewport_size({"width": width, "height": height})
        assert page.locator("#codes").is_visible()
        for told in ("http://localhost", "sanne", "20 November 2026"):
            assert page.locator(".print-only", has_text=told).first.is_visible()
        assert page.locator(".btn:visible, .form-check:visible, footer:visible").count() == 0
        assert page.locator("#codes").evaluate("one => getComputedStyle(one).color") == "rgb(0, 0, 0)"


def test_a_printed_code_fills_the_paper(visit: Visit) -> None:
    """Upright and sideways, the console's menu leaves its room to the code, which is on one line."""
    page = visit("console-printed")
    page.emulate_media(media="print")
    for width, height in A4:
        page.set_viewport_size({"width": width, "height": height})
        assert page.locator("main").evaluate("one => one.offsetWidth") > width * 0.9
        assert page.get_by_text("ab3d-ef4h").first.evaluate("one => one.getClientRects().length") == 1
