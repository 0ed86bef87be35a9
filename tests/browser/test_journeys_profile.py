"""Users change their profile and sign out, in a real Chromium (S6–S8, S25–S28, S40, S46, S62)."""

import re
from collections.abc import Callable
from urllib.parse import urlencode

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visitor
from tests.conftest import Live
from tests.drivers.set_up_pages import codes_on, phone_with_key_on
from tests.drivers.words import (
    CHANGE_PASSWORD,
    CHOOSE_A_NEW_PASSWORD,
    CONFIRM_THAT_IT_IS_YOU,
    ENTER_YOUR_CODE,
    IVE_SAVED_THESE_CODES,
    MAKE_NEW_CODES,
    SAVE_YOUR_RECOVERY_CODES,
    SET_UP_A_SECOND_FACTOR,
    SIGN_IN_DETAILS,
    YOU_ARE_SIGNED_OUT,
    YOUR_PASSWORD_AGAIN,
)
from tests.factories import MadePerson

Visitors = Callable[..., Visitor]
NEW = "violet harbour kettle 9"
PROFILE = "/account/security"


@pytest.fixture
def jan(live: Live, quiet_shoes: str) -> MadePerson:
    """Make a person who has only a password."""
    return live.factory.make_user(quiet_shoes, email="jan@shoes.example")


@pytest.fixture
def ann(live: Live, quiet_shoes: str) -> MadePerson:
    """Make a person with an authenticator app and recovery codes."""
    return live.factory.make_user(quiet_shoes, "ann", with_totp=True, recovery_codes=3, email="ann@shoes.example")


def signed_in(here: Visitor, person: MadePerson, *, remember: bool = False) -> Visitor:
    """Sign in at the app, and then at the profile."""
    here.begin().fill(username=person.username, password=person.password).next()
    if person.totp_secret:
        if remember:
            here.page.locator("[name=remember_device]").check()
        here.fill(code=person.authenticator.code()).next()
    here.tokens()
    return here.open(PROFILE)


def test_a_second_factor_is_set_up_and_removed(visitor: Visitors, jan: MadePerson) -> None:
    """S6, S7, S10, S15, S17, S25, S27, S28: it is recommended, set up, shown with its date, and removed after a dialog and
    the password.
    """
    here = signed_in(visitor(), jan).reads(SIGN_IN_DETAILS)
    page = here.page
    page.get_by_role("button", name="Set up").click()
    here.reads(SET_UP_A_SECOND_FACTOR).next().sees(YOUR_PASSWORD_AGAIN)
    here.fill(password=jan.password).next().next()
    here.fill(code=phone_with_key_on(page).code()).next()
    page.get_by_label(IVE_SAVED_THESE_CODES).check()
    here.next().sees(SIGN_IN_DETAILS)
    expect(page.get_by_text(re.compile(r"Active since .+\s20"))).to_be_visible()
    page.get_by_role("link", name="Remove").click()
    here.sees("Remove your second factor?")
    page.get_by_role("link", name="Next").click()
    # The password was typed for the set-up moments ago, so the dialog does not ask for it again.
    here.reads("Remove your second factor?").press("remove").reads(SIGN_IN_DETAILS)
    expect(page.get_by_text("Not active")).to_be_visible()


def test_a_recommendation_goes_away_for_good(visitor: Visitors, jan: MadePerson) -> None:
    """S10: a dismissed notice does not come back."""
    page = signed_in(visitor(), jan).page
    notice = page.get_by_role("region", name="Make your account safer")
    notice.get_by_role("button", name="Not now").click()
    expect(page.get_by_role("heading", name=SIGN_IN_DETAILS)).to_be_visible()
    expect(notice).to_have_count(0)


def test_new_codes_replace_the_old_ones(visitor: Visitors, ann: MadePerson) -> None:
    """S46: new codes for the same app are shown once."""
    here = signed_in(visitor(), ann)
    here.page.get_by_role("button", name=MAKE_NEW_CODES).click()
    here.sees("New recovery codes").next().fill(password=ann.password).next().reads(SAVE_YOUR_RECOVERY_CODES)
    assert len(codes_on(here.page)) == 12
    here.page.get_by_label(IVE_SAVED_THESE_CODES).check()
    here.next().reads(SIGN_IN_DETAILS)
    expect(here.page.get_by_text("You have 12 unused codes")).to_be_visible()


def test_the_password_is_changed_and_trust_ends_with_it(visitor: Visitors, ann: MadePerson) -> None:
    """S40: the present password and code come first. Afterwards no device is remembered."""
    here = signed_in(visitor(), ann, remember=True).reads(SIGN_IN_DETAILS)
    devices = here.page.get_by_role("region", name="Remembered devices")
    expect(devices.get_by_role("button", name=re.compile("Forget .+"))).to_be_visible()
    here.page.get_by_role("button", name=CHANGE_PASSWORD).click()
    here.sees(CONFIRM_THAT_IT_IS_YOU).fill(password=ann.password).next()
    here.sees(ENTER_YOUR_CODE).fill(code=ann.authenticator.code()).next()
    here.reads(CHOOSE_A_NEW_PASSWORD).fill(new_password=NEW, new_password_again=NEW).next().reads(SIGN_IN_DETAILS)
    expect(devices.get_by_role("button")).to_have_count(0)


def test_a_device_is_forgotten(visitor: Visitors, ann: MadePerson) -> None:
    """S40: the list has a button for each."""
    here = signed_in(visitor(), ann, remember=True)
    here.page.get_by_role("button", name=re.compile("Forget .+")).click()
    expect(here.page.get_by_text("There are no remembered devices")).to_be_visible()


def test_a_chosen_language_is_kept(visitor: Visitors, jan: MadePerson) -> None:
    """S62: a language chosen in the profile applies to the user's own pages, and at signing out."""
    here = signed_in(visitor(), jan).open("/account/details")
    here.page.get_by_role("button", name="Nederlands").click()
    expect(here.page.locator("html")).to_have_attribute("lang", "nl")
    here.open("/oauth/logout").sees("Uitloggen?").press("choice", "sign_out").sees("Je bent uitgelogd")


def test_an_app_signs_out_with_its_hint_at_once(visitor: Visitors, jan: MadePerson, relying_app: str) -> None:
    """OpenID Connect RP-Initiated Logout: with the ID token as a hint, the person goes back to the app."""
    here = visitor().begin().fill(username=jan.username, password=jan.password).next()
    hint = here.tokens().id_token
    bye = f"{relying_app}/bye"
    here.open("/oauth/logout?" + urlencode({"id_token_hint": hint, "post_logout_redirect_uri": bye, "state": "x"}))
    expect(here.page).to_have_url(f"{bye}?state=x")
    here.open("/").sees("Welcome")


def test_without_a_hint_the_person_is_asked(visitor: Visitors, jan: MadePerson, relying_app: str) -> None:
    """V10.6.2: the person can stay, or sign out and go back to the app."""
    here = visitor().begin().fill(username=jan.username, password=jan.password).next()
    here.tokens()
    asked = "/oauth/logout?" + urlencode({"client_id": "kassa", "post_logout_redirect_uri": f"{relying_app}/bye"})
    here.open(asked).sees("Sign out?").press("choice", "stay").sees(f"Hello {jan.username}")
    here.open(asked).press("choice", "sign_out")
    expect(here.page).to_have_url(f"{relying_app}/bye")
    here.open("/oauth/logout").sees(YOU_ARE_SIGNED_OUT)
