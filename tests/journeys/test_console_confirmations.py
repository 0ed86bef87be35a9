"""Sensitive actions of the console explain themselves, ask for the password and notify people (S47, S51–S54)."""

import pytest

from idp.identity.accounts import accounts
from idp.store import outbox, sessions, users
from idp.store.users import User
from tests.drivers.browser import Browser
from tests.factories import BY_TESTS, Factory, MadePerson

AT = "/admin/example-shoes"
PEOPLE = f"{AT}/people"
ACTS = {
    "reset-factor": ("must set up a second factor", "factor_reset"),
    "remove-factor": ("A password alone is then enough", "factor_removed"),
    "one-time-password": ("The current password stops working", "one_time_password"),
    "end-sessions": ("All open sessions of jan end", "sessions_ended"),
    "end": ("is signed out of Firefox · Windows at once", "sessions_ended"),
}


def mails(factory: Factory) -> list[tuple[str, str]]:
    """Return template and recipient of every mail."""
    with factory.context():
        return [(mail.template, mail.recipient) for mail in outbox.mails()]


def state_of(factory: Factory, person: MadePerson) -> list[object]:
    """Return everything that the database has about a user, and the number of their sessions."""
    with factory.context():
        row = factory.user(person)
        columns = [getattr(row, column.name) for column in User.__table__.columns]
        return [*columns, len(sessions.sessions_of(row.organisation_id, row.id, row.created_at, None, 100))]


def address_of(factory: Factory, act: str, person: MadePerson) -> str:
    if act != "end":
        return f"{PEOPLE}/{person.id}/{act}"
    with factory.context():
        since = factory.user(person).created_at
        newest, *_ = sessions.sessions_of(person.organisation_id, person.id, since, None, 100)
        return f"{AT}/sessions/{newest.id}/end"


@pytest.mark.parametrize("act", ACTS)
def test_a_sensitive_action_explains_asks_and_notifies(factory: Factory, enter, new_browser, anna, jan, act: str) -> None:
    """S47, S49, S51–S54: opening the page and a wrong password change nothing. After the action the user gets a mail."""
    enter(jan, "/account/security", new_browser(address="192.0.2.8"))
    browser, says = enter(anna), ACTS[act]
    before = state_of(factory, jan)
    browser.open(address_of(factory, act, jan))
    assert says[0] in browser.text
    for wrong in ("", "not my password", jan.password + " "):
        browser.open(address_of(factory, act, jan)).fill(password=wrong).submit()
        assert browser.status == 422
        assert "not your password" in browser.errors[0]
    assert (state_of(factory, jan), mails(factory)) == (before, [])
    browser.open(address_of(factory, act, jan)).fill(password=anna.password).submit()
    assert browser.status == 200
    assert state_of(factory, jan) != before
    assert mails(factory) == [(says[1], "jan@shoes.example")]


@pytest.mark.parametrize("act", [act for act in ACTS if act != "one-time-password"])
def test_the_owner_is_notified_for_a_user_without_address(
    factory: Factory, enter, new_browser, shoes, anna, act: str
) -> None:
    """S54: the notice goes to the owner and names the user."""
    factory.make_user(shoes, "olivia", role="owner", email="olivia@shoes.example")
    kim = factory.make_user(shoes, "jan", with_totp=True)
    enter(kim, "/account/security", new_browser(address="192.0.2.8"))
    browser = enter(anna)
    browser.open(address_of(factory, act, kim)).fill(password=anna.password).submit()
    assert mails(factory) == [(ACTS[act][1], "olivia@shoes.example")]


def test_ending_ones_own_sessions_sends_no_mail(factory: Factory, enter, anna) -> None:
    """A user needs no notice of their own action."""
    browser = enter(anna)
    browser.open(f"{PEOPLE}/{anna.id}/end-sessions").fill(password=anna.password).submit()
    assert "password" in browser.open(PEOPLE).fields
    assert mails(factory) == []


def test_console_and_sign_in_share_the_password_counter(factory: Factory, enter, anna, jan) -> None:
    """V6.3.1: a user has one counter for the password, whichever page it was typed on."""
    browser = enter(anna)
    for _ in range(12):
        browser.open(f"{PEOPLE}/{jan.id}/reset-factor").fill(password="guessed").submit()
        if browser.status == 429:
            break
    assert browser.status == 429, "the wrong passwords were not counted"
    browser.client.delete_cookie("__Host-login", domain="id.example.com")
    browser.open(PEOPLE).fill(username="anna", password=anna.password).submit()
    assert browser.status == 429, "the sign-in in this browser has a counter of its own"
    with factory.context():
        assert factory.user(jan).must_set_up_since is None


