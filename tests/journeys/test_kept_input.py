"""Typed text is shown again, cleared cookies are no dead end, and refusals name what may be wrong (S29, S60, S62)."""

from typing import Any

import pytest

from idp.db import transaction
from idp.identity import email_links
from tests.drivers.browser import Browser
from tests.drivers.words import (
    CHECK_YOUR_E_MAIL,
    START_WITH_YOUR_CODE,
    VERIFY_E_MAIL_ADDRESS,
    YOUR_E_MAIL_ADDRESS_IS_VERIFIED,
    YOUR_PASSWORD_IS_SET,
)
from tests.factories import Factory, MadePerson

ISSUER = "https://id.example.com"
NEW = "violet harbour kettle 9"
TWO, THREE = "That username and password don't match", "That store URL, username and password don't match"


@pytest.fixture
def ann(factory: Factory, quiet_shoes: str) -> MadePerson:
    return factory.make_user(quiet_shoes, "ann", with_totp=True, email="ann@shoes.example")


@pytest.fixture
def boots(factory: Factory) -> str:
    """Create a second organisation, so that the store URL is asked for."""
    return factory.make_organisation("other-boots")


def at(journey, person: MadePerson, typed: str):
    """Go to the password page by typing the store URL."""
    walk = journey(person).begin()
    walk.browser.fill(organisation=typed).submit()
    return walk


def test_a_throttled_page_keeps_the_username_without_an_error(journey, ann, clock) -> None:
    """S30, S60: nothing that was typed is wrong, so no field is marked. The name is still there after the wait."""
    walk = journey(ann).begin()
    for _ in range(20):
        if walk.browser.fill(username="ann", password="not the right one").submit().status == 429:
            break
    assert (walk.browser.status, walk.browser.value("username")) == (429, "ann")
    assert "aria-invalid" not in walk.browser.html
    assert int(walk.browser.headers["Retry-After"]) > 0
    clock(minutes=40)
    walk.browser.reload()
    assert (walk.browser.status, walk.browser.errors, walk.browser.value("username")) == (200, [], "ann")


def test_typed_text_is_kept_over_a_wrong_password_and_a_pause(journey, ann, boots, clock) -> None:
    """S60: two hours later a reload begins a new sign-in, with store URL and username as typed."""
    walk = at(journey, ann, "https://Example-Shoes.shop.example/")
    walk.browser.fill(username="Ann", password="not the right one").submit()
    clock(hours=2)
    walk.browser.reload()
    assert walk.browser.value("username") == "Ann"
    assert "example-shoes" in walk.browser.text
    assert walk.password().code().tokens().claims["sub"] == ann.id


@pytest.mark.parametrize("gone", ["cookies", "time"])
def test_an_expired_form_keeps_the_store_url(journey, ann, boots, clock, gone: str) -> None:
    """S29, S60: a store URL that was typed once is not asked for again."""
    walk = at(journey, ann, "example-shoes")
    walk.browser.fill(username="ann", password=ann.password)
    if gone == "cookies":
        walk.browser.forget_cookies()
    clock(hours=2)
    walk.browser.submit()
    assert (walk.browser.value("username"), "example-shoes" in walk.browser.text) == ("ann", True)
    assert walk.password().code().tokens().claims["sub"] == ann.id


def test_a_store_url_can_be_corrected(journey, ann, boots, clock) -> None:
    """S29: "Change" shows the typed text for correction. So does a field that cannot be read."""
    walk = at(journey, ann, "exampel-shoes")
    walk.browser.submit("other_organisation")
    assert walk.browser.value("organisation") == "exampel-shoes"
    walk.browser.fill(organisation="https://").submit()
    assert (walk.browser.status, walk.browser.value("organisation")) == (422, "https://")
    walk.browser.fill(organisation="example-shoes").submit()
    assert walk.password().code().tokens().claims["sub"] == ann.id


def test_the_tick_is_kept_after_a_wrong_code(journey, ann, clock) -> None:
    """S36, S56: it still applies when the right code is entered."""
    walk = journey(ann).begin().password().code(ann.authenticator.wrong(), remember=True)
    assert walk.browser.value("remember_device") == "yes"
    walk.code().tokens()
    assert any("device" in name for name in walk.browser.cookies)


def test_a_refusal_is_kept_when_the_language_changes(journey, ann, clock) -> None:
    """S62: the language button keeps the error and the name."""
    walk = journey(ann).begin()
    walk.browser.fill(username="Ann", password="not the right one").submit().submit("Nederlands")
    assert "combinatie" in walk.browser.errors[0]
    assert walk.browser.value("username") == "Ann"


