"""Do the daily jobs about many people in a real Chromium, in Dutch and in English, within a number of presses."""

from playwright.sync_api import expect

from tests.browser.conftest import Enter, People
from tests.conftest import Live
from tests.drivers.presses import Presses, press

AT = "/admin/example-shoes"


def test_who_has_no_second_factor_yet(enter: Enter, live: Live, people: People, each_locale: str) -> None:
    """One press on the overview shows them; four more require one of all of them. The filter stays in the address."""
    for name in ("kim", "lee"):
        live.factory.make_user(people["owner"].organisation_id, name)
    here = enter(people["administrator"], "/admin/", locale=each_locale)
    page = here.page
    with Presses(page, 5):
        press(page, "?state=no_factor")
        expect(page.locator("table.list tbody tr")).to_have_count(2)
        press(page, "&tick=all")
        page.locator("#act").focus()
        page.locator("#act").select_option("require-factor")
        page.locator("form:has(#act) [type=submit]").click()
        expect(page.locator("main")).to_contain_text("kim, lee")
        here.next()
        told = {"nl-NL": "2 personen moeten bij de volgende keer inloggen een tweede factor instellen.",
                "en-GB": "2 people must set up a second factor at the next sign-in."}  # fmt: skip
        expect(page.get_by_role("status").first).to_have_text(told[each_locale])
    assert "state=no_factor" in page.url


def test_the_season_is_over(enter: Enter, live: Live, people: People, each_locale: str) -> None:
    """Thirty people of a group are disabled with four presses, whatever page of the list they are on."""
    at = people["owner"].organisation_id
    group = live.factory.make_group(at, "Kerst", requires_mfa=False)
    for number in range(30):
        live.factory.make_user(at, f"kerst{number:02}", groups=(group,))
    here = enter(people["administrator"], f"{AT}/people?q=kerst", locale=each_locale)
    page = here.page
    with Presses(page, 4):
        page.locator("#everybody").check()
        page.locator("#act").select_option("disable")
        page.locator("form:has(#act) [type=submit]").click()
        page.locator("main form [type=submit]").click()
        told = {"nl-NL": "30 personen zijn uitgeschakeld en overal uitgelogd.",
                "en-GB": "30 people are disabled and signed out everywhere."}  # fmt: skip
        expect(page.get_by_role("status").first).to_have_text(told[each_locale])
    expect(page.locator(".chips")).to_contain_text("kerst")
