"""Leaked passwords are looked up wherever a password is entered (S31–S33)."""

from datetime import timedelta

import pytest

from idp.config import Settings
from idp.identity.credentials import leaked_passwords, passwords
from idp.identity.credentials.passwords import NewPassword
from idp.store import audit, users
from tests.drivers.words import CHANGE_PASSWORD, SIGN_IN_DETAILS
from tests.factories import BY_TESTS, Factory

LEAKED = "qwerty123456"
SAFE = "violet harbour kettle 9"


@pytest.fixture
def zoe(factory: Factory, quiet_shoes: str):
    """Create a user with a leaked password, as if imported from another system."""
    person = factory.make_user(quiet_shoes, "zoe", email="zoe@shoes.example")
    with factory.context():
        from idp.db import transaction

        with transaction():
            users.change_user(quiet_shoes, person.id, password_hash=factory.settings.hasher.hash("qwertyuiop"))
    return type(person)(**{**person.__dict__, "password": "qwertyuiop"})


def events(factory: Factory, person) -> list[str]:
    with factory.context():
        return [row.event for row in audit.rows_about(person.organisation_id, person.id)]


def test_a_leaked_password_is_reported_at_sign_in(factory: Factory, journey, zoe, clock) -> None:
    """S31, S32: the page offers to change it now or later."""
    walk = journey(zoe).begin().password()
    assert walk.browser.left_for is None
    assert walk.browser.offers("choice=change")
    assert walk.browser.offers("choice=later")
    assert "password:found_leaked" in events(factory, zoe)


def test_the_leak_notice_returns_after_the_interval(factory: Factory, journey, new_browser, zoe, clock) -> None:
    """S33: only the explicit choice "not now" postpones the notice. The choice is audited."""
    walk = journey(zoe).begin().password()
    walk.begin(prompt="login").password()
    assert walk.browser.offers("choice=later"), "the notice was postponed without a choice"
    assert walk.browser.submit("choice=later").left_for is not None
    assert "password:leaked_notice_answered" in events(factory, zoe)
    assert journey(zoe, browser=new_browser()).begin().password().browser.left_for is not None
    clock(days=7, minutes=1)
    assert journey(zoe, browser=new_browser()).begin().password().browser.offers("choice=later")


def test_the_leak_interval_is_shorter_for_administrators(factory: Factory, journey, new_browser, zoe, clock) -> None:
    """S33: a day by default."""
    with factory.context():
        from idp.db import transaction

        with transaction():
            users.change_user(zoe.organisation_id, zoe.id, role="administrator")
    journey(zoe).begin().password().browser.submit("choice=later")
    clock(days=1, minutes=1)
    assert journey(zoe, browser=new_browser()).begin().password().browser.offers("choice=later")


def test_change_now_comes_before_the_app(factory: Factory, journey, new_browser, zoe, clock) -> None:
    """S32, S33, S51: the user chooses a new password. A leaked one is refused, and a mail reports the change."""
    walk = journey(zoe).begin().password()
    walk.browser.submit("choice=change")
    for refused in (LEAKED, "iloveyou", "short"):
        walk.browser.fill(new_password=refused, new_password_again=refused).submit()
        assert walk.browser.status == 422
        assert walk.browser.errors
    walk.browser.fill(new_password=SAFE, new_password_again=SAFE + "!").submit()
    assert "not the same" in walk.browser.errors[0]
    walk.browser.fill(new_password=SAFE, new_password_again=SAFE).submit()
    assert walk.tokens().claims["sub"] == zoe.id
    assert journey(zoe, browser=new_browser()).begin().password().browser.status == 422
    assert journey(zoe, browser=new_browser()).begin().password(SAFE).tokens().acr == "pwd"
    with factory.context():
        from idp.store import outbox

        assert [mail.template for mail in outbox.mails()] == ["password_changed"]


