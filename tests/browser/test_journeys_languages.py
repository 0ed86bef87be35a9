"""Walk short journeys in the languages that the other journeys leave out. Their texts come from the catalogues (S62).

A translation without a place for its value, or with a place that nothing fills, fails here.
"""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from idp.languages import LANGUAGES
from tests.browser.conftest import LOCALES, Enter, People, Visitor
from tests.conftest import Live
from tests.drivers.presses import press
from tests.drivers.words import (
    ENTER_YOUR_CODE,
    SIGN_IN_DETAILS,
    YOUR_E_MAIL_ADDRESS,
    YOUR_NAME_IS_SAVED,
    Said,
    shown,
)

NO_MATCH = "That store URL, username and password don't match. Check all three and try again."
NOT_RIGHT = "That code is not right. Wait for the next code, or close your authenticator app and open it again."
Visitors = Callable[..., Visitor]
WALKED = {locale[:2] for locale in LOCALES}


@pytest.fixture(params=[language for language in LANGUAGES if language not in WALKED])
def said(request: pytest.FixtureRequest) -> Said:
    """Give the catalogue of each language that no other journey walks in."""
    return Said(request.param)


def whole(here: Visitor, said: Said) -> Visitor:
    """Check that the page speaks the language, and that it shows no place of a value."""
    expect(here.page.locator("html")).to_have_attribute("lang", said.language)
    assert "%(" not in here.page.locator("body").inner_text()
    return here


def test_a_sign_in_with_a_code_ends_at_an_outside_app(visitor: Visitors, live: Live, quiet_shoes: str, said: Said) -> None:
    """S30, S34, S56, V10.7.1: wrong and right passwords and codes, then consent that names what the app wants to see."""
    ann = live.factory.make_user(quiet_shoes, "ann", with_totp=True, email="ann@shoes.example")
    outside = {"first_party": False, "client_name": "Boekhouder", "scope": "openid email"}
    here = visitor("books", like=outside, locale=said.language).begin(scope="openid email").sees(said("Sign in"))
    here.fill(username=ann.username, password="not the right one").next()
    here.complains(said(NO_MATCH))
    whole(here.fill(password=ann.password).next().sees(said(ENTER_YOUR_CODE)), said)
    here.fill(code=ann.authenticator.wrong()).next()
    here.complains(said(NOT_RIGHT))
    here.fill(code=ann.authenticator.code()).next().sees(said("May %(app)s see this?", app="Boekhouder"))
    main = whole(here, said).page.locator("main")
    for words in (said("You are signed in as “%(username)s”.", username="ann"), said(YOUR_E_MAIL_ADDRESS)):
        expect(main).to_contain_text(shown(words))
    here.press("choice", "allow")
    assert here.tokens().amr == ["pwd", "otp", "mfa"]


def test_a_person_looks_at_the_profile(enter: Enter, people: People, said: Said) -> None:
    """S39, S40: the name changes, and the pages tell of sessions, the present address, and what happened."""
    here = enter(people["employee"], "/account/details", locale=said.language)
    here.fill(name="Jan de Wit").page.locator("form:has([name=name]) [type=submit]").click()
    expect(here.page.get_by_role("status").first).to_have_text(said(YOUR_NAME_IS_SAVED))
    here.begin().tokens()
    whole(here.open("/").sees(said("Hello %(name)s", name="Jan de Wit")), said)
    whole(here.open("/account/security").sees(said(SIGN_IN_DETAILS)), said)
    whole(here.open("/account/sessions").sees(said("Open sessions")), said)
    expect(here.page.locator("main")).to_contain_text(said("Signed in to: %(apps)s", apps="Kassa"))
    whole(here.open("/account/activity").sees(said("Activity")), said)
    expect(here.page.locator(".happenings")).to_contain_text(said("Signed in to %(app)s", app="Kassa"))


def test_an_administrator_requires_a_second_factor_of_two_people(
    enter: Enter, live: Live, people: People, said: Said
) -> None:
    """The overview leads to both, and the question, the answer and the list count them."""
    for name in ("kim", "lee"):
        live.factory.make_user(people["owner"].organisation_id, name)
    here = whole(enter(people["administrator"], "/admin/", locale=said.language), said)
    page = here.page
    press(page, "?state=no_factor")
    expect(page.locator("main")).to_contain_text(said("%(num)s person", "%(num)s people", num=2))
    press(page, "&tick=all#picked")
    page.locator("#act").select_option("require-factor")
    page.locator("form:has(#act) [type=submit]").click()
    require = ("Require a second factor of %(num)s person?", "Require a second factor of %(num)s people?")
    whole(here.sees(said(*require, num=2)), said)
    expect(page.locator("main")).to_contain_text(said("This is about: %(names)s", names="kim, lee"))
    here.next()
    must = [f"%(num)s {who} set up a second factor at the next sign-in." for who in ("person must", "people must")]
    expect(page.get_by_role("status").first).to_have_text(said(*must, num=2))
