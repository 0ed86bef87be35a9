"""Back, Forward and Reload never end in an error, in a real Chromium (S60)."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from playwright.sync_api import expect

from idp.clock import now
from idp.db import transaction
from idp.identity import email_links
from idp.store import rate_limits
from tests.browser.conftest import Visitor
from tests.conftest import Live
from tests.drivers.words import COOKIES_ARE_BLOCKED
from tests.factories import MadePerson

Visitors = Callable[..., Visitor]
AT = "/admin/example-shoes"


@pytest.fixture
def ann(live: Live, quiet_shoes: str) -> MadePerson:
    return live.factory.make_user(quiet_shoes, "ann", with_totp=True, recovery_codes=3, email="ann@shoes.example")


def walks_through_its_history(here: Visitor, words: str) -> None:
    """Use Reload, Back and Forward. The page that says ``words`` comes back each time, without an error."""
    alert = here.page.get_by_role("alert").filter(has_text=words)
    expect(alert).to_be_visible()
    here.page.reload()
    expect(alert).to_be_visible()
    here.page.go_back()
    expect(here.page.locator("h1")).to_be_visible()
    here.page.go_forward()
    expect(alert).to_be_visible()


def test_wrong_answers_of_a_sign_in_stay_in_the_history(visitor: Visitors, ann: MadePerson) -> None:
    """S56, S60, S61: a wrong password, code and recovery code, then right ones. Back from the app leads to it again."""
    here = visitor().begin().fill(username="ann", password="not the right one").next()
    walks_through_its_history(here, "password don't match")
    here.fill(password=ann.password).next().fill(code=ann.authenticator.wrong()).next()
    walks_through_its_history(here, "That code is not right")
    here.press("use_recovery").fill(recovery_code="AAAAAAA-BBBBBBB").next()
    walks_through_its_history(here, "That recovery code is not right")
    here.press("use_app").fill(code=ann.authenticator.code()).next()
    here.tokens()
    for _ in range(3):
        here.page.go_back()
        here.page.wait_for_url(f"{here.app.redirect_uri}?*")
    assert here.page.locator("h1").inner_text() == "Back in the app"


@pytest.mark.parametrize("purpose", ["reset", "unlock"])
def test_wrong_answers_at_mailed_links_stay_in_the_history(
    visitor: Visitors, live: Live, ann: MadePerson, purpose: email_links.Purpose
) -> None:
    """S60: wrong answers at forms whose token is only in the first address."""
    with live.factory.context(), transaction():
        for _ in range(100):
            rate_limits.count_towards_stop(ann.organisation_id, ann.id, "totp", 100, now())
        values = {"email": "ann@shoes.example"}
        token = email_links.make(live.settings, live.factory.user(ann), purpose, values, email_links.soon(live.settings))
    here = visitor().open(email_links.address_of(live.settings, purpose, token).removeprefix(live.settings.issuer))
    fields = {"reset": {"new_password": "short", "new_password_again": "short"}, "unlock": {"password": "wrong"}}[purpose]
    here.fill(**fields).next()
    walks_through_its_history(here, "")


def test_wrong_answers_at_other_forms_stay_in_the_history(
    enter: Callable[..., Visitor], people: dict[str, MadePerson]
) -> None:
    """S60: wrong answers beside a sign-in, in the profile and in the console."""
    here = enter(people["administrator"], "/welcome")
    here.fill(organisation="example-shoes", username="nobody", code="AAAA").next()
    walks_through_its_history(here, "")
    here.open("/account/address").fill(email="nobody@nowhere").next()
    walks_through_its_history(here, "")
    here.open(f"{AT}/people/add").fill(username=people["administrator"].username).next()
    walks_through_its_history(here, "")


@pytest.mark.parametrize("gone", ["cookies", "weekend"])
def test_an_old_page_can_be_reloaded(visitor: Visitors, ann: MadePerson, gone: str) -> None:
    """S60, S61: after a wrong answer, without cookies or after a weekend, a reload starts again and ends in the app."""
    here = visitor().begin().fill(username="ann", password="not the right one").next().complains("password don't match")
    if gone == "cookies":
        here.context.clear_cookies()
    with time_machine.travel(now() + timedelta(days=3 if gone == "weekend" else 0), tick=True):
        here.page.reload()
        here.reads("Sign in")
        expect(here.page.get_by_role("status").first).to_contain_text(
            "an earlier sign-in" if gone == "cookies" else "out of date"
        )
        here.fill(username="ann", password=ann.password).next().fill(code=ann.authenticator.code()).next()
        assert here.tokens().amr == ["pwd", "otp", "mfa"]


def test_blocked_cookies_are_explained(visitor: Visitors, ann: MadePerson) -> None:
    """S60: a browser that did not keep the cookie of the page before gets an explanation, which leads on once cookies are
    allowed.
    """
    here = visitor().begin()
    address = here.page.url
    here.context.clear_cookies()
    here.open(f"{address.removeprefix(here.live.settings.issuer)}?cookies=1").sees(COOKIES_ARE_BLOCKED)
    here.page.get_by_role("link", name="Try again").click()
    here.reads("Sign in")
