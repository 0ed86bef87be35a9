"""A one-time code for today in place of the second factor, issued by an administrator (S68; S41, S47, S53, S54)."""

import re
from collections.abc import Callable

import pytest

from idp import clock as clocks
from idp.db import transaction
from idp.identity.accounts import accounts
from idp.identity.credentials import bypass_codes, password_reset, passwords, second_factor
from idp.identity.users import status
from idp.store import audit, outbox, restore
from tests.drivers.browser import Browser
from tests.factories import BY_TESTS, Factory, MadePerson

PEOPLE = "/admin/example-shoes/people"


def issue(browser: Browser, admin: MadePerson, person: MadePerson) -> str:
    """Issue a code in the console."""
    browser.open(f"{PEOPLE}/{person.id}").click("Lost phone")
    browser.fill(password=admin.password).submit("choice=bypass-code")
    found = re.search(r'id="code">([^<]+)', browser.html)
    assert found, browser.errors
    return found[1]


def made(factory: Factory, person: MadePerson) -> str:
    """Issue a code as the installation."""
    with factory.context():
        at, user = factory.organisation(person.organisation_id), factory.user(person)
        return bypass_codes.issue(factory.settings, at, user, BY_TESTS)[0]


def is_taken(walk: Callable[..., object], person: MadePerson, browser: Browser, code: str) -> bool:
    """Sign in with the password and this code. Returns whether the code was taken."""
    there = walk(person, browser=browser).begin().password()  # type: ignore[attr-defined] # a journey: conftest cannot be imported
    return there.recovery_code(code).browser.left_for is not None


def test_a_code_replaces_the_second_factor_once(factory: Factory, enter, journey, new_browser, anna, jan) -> None:
    """S68: it proves what a recovery code does, remembers no device and works once. Log, activity and mails tell of it."""
    console, theirs = enter(anna), new_browser()
    code = issue(console, anna, jan)
    walk = journey(jan, browser=theirs).begin().password().recovery_code(code)
    tokens = walk.tokens()
    assert (tokens.acr, tokens.amr) == ("mfa", ["pwd", "recovery", "mfa"])
    assert not is_taken(journey, jan, new_browser(), code)
    assert "One-time code for today used" in theirs.open("/account/activity").text
    rows = console.open("/admin/example-shoes/audit?username=jan").html.split("<tr>")[2:]  # the filter names every event
    assert [row for row in rows if "One-time code for today used" in row and "Signed in" in row], "one sign-in, one entry"
    with factory.context():
        events = [row.event for row in audit.rows_about(jan.organisation_id, jan.id)]
        assert {"recovery:bypass_issued", "recovery:bypass_used"} <= {*events}
        sent = {(mail.template, mail.recipient) for mail in outbox.mails()}
    assert sent == {("bypass_code_issued", "jan@shoes.example"), ("bypass_code_used", "jan@shoes.example")}


def test_a_code_ends_with_the_day_of_the_organisation(factory: Factory, journey, new_browser, jan, clock) -> None:
    """At noon in winter it works until 24:00 in Amsterdam, which is 23:00 UTC."""
    code = made(factory, jan)
    with factory.context():
        at = factory.organisation(jan.organisation_id)
        ends = bypass_codes.until(at)
        assert ends.astimezone(at.zone).strftime("%H:%M") == "00:00"
        assert (ends - clocks.now()).total_seconds() <= 24 * 3600
    clock(seconds=(ends - clocks.now()).total_seconds())
    assert not is_taken(journey, jan, new_browser(), code)


ENDS = {
    "reset": lambda f, at, user: second_factor.reset_factor(f.settings, at, user, BY_TESTS),
    "remove": lambda f, at, user: second_factor.remove_factor(f.settings, at, user, BY_TESTS),
    "disable": lambda f, at, user: status.disable(f.settings, at, user, BY_TESTS),
    "one-time password": lambda f, at, user: password_reset.send_one_time_password(f.settings, at, user, BY_TESTS),
    "closed password": lambda f, at, user: passwords.close(user, "test", BY_TESTS),
    "another code": lambda f, at, user: bypass_codes.issue(f.settings, at, user, BY_TESTS),
    "promotion to owner": lambda f, at, user: accounts.change(
        f.settings, at, user, {"role": "owner", "email_verified": True}, BY_TESTS
    ),
}


