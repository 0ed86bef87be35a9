"""Disable a person at once, with a reason for the audit log. The answer says what happened (S69)."""

import csv
import json

import pytest

from idp.store import audit, outbox
from tests.drivers.browser import Browser
from tests.factories import Factory

PEOPLE = "/admin/example-shoes/people"
AUDIT = "/admin/example-shoes/audit"
REASON = "=cmd|' /C calc'!A0 <b>stole</b> from till 3"


def test_a_person_is_disabled_with_a_reason(factory: Factory, enter, new_browser, anna, jan) -> None:
    """S69: the page tells how many sessions ended. Log and export have the reason as text. The person never sees it."""
    theirs = [enter(jan, "/account/activity", new_browser()) for _ in range(2)]
    browser = enter(anna).open(f"{PEOPLE}/{jan.id}").click("Disable")
    assert "password" not in browser.fields
    browser.fill(reason=REASON).submit("Disable")
    assert "jan is disabled and signed out everywhere. 2 sessions ended." in browser.text
    assert all("password" in one.open("/account/activity").fields for one in theirs)
    browser.open(f"{AUDIT}?event=user:disabled")
    assert f"Reason: {REASON}" in browser.text
    assert "<b>stole" not in browser.html
    (row,) = csv.DictReader(browser.open(f"{AUDIT}/export.csv?event=user:disabled").html.removeprefix("\ufeff").splitlines())
    assert json.loads(row["data"]) == {"reason": REASON}
    browser.open(f"{PEOPLE}/{jan.id}").click("Enable").submit("Enable")
    assert "Account disabled" in enter(jan, "/account/activity", new_browser()).text
    assert "till 3" not in enter(jan, "/account/activity", new_browser()).text


@pytest.mark.parametrize(("address", "told"), [("jan@shoes.example", "jan@shoes.example"), ("", "olivia@shoes.example")])
def test_a_disabled_person_is_told_by_mail(factory: Factory, enter, shoes, anna, address: str, told: str) -> None:
    """S53, S54: the notice goes to the person, without an address to the owner."""
    factory.make_user(shoes, "olivia", role="owner", email="olivia@shoes.example")
    jan = factory.make_user(shoes, "jan", email=address)
    browser = enter(anna).open(f"{PEOPLE}/{jan.id}").click("Disable")
    assert "jan cannot sign in any more" in browser.text
    browser.submit("Disable")
    with factory.context():
        assert [(mail.template, mail.recipient) for mail in outbox.mails()] == [("disabled", told)]


@pytest.mark.parametrize("reason", ["x" * 201, "two\nlines"])
def test_a_reason_is_one_short_line(factory: Factory, enter, anna, jan, reason: str) -> None:
    """A reason that is too long changes nothing, and the field is marked."""
    browser = enter(anna).open(f"{PEOPLE}/{jan.id}/disable").fill(reason=reason).submit("Disable")
    assert browser.status == 422
    assert "Use at most 200 printable characters." in browser.errors[0]
    assert 'name="reason" type="text" value="' in browser.html.replace("\n", " ").replace("  ", " ")
    with factory.context():
        assert factory.user(jan).disabled_at is None


def test_an_administrator_is_disabled_by_password(factory: Factory, enter, shoes, anna) -> None:
    """An intruder at an open session must not shut out the people who could stop them. The reason survives a wrong one."""
    iris = factory.make_user(shoes, "iris", role="administrator", email="iris@shoes.example", with_totp=True)
    browser = enter(anna).open(f"{PEOPLE}/{iris.id}").click("Disable")
    browser.fill(reason="Left", password="wrong").submit()
    assert (browser.status, browser.value("reason")) == (422, "Left")
    browser.fill(password=anna.password).submit()
    assert "iris is disabled. There was no open session." in browser.text


def test_the_reason_comes_back_after_a_reauthentication(factory: Factory, enter, clock, shoes, anna, jan) -> None:
    """A proof that ended while the dialog was open is asked for again, and nothing typed is lost."""
    browser = enter(anna).open(f"{PEOPLE}/{jan.id}").click("Disable").fill(reason="Left on Friday")
    clock(minutes=11)
    browser.submit("Disable").fill(password=anna.password).submit()
    browser.fill(code=anna.authenticator.code()).submit()
    assert browser.value("reason") == "Left on Friday"
    browser.submit("Disable")
    with factory.context():
        (row,) = audit.rows_about(shoes, jan.id, limit=1, before=0)
        assert (row.event, row.data) == ("user:disabled", {"reason": "Left on Friday"})


def test_the_second_of_two_administrators_is_told(enter, new_browser, factory: Factory, shoes, anna, jan) -> None:
    """Nothing happens twice: the second press finds the person disabled, and says so."""
    browser: Browser = enter(anna).open(f"{PEOPLE}/{jan.id}").click("Disable")
    other = enter(anna, f"{PEOPLE}/{jan.id}/disable", new_browser())
    other.submit("Disable")
    browser.submit("Disable")
    assert "jan was already disabled. Nothing has changed." in browser.text


def test_an_address_alone_tells_nothing(enter, new_browser, anna, jan) -> None:
    """What was done is told in the session that did it, once it did."""
    browser = enter(anna).open(f"{PEOPLE}/{jan.id}").click("Disable").submit("Disable")
    there = browser.url
    assert "is disabled." in browser.text
    assert "jan is disabled." not in enter(anna, there, new_browser()).text
