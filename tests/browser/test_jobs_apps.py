"""Do the jobs about apps in a real Chromium, in Dutch and in English, within a number of presses."""

from playwright.sync_api import expect

from tests.browser.conftest import Enter, People
from tests.drivers.presses import Presses, press
from tests.drivers.words import THE_SECRET_HAS_ENDED

AT = "/admin/example-shoes"
WORDS = {
    "en-GB": {"connected": "“Shoes online” is connected", "ended": THE_SECRET_HAS_ENDED},
    "nl-NL": {"connected": "“Shoes online” is gekoppeld", "ended": "Het geheim is ingetrokken en werkt nergens meer."},
}


def test_connect_a_web_shop_and_end_its_leaked_secret(enter: Enter, people: People, each_locale: str) -> None:
    """S71, S72: three presses to a secret with settings that work; four to a new secret and the end of the old one."""
    olga, words = people["operator"], WORDS[each_locale]
    here = enter(olga, f"{AT}/apps", locale=each_locale)
    page = here.page
    with Presses(page, 7):
        press(page, "/apps/connect")
        press(page, "/connect/shop")
        page.locator("#stack").select_option("authjs")
        here.fill(name="Shoes online", address="shop.shoes.example").next()
        expect(page.get_by_role("status").first).to_contain_text(words["connected"])
        secret = page.locator("#new-secret").inner_text()
        expect(page.locator("#guide ~ pre").first).to_be_visible()
        page.locator("#overlap").select_option("7d")
        page.locator("main form[action$='/secrets/new'] [type=submit]").click()
        here.fill(password=olga.password)
        page.locator("main form [type=submit]").click()
        assert page.locator("#new-secret").inner_text() not in ("", secret)
        page.locator("main a[href$='/end']").first.click()
        here.fill(password=olga.password)
        page.locator("main form [type=submit]").click()
        expect(page.get_by_role("status").first).to_contain_text(words["ended"])
        expect(page.locator("main a[href$='/end']")).to_have_count(1)
