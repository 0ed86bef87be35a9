"""Do the jobs about rules and the audit log in a real Chromium, in Dutch and in English, within a number of presses."""

from playwright.sync_api import expect

from tests.browser.conftest import Enter, People
from tests.drivers.presses import Presses

AT = "/admin/example-shoes"


def test_a_second_factor_for_managers_from_january(enter: Enter, people: People, each_locale: str) -> None:
    """S70: at most six presses from the menu to the added rule, with the number of people in between."""
    here = enter(people["administrator"], f"{AT}/people", locale=each_locale)
    page = here.page
    with Presses(page, 6):
        page.locator("nav a[href$='/policies']:visible").first.click()
        page.locator("main a[href$='/policies/own/add']").click()
        here.fill(name=f"Managers {each_locale}", starts="2027-01-01")
        page.locator("label[for='role-manager']").click()
        here.next()
        expect(page.locator("#applies")).to_contain_text({"en-GB": "1 of", "nl-NL": "1 van de"}[each_locale])
        here.next()
        expect(page.locator("#done")).to_be_visible()
    expect(page.get_by_role("heading", name=f"Managers {each_locale}")).to_be_visible()


def test_who_signed_in_from_where_yesterday(enter: Enter, people: People, each_locale: str) -> None:
    """S73: at most four presses: the log, a day, a kind of event, search. The address holds all of it."""
    here = enter(people["administrator"], f"{AT}/people", locale=each_locale)
    page = here.page
    with Presses(page, 4):
        page.locator("nav a[href$='/audit']:visible").first.click()
        page.locator("main nav a[href*='since=']").first.click()
        page.locator("#event").select_option("sign-ins")
        page.locator("main form[role=search] [type=submit]").first.click()
        expect(page.locator("table tbody tr").first).to_contain_text(people["administrator"].username)
    assert "event=sign-ins" in page.url
    assert "since=20" in page.url
