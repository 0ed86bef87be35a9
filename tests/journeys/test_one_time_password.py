"""The one-time password that an administrator has sent (S49, S50)."""

import pytest

from idp.errors import Invalid
from tests.drivers.authenticator import Authenticator
from tests.drivers.one_time_password import send_one_time, sent_to
from tests.drivers.password_reset import NEW
from tests.drivers.set_up import key_on
from tests.factories import Factory


@pytest.fixture
def ann(factory: Factory, quiet_shoes: str):
    return factory.make_user(quiet_shoes, "ann", with_totp=True, email="ann@shoes.example")


def set_up_from(browser) -> None:
    """Carry out the set-up from the page about apps on."""
    browser.submit("next")
    browser.fill(code=Authenticator(key_on(browser)).code()).submit().fill(noted=True).submit()


def test_a_one_time_password_leads_to_a_new_password(factory: Factory, journey, new_browser, postman, ann, clock) -> None:
    """S49, S50: it is mailed to the user and works once. The second factor and a new strong password come before the app."""
    secret = sent_to(factory, ann, postman)
    walk = journey(ann).begin().password(secret)
    assert "code" in walk.browser.fields, "the second factor was skipped"
    walk.code()
    assert "new_password" in walk.browser.fields
    assert not walk.browser.offers("not_now")
    walk.browser.fill(new_password="password1234", new_password_again="password1234").submit()
    assert walk.browser.status == 422
    walk.browser.fill(new_password=NEW, new_password_again=NEW).submit()
    assert walk.tokens().acr == "mfa"
    clock(minutes=1)
    assert journey(ann, browser=new_browser()).begin().password(secret).browser.status == 422
    assert "code" in journey(ann, browser=new_browser()).begin().password(NEW).browser.fields


def test_a_slow_set_up_does_not_ask_for_the_spent_password(
    factory: Factory, journey, postman, quiet_shoes: str, clock
) -> None:
    """S49, S5, S17: a set-up took a quarter of an hour. The one-time password cannot be typed again."""
    noor = factory.make_user(quiet_shoes, "noor", email="noor@shoes.example", groups=(factory.make_group(quiet_shoes),))
    walk = journey(noor).begin().password(sent_to(factory, noor, postman))
    clock(minutes=15)
    walk.browser.submit("next")
    assert "password" not in walk.browser.fields
    set_up_from(walk.browser)
    walk.browser.fill(new_password=NEW, new_password_again=NEW).submit()
    assert walk.tokens().acr == "mfa"


def test_a_one_time_password_works_after_a_password_lockout(factory: Factory, journey, postman, ann, clock) -> None:
    """S49: the wrong tries were at the former password. The user needs no separate unlock."""
    for number in range(6):
        journey(ann).begin().password(f"not that either {number}")
    assert journey(ann).begin().password().browser.status == 429
    walk = journey(ann).begin().password(sent_to(factory, ann, postman))
    assert "code" in walk.browser.fields


def test_a_one_time_password_expires(factory: Factory, journey, postman, ann, clock) -> None:
    """S49: after a day it is refused. Without a verified address none is sent, and nothing changes."""
    secret = sent_to(factory, ann, postman)
    clock(hours=24, seconds=1)
    assert journey(ann).begin().password(secret).browser.status == 422
    bare = factory.make_user(ann.organisation_id, "bare")
    with pytest.raises(Invalid):
        send_one_time(factory, bare)
    assert "verified" not in journey(bare).begin().password().browser.text
    assert postman.bring() == []
