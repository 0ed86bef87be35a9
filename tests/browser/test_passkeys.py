"""Passkeys in a real Chromium with its virtual authenticator: made, used alone, used as second factor."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import CDPSession, Page, expect

from tests.conftest import Live
from tests.drivers.chromium import check_accessible, check_fits, look
from tests.factories import MadePerson


@pytest.fixture
def plug_in(page: Page) -> Callable[..., tuple[CDPSession, str]]:
    """Plug a virtual authenticator into the page's browser: ``plug_in(synced=True)``, ``plug_in(transport="usb")``."""

    def _plug_in(*, synced: bool = False, transport: str = "internal", verifies: bool = True) -> tuple[CDPSession, str]:
        session = page.context.new_cdp_session(page)
        session.send("WebAuthn.enable")
        options: dict[str, Any] = {
            "protocol": "ctap2",
            "ctap2Version": "ctap2_1",
            "transport": transport,
            "hasResidentKey": verifies,
            "hasUserVerification": verifies,
            "isUserVerified": verifies,
            "automaticPresenceSimulation": True,
            "defaultBackupEligibility": synced,
            "defaultBackupState": synced,
        }
        if not verifies:
            options |= {"protocol": "u2f"}
            del options["ctap2Version"]
        return session, session.send("WebAuthn.addVirtualAuthenticator", {"options": options})["authenticatorId"]

    return _plug_in


def sign_in(live: Live, page: Page, person: MadePerson) -> None:
    page.goto(live.settings.issuer)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.fill("[name=username]", person.username)
    page.fill("[name=password]", person.password)
    page.press("[name=password]", "Enter")
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()


def add(live: Live, page: Page, person: MadePerson, name: str = "") -> None:
    page.goto(f"{live.settings.issuer}/account/passkeys")
    page.get_by_role("button", name="Add a passkey").click()
    page.fill("[name=password]", person.password)
    page.get_by_role("button", name="Next").click()
    page.fill("[name=name]", name)
    check_accessible(page)
    check_fits(page)
    page.get_by_role("button", name="Add a passkey").click()


def use(page: Page) -> None:
    page.get_by_role("button", name="Use my passkey").click()


def jan(live: Live, **details: Any) -> MadePerson:
    return live.factory.make_user(live.factory.make_organisation(settings={"offer_set_up": False}), "jan", **details)


def test_a_passkey_is_added_and_signs_in_from_the_first_page(live: Live, page: Page, plug_in) -> None:
    """Issue 3, S6, S21: add, note the codes, sign out, sign in without typing anything; the list names it."""
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    session, authenticator = plug_in(synced=True)
    person = jan(live)
    sign_in(live, page, person)
    add(live, page, person, "My laptop")
    expect(page.get_by_text("Use it once now")).to_be_visible()
    use(page)
    expect(page.get_by_role("heading", name="Note your recovery codes")).to_be_visible()
    page.check("[name=noted]")
    page.get_by_role("button", name="Done").click()
    expect(page.get_by_text("My laptop").first).to_be_visible()
    expect(page.get_by_text("synced")).to_be_visible()
    look(page, "passkeys")
    session.send("WebAuthn.setAutomaticPresenceSimulation", {"authenticatorId": authenticator, "enabled": False})
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("button", name="Sign in", exact=True).click()
    check_accessible(page)
    session.send("WebAuthn.setAutomaticPresenceSimulation", {"authenticatorId": authenticator, "enabled": True})
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    expect(page.locator("body")).to_contain_text("jan")
    assert complaints == []


def test_autofill_signs_in_without_any_press(live: Live, page: Page, plug_in) -> None:
    """Issue 3: conditional mediation on the first page; no username is typed."""
    plug_in()
    person = jan(live)
    sign_in(live, page, person)
    add(live, page, person)
    use(page)
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("button", name="Sign in", exact=True).click()
    # Chromium's virtual authenticator takes the place of the person who picks from the list under the field.
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()


def test_a_security_key_without_a_pin_is_a_second_factor_only(live: Live, page: Page, plug_in) -> None:
    """S1, W-07: after the password it is asked for and accepted; alone on the first page it is not."""
    plug_in(transport="usb", verifies=False)
    person = jan(live)
    sign_in(live, page, person)
    add(live, page, person)
    use(page)
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.fill("[name=username]", person.username)
    page.fill("[name=password]", person.password)
    page.press("[name=password]", "Enter")
    expect(page.get_by_role("heading", name="Use your passkey")).to_be_visible()
    check_accessible(page)
    use(page)
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()


def test_a_second_passkey_on_the_same_authenticator_is_refused_by_it(live: Live, page: Page, plug_in) -> None:
    """W-18: the options exclude what is there, so the authenticator says so itself."""
    plug_in()
    person = jan(live)
    sign_in(live, page, person)
    add(live, page, person)
    use(page)
    page.get_by_role("button", name="Cancel").click()
    add(live, page, person)
    expect(page.get_by_role("status").filter(has_text="registered already")).to_be_visible()