@pytest.mark.parametrize("typed", ["example-shoes", "no-such-shop"])
def test_a_refusal_names_every_typed_field(journey, ann, boots, clock, typed: str) -> None:
    """S29: an unknown store URL is refused like a wrong password. Both refusals name the store URL."""
    walk = at(journey, ann, typed)
    walk.browser.fill(username="ann", password="not the right one").submit()
    assert THREE in walk.browser.errors[0]


def test_a_client_of_one_organisation_offers_no_other(journey, factory, relying_party, ann, boots, clock) -> None:
    """S29: neither a button nor a forged press changes the organisation. The refusal names what was typed."""
    app = relying_party(factory.make_client("till", organisations=(ann.organisation_id,)))
    walk = journey(ann, app=app).begin()
    assert not walk.browser.offers("other_organisation")
    walk.browser.submit(other_organisation="1")
    assert "organisation" not in walk.browser.fields
    walk.browser.fill(username="ann", password="not the right one").submit()
    assert TWO in walk.browser.errors[0]
    assert walk.password().code().tokens().claims["sub"] == ann.id


def link_of(factory: Factory, person: MadePerson, purpose: Any) -> str:
    with factory.context(), transaction():
        values = {"email": "ann@shoes.example"}
        token = email_links.make(factory.settings, factory.user(person), purpose, values, email_links.soon(factory.settings))
    return email_links.address_of(factory.settings, purpose, token)


LOST: dict[str, tuple[str, dict[str, str | bool], str, str]] = {
    "reset": ("/reset", {"organisation": "example-shoes", "username": "ann"}, "", CHECK_YOUR_E_MAIL),
    "welcome": ("/welcome", {"organisation": "example-shoes", "username": "ann", "code": "x"}, "", START_WITH_YOUR_CODE),
    "front page": ("/", {}, "Sign in", "Sign in"),
    "language": ("/", {}, "Nederlands", "Welkom"),
    "mailed link": ("reset", {"new_password": NEW, "new_password_again": NEW}, "", YOUR_PASSWORD_IS_SET),
    "address": ("verify", {}, VERIFY_E_MAIL_ADDRESS, YOUR_E_MAIL_ADDRESS_IS_VERIFIED),
}


@pytest.mark.parametrize("kind", LOST)
def test_forms_beside_the_sign_in_work_without_cookies(browser: Browser, factory, ann, clock, kind: str) -> None:
    """S60, S62: a browser that lost its cookies gets no 403, because its headers say that the form is same-site."""
    path, fields, button, heading = LOST[kind]
    browser.open(path if path.startswith("/") else link_of(factory, ann, path))
    if fields:
        browser.fill(**fields)
    browser.forget_cookies().submit(button or None)
    assert browser.status in (200, 422)
    assert browser.heading == heading


def test_a_language_button_in_a_sign_in_works_without_cookies(journey, ann, clock) -> None:
    """S60, S62: the sign-in is in the picked language and ends in the requesting app."""
    walk = journey(ann).begin()
    walk.browser.submit("Nederlands").forget_cookies().submit("English")
    assert "Password" in walk.browser.text
    walk.browser.forget_cookies().submit("Nederlands")
    assert "Wachtwoord" in walk.browser.text
    assert walk.password().code().tokens().claims["sub"] == ann.id


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": ISSUER, "Sec-Fetch-Site": "cross-site"},
        {"Origin": ISSUER, "Sec-Fetch-Site": "same-site"},
    ],
)
@pytest.mark.parametrize("path", ["/reset", "/language", "/sign-in", "/sign-out", "/account/name"])
def test_a_form_of_another_site_is_refused_without_cookies_too(new_browser, path: str, headers: dict[str, str]) -> None:
    """V3.5.1: SameSite=Lax omits the cookies, so missing cookies prove nothing."""
    answer = new_browser().client.post(path, data={"language": "nl"}, headers=headers, base_url=ISSUER)
    assert answer.status_code == 403


def test_a_request_with_our_cookies_needs_the_csrf_token(browser: Browser, ann, clock) -> None:
    """V3.5.1: a browser with any cookie of this site must send the form's token."""
    browser.open("/account/details")
    headers = {"Origin": ISSUER, "Sec-Fetch-Site": "same-origin"}
    assert browser.client.post("/language", data={"language": "nl"}, headers=headers, base_url=ISSUER).status_code == 403
