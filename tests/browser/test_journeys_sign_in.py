"""Users sign in with a real Chromium (S29–S34, S41–S45, S56, S60–S62)."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from idp.db import transaction
from idp.store import users
from tests.browser.conftest import Visitor
from tests.conftest import Live
from tests.drivers.chromium import check_fits
from tests.drivers.words import (
    CHOOSE_A_NEW_PASSWORD,
    DO_YOU_STILL_HAVE_YOUR_PHONE,
    ENTER_YOUR_CODE,
    SET_UP_A_SECOND_FACTOR,
    SIGN_IN_DETAILS,
    WHO_IS_SIGNING_IN,
    YOUR_E_MAIL_ADDRESS,
    YOUR_PASSWORD_HAS_LEAKED,
    shown,
)
from tests.factories import MadePerson

Visitors = Callable[..., Visitor]
LEAKED = "qwertyuiop"
SAFE = "violet harbour kettle 9"
WORDS = {
    "en-GB": ("Sign in", ENTER_YOUR_CODE, "That code is not right"),
    "nl-NL": ("Inloggen", "Vul je code in", "Die code klopt niet"),
}


@pytest.fixture
def ann(live: Live, quiet_shoes: str) -> MadePerson:
    """Make a person with an authenticator app and three recovery codes."""
    return live.factory.make_user(quiet_shoes, "ann", with_totp=True, recovery_codes=3, email="ann@shoes.example")


@pytest.fixture
def jan(live: Live, quiet_shoes: str) -> MadePerson:
    """Make a person who has only a password."""
    return live.factory.make_user(quiet_shoes)


def test_a_password_leads_back_to_the_app(visitor: Visitors, jan: MadePerson) -> None:
    """S30, S61: a wrong password is reported and the typed name is kept. The right one ends in the app that asked."""
    here = visitor().begin().sees("Sign in")
    here.fill(username=jan.username, password="not the right one").next().complains("password don't match")
    here.sees("Sign in")
    assert here.page.title().startswith("Error:")
    assert here.page.locator("[name=username]").first.input_value() == jan.username
    here.fill(password=jan.password).next()
    assert here.tokens().amr == ["pwd"]


def test_a_wrong_code_says_so_and_the_right_one_goes_on(visitor: Visitors, ann: MadePerson, locale: str) -> None:
    """S34, S56, S61, S62: password, a wrong code, the right one, in Dutch or in English."""
    sign_in, enter, wrong = WORDS[locale]
    here = visitor(locale=locale).begin().reads(sign_in)
    here.fill(username=ann.username, password=ann.password).next().sees(enter)
    here.fill(code=ann.authenticator.wrong()).next().complains(wrong).sees(enter)
    code = here.page.locator("[name=code]")
    expect(code).to_be_focused()
    expect(code).to_have_attribute("aria-invalid", "true")
    expect(code).to_have_value("")
    here.fill(code=ann.authenticator.code()).next()
    assert here.tokens().amr == ["pwd", "otp", "mfa"]


def test_the_keyboard_is_enough(visitor: Visitors, ann: MadePerson) -> None:
    """WCAG 2.1.1, 2.4.7: typing, Tab and Enter lead from the focused name to the app. The focused element is visible."""
    here = visitor().begin()
    keys = here.page.keyboard
    expect(here.page.locator("[name=username]")).to_be_focused()
    keys.type(ann.username)
    keys.press("Tab")
    expect(here.page.locator("[name=password]")).to_be_focused()
    keys.type(ann.password)
    keys.press("Tab")
    keys.press("Tab")
    button = here.page.get_by_role("button", name="Sign in", exact=True)
    expect(button).to_be_focused()
    expect(button).to_have_css("outline-style", "solid")
    keys.press("Enter")
    expect(here.page.locator("[name=code]")).to_be_focused()
    keys.type(ann.authenticator.code())
    keys.press("Enter")
    assert here.tokens().acr == "mfa"


def test_password_managers_and_phones_know_the_fields(visitor: Visitors, ann: MadePerson) -> None:
    """Issue: fields have autocomplete and inputmode. A phone capitalises and corrects nothing."""
    here = visitor().begin()
    username, password = here.page.locator("[name=username]"), here.page.locator("[name=password]")
    expect(username).to_have_attribute("autocomplete", re.compile(r"^username\b"))
    expect(username).to_have_attribute("autocapitalize", "none")
    expect(password).to_have_attribute("autocomplete", "current-password")
    here.fill(username=ann.username, password=ann.password).next()
    code = here.page.locator("[name=code]")
    expect(code).to_have_attribute("autocomplete", "one-time-code")
    expect(code).to_have_attribute("inputmode", "numeric")
    code.fill(" ".join(re.findall("...", ann.authenticator.code())))
    here.next()
    assert here.tokens().acr == "mfa", "a code with a space was refused"


def test_a_recovery_code_signs_in_without_the_phone(visitor: Visitors, ann: MadePerson) -> None:
    """S41, S42, S45: the link, a wrong code, a right one in capitals, the question about the phone, and on to the app."""
    here = visitor().begin().fill(username=ann.username, password=ann.password).next()
    here.press("use_recovery").sees("Recovery code")
    here.fill(recovery_code="aaaaaaa-aaaaaaa").next().complains("not right").sees("Recovery code")
    here.fill(recovery_code=ann.recovery_codes[0].upper()).next()
    here.sees(DO_YOU_STILL_HAVE_YOUR_PHONE).press("choice", "carry_on")
    assert here.tokens().amr == ["pwd", "recovery", "mfa"]


def test_the_way_back_from_the_recovery_code_to_the_app(visitor: Visitors, ann: MadePerson) -> None:
    """S41: a user who finds the phone after all can go on."""
    here = visitor().begin().fill(username=ann.username, password=ann.password).next()
    here.press("use_recovery").press("use_app").reads(ENTER_YOUR_CODE)
    here.fill(code=ann.authenticator.code()).next()
    assert here.tokens().acr == "mfa"


@pytest.fixture
def zoe(live: Live, quiet_shoes: str) -> MadePerson:
    """Make a person whose password has leaked, moved over from another system."""
    made = live.factory.make_user(quiet_shoes, "zoe", email="zoe@shoes.example")
    with live.factory.context(), transaction():
        users.change_user(quiet_shoes, made.id, password_hash=live.settings.hasher.hash(LEAKED))
    return made


def test_a_leaked_password_is_changed_on_the_way(visitor: Visitors, zoe: MadePerson) -> None:
    """S31–S33: the user is told and changes it. Another leaked one is refused, and the sign-in ends at the app."""
    here = visitor().begin().fill(username=zoe.username, password=LEAKED).next()
    here.sees(YOUR_PASSWORD_HAS_LEAKED).press("choice", "change").sees(CHOOSE_A_NEW_PASSWORD)
    here.fill(new_password="iloveyou iloveyou", new_password_again="iloveyou").next()
    expect(here.page.get_by_role("alert")).to_be_visible()
    here.sees(CHOOSE_A_NEW_PASSWORD)
    expect(here.page.locator("[name=new_password]")).to_have_attribute("autocomplete", "new-password")
    here.fill(new_password=SAFE, new_password_again=SAFE).next()
    assert here.tokens().claims["sub"] == zoe.id


def test_a_leaked_password_can_wait(visitor: Visitors, zoe: MadePerson) -> None:
    """S33: the user chooses "Not now"."""
    here = visitor().begin().fill(username=zoe.username, password=LEAKED).next().press("choice", "later")
    assert here.tokens().claims["sub"] == zoe.id


def test_an_outside_app_is_allowed_or_denied(visitor: Visitors, jan: MadePerson) -> None:
    """V10.7.1: the consent page explains each scope. A refusal is reported to the app, and consent signs in."""
    outside = {"first_party": False, "client_name": "Boekhouder", "scope": "openid profile email"}
    here = visitor("books", like=outside).begin(scope="openid profile email")
    here.fill(username=jan.username, password=jan.password).next().sees("May Boekhouder see this?")
    expect(here.page.get_by_text(shown(YOUR_E_MAIL_ADDRESS))).to_be_visible()
    here.press("choice", "deny")
    assert "error=access_denied" in here.returned()
    here.begin(scope="openid profile email").reads("May Boekhouder see this?").press("choice", "allow")
    assert here.tokens().claims["sub"] == jan.id


def test_the_store_url_comes_first_where_there_are_several(visitor: Visitors, live: Live, jan: MadePerson) -> None:
    """S29: the user types a whole address. An unknown one looks the same until the password. The device remembers it."""
    live.factory.make_organisation("hats")
    here = visitor().begin().sees("Sign in").fill(organisation="no-such-shop").next()
    here.fill(username=jan.username, password=jan.password).next().complains("password don't match")
    here.press("other_organisation").fill(organisation="https://Example-Shoes.shops.example/").next().reads("Sign in")
    expect(here.page.locator(".who")).to_contain_text("example-shoes")
    here.fill(username=jan.username, password=jan.password).next()
    assert here.tokens().claims["sub"] == jan.id
    here.begin(prompt="login")
    expect(here.page.locator("[name=password]")).to_be_visible()


def test_a_page_whose_cookies_are_gone_starts_again(visitor: Visitors, jan: MadePerson) -> None:
    """S60: only the name is carried over, and the app's request is not lost."""
    here = visitor().begin().fill(username=jan.username, password=jan.password)
    here.context.clear_cookies()
    here.next().reads("Sign in")
    expect(here.page.get_by_role("status").first).to_contain_text("an earlier sign-in")
    assert here.page.locator("[name=username]").input_value() == jan.username
    expect(here.page.locator("[name=password]")).to_be_focused()
    here.fill(password=jan.password).next()
    assert here.tokens().claims["sub"] == jan.id


