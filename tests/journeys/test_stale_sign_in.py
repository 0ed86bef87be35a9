"""Expired pages, languages, and attempts to skip steps (S60, S62)."""

import pytest

from idp.signin import attempts, authenticate
from idp.signin.state import BrowserContext
from idp.store.attempts import Attempt
from tests.drivers.words import FORGOT_YOUR_PASSWORD
from tests.factories import Factory


@pytest.fixture
def jan(factory: Factory, quiet_shoes: str):
    return factory.make_user(quiet_shoes)


def test_cleared_cookies_start_again_with_the_name_filled_in(journey, jan, clock) -> None:
    """S60: the posted form finds no sign-in. A new one begins at the first step and keeps the app's request."""
    walk = journey(jan).begin()
    walk.browser.fill(username="jan", password=jan.password)
    walk.browser.forget_cookies()
    walk.browser.submit()
    assert walk.browser.status == 200
    assert walk.browser.left_for is None, "the new sign-in has a proof of the old one"
    assert walk.browser.value("username") == "jan"
    assert walk.password().tokens().claims["sub"] == jan.id


@pytest.mark.parametrize("gone", ["cookies", "time"])
def test_the_name_is_filled_in_from_later_steps_too(factory: Factory, journey, quiet_shoes: str, clock, gone: str) -> None:
    """S60: the code form sends no username. The new sign-in still knows the user, but has no proof."""
    ann = factory.make_user(quiet_shoes, "ann", with_totp=True)
    walk = journey(ann).begin().password()
    walk.browser.fill(code=ann.authenticator.code())
    if gone == "cookies":
        walk.browser.forget_cookies()
    else:
        clock(hours=2)
    walk.browser.submit()
    assert walk.browser.value("username") == "ann"
    assert "password" in walk.browser.fields
    clock(minutes=1)
    assert walk.password().code().tokens().acr == "mfa"


def test_a_pause_of_an_hour_is_no_dead_end(journey, jan, clock) -> None:
    """S60: the expired sign-in begins again and ends in the requesting app."""
    walk = journey(jan).begin()
    clock(hours=2)
    walk.browser.fill(username="jan", password=jan.password).submit()
    assert walk.browser.left_for is None
    assert walk.password().tokens().claims["sub"] == jan.id


def test_an_expired_page_starts_again_on_reload(journey, jan, clock) -> None:
    """S60: after two hours a reload shows the first step of a new sign-in, which ends in the requesting app."""
    walk = journey(jan).begin()
    clock(hours=2)
    walk.browser.reload()
    assert walk.browser.status == 200
    assert "out of date" in walk.browser.text
    assert walk.password().tokens().claims["sub"] == jan.id


def test_a_finished_sign_in_leads_to_the_app(journey, jan) -> None:
    """S60, S61: the back button leads to the requesting app, with the open session."""
    walk = journey(jan).begin()
    address = walk.browser.url
    walk.password().tokens()
    walk.browser.open(address)
    assert walk.tokens().claims["sub"] == jan.id


def test_a_rotation_of_sealing_keys_is_no_dead_end(factory: Factory, journey, configure, jan, clock) -> None:
    """S60: a form sealed with the former key still opens after a restart with a new first key."""
    from idp import config
    from idp.app import create_app
    from tests.conftest import SECRET
    from tests.drivers.applications import close

    walk = journey(jan).begin()
    restarted = create_app(configure(secrets=[config.new_ring_entry("next"), SECRET]))
    cookies = walk.browser.client._cookies
    walk.browser.client = restarted.test_client()
    walk.browser.client._cookies = cookies
    walk.password()
    assert walk.tokens().claims["sub"] == jan.id
    close(restarted)


def test_the_back_button_shows_the_step_that_is_due(factory: Factory, journey, quiet_shoes: str, clock) -> None:
    """S60: the password page is posted again when the code is due, and shows the code page."""
    ann = factory.make_user(quiet_shoes, "ann", with_totp=True)
    walk = journey(ann).begin()
    form = next(form for form in walk.browser.page.forms if "password" in form.fields)
    data = [(name, value) for name, values in form.fields.items() for value in values]
    address = walk.browser.url
    walk.password()
    old = [(name, {"username": "ann", "password": ann.password}.get(name, value)) for name, value in data]
    walk.browser.send("POST", address, old)
    assert "code" in walk.browser.fields
    assert walk.code().tokens().acr == "mfa"


@pytest.mark.parametrize("step", ["factor", "enrol", "recovered", "new_password", "consent", "leaked", "", "nonsense"])
def test_no_step_can_be_skipped(factory: Factory, journey, quiet_shoes: str, clock, step: str) -> None:
    """V2.3.1: an answer to a step that is not due is ignored."""
    ann = factory.make_user(quiet_shoes, "ann", with_totp=True)
    walk = journey(ann).begin()
    token, sealed = walk.browser.value("csrf_token"), walk.browser.value("request")
    forged = {"csrf_token": token, "request": sealed, "step": step, "code": ann.authenticator.shown(), "choice": "allow"}
    walk.browser.send("POST", walk.browser.url, list(forged.items()))
    assert walk.browser.left_for is None
    assert "password" in walk.browser.fields


def test_another_browser_cannot_continue_a_sign_in(journey, new_browser, jan, clock) -> None:
    """Security.md 16: a sign-in in progress is bound to the browser's cookie."""
    walk = journey(jan).begin().password("not the right one")
    address = walk.browser.url
    thief = new_browser().open(address)
    assert thief.url.partition("?")[0] != address.partition("?")[0], "the sign-in is found without its cookie"
    assert (thief.errors, thief.value("username")) == ([], "")


