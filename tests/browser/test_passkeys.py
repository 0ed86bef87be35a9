"""Passkeys work in a real Chromium with its virtual authenticator: added, used alone, and used as second factor."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import playwright.sync_api
import pytest
import time_machine
from playwright.sync_api import CDPSession, Page, expect

from idp.clock import now
from idp.identity.credentials import passkeys
from tests.conftest import Live
from tests.drivers.chromium import check_accessible, check_fits, new_context, plug_in
from tests.drivers.words import ADD_A_PASSKEY, SAVE_YOUR_RECOVERY_CODES
from tests.factories import BY_TESTS, MadePerson


def sign_in(live: Live, page: Page, person: MadePerson) -> None:
    page.goto(live.settings.issuer)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.fill("[name=username]", person.username)
    page.fill("[name=password]", person.password)
    page.press("[name=password]", "Enter")
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()


def add(live: Live, page: Page, person: MadePerson, name: str = "") -> None:
    page.goto(f"{live.settings.issuer}/account/passkeys")
    page.get_by_role("button", name=ADD_A_PASSKEY).click()
    page.fill("[name=password]", person.password)
    page.get_by_role("button", name="Next").click()
    page.fill("[name=name]", name)
    check_accessible(page)
    check_fits(page)
    page.get_by_role("button", name=ADD_A_PASSKEY).click()


def use(page: Page) -> None:
    page.get_by_role("button", name="Use my passkey").click()


def jan(live: Live, **details: Any) -> MadePerson:
    return live.factory.make_user(live.factory.make_organisation(settings={"offer_set_up": False}), "jan", **details)


def test_a_passkey_is_added_and_signs_in_from_the_first_page(live: Live, page: Page) -> None:
    """S6, S21: the user adds it, saves the codes, signs out, and signs in without typing. The list names it."""
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    session, authenticator = plug_in(page, synced=True)
    person = jan(live)
    sign_in(live, page, person)
    add(live, page, person, "My laptop")
    expect(page.get_by_text("Use it once now")).to_be_visible()
    use(page)
    expect(page.get_by_role("heading", name=SAVE_YOUR_RECOVERY_CODES)).to_be_visible()
    page.check("[name=noted]")
    page.get_by_role("button", name="Done").click()
    expect(page.get_by_text("My laptop").first).to_be_visible()
    expect(page.get_by_text("synced")).to_be_visible()
    session.send("WebAuthn.setAutomaticPresenceSimulation", {"authenticatorId": authenticator, "enabled": False})
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("button", name="Sign in", exact=True).click()
    check_accessible(page)
    session.send("WebAuthn.setAutomaticPresenceSimulation", {"authenticatorId": authenticator, "enabled": True})
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    expect(page.locator("body")).to_contain_text("jan")
    assert complaints == []


def test_autofill_signs_in_without_any_press(live: Live, page: Page) -> None:
    """Conditional mediation on the first page; no username is typed."""
    plug_in(page)
    person = jan(live)
    sign_in(live, page, person)
    add(live, page, person)
    use(page)
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("button", name="Sign in", exact=True).click()
    # Chromium's virtual authenticator picks from the list under the field, as a person would.
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()


def test_a_security_key_without_a_pin_is_a_second_factor_only(live: Live, page: Page) -> None:
    """S1, W-07: after the password the key is accepted. Alone on the first page it is not."""
    plug_in(page, transport="usb", verifies=False)
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


def test_a_second_passkey_on_the_same_authenticator_is_refused_by_it(live: Live, page: Page) -> None:
    """W-18: the options exclude existing passkeys, so the authenticator refuses."""
    plug_in(page)
    person = jan(live)
    sign_in(live, page, person)
    add(live, page, person)
    use(page)
    page.get_by_role("button", name="Cancel").click()
    add(live, page, person)
    expect(page.get_by_role("status").filter(has_text="already been added")).to_be_visible()


@pytest.fixture
def clock() -> Iterator[Callable[[Page, int], None]]:
    """Turn the wall clocks of both sides, as for a laptop that slept: no timer ran. ``clock(page, minutes)``."""
    with ExitStack() as travels:

        def turn(page: Page, minutes: int) -> None:
            moment = now() + timedelta(minutes=minutes)
            travels.enter_context(time_machine.travel(moment, tick=True))
            page.clock.set_system_time(moment)

        yield turn


NO_AUTOFILL = "PublicKeyCredential.isConditionalMediationAvailable = async () => false"
NOTE = "async (told) => sessionStorage.setItem('told', JSON.stringify(told))"


def at_first_page(live: Live, page: Page, person: MadePerson) -> tuple[CDPSession, str]:
    """Bring a signed-out person with a passkey to the first page, where only the button asks for it.

    Chromium's virtual authenticator would pick from the list under the field by itself, and again after each refusal.
    """
    page.add_init_script(NO_AUTOFILL)
    session, authenticator = plug_in(page)
    sign_in(live, page, person)
    add(live, page, person)
    use(page)
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.locator("[name=password]")).to_be_visible()
    return session, authenticator


def press(page: Page) -> None:
    page.get_by_role("button", name="Sign in with a passkey").click()


def test_a_page_that_was_open_for_too_long_still_signs_in(live: Live, page: Page, clock) -> None:
    """S60, W-01: the challenge expired while the laptop slept. A press fetches another one, and the person sees no error."""
    page.clock.install()
    at_first_page(live, page, jan(live))
    clock(page, 7)
    press(page)
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()


def test_an_expired_sign_in_starts_again_by_the_same_press(live: Live, page: Page, clock) -> None:
    """S60: two hours later the sign-in has expired. The press continues in a new one."""
    page.clock.install()
    at_first_page(live, page, jan(live))
    clock(page, 120)
    press(page)
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()


def test_a_page_that_cannot_be_renewed_says_so_and_offers_to_load_it_again(
    locale: str, live: Live, chromium: playwright.sync_api.Browser, clock
) -> None:
    """S60: without a network, a live region shows a plain sentence and a button that reloads the page."""
    context = new_context(chromium)
    page = context.new_page()
    page.clock.install()
    at_first_page(live, page, jan(live))
    if locale == "nl-NL":
        page.get_by_role("button", name="Nederlands").click()
        expect(page.locator("html")).to_have_attribute("lang", "nl")  # else the clock turns before the new page is there
    clock(page, 7)
    page.route("**/sign-in/*", lambda route: route.abort() if route.request.resource_type == "fetch" else route.continue_())
    words = {
        "en-GB": ("Sign in with a passkey", "open for too long", "Reload the page", "Sign out"),
        "nl-NL": ("Inloggen met een passkey", "te lang open", "Pagina opnieuw laden", "Uitloggen"),
    }[locale]
    page.get_by_role("button", name=words[0]).click()
    expect(page.get_by_role("status").filter(has_text=words[1])).to_be_visible()
    check_accessible(page)
    check_fits(page)
    page.get_by_role("button", name=words[2]).click()
    page.wait_for_load_state()
    page.get_by_role("button", name=words[0]).click()
    expect(page.get_by_role("button", name=words[3])).to_be_visible()
    context.close()


def test_a_cancelled_passkey_prompt_can_be_tried_again(live: Live, page: Page) -> None:
    """W-07: without a PIN no passkey is shown. The page says so, and the button still works."""
    session, authenticator = at_first_page(live, page, jan(live))
    verified = {"authenticatorId": authenticator, "isUserVerified": False}
    session.send("WebAuthn.setUserVerified", verified)
    press(page)
    expect(page.get_by_role("status").filter(has_text="No passkey was used.")).to_be_visible()
    session.send("WebAuthn.setUserVerified", {**verified, "isUserVerified": True})
    press(page)
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()


def test_a_removed_passkey_is_refused_plainly_and_told_to_its_authenticator(live: Live, page: Page) -> None:
    """W-13, Level 3 §5.1.10: the page says that it was not accepted and asks again. The list told the browser the
    remaining ones.
    """
    page.add_init_script(f"PublicKeyCredential.signalAllAcceptedCredentials = {NOTE}")
    person = jan(live)
    at_first_page(live, page, person)
    with live.factory.context():
        user = live.factory.user(person)
        (held,) = passkeys.passkeys_of(user)
        passkeys.remove(live.settings, live.factory.organisation(user.organisation_id), user, held.id, BY_TESTS)
    press(page)
    expect(page.get_by_role("alert").filter(has_text="That passkey was not accepted.")).to_be_visible()
    expect(page.get_by_role("button", name="Sign in with a passkey")).to_be_visible()
    sign_in(live, page, person)
    page.goto(f"{live.settings.issuer}/account/passkeys")
    body = json.loads(page.evaluate("sessionStorage.getItem('told')"))
    assert (body["allAcceptedCredentialIds"], body["rpId"]) == ([], "localhost")
