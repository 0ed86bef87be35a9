"""Lockouts, how they end (NIST SP 800-63B-4 §3.2.2; OWASP ASVS 6.3.1), and what they must not reveal."""

from collections.abc import Callable

import pytest

from idp import clock as now
from idp.audit import Event
from idp.db import transaction
from idp.identity.credentials import password_reset, unlock
from idp.identity.users import status
from idp.rows import add
from idp.store import audit, outbox, rate_limits, users
from tests.drivers.browser import Browser
from tests.drivers.set_up import set_up
from tests.drivers.words import SET_UP_AGAIN, YOUR_SECOND_FACTOR_IS_UNBLOCKED, YOUR_SECOND_FACTOR_WAS_BLOCKED
from tests.factories import BY_TESTS, Factory, MadePerson

ISSUER = "https://id.example.com"
NEW = "violet harbour kettle 9"


@pytest.fixture
def ann(factory: Factory, quiet_shoes: str) -> MadePerson:
    """Create a user with an app, recovery codes and a verified address, in an organisation with an owner."""
    return factory.make_user(quiet_shoes, "ann", with_totp=True, recovery_codes=6, email="ann@shoes.example")


@pytest.fixture
def count_failures(factory: Factory) -> Callable[..., None]:
    """Return ``count_failures(person, kind)``, which counts so many wrong guesses that the next one locks out."""

    def count(person: MadePerson, kind: str = "totp") -> None:
        with factory.context(), transaction():
            for _ in range(99):
                rate_limits.count_towards_stop(person.organisation_id, person.id, kind, 100, now.now())

    return count


def fail_once(journey, person: MadePerson, browser: Browser, kind: str = "totp"):
    """Enter one more wrong guess on the sign-in pages, after the right password."""
    walk = journey(person, browser=browser).begin().password()
    if kind == "recovery":
        return walk.recovery_code("aaaaaaa-aaaaaaa")
    return walk.code("000000")


def unlock_by_link(browser: Browser, link: str, password: str) -> Browser:
    return browser.open(link).fill(password=password).submit()


def events(factory: Factory, person: MadePerson) -> list[str]:
    with factory.context():
        return [row.event for row in audit.rows_about(person.organisation_id, person.id, limit=100)][::-1]


@pytest.mark.parametrize("kind", ["totp", "recovery"])
def test_a_mailed_link_with_the_password_unlocks(
    factory: Factory, journey, new_browser, postman, ann, count_failures, clock, kind
) -> None:
    """N63-12, S53, S54, S56: the lockout sends the user one mail.
    Link and password unlock, and the factor is still asked for.
    """
    count_failures(ann, kind)
    assert fail_once(journey, ann, new_browser(), kind).browser.status == 422
    (mail,) = postman.bring()
    assert (mail.to, mail.subject) == ("ann@shoes.example", YOUR_SECOND_FACTOR_WAS_BLOCKED)
    link = next(one for one in mail.links if "/unlock/" in one)
    clock(minutes=1)
    locked = fail_once(journey, ann, new_browser(), kind).browser
    assert locked.status == 429
    assert "the link that we e-mailed you" in locked.errors[0]
    assert postman.bring() == [], "a second mail was sent although the link still works"
    mine = unlock_by_link(new_browser(), link, "not the password")
    assert mine.errors == ["Error: That is not your password. Check it and try again."]
    mine.fill(password=ann.password).submit()
    assert mine.heading == YOUR_SECOND_FACTOR_IS_UNBLOCKED
    assert "login" not in "".join(mine.cookies), "the link signed somebody in"
    assert [one.subject for one in postman.bring("ann@shoes.example")] == ["Your second factor was unblocked"]
    walk = journey(ann, browser=new_browser()).begin().password()
    right = walk.recovery_code(ann.recovery_codes[0]) if kind == "recovery" else walk.code()
    assert right.browser.status != 429
    recorded = [
        one for one in events(factory, ann) if one in (Event.ACCOUNT_LOCKED, Event.PASSWORD_WRONG, Event.ACCOUNT_UNLOCKED)
    ]
    assert recorded == [Event.ACCOUNT_LOCKED, Event.PASSWORD_WRONG, Event.ACCOUNT_UNLOCKED]


