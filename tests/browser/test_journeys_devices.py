"""Shared tills and remembered devices in a real Chromium (S35–S37, S40)."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visitor
from tests.conftest import Live
from tests.drivers.words import ENTER_YOUR_CODE, WHO_IS_SIGNING_IN
from tests.factories import MadePerson

Visitors = Callable[..., Visitor]
DAY = "mfa mfa-remembered"


@pytest.fixture
def ann(live: Live, quiet_shoes: str) -> MadePerson:
    """Make a person with an authenticator app."""
    return live.factory.make_user(quiet_shoes, "ann", with_totp=True)


def test_a_till_goes_from_hand_to_hand(visitor: Visitors, live: Live, quiet_shoes: str, ann: MadePerson) -> None:
    """S35, S37, S40: people who used the till can be chosen. Each gives their own password, and a code until remembered."""
    bob = live.factory.make_user(quiet_shoes, "bob", with_totp=True)
    here = visitor("till", like={"shared_device": True}).begin(acr_values=DAY)
    here.fill(username=ann.username, password=ann.password).next()
    here.page.get_by_label("Remember me on this device").check()
    here.fill(code=ann.authenticator.code()).next().tokens()
    here.begin(acr_values=DAY).reads(WHO_IS_SIGNING_IN)
    expect(here.page.get_by_role("button", name="ann")).to_contain_text("signed in")
    here.press("choice", "other").reads("Sign in")
    here.fill(username=bob.username, password=bob.password).next().reads(ENTER_YOUR_CODE)
    here.fill(code=bob.authenticator.code()).next()
    assert here.tokens().claims["sub"] == bob.id
    here.begin(acr_values=DAY).press("choice", ann.id).reads("Sign in")
    expect(here.page.locator("input[name=username]")).to_have_value("ann")
    expect(here.page.locator("input[name=password]")).to_be_focused()
    here.fill(password=ann.password).next()
    tokens = here.tokens()
    assert (tokens.claims["sub"], tokens.acr, tokens.amr) == (ann.id, "mfa-remembered", ["pwd"])
    here.begin(acr_values=DAY).press("choice", ann.id)
    assert here.tokens().claims["sub"] == ann.id


def test_another_user_can_take_over_from_the_signed_in_one(visitor: Visitors, live: Live, quiet_shoes: str) -> None:
    """S35: a reauthentication asks the signed-in person by default, and "Someone else" ends their session."""
    jan, eva = (live.factory.make_user(quiet_shoes, name) for name in ("jan", "eva"))
    here = visitor().begin().fill(username=jan.username, password=jan.password).next()
    here.tokens()
    here.begin(prompt="login").sees("Sign in")
    expect(here.page.locator(".who").last).to_contain_text("jan")
    here.press("other_person").fill(username=eva.username, password=eva.password).next()
    assert here.tokens().claims["sub"] == eva.id


def test_a_remembered_device_survives_the_browser_being_closed(visitor: Visitors, ann: MadePerson) -> None:
    """S36, S37: session cookies end with the browser, and trust does not. Another device must give the code."""
    here = visitor().begin(acr_values=DAY).fill(username=ann.username, password=ann.password).next()
    here.page.get_by_label("Remember me on this device").check()
    here.fill(code=ann.authenticator.code()).next().tokens()
    kept = [cookie for cookie in here.context.cookies() if cookie.get("expires", -1) > 0]
    assert {cookie["name"] for cookie in kept} >= {"browser", "device"}
    assert all(cookie["httpOnly"] and cookie["sameSite"] == "Lax" for cookie in kept)
    later = visitor(storage_state={"cookies": kept, "origins": []}).begin(acr_values=DAY)
    later.fill(username=ann.username, password=ann.password).next()
    assert later.tokens().acr == "mfa-remembered"
    elsewhere = visitor().begin(acr_values=DAY).fill(username=ann.username, password=ann.password).next()
    elsewhere.reads(ENTER_YOUR_CODE)
