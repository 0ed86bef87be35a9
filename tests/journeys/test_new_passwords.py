"""A new password differs from the present one. Every entry of a present one is looked up (S31–S33, S50)."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from idp.clock import now as clock_now
from idp.config import Settings
from idp.db import transaction
from idp.identity import email_links
from idp.identity.accounts import invitations
from idp.identity.credentials import leaked_passwords, passwords
from idp.identity.credentials.leaked_passwords import Lookup
from idp.store import rate_limits, users
from tests.drivers.browser import Browser
from tests.drivers.one_time_password import sent_to
from tests.drivers.password_reset import NEW, forget
from tests.drivers.postman import Postman
from tests.drivers.stages import events
from tests.drivers.words import CHANGE_PASSWORD, MAKE_NEW_CODES, YOUR_PASSWORD_HAS_LEAKED
from tests.factories import BY_TESTS, Factory, MadePerson

STOLEN = "caffè and ﬁnches 29"
"""NFKC changes two of its letters."""
NORMAL = "caffè and finches 29"
PRESENT = "This is your current password. Choose another one."
BLOCKED = "You cannot use this password any more. Choose another one."


@pytest.fixture
def zoe(factory: Factory, shoes: str) -> MadePerson:
    """Create a user whose password is not known to be leaked."""
    return factory.make_user(shoes, "zoe", password=STOLEN, email="zoe@shoes.example")


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return a function that starts a leak service: ``service(hits={"a password"})``, or ``service(is_down=True)``."""
    look_up = leaked_passwords.look_up

    def answer(hits: frozenset[str] | set[str] = frozenset(), *, is_down: bool = False) -> None:
        def asked(settings: Settings, password: str) -> Lookup:
            found = look_up(settings, password)
            return Lookup(hit=True, source="service") if password in hits else replace(found, is_down=is_down)

        monkeypatch.setattr(leaked_passwords, "look_up", asked)

    return answer


def choose(browser: Browser, password: str) -> Browser:
    return browser.fill(new_password=password, new_password_again=password).submit()


def refused(browser: Browser, password: str, words: str) -> None:
    assert choose(browser, password).errors == [f"Error: {words}"]
    assert browser.status == 422


@pytest.mark.parametrize("typed", [STOLEN, NORMAL], ids=["unchanged", "in its NFKC form"])
@pytest.mark.parametrize("place", ["profile", "reset link", "one-time password", "must change", "invitation", "closed"])
def test_the_present_password_is_refused_as_a_new_one(
    factory: Factory, journey, new_browser, postman: Postman, zoe: MadePerson, clock, place: str, typed: str
) -> None:
    """S33, S50, ASVS 6.2: this holds on every page where a password is chosen. Another password is then accepted."""
    browser = new_browser()
    if place == "profile":
        browser.open("/account/security").fill(username="zoe", password=zoe.password).submit()
        clock(minutes=1)
        browser.submit(CHANGE_PASSWORD).fill(password=zoe.password).submit()
    elif place == "reset link":
        forget(browser, zoe)
        browser.open(postman.link("zoe@shoes.example"))
    elif place == "one-time password":
        typed = sent_to(factory, replace_owner(factory, zoe), postman)
        browser = journey(zoe, browser=browser).begin().password(typed).browser
    elif place == "invitation":
        with factory.context():
            invitations.invite(factory.settings, factory.organisation(zoe.organisation_id), factory.user(zoe), BY_TESTS)
        browser.open(postman.link("zoe@shoes.example"))
    elif place == "closed":
        with factory.context(), transaction():
            passwords.close(factory.user(zoe), "address_restored", BY_TESTS)
        forget(browser, zoe)
        browser.open(postman.link("zoe@shoes.example"))
    else:
        with factory.context(), transaction():
            users.change_user(zoe.organisation_id, zoe.id, must_change_password=True)
        browser = journey(zoe, browser=browser).begin().password().browser
    refused(browser, typed, BLOCKED if place == "closed" else PRESENT)
    choose(browser, NEW)
    assert "password:changed" in events(factory, zoe.organisation_id)


def replace_owner(factory: Factory, person: MadePerson) -> MadePerson:
    """Create the same user in an organisation whose owner can send a one-time password."""
    factory.make_user(person.organisation_id, "owner", role="owner", with_totp=True, email="owner@shoes.example")
    return person