def test_a_replaced_leaked_password_is_not_reported(journey, zoe, clock) -> None:
    """S32, S33: the notice was postponed at sign-in, and the password changed later in the profile.
    Only the old one leaked.
    """
    walk = journey(zoe).begin().password()
    walk.browser.submit("choice=later")
    clock(minutes=5)
    walk.browser.open("/account/security").submit(CHANGE_PASSWORD).fill(password=zoe.password).submit()
    walk.browser.fill(new_password=SAFE, new_password_again=SAFE).submit()
    assert walk.browser.heading == SIGN_IN_DETAILS


def test_a_leaked_password_alone_cannot_change_itself(factory: Factory, journey, quiet_shoes: str, clock) -> None:
    """S32: the new password is asked for after the second factor, even on a remembered device."""
    ann = factory.make_user(quiet_shoes, "ann", with_totp=True)
    with factory.context():
        from idp.db import transaction

        with transaction():
            users.change_user(quiet_shoes, ann.id, password_hash=factory.settings.hasher.hash("qwertyuiop"))
    ann = type(ann)(**{**ann.__dict__, "password": "qwertyuiop"})
    walk = journey(ann).begin(acr_values="mfa mfa-remembered").password()
    walk.browser.submit("choice=later")
    walk.code(remember=True).tokens()
    clock(days=8)
    walk.begin(acr_values="mfa mfa-remembered").password()
    walk.browser.submit("choice=change")
    assert walk.browser.fields >= {"code"}
    walk.code()
    assert "new_password" in walk.browser.fields


def test_a_leak_check_that_is_down_stops_no_sign_in(factory: Factory, configure, clock, request) -> None:
    """S31: if the service does not answer, the sign-in continues. The audit log records it."""
    from idp.app import create_app
    from tests.drivers.applications import bare_app, close
    from tests.drivers.browser import Browser
    from tests.drivers.relying_party import RelyingParty
    from tests.journeys.conftest import Journey

    settings = configure(leaked={"range_service": "http://127.0.0.1:9/range/", "timeout_seconds": 0.2})
    app = create_app(settings)
    with bare_app(settings) as bare:
        here = Factory(settings, bare)
        jan = here.make_user(here.make_organisation("hats", settings={"offer_set_up": False}))
        client = here.make_client("hats")
        party = RelyingParty(app, settings.issuer, client.client_id, client.redirect_uri, secret=client.secret)
        walk = Journey(Browser(app, settings.issuer), party, jan).begin().password()
        assert walk.tokens().acr == "pwd"
        assert "password:leaked_check_down" in events(here, jan)
    close(app)


def test_switching_users_checks_the_new_users_password(
    factory: Factory, journey, relying_party, quiet_shoes, zoe, clock
) -> None:
    """S31, S35: the password is looked up when switching users too."""
    till = relying_party(factory.make_client("till", shared_device=True))
    jan = factory.make_user(quiet_shoes)
    journey(jan, till).begin().password().tokens()
    clock(seconds=timedelta(minutes=1).total_seconds())
    switch = journey(zoe, till).begin()
    switch.browser.submit("choice=other")
    assert switch.password().browser.offers("choice=change")


@pytest.mark.both_engines
def test_a_password_changed_during_its_look_up_is_refused(
    factory: Factory, journey, quiet_shoes: str, clock, monkeypatch
) -> None:
    """S31, I3: the look-up may take half a second. A password that was replaced by then signs nobody in."""
    jan, look_up = factory.make_user(quiet_shoes), leaked_passwords.look_up
    clock(minutes=1)

    def slowly(settings: Settings, password: str) -> leaked_passwords.Lookup:
        with factory.context():
            passwords.put(settings, factory.user(jan), NewPassword(passwords.hash_of(settings, SAFE)), BY_TESTS)
        return look_up(settings, password)

    with monkeypatch.context() as patched:
        patched.setattr(leaked_passwords, "look_up", slowly)
        walk = journey(jan).begin().password()
    assert walk.browser.left_for is None
    assert "password don't match" in walk.browser.errors[0]
    assert walk.password(SAFE).tokens().claims["sub"] == jan.id