def test_neither_link_nor_password_unlocks_alone(journey, new_browser, postman, ann, count_failures, clock) -> None:
    """N63-14: opening the link (S55), an empty or wrong password, and a session with a proved password do not unlock."""
    count_failures(ann)
    fail_once(journey, ann, new_browser())
    (mail,) = postman.bring()
    link = next(one for one in mail.links if "/unlock/" in one)
    token = link.rpartition("/")[2]
    for _ in range(3):
        new_browser().open(link)
        new_browser().client.head(link)
    mallory = new_browser().open(link)
    for password in ("", "a sturdy kettle sings 4", ann.totp_secret):
        assert mallory.fill(password=password).submit().status == 422
    clock(minutes=1)
    assert journey(ann, browser=new_browser()).begin().password().code().browser.status == 429
    fields = [("csrf_token", mallory.value("csrf_token")), ("password", ann.password)]
    for spoilt in ("", ".", token[:-1] + "x", f"{ann.organisation_id}.{'x' * 43}", "a" * 5000):
        assert mallory.send("POST", f"{ISSUER}/unlock", [("token", spoilt), *fields]).status == 404
    assert mallory.send("POST", f"{ISSUER}/unlock", [("token", token), ("password", ann.password)]).status == 403
    for path in ("/reset/", "/welcome/", "/link/verify/", "/link/unlock/"):
        assert new_browser().open(path + token).status == 404
    assert unlock_by_link(new_browser(), link, ann.password).heading == YOUR_SECOND_FACTOR_IS_UNBLOCKED


def test_an_unlock_link_works_once_within_half_an_hour(journey, new_browser, postman, ann, count_failures, clock) -> None:
    """security.md: links last 30 minutes and work once. A locked-out person with the right password gets a new one."""
    count_failures(ann)
    fail_once(journey, ann, new_browser())
    first = unlocking(postman)
    clock(minutes=31)
    assert new_browser().open(first).status == 404
    for _ in range(3):
        assert fail_once(journey, ann, new_browser()).browser.status == 429
    second = unlocking(postman)
    replay = new_browser().open(second)
    assert unlock_by_link(new_browser(), second, ann.password).heading == YOUR_SECOND_FACTOR_IS_UNBLOCKED
    assert replay.fill(password=ann.password).submit().status == 404
    assert new_browser().open(second).status == 404
    postman.bring()
    count_failures(ann)
    clock(hours=1)
    fail_once(journey, ann, new_browser())
    assert unlocking(postman) not in (first, second), "the old link works for a new lockout"


def unlocking(postman) -> str:
    """Return the only link of the only mail."""
    (mail,) = postman.bring("ann@shoes.example")
    return next(one for one in mail.links if "/unlock/" in one)


def test_an_unlock_link_to_a_former_address_is_void(
    factory: Factory, journey, new_browser, postman, ann, count_failures, clock
) -> None:
    """Security: a reader of the old mailbox, or a disabled user, cannot unlock."""
    count_failures(ann)
    fail_once(journey, ann, new_browser())
    link, mine = unlocking(postman), new_browser()
    mine.open(link)
    with factory.context(), transaction():
        users.change_user(ann.organisation_id, ann.id, email="ann@new.example", email_key="ann@new.example")
    assert mine.fill(password=ann.password).submit().status == 404
    with factory.context():
        with transaction():
            users.change_user(ann.organisation_id, ann.id, email="ann@shoes.example", email_key="ann@shoes.example")
        status.disable(factory.settings, factory.organisation(ann.organisation_id), factory.user(ann), BY_TESTS)
    assert new_browser().open(link).status == 404


def test_the_password_beside_an_unlock_link_is_throttled(journey, new_browser, postman, ann, count_failures, clock) -> None:
    """V6.3.1, security.md 8: it shares the counter of the sign-in, so the link does not bypass the limit."""
    count_failures(ann)
    fail_once(journey, ann, new_browser())
    link = unlocking(postman)
    mallory = new_browser().open(link)
    for number in range(5):
        assert mallory.fill(password=f"guess number {number}").submit().status == 422
    assert mallory.fill(password=ann.password).submit().status == 429
    assert int(mallory.headers["Retry-After"]) > 0
    assert journey(ann, browser=new_browser()).begin().password().browser.status == 429