def test_an_open_session_alone_creates_no_administrator(factory: Factory, enter, clock, anna, jan) -> None:
    """Promoting, editing or inviting an administrator needs a fresh proof. Editing an employee does not."""
    browser = enter(anna)
    clock(minutes=11)
    browser.open(f"{PEOPLE}/{jan.id}/edit").fill(name="Jan Jansen-Bakker").submit()
    assert " saved." in browser.text
    browser.open(f"{PEOPLE}/{jan.id}/edit").fill(role="administrator").submit()
    assert "/sign-in/" in browser.url
    browser.open(f"{PEOPLE}/add").fill(username="eve", role="administrator").submit()
    assert "/sign-in/" in browser.url
    with factory.context():
        assert factory.user(jan).role == "employee"
        assert users.user_named(jan.organisation_id, "eve") is None
    eve = factory.make_user(jan.organisation_id, "eve", role="administrator", email="eve@evil.example", email_verified=False)
    assert "/sign-in/" in browser.open(f"{PEOPLE}/{eve.id}/invite").url


def changed(factory: Factory, person: MadePerson, **details: object) -> None:
    with factory.context():
        at = factory.organisation(person.organisation_id)
        accounts.change(factory.settings, at, factory.user(person), details, BY_TESTS)


def test_a_demoted_administrator_loses_access_at_the_next_request(
    factory: Factory, enter, new_browser, shoes, anna, jan
) -> None:
    """S13: every request checks the user's role, for GET and POST alike."""
    browser = enter(anna, f"{PEOPLE}/{jan.id}/edit")
    token = browser.value("csrf_token")
    changed(factory, anna, role="manager")
    for path in (PEOPLE, f"{AT}/audit", f"{PEOPLE}/export.csv", f"{AT}/audit/export.csv", "/admin/"):
        assert browser.open(path).status == 404, path
    browser.send("POST", f"{browser.issuer}{PEOPLE}/add", [("csrf_token", token), ("username", "eve"), ("role", "employee")])
    assert browser.status == 404
    with factory.context():
        assert users.user_named(shoes, "eve") is None


def test_a_remembered_device_does_not_open_the_console(enter, new_browser, clock, anna) -> None:
    """S36: the console requires `mfa`. A remembered device is no second factor."""
    browser = new_browser().open("/account/activity")
    if "organisation" in browser.fields:
        browser.fill(organisation=anna.store_url).submit()
    browser.fill(username=anna.username, password=anna.password).submit()
    browser.fill(code=anna.authenticator.code(), remember_device=True).submit()
    clock(hours=30)
    browser.open("/account/activity")
    browser.fill(username=anna.username, password=anna.password).submit()
    assert "code" not in browser.fields, "the device is not remembered"
    browser.open(PEOPLE)
    assert "code" in browser.fields


EVERY_ACT = ("reset-factor", "remove-factor", "one-time-password", "end-sessions", "disable", "enable", "unlock", "invite")


def test_no_action_of_an_administrator_changes_the_owner(factory: Factory, enter, new_browser, shoes, anna) -> None:
    """S47: the owner is protected from actions, edits, groups and ended sessions, by page and by a direct POST."""
    olivia = factory.make_user(shoes, "olivia", role="owner", email="olivia@shoes.example", with_totp=True)
    group = factory.make_group(shoes)
    enter(olivia, "/account/security", new_browser(address="192.0.2.8"))
    browser: Browser = enter(anna)
    before = state_of(factory, olivia)
    token = browser.open(f"{PEOPLE}/add").value("csrf_token")
    paths = [f"{PEOPLE}/{olivia.id}/{act}" for act in (*EVERY_ACT, "print-code", "edit", "recover-owner")]
    for path in (*paths, address_of(factory, "end", olivia)):
        for method in ("GET", "POST"):
            form = [("csrf_token", token), ("password", anna.password), ("role", "employee"), ("username", "olivia")]
            assert browser.send(method, browser.issuer + path, form if method == "POST" else []).status in (403, 404), path
    browser.open(f"{AT}/groups").click(f"Edit {group}")
    browser.fill(username="olivia").submit()
    assert browser.status == 422
    assert "Only the owner may change the owner." in browser.errors[0]
    assert (state_of(factory, olivia), mails(factory)) == (before, [])
