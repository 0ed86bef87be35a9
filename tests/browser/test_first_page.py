"""The first page works in a real Chromium without a mouse, without JavaScript, and on a phone."""

from playwright.sync_api import Page, expect

from tests.conftest import Live
from tests.drivers.chromium import check_accessible, check_fits


def test_a_person_signs_in_at_the_issuers_root_and_sees_their_name(live: Live, page: Page) -> None:
    """S30, S62: username and password lead to the front page. axe finds nothing on either page."""
    person = live.factory.make_user(live.factory.make_organisation(settings={"offer_set_up": False}))
    page.goto(live.settings.issuer)
    check_accessible(page)
    page.get_by_role("button", name="Sign in", exact=True).click()
    check_fits(page)
    check_accessible(page)
    page.fill("[name=username]", person.username)
    page.fill("[name=password]", person.password)
    page.press("[name=password]", "Enter")
    expect(page.locator("body")).to_contain_text(person.username)
    check_fits(page)
    check_accessible(page)