def test_a_one_time_password_does_not_unlock_with_a_link(
    factory: Factory, journey, new_browser, postman, ann, count_failures, clock
) -> None:
    """S49, S50: both were mailed, so the mailbox alone would unlock the second factor."""
    count_failures(ann)
    fail_once(journey, ann, new_browser())
    link = unlocking(postman)
    with factory.context():
        password_reset.send_one_time_password(
            factory.settings, factory.organisation(ann.organisation_id), factory.user(ann), BY_TESTS
        )
    (mail,) = postman.bring("ann@shoes.example")
    password = next(line.strip() for line in mail.text.splitlines() if line.startswith("    "))
    mine = unlock_by_link(new_browser(), link, password)
    assert mine.status == 422
    assert "one-time password" in mine.errors[0]


def test_without_an_address_the_owner_is_told_and_helped_by_an_admin(
    factory: Factory, journey, new_browser, postman, quiet_shoes, count_failures, clock
) -> None:
    """S54: the owner's notice names the user and has no link. The page says which people can help."""
    bob = factory.make_user(quiet_shoes, "bob", with_totp=True)
    count_failures(bob)
    fail_once(journey, bob, new_browser())
    (mail,) = postman.bring()
    assert (mail.to, mail.subject) == ("owner@shoes.example", "Signing in as bob was blocked")
    assert not any("/unlock/" in one or "/reset/" in one for one in mail.links), "the owner's mail has a link that works"
    clock(minutes=1)
    locked = fail_once(journey, bob, new_browser()).browser
    assert (locked.status, postman.bring()) == (429, [])
    assert "Ask an administrator" in locked.errors[0]
    with factory.context():
        assert unlock.unlock(factory.settings, factory.organisation(quiet_shoes), factory.user(bob), BY_TESTS)
    assert journey(bob, browser=new_browser()).begin().password().code().tokens().acr == "mfa"


def test_the_lockout_mail_of_a_password_links_to_a_new_one(
    journey, new_browser, postman, ann, count_failures, clock
) -> None:
    """N63-12: a new password ends the lockout of the password, and skips no second factor. No page reveals accounts."""
    count_failures(ann, "password")
    journey(ann, browser=new_browser()).begin().password("not the password")
    (mail,) = postman.bring()
    assert mail.subject == "Signing in was blocked"
    assert f"{ISSUER}/reset" in mail.links
    locked = journey(ann, browser=new_browser()).begin().password().browser
    assert locked.errors == ["Error: Too many attempts. Please try again in 15 minutes."]
    asking = new_browser().open(f"{ISSUER}/reset")
    asking.fill(organisation=ann.store_url, username="ann").submit()
    choosing = new_browser().open(postman.link("ann@shoes.example"))
    choosing.fill(new_password=NEW, new_password_again=NEW).submit()
    assert journey(ann, browser=new_browser()).begin().password(NEW).code().tokens().acr == "mfa"


def test_a_new_authenticator_starts_without_failures(journey, new_browser, ann, count_failures, clock) -> None:
    """S45, S46: the old app was locked out. A recovery code lets the user set up a new one."""
    count_failures(ann)
    fail_once(journey, ann, new_browser())
    clock(minutes=1)
    walk = journey(ann, browser=new_browser()).begin().password().recovery_code(ann.recovery_codes[0])
    phone, _ = set_up(walk.browser.submit(SET_UP_AGAIN))
    walk.tokens()
    clock(minutes=1)
    again = journey(ann, browser=new_browser()).begin().password().code(phone.code())
    assert again.tokens().acr == "mfa"


def test_repeated_lockouts_send_few_mails(factory: Factory, journey, new_browser, ann, count_failures, clock) -> None:
    """V6.6.4: a right hundredth guess resets the count, so lockouts may repeat. Five mails within the window are sent."""
    count_failures(ann)
    elsewhere = {"lane": "another-browser", "count": 99, "last_at": now.now()}
    with factory.context(), transaction():
        add(rate_limits.AuthFailures(organisation_id=ann.organisation_id, user_id=ann.id, authenticator="totp", **elsewhere))
    for _ in range(8):
        assert journey(ann, browser=new_browser()).begin().password().code().tokens().acr == "mfa"
        clock(seconds=60)
    with factory.context():
        assert len([mail for mail in outbox.mails() if mail.template == "unlock"]) == 5
