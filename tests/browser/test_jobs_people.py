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
        press(page, "&tick=all#picked")
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


def test_the_people_of_a_shop_move_and_it_closes(enter: Enter, live: Live, people: People, each_locale: str) -> None:
    """S67: at most five presses from the menu move all 38 people of a shop; two more, and the password, close it."""
    at = people["owner"].organisation_id
    for code, name in (("zwo", "Zwolle"), ("utr", "Utrecht")):
        live.factory.make_shop(at, f"{code}-{each_locale.lower()}", f"{name} {each_locale}")
    for number in range(38):
        live.factory.make_user(at, f"zwolle{number:02}", shops=(f"zwo-{each_locale.lower()}",))
    here = enter(people["administrator"], f"{AT}/people", locale=each_locale)
    page = here.page
    with Presses(page, 7) as presses:
        page.locator("nav a[href$='/shops']:visible").first.click()
        page.locator(f"tr:has-text('Zwolle {each_locale}') a").click()
        page.locator("#everybody").check()
        page.locator("button[value^='move-from-shop']").click()
        page.locator("#choice").select_option(f"Utrecht {each_locale}")
        page.locator("main form [type=submit]").click()
        told = {"nl-NL": "38 personen werken nu in “Utrecht nl-NL” en niet meer in “Zwolle nl-NL”.",
                "en-GB": "38 people now work in “Utrecht en-GB”, and no longer in “Zwolle en-GB”."}  # fmt: skip
        expect(page.get_by_role("status").first).to_have_text(told[each_locale])
        assert presses.count <= 5
        press(page, "/remove")
        page.locator("input[name=password]").fill(people["administrator"].password)
        page.locator("main form [type=submit]").click()
        closed = {"nl-NL": "De winkel “Zwolle nl-NL” is gesloten.", "en-GB": "The shop “Zwolle en-GB” is closed."}
        expect(page.get_by_role("status").first).to_have_text(closed[each_locale])