def test_the_back_button_leads_to_the_current_step(visitor: Visitors, ann: MadePerson) -> None:
    """S60: after Back from the code page, the code is still asked for. Back from the app leads to the app again."""
    here = visitor().begin().fill(username=ann.username, password=ann.password).next().reads(ENTER_YOUR_CODE)
    here.page.go_back()
    here.reads(ENTER_YOUR_CODE).fill(code=ann.authenticator.code()).next()
    here.tokens()
    here.page.go_back()
    expect(here.page.locator("h1")).to_have_text("Back in the app")


def test_the_language_can_be_picked_on_the_page(visitor: Visitors, jan: MadePerson) -> None:
    """S62: ``ui_locales`` overrides the browser, and a language picked on the page overrides both."""
    here = visitor().begin(ui_locales="nl").sees("Inloggen")
    here.page.get_by_role("button", name="English").click()
    here.reads("Sign in").fill(username=jan.username, password=jan.password).next()
    here.tokens()


def test_the_longest_of_names_fit(visitor: Visitors, live: Live) -> None:
    """WCAG 1.4.10: nothing overflows on a phone where names are as long as they may be."""
    name = "Wilhelminaschoenenmagazijn van der Oosterhuis-Achterberg en Zonen te Scheveningen"
    shop = live.factory.make_organisation("wilhelmina-schoenen-magazijn-scheveningen", name=name)
    long = live.factory.make_user(shop, "wilhelmina.van.der.oosterhuis-achterberg@schoenenmagazijn.example", name=name)
    here = visitor(like={"client_name": "Kassasysteemvoorschoenenwinkels", "shared_device": True}).begin()
    here.fill(username=long.username, password=long.password).next().sees(SET_UP_A_SECOND_FACTOR)
    here.press("not_now").tokens()
    here.begin().sees(WHO_IS_SIGNING_IN)
    for path, heading in (("/", f"Hello {name}"), ("/account/security", SIGN_IN_DETAILS)):
        here.open(path).sees(heading)
        check_fits(here.page)
