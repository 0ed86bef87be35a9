"""Jobs of an administrator in a real Chromium, in Dutch and in English, with the clicks counted (issue 11)."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visitor
from tests.factories import MadePerson

Enter = Callable[..., Visitor]
People = dict[str, MadePerson]
AT = "/admin/example-shoes"
LANGUAGES = ("en-GB", "nl-NL")


class Clicks:
    """Press what a person presses, and count it. Typing is no click."""

    def __init__(self, page: Page) -> None:
        self.page, self.count = page, 0

    def on(self, selector: str) -> None:
        """Press the first control that fits."""
        self.count += 1
        self.page.locator(selector).first.click()


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_second_factor_for_managers_from_january_takes_six_clicks(enter: Enter, people: People, language: str) -> None:
    """Job 6: from the menu to the added rule, with the number of people in between."""
    here = enter(people["administrator"], f"{AT}/people", locale=language)
    clicks = Clicks(here.page)
    clicks.on("nav a[href$='/policies']:visible")
    clicks.on("main a[href$='/policies/own/add']")
    here.fill(name=f"Managers {language}", starts="2027-01-01")
    clicks.on("label[for='role-manager']")
    clicks.on("main .btn-primary[type=submit]")
    expect(here.page.locator("#applies")).to_contain_text("1 of" if language == "en-GB" else "1 van de")
    clicks.on("main .btn-primary[type=submit]")
    expect(here.page.locator("#done")).to_be_visible()
    expect(here.page.get_by_role("heading", name=f"Managers {language}")).to_be_visible()
    assert clicks.count <= 6


@pytest.mark.parametrize("language", LANGUAGES)
def test_who_signed_in_from_where_yesterday_takes_four_clicks(enter: Enter, people: People, language: str) -> None:
    """Job 10: the log, a day, a kind of event, search. The address holds all of it."""
    here = enter(people["administrator"], f"{AT}/people", locale=language)
    clicks = Clicks(here.page)
    clicks.on("nav a[href$='/audit']:visible")
    clicks.on("main nav a[href*='since=']")
    clicks.count += 1  # the list of events opens, and an entry is chosen by its first letters
    here.page.locator("#event").select_option("sign-ins")
    clicks.on("main form[role=search] [type=submit]")
    expect(here.page.locator("table tbody tr").first).to_contain_text(people["administrator"].username)
    assert "event=sign-ins" in here.page.url
    assert "since=20" in here.page.url
    assert clicks.count <= 4