def test_a_known_leaked_password_is_refused_while_the_check_is_down(
    factory: Factory, journey, new_browser, postman: Postman, service, zoe: MadePerson, clock
) -> None:
    """S32, S33: it is refused at "Change now", and after an administrator had a one-time password mailed."""
    service({STOLEN})
    browser = journey(zoe).begin().password().browser.submit("choice=change")
    service(is_down=True)
    refused(browser, STOLEN, PRESENT)
    secret = sent_to(factory, replace_owner(factory, zoe), postman)
    browser = journey(zoe, browser=new_browser()).begin().password(secret).browser
    refused(browser, STOLEN, BLOCKED)
    refused(browser, NORMAL, BLOCKED)
    assert choose(browser, NEW).left_for is not None
    assert "password:leaked_check_down" in events(factory, zoe.organisation_id)


def test_a_second_leak_keeps_the_first_password_blocked(
    factory: Factory, journey, new_browser, service, zoe: MadePerson, clock
) -> None:
    """S32, S33: each password that was found leaked stays blocked, even while the service is down."""
    service({STOLEN})
    choose(journey(zoe).begin().password().browser.submit("choice=change"), NEW)
    service({NEW})
    browser = journey(zoe, browser=new_browser()).begin().password(NEW).browser.submit("choice=change")
    service(is_down=True)
    refused(browser, STOLEN, BLOCKED)
    assert choose(browser, "third harbour kettle 9").left_for is not None
    with factory.context():
        assert len(factory.user(zoe).barred_hashes) == 2


@pytest.mark.parametrize("place", ["remove factor", "console", "new codes", "unlock"])
def test_a_password_of_a_confirmation_is_looked_up(
    factory: Factory, journey, new_browser, enter, postman: Postman, service, shoes: str, jan: MadePerson, clock, place: str
) -> None:
    """S31: the confirmed action is carried out, and the next sign-in reports the leak."""
    anna = factory.make_user(shoes, "anna", role="administrator", with_totp=True, email="anna@shoes.example")
    typist = anna if place == "console" else jan
    confirm = at_confirmation(factory, enter, postman, place, jan, anna)
    service({typist.password})
    confirm.fill(password=typist.password).submit()
    assert not confirm.errors
    assert events(factory, shoes).count("password:found_leaked") == 1
    service(is_down=True)
    clock(minutes=1)
    refused = journey(typist, browser=new_browser()).begin().password().browser
    assert refused.heading == YOUR_PASSWORD_HAS_LEAKED


def at_confirmation(factory: Factory, enter, postman: Postman, place: str, jan: MadePerson, anna: MadePerson) -> Browser:
    """Open a page that asks for the password again."""
    if place == "console":
        return enter(anna).open(f"/admin/example-shoes/people/{jan.id}/reset-factor")
    browser = enter(jan, "/account/security")
    if place == "remove factor":
        return browser.open("/account/factor/remove/password")
    if place == "new codes":
        return browser.submit(MAKE_NEW_CODES).submit("next")
    with factory.context(), transaction():
        user = factory.user(jan)
        for _ in range(factory.settings.limits.hard_stop):
            rate_limits.count_towards_stop(
                jan.organisation_id, jan.id, "totp", factory.settings.limits.hard_stop, clock_now()
            )
        link = email_links.make(
            factory.settings, user, "unlock", {"email": user.email_key}, email_links.soon(factory.settings)
        )
    return browser.open(f"/unlock/{link}")


def test_a_leak_check_that_is_down_stops_no_confirmation(
    factory: Factory, enter, service, shoes: str, jan: MadePerson
) -> None:
    """S31: the failure is recorded, and the second factor is removed."""
    browser = enter(jan, "/account/security").open("/account/factor/remove/password")
    service(is_down=True)
    browser.fill(password=jan.password).submit()
    assert "factor:removed" in events(factory, shoes)
    assert "password:leaked_check_down" in events(factory, shoes)


def test_the_profile_reports_a_leak_until_the_password_changes(
    factory: Factory, enter, service, jan: MadePerson, clock
) -> None:
    """S32: a user with an open session sees the leak at the sign-in details."""
    browser = enter(jan, "/account/security").open("/account/factor/remove/password")
    service({jan.password})
    browser.fill(password=jan.password).submit()
    assert YOUR_PASSWORD_HAS_LEAKED in browser.open("/account/security").text
    service()
    browser.submit(CHANGE_PASSWORD).fill(password=jan.password).submit()
    if browser.offers("choice=change"):
        browser.submit("choice=change")
    choose(browser, NEW)
    assert "has leaked" not in browser.open("/account/security").text