@pytest.mark.parametrize("how", [*ENDS, "restore"])
def test_what_ends_a_code(factory: Factory, jan, how: str) -> None:
    """S47, S51: an administrator's act, a new password and a restored backup leave no code behind."""
    made(factory, jan)
    with factory.context():
        before = bypass_codes.open_for(factory.settings, factory.user(jan))
        assert before is not None
        if how == "restore":
            with transaction():
                restore.void_mails(clocks.now())
        else:
            ENDS[how](factory, factory.organisation(jan.organisation_id), factory.user(jan))
        after = bypass_codes.open_for(factory.settings, factory.user(jan))
        assert after is None or after.digest != before.digest
        assert after is None or how == "another code"


def test_wrong_codes_count_like_wrong_recovery_codes(factory: Factory, journey, new_browser, jan) -> None:
    """ASVS 6.3.1: they share one counter, so a code gives no more guesses."""
    made(factory, jan)
    walk = journey(jan, browser=new_browser()).begin().password()
    for _ in range(9):
        walk.recovery_code("aaaaaaa-aaaaaaa")
        if walk.browser.status == 429:
            break
    assert walk.browser.status == 429


def test_nobody_issues_a_code_for_the_owner_or_for_themselves(factory: Factory, enter, new_browser, shoes, anna) -> None:
    """S48: the owner has an announced recovery. Managers, people without a factor and other organisations get 404 or 403."""
    olivia = factory.make_user(shoes, "olivia", role="owner", email="olivia@shoes.example", with_totp=True)
    plain, toys = factory.make_user(shoes, "plain"), factory.make_organisation("toys")
    other = factory.make_user(toys, "other", with_totp=True)
    browser = enter(anna)
    assert "Lost phone" not in browser.open(f"{PEOPLE}/{olivia.id}").text
    assert "Lost phone" not in browser.open(f"{PEOPLE}/{plain.id}").text
    for person, answer in ((olivia, 403), (anna, 403), (plain, 404), (other, 404)):
        assert browser.open(f"{PEOPLE}/{person.id}/lost-phone").status == answer, person.username
    boss = enter(olivia, f"{PEOPLE}/{olivia.id}/lost-phone", new_browser())
    assert boss.status == 403


def test_codes_are_limited_by_person_and_administrator(factory: Factory, enter, anna, jan, monkeypatch) -> None:
    """The fourth code for one person on one day is refused, and so is one more than an administrator may issue."""
    browser = enter(anna)
    assert len({issue(browser, anna, jan) for _ in range(bypass_codes.FOR_PERSON)}) == bypass_codes.FOR_PERSON
    browser.open(f"{PEOPLE}/{jan.id}/lost-phone").fill(password=anna.password).submit("choice=bypass-code")
    assert (browser.status, "No more codes can be issued today" in browser.errors[0]) == (429, True)
    kim = factory.make_user(jan.organisation_id, "kim", with_totp=True)
    monkeypatch.setattr(bypass_codes, "BY_ADMINISTRATOR", bypass_codes.FOR_PERSON)
    browser.open(f"{PEOPLE}/{kim.id}/lost-phone").fill(password=anna.password).submit("choice=bypass-code")
    assert browser.status == 429


def test_the_page_resets_and_removes_too(factory: Factory, enter, anna, jan) -> None:
    """One page has the three ways. A wrong password and an unknown choice change nothing."""
    browser = enter(anna).open(f"{PEOPLE}/{jan.id}/lost-phone")
    browser.fill(password="wrong").submit("choice=reset-factor")
    assert browser.status == 422
    browser.fill(password=anna.password).submit("choice=reset-factor")
    assert "The second factor of jan is reset." in browser.text
    with factory.context():
        assert factory.user(jan).must_set_up_since is not None


def test_nothing_readable_is_stored(factory: Factory, jan) -> None:
    """ASVS 6.5.2: neither the code nor its plain digest is in the database."""
    code = made(factory, jan)
    with factory.context():
        issued = bypass_codes.open_for(factory.settings, factory.user(jan))
        assert issued is not None
        assert code.replace("-", "") not in repr(issued)
        assert bypass_codes.fits(factory.settings, issued, code.upper())
        assert not bypass_codes.fits(factory.settings, issued, "")
        with transaction():
            assert bypass_codes.spend(issued)
            assert not bypass_codes.spend(issued)
