"""What people change about themselves, in a real Chromium and in Dutch (S40, S52, S62; issue 3)."""

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import expect

from tests.browser.conftest import Visitor
from tests.conftest import Live
from tests.drivers.browser import Browser
from tests.drivers.postman import Postman
from tests.factories import MadePerson
from tests.web.test_roles import sign_in

Enter = Callable[..., Visitor]
People = dict[str, MadePerson]


def test_a_name_and_an_address_are_changed(enter: Enter, live: Live, people: People, tmp_path: Path) -> None:
    """S52: the name at once; the address once the button on the mailed page was pressed."""
    here = enter(people["employee"], "/account/details", locale="nl-NL")
    page = here.page
    here.fill(name="Jan de Wit").next()
    here.open("/").sees("Hallo Jan de Wit")
    here.open("/account/address").fill(email="jan@thuis.example").next()
    expect(page.get_by_role("status")).to_contain_text("jan@thuis.example")
    page.goto(Postman(live.factory, tmp_path / "mail").link("jan@thuis.example"))
    here.sees("Bevestig je e-mailadres").next()
    here.open("/account/security")
    expect(page.get_by_role("region", name="E-mailadres")).to_contain_text("jan@thuis.example")


def test_a_session_and_an_app_are_ended_and_remembered_as_done(enter: Enter, live: Live, people: People) -> None:
    """Issue 3: the browser that one does not know is signed out, the app forgotten, and the history tells both."""
    jan = people["employee"]
    elsewhere = sign_in(Browser(live.app, live.settings.issuer), jan)
    here = enter(jan, "/", locale="nl-NL")
    page = here.page
    here.begin().tokens()
    here.open("/account/sessions")
    expect(page.locator(".devices li")).to_have_count(2)
    page.get_by_role("button", name="Beëindigen").click()
    expect(page.locator(".devices li")).to_have_count(1)
    assert "/sign-in/" in elsewhere.open("/account/security").url
    here.open("/account/apps")
    page.get_by_role("button", name="Toegang beëindigen Kassa").click()
    expect(page.locator("main")).to_contain_text("Er zijn er geen.")
    here.open("/account/activity").sees("Activiteit")
    expect(page.locator(".happenings")).to_contain_text("Kassa")
