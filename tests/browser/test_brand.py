"""Pages have the colour and the logo of an organisation, in a real Chromium."""

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Response
from playwright.sync_api import Page, expect

from idp.branding import Brand, brand_of
from idp.db import transaction
from idp.identity.organisations import logos, organisations
from idp.web import language, pages
from tests.browser.conftest import Visitor
from tests.browser.samples import SAMPLES
from tests.conftest import Live
from tests.drivers import pictures
from tests.drivers.chromium import DESKTOP, NARROWEST, check_accessible, check_colours, check_fits, swap
from tests.factories import BY_TESTS

BRANDS = {"yellow": ("#ffd400", "#101010"), "dark-blue": ("#0b3d91", "#0b3d91"), "white": ("#ffffff", "#ffffff")}
"""The colour, and the ink of a transparent logo."""
SHOWN = (
    "password", "password-wrong", "chooser", "code", "set-up-scan", "set-up-codes", "consent", "home", "security",
    "sessions", "console-people", "console-person", "console-settings", "console-audit",
)  # fmt: skip
"""Samples that together have every kind of button, link, mark and notice."""


@pytest.fixture
def live(own_live: Live) -> Live:
    """Serve an application to which a route for samples can be added."""
    return own_live


def give_brand(live: Live, organisation_id: str, brand: str) -> Brand:
    """Give one of the brands to an organisation, as pages show it."""
    colour, ink = BRANDS[brand]
    with live.factory.context():
        row = live.factory.organisation(organisation_id)
        logos.adopt(row, pictures.see_through(ink), BY_TESTS)
        with transaction():
            organisations.change(row, {"settings": {"colour": colour}}, BY_TESTS)
        return brand_of(live.factory.organisation(organisation_id))


@pytest.mark.parametrize("brand", BRANDS)
def test_pages_in_a_brand_are_accessible_and_fit_a_phone(live: Live, page: Page, quiet_shoes: str, brand: str) -> None:
    """WCAG 2.2, 1.4.3 and 1.4.10: axe finds nothing in light or dark, and the CSP refuses neither logo nor style.

    Brands differ in their colours alone, so that one of them gets every check.
    """
    check = check_accessible if brand == next(iter(BRANDS)) else check_colours
    given = give_brand(live, quiet_shoes, brand)

    def show(name: str) -> Response:
        language.prefer("en")
        pages.wear(given)
        return pages.render(*SAMPLES[name])

    live.app.add_url_rule("/sample/<name>", "sample", show)
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    samples = f"{live.settings.issuer}/sample"
    page.goto(f"{samples}/{SHOWN[0]}")
    texts = [page.request.get(f"{samples}/{name}").text() for name in SHOWN]
    for size in (NARROWEST, DESKTOP):
        page.set_viewport_size(size)
        for text in texts:
            swap(page, text)
            assert page.locator(".brand-mark img").evaluate("one => one.complete && one.naturalWidth > 0")
            if size == NARROWEST:
                check_fits(page)
            else:
                check(page)
    assert complaints == []


def test_an_administrator_gives_the_shop_its_look(
    live: Live, visitor: Callable[..., Visitor], quiet_shoes: str, tmp_path: Path
) -> None:
    """A person sets logo and colour. The next sign-in page has both."""
    anna = live.factory.make_user(quiet_shoes, "anna", role="administrator", with_totp=True, email="anna@shoes.example")
    file = tmp_path / "logo.png"
    file.write_bytes(pictures.see_through("#101010"))
    anybody = visitor()
    page = anybody.open("/admin/example-shoes/settings").page
    anybody.fill(username="anna", password=anna.password).next()
    anybody.fill(code=anna.authenticator.code()).next()
    anybody.sees("Settings")
    page.get_by_label("Pick a colour").fill("#ffd400")
    expect(page.get_by_label("Colour", exact=True)).to_have_value("#ffd400")
    page.get_by_role("button", name="Save", exact=True).click()
    ground = page.get_by_role("button", name="Save", exact=True).evaluate("one => getComputedStyle(one).backgroundColor")
    assert ground == "rgb(255, 212, 0)"
    page.get_by_label("Picture").set_input_files(file)
    page.get_by_role("button", name="Use this logo").click()
    expect(page.get_by_role("img", name="Example Shoes")).to_have_count(3)
    anybody.sees("Settings")
    stranger = visitor().begin()
    expect(stranger.page.get_by_role("img", name="Example Shoes")).to_be_visible()
    stranger.sees("Sign in")
