"""People change their own details in a real Chromium, in Dutch and in English (S40, S52, S62)."""

from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser.conftest import Visitor
from tests.browser.links import PRESSED, press
from tests.conftest import Live
from tests.drivers.browser import Browser
from tests.drivers.postman import Postman
from tests.drivers.roles import sign_in
from tests.drivers.words import THERE_ARE_NONE, shown
from tests.factories import MadePerson

Enter = Callable[..., Visitor]
People = dict[str, MadePerson]
WORDS = {
    "en-GB": {"hello": "Hello", "address": "E-mail address", "end": "End", "end_access": "End access Kassa",
              "none": THERE_ARE_NONE, "activity": "Activity"},
    "nl-NL": {"hello": "Hallo", "address": "E-mailadres", "end": "Beëindigen", "end_access": "Toegang beëindigen Kassa",
              "none": "Er zijn er geen.", "activity": "Activiteit"},
}  # fmt: skip


def test_a_name_and_an_address_are_changed(enter: Enter, people: People, postman: Postman, locale: str) -> None:
    """S52: the name changes at once. The address changes after the button on the mailed page was pressed."""
    here, words = enter(people["employee"], "/account/details", locale=locale), WORDS[locale]
    page = here.page
    here.fill(name="Jan de Wit").page.locator("form:has([name=name]) [type=submit]").click()
    here.open("/").reads(f"{words['hello']} Jan de Wit")
    here.open("/account/address").fill(email="jan@thuis.example").next()
    expect(page.get_by_role("main")).to_contain_text("jan@thuis.example")
    press(here, postman.link("jan@thuis.example"), PRESSED[locale]["address"])
    here.open("/account/security")
    expect(page.get_by_role("region", name=shown(words["address"]))).to_contain_text("jan@thuis.example")


def test_a_session_and_an_app_are_ended_and_listed_in_the_activity(
    enter: Enter, live: Live, people: People, locale: str
) -> None:
    """The unknown browser is signed out and the app loses access. The activity lists both."""
    jan, words = people["employee"], WORDS[locale]
    elsewhere = sign_in(Browser(live.app, live.settings.issuer), jan)
    here = enter(jan, "/", locale=locale)
    page = here.page
    here.begin().tokens()
    here.open("/account/sessions")
    expect(page.locator(".devices li")).to_have_count(2)
    page.get_by_role("button", name=words["end"]).click()
    expect(page.locator(".devices li")).to_have_count(1)
    assert "/sign-in/" in elsewhere.open("/account/security").url
    here.open("/account/apps")
    page.get_by_role("button", name=words["end_access"]).click()
    expect(page.locator("main")).to_contain_text(words["none"])
    here.open("/account/activity").reads(words["activity"])
    expect(page.locator(".happenings")).to_contain_text("Kassa")
