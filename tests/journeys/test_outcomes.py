"""After an action the page reports it in its title and in a focused status message (S25, WCAG 2.2 SC 4.1.3)."""

import re

import pytest

from idp.db import transaction
from idp.store import recovery_codes, users
from tests.drivers.browser import Browser
from tests.drivers.password_reset import NEW
from tests.drivers.set_up import set_up
from tests.drivers.words import (
    CHANGE_PASSWORD,
    CHOOSE_A_NEW_PASSWORD,
    MAKE_NEW_CODES,
    SET_UP_A_SECOND_FACTOR,
    YOU_ARE_SIGNED_OUT_SENTENCE,
    YOUR_NAME_IS_SAVED,
    YOUR_PASSWORD_IS_CHANGED,
    shown,
)
from tests.factories import Factory, MadePerson


def title_of(browser: Browser) -> str:
    found = re.search(r"<title>(.*?)</title>", browser.html, re.DOTALL)
    assert found
    return found[1]


def announces(browser: Browser, words: str) -> bool:
    """Tell whether the title begins with the words and a focused status message contains them."""
    status = re.search(r'<div [^>]*role="status" tabindex="-1" autofocus><p>([^<]*)</p>', browser.html)
    words = shown(words)
    return title_of(browser).startswith(words) and status is not None and status[1] == words


def tells(browser: Browser) -> bool:
    """Tell whether the page reports an action."""
    return 'id="done"' in browser.html


def test_the_profile_reports_each_action_once(enter, jan: MadePerson, clock) -> None:
    """S25, S33: a new password, new codes and a removed factor are reported once. A cancelled action is not."""
    browser = enter(jan, "/account/security")
    browser.submit(CHANGE_PASSWORD).fill(password=jan.password).submit().fill(code=jan.authenticator.code()).submit()
    browser.fill(new_password=NEW, new_password_again=NEW).submit()
    assert announces(browser, YOUR_PASSWORD_IS_CHANGED)
    clock(minutes=1)
    browser.submit(MAKE_NEW_CODES).submit("not_now")
    assert not tells(browser)
    browser.submit(MAKE_NEW_CODES).submit("next")
    if "password" in browser.fields:
        browser.fill(password=NEW).submit()
    browser.fill(noted=True).submit()
    assert announces(browser, "Your second factor and your recovery codes are active.")
    clock(minutes=3)
    assert not tells(browser.reload())
    assert not tells(browser.open("/account/security?done=removed")), "the address alone reports an action"


def test_every_form_of_the_profile_reports_its_result(
    factory: Factory, journey, new_browser, jan, relying_party, clock
) -> None:
    """S40, S62, SC 4.1.3: name, language, time zone, a device, an address, a session, an app, and signing out."""
    other = journey(jan, browser=new_browser()).begin().password().code(remember=True)
    other.tokens()
    clock(minutes=1)
    walk = journey(jan).begin().password().code()
    walk.tokens()
    browser = walk.browser.open("/account/details")
    clock(minutes=1)
    for fields, button, words in (
        ({"name": "Jan"}, None, YOUR_NAME_IS_SAVED),
        ({"time_zone": "Europe/Paris"}, None, "Your time zone is saved."),
        ({}, "English", "Your language is saved."),
    ):
        browser = browser.fill(**fields) if fields else browser
        assert announces(browser.submit(button), words), words
    there = browser.url
    assert announces(browser.reload(), "Your language is saved.")
    assert not tells(other.browser.open(there)), "another session shows the message"
    assert announces(
        browser.open("/account/security").submit("Forget Firefox · Windows"), "“Firefox · Windows” is no longer remembered."
    )
    address = browser.open("/account/address").fill(email="jan@new.example").submit()
    assert announces(address, "An e-mail is on its way to jan@new.example.")
    assert announces(
        browser.open("/account/sessions").submit("End Firefox · Windows"), "The session on “Firefox · Windows” has ended."
    )
    assert announces(
        browser.open("/account/apps").submit("End access Webshop"), "“Webshop” no longer has access to your account."
    )
    clock(minutes=3)
    assert not tells(browser.reload())
    assert announces(browser.submit("Sign out"), YOU_ARE_SIGNED_OUT_SENTENCE)


def test_the_console_reports_each_action(enter, anna: MadePerson, jan: MadePerson, clock) -> None:
    """SC 4.1.3: the console reports actions in the same way."""
    browser = enter(anna).open(f"/admin/example-shoes/people/{jan.id}/reset-factor")
    browser.fill(password=anna.password).submit()
    words = re.search(r'role="status" tabindex="-1" autofocus><p>([^<]*)</p>', browser.html)
    assert words
    assert title_of(browser).startswith(words[1])


def test_change_now_comes_before_the_offer_of_a_set_up(factory: Factory, journey, clock) -> None:
    """S16, S32: the set-up is offered after the leaked password is replaced."""
    zoe = factory.make_user(factory.make_organisation("offering"), "zoe")
    with factory.context(), transaction():
        hashed = factory.settings.hasher.hash("qwertyuiop")
        users.change_user(zoe.organisation_id, zoe.id, password_hash=hashed)
    browser = journey(zoe).begin().password("qwertyuiop").browser.submit("choice=change")
    assert browser.heading == CHOOSE_A_NEW_PASSWORD
    browser.fill(new_password=NEW, new_password_again=NEW).submit()
    assert browser.heading == SET_UP_A_SECOND_FACTOR
    assert browser.submit("not_now").left_for is not None


@pytest.mark.parametrize(("language", "words"), [("en", "That was your last recovery code."), ("nl", "laatste herstelcode")])
def test_the_set_up_after_the_last_code_gives_its_reason(
    factory: Factory, journey, new_browser, quiet_shoes: str, clock, language: str, words: str
) -> None:
    """S44, S62: the page says "You need this to continue", and for what."""
    ann = factory.make_user(quiet_shoes, "ann", with_totp=True, recovery_codes=1)
    browser = (
        journey(ann, browser=new_browser(languages=language)).begin().password().recovery_code(ann.recovery_codes[0]).browser
    )
    assert words in browser.text
    set_up(browser)
    assert browser.left_for is not None


def test_a_warning_is_shown_when_no_codes_are_left(
    factory: Factory, enter, new_browser, anna: MadePerson, jan: MadePerson, clock
) -> None:
    """S43: the user sees it at the sign-in details, and the administrator at the user's page."""
    with factory.context(), transaction():
        row = recovery_codes.active_recovery_set(jan.organisation_id, jan.id)
        assert row is not None
        recovery_codes.remove_recovery_set(jan.organisation_id, jan.id, row.created_at)
    warning = re.compile(r'class="alert alert-warning">[^<]*no recovery codes', re.IGNORECASE)
    assert warning.search(enter(jan, "/account/security").html)
    console = enter(anna, f"/admin/example-shoes/people/{jan.id}", new_browser())
    assert warning.search(console.html)
