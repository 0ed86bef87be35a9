"""A shop has one address. A stranger behind it cannot use up the limits of its known browsers (security.md 7)."""

from collections.abc import Callable

import pytest

from idp.config import Settings
from tests.drivers.browser import Browser
from tests.drivers.password_reset import forget
from tests.drivers.words import CHECK_YOUR_E_MAIL
from tests.factories import Factory, MadePerson

FULL = 6


@pytest.fixture
def settings(configure: Callable[..., Settings]) -> Settings:
    """Allow an address few tries, so that it is soon closed."""
    return configure(limits={"address_failures": FULL, "mails_from_address": FULL})


@pytest.fixture
def till(journey, jan: MadePerson, clock) -> Browser:
    """A browser in which jan signed in and out again."""
    walk = journey(jan).begin().password().code()
    walk.tokens()
    clock(minutes=1)
    walk.browser.open("/").submit("Sign out")
    return walk.browser


@pytest.fixture
def stranger(journey, new_browser, jan: MadePerson, till: Browser) -> Browser:
    """A browser behind the same address that used up the guesses and the mails."""
    browser = journey(jan, browser=new_browser()).begin().browser
    for number in range(FULL):
        assert browser.fill(username=f"nobody{number}", password="a word that is wrong").submit().status == 422
    assert browser.fill(username="jan", password=jan.password).submit().status == 429
    asking = new_browser()
    for number in range(FULL):
        forget(asking, jan, f"nobody{number}")
        assert asking.status == 200
    forget(asking, jan)
    assert asking.status == 429
    return browser


def by_code(journey, jan: MadePerson, till: Browser) -> bool:
    return journey(jan, browser=till).begin().password().code().tokens().acr == "mfa"


def by_recovery_code(journey, jan: MadePerson, till: Browser) -> bool:
    walk = journey(jan, browser=till).begin().password().recovery_code(jan.recovery_codes[0])
    walk.browser.submit("choice=carry_on")
    return walk.tokens().acr == "mfa"


def to_confirm(journey, jan: MadePerson, till: Browser) -> bool:
    journey(jan, browser=till).begin().password().code()
    till.open("/account/factor/remove/password").fill(password=jan.password).submit()
    return "Your second factor is removed" in till.text


def another_address(journey, jan: MadePerson, till: Browser) -> bool:
    journey(jan, browser=till).begin().password().code()
    return till.open("/account/address").fill(email="jan@home.example").submit().status == 200


@pytest.mark.parametrize("way", [by_code, by_recovery_code, to_confirm, another_address])
def test_a_known_browser_signs_in_at_a_closed_address(
    journey, jan: MadePerson, till: Browser, stranger: Browser, clock, way: Callable[..., bool]
) -> None:
    """Password, code, recovery code, a confirming password, and mails of signed-in users all work."""
    assert way(journey, jan, till)
    assert stranger.fill(username="jan", password=jan.password).submit().status == 429, "the stranger has another try"


def test_a_known_browser_gets_its_mail_at_a_closed_address(
    factory: Factory, new_browser, postman, jan: MadePerson, till: Browser, stranger: Browser, clock
) -> None:
    """The browser knows only jan. It gains no mails for other names, and has the limit of an address."""
    forget(till, jan)
    assert till.heading == CHECK_YOUR_E_MAIL
    assert len(postman.bring("jan@shoes.example")) == 1
    forget(till, jan, "nobody")
    assert till.status == 429
    strange = new_browser()
    forget(strange, jan)
    assert strange.status == 429
