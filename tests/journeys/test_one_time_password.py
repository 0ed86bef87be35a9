"""The one-time password that an administrator lets send (S49, S50)."""

import pytest

from idp.audit import Origin
from idp.errors import Invalid
from idp.identity import resets
from idp.store import users
from tests.factories import Factory
from tests.journeys.test_getting_back import NEW


@pytest.fixture
def ann(factory: Factory, quiet_shoes: str):
    return factory.make_user(quiet_shoes, "ann", with_totp=True, email="ann@shoes.example")


def send_one_time(factory: Factory, person) -> None:
    with factory.context():
        boss = users.user_named(person.organisation_id, "owner")
        assert boss is not None
        organisation = factory.organisation(person.organisation_id)
        resets.send_one_time_password(factory.settings, organisation, factory.user(person), Origin(actor_id=boss.id))


def test_a_one_time_password_works_once_and_leads_to_ones_own(
    factory: Factory, journey, new_browser, postman, ann, clock
) -> None:
    """S49, S50: mailed to the person; the second factor first, then a new safe password, and only then the app."""
    send_one_time(factory, ann)
    (mail,) = postman.bring("ann@shoes.example")
    secret = next(line.strip() for line in mail.text.splitlines() if line.startswith("    "))
    walk = journey(ann).begin().password(secret)
    assert "code" in walk.browser.fields, "the second factor was passed by"
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


def test_a_one_time_password_runs_out(factory: Factory, journey, postman, ann, clock) -> None:
    """S49: after a day it is wrong; and nothing is sent, or changed, where there is no verified address."""
    send_one_time(factory, ann)
    (mail,) = postman.bring("ann@shoes.example")
    secret = next(line.strip() for line in mail.text.splitlines() if line.startswith("    "))
    clock(hours=24, seconds=1)
    assert journey(ann).begin().password(secret).browser.status == 422
    bare = factory.make_user(ann.organisation_id, "bare")
    with pytest.raises(Invalid):
        send_one_time(factory, bare)
    assert "verified" not in journey(bare).begin().password().browser.text
    assert postman.bring() == []