def test_a_form_of_another_site_signs_nobody_in(journey, jan, clock) -> None:
    """V3.5.1: login CSRF. The right password with a foreign token begins a new sign-in and no session."""
    walk = journey(jan).begin()
    fields = {"step": "password", "username": "jan", "password": jan.password, "csrf_token": "forged"}
    walk.browser.send("POST", walk.browser.url, list(fields.items()))
    assert walk.browser.left_for is None
    assert not any("login" in name for name in walk.browser.cookies)


def test_sign_in_pages_are_never_cached(journey, jan) -> None:
    """S60: no-store on every sign-in page."""
    walk = journey(jan).begin()
    assert walk.browser.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("params", "languages", "word"),
    [
        ({}, "en", "Password"),
        ({}, "nl", "Wachtwoord"),
        ({"ui_locales": "nl-NL en"}, "en", "Wachtwoord"),
        ({}, "is", "Password"),
    ],
)
def test_pages_are_in_the_readers_language(journey, new_browser, jan, params, languages: str, word: str) -> None:
    """S62: ``ui_locales`` comes first, then the browser."""
    walk = journey(jan, browser=new_browser(languages=languages)).begin(**params)
    assert word in walk.browser.text


def test_a_users_choice_of_language_precedes_the_browser(journey, new_browser, jan, clock) -> None:
    """S62: a choice on a sign-in page holds for that sign-in. A choice in the profile is stored."""
    walk = journey(jan).begin()
    walk.browser.submit("Nederlands")
    assert "Wachtwoord" in walk.browser.text
    walk.password().tokens()
    walk.browser.open("/account/details")
    action = next(form.action for form in walk.browser.page.forms if form.action.endswith("/account/language"))
    token = walk.browser.value("csrf_token")
    walk.browser.send("POST", "https://id.example.com" + action, [("csrf_token", token), ("language", "nl")])
    other = journey(jan, browser=new_browser()).begin().password()
    other.tokens()
    assert "Afmelden" in other.browser.open("/").text or "Uitloggen" in other.browser.text


@pytest.mark.parametrize("path", ["/", "/admin/", "/admin/example-shoes/people"])
def test_every_language_button_changes_the_language(journey, new_browser, quiet_shoes, factory, clock, path) -> None:
    """S62: if a signed-in user picks a language, it replaces their stored choice in every browser."""
    kim = factory.make_user(quiet_shoes, "kim", with_totp=True, role="administrator", locale="nl")
    olga = factory.make_user(quiet_shoes, "olga", with_totp=True)
    walk = journey(kim).begin().password().code()
    walk.tokens()
    page = walk.browser.open(path)
    address = page.url
    assert '<html lang="nl"' in page.html
    assert '<html lang="en"' in page.submit("English").html
    assert page.url == address
    clock(minutes=2)
    elsewhere = journey(kim, browser=new_browser(languages="nl")).begin().password()
    assert '<html lang="en"' in elsewhere.browser.html
    other = journey(olga, browser=new_browser(languages="nl")).begin().password()
    assert '<html lang="nl"' in other.browser.html


def test_refusals_use_the_language_of_the_signed_in_user(journey, quiet_shoes, factory, clock) -> None:
    """S62: the user's choice precedes the browser's, also on the page of a missing address."""
    factory.make_organisation("other-shop")
    kim = factory.make_user(quiet_shoes, "kim", with_totp=True, role="administrator", locale="nl")
    walk = journey(kim).begin().password().code()
    walk.tokens()
    refused = walk.browser.open("/admin/other-shop/people")
    assert (refused.status, '<html lang="nl"' in refused.html) == (404, True)


def test_two_concurrent_language_choices_cause_no_error(journey, jan, settings, app, monkeypatch) -> None:
    """S60, S62: the second press finds a changed sign-in, and shows its page."""
    walk, load = journey(jan).begin(), attempts.load

    def load_after_press(attempt_id: str, visit: BrowserContext) -> Attempt | None:
        found = load(attempt_id, visit)
        monkeypatch.setattr(attempts, "load", load)
        with app.app_context():
            authenticate.choose_locale(settings, visit, attempt_id, "nl")
        return found

    monkeypatch.setattr(attempts, "load", load_after_press)
    assert "Wachtwoord" in walk.browser.submit("Nederlands").text


def test_a_language_change_keeps_the_way_back_from_a_reset(journey, jan) -> None:
    """S60, S62: the sign-in before the reset keeps the app's request."""
    walk = journey(jan).begin()
    walk.browser.click(FORGOT_YOUR_PASSWORD).submit("Nederlands")
    assert walk.browser.value("organisation") == jan.store_url
    walk.browser.click("Terug naar inloggen")
    assert walk.password().tokens().claims["sub"] == jan.id


def test_the_session_cookie_changes_with_each_proof(factory: Factory, journey, new_browser, quiet_shoes: str, clock) -> None:
    """V7.2.4: the session gets a new cookie at sign-in and at step-up, and the old one stops working."""
    jan = factory.make_user(quiet_shoes)
    walk = journey(jan).begin().password()
    walk.tokens()
    first = walk.browser.cookies["__Host-login"]
    clock(seconds=5)
    walk.begin(prompt="login").password().tokens()
    assert walk.browser.cookies["__Host-login"] != first
    late = new_browser()
    late.client.set_cookie("__Host-login", first, domain="id.example.com", secure=True)
    assert "Sign out" not in late.open("/").text
