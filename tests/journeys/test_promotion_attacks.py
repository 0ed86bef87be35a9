"""Attack the console from an open session: become an administrator, or shut them out, without the password of one."""

import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from idp.identity import email_links, mail_limits
from idp.identity.accounts import accounts, invitations
from idp.identity.credentials import bypass_codes
from idp.identity.ownership import transfer
from idp.identity.short_codes import Shape
from idp.identity.users import status
from idp.store import users
from tests.drivers.people_import import start, upload, worked
from tests.factories import BY_TESTS, Factory

PEOPLE = "/admin/example-shoes/people"


def role_of_eve(organisation_id: str) -> str:
    eve = users.user_named(organisation_id, "eve")
    return eve.role if eve else ""


def test_an_intruder_at_a_session_with_a_fresh_proof_becomes_no_administrator(
    factory: Factory, enter, new_browser, shoes, anna
) -> None:
    """They may add an employee and print their code: both need no password. That account does not become powerful."""
    browser = enter(anna)
    browser.open(f"{PEOPLE}/add").fill(username="eve").submit().submit("Print a code")
    (code,) = re.findall(r"<code[^>]*>([a-z2-9-]{29})</code>", browser.html)
    eve = new_browser().open("/welcome").fill(organisation="example-shoes", username="eve", code=code).submit()
    assert "password" in " ".join(eve.fields)
    with factory.context():
        made = users.user_named(shoes, "eve")
        assert made is not None
    browser.open(f"{PEOPLE}/{made.id}/edit").fill(role="administrator").submit()
    assert "/sign-in/" in browser.url
    assert "password" in browser.fields
    with factory.context():
        assert role_of_eve(shoes) == "employee"
    browser.fill(password=anna.password).submit()
    if "code" in browser.fields:
        browser.fill(code=anna.authenticator.code()).submit()
    assert browser.value("role") == "administrator"
    browser.submit("Save")
    with factory.context():
        assert role_of_eve(shoes) == "administrator"


@pytest.mark.parametrize("role", ["administrator", "manager", "employee", "customer"])
def test_codes_of_before_open_no_account_with_more_rights(
    factory: Factory, enter, new_browser, journey, clock, shoes, anna, jan, role: str
) -> None:
    """S79: a printed code and one for today were given for an employee. Who kept them must not become an administrator."""
    grows = role in ("administrator", "manager")
    with factory.context():
        eve = factory.make_user(shoes, "eve", password="")
        paper = invitations.print_code(factory.settings, factory.organisation(shoes), factory.user(eve), BY_TESTS)
        today, _ = bypass_codes.issue(factory.settings, factory.organisation(shoes), factory.user(jan), BY_TESTS)
    browser = enter(anna)
    for person in (eve, jan):
        browser.open(f"{PEOPLE}/{person.id}/edit").fill(role=role, name="Somebody").submit()
        if "password" in browser.fields:
            browser.fill(password=anna.password).submit()
            if "code" in browser.fields:
                clock(seconds=60)
                browser.fill(code=anna.authenticator.code()).submit()
            browser.submit("Save")
        assert ("earlier one-time codes" in browser.text) is grows
        assert "saved" in browser.text
    there = new_browser().open("/welcome").fill(organisation="example-shoes", username="eve", code=paper).submit()
    assert ("new_password" in there.fields) is not grows
    walk = journey(jan, browser=new_browser()).begin().password().recovery_code(today)
    assert (walk.browser.left_for is not None) is not grows


@pytest.mark.parametrize("is_mailed", [True, False])
def test_a_code_that_is_made_while_a_person_is_promoted(
    factory: Factory, enter, shoes, anna, monkeypatch: pytest.MonkeyPatch, is_mailed: bool
) -> None:
    """What was allowed for an employee is judged again under the lock: nothing outlives the promotion by a fresh proof."""
    address = {"email": "eve@shoes.example", "email_verified": False} if is_mailed else {}
    more = {"role": "administrator", "email": "eve@shoes.example", "email_verified": is_mailed}
    eve = factory.make_user(shoes, "eve", password="", **address)
    place, name = (mail_limits, "admit") if is_mailed else (Shape, "draw")
    real = getattr(place, name)

    def promoted(*args: Any) -> Any:
        monkeypatch.setattr(place, name, real)
        with ThreadPoolExecutor(1) as another:  # with a confirmation of its own
            another.submit(promote).result()
        return real(*args)

    def promote() -> None:
        with factory.context():
            accounts.change(factory.settings, factory.organisation(shoes), factory.user(eve), more, BY_TESTS)

    browser = enter(anna, f"{PEOPLE}/{eve.id}/{'invite' if is_mailed else 'print-code'}")
    monkeypatch.setattr(place, name, promoted)
    browser.submit("Invite by e-mail" if is_mailed else "Print a code")
    with factory.context():
        assert role_of_eve(shoes) == "administrator"
        assert email_links.latest(factory.settings, factory.user(eve), "invitation") is None


def test_a_new_owner_has_no_code_of_before(factory: Factory, shoes, jan) -> None:
    """S79: an operator appoints the owner. A code issued for the employee works neither now nor after a handover."""
    with factory.context():
        at = factory.organisation(shoes)
        bypass_codes.issue(factory.settings, at, factory.user(jan), BY_TESTS)
        assert email_links.latest(factory.settings, factory.user(jan), "bypass") is not None
        transfer.appoint(factory.settings, at, factory.user(jan), BY_TESTS)
        assert email_links.latest(factory.settings, factory.user(jan), "bypass") is None


@pytest.mark.parametrize("field", ["role", "valid_until"])
def test_an_intruder_at_a_session_with_a_fresh_proof_shuts_out_no_administrator(
    factory: Factory, enter, clock, shoes, anna, field: str
) -> None:
    """Disabling one needs the password. Another role, or a last day, must not be the way around it."""
    sam = factory.make_user(shoes, "sam", role="administrator", with_totp=True, email="sam@shoes.example")
    browser = enter(anna)
    browser.open(f"{PEOPLE}/{sam.id}/edit").fill(
        **{field: {"role": "employee", "valid_until": "2026-12-31"}[field]}
    ).submit()
    assert "/sign-in/" in browser.url
    with factory.context():
        found = factory.user(sam)
        assert (found.role, found.valid_until) == ("administrator", None)


def test_a_code_that_ended_before_the_sheet_is_not_printed(factory: Factory, enter, new_browser, shoes, anna) -> None:
    """Kim became a manager, liv has a newer code, max is disabled: the sheet names them, and prints noa's alone."""
    browser = upload(enter(anna), "username\nkim\nliv\nmax\nnoa\n", print_codes="yes")
    start(browser, anna)
    worked(factory)
    here = browser.url
    with factory.context():
        at = factory.organisation(shoes)
        kim, liv, out = (users.user_named(shoes, name) for name in ("kim", "liv", "max"))
        assert kim
        assert liv
        assert out
        invitations.print_code(factory.settings, at, liv, BY_TESTS)
        accounts.change(factory.settings, at, kim, {"role": "manager"}, BY_TESTS)
        status.disable(factory.settings, at, out, BY_TESTS)
    browser.open(here).click("Show the sheet")
    browser.fill(password=anna.password).submit() if "password" in browser.fields else browser.submit()
    (code,) = re.findall(r"<code>([a-z2-9-]{29})</code>", browser.html)
    assert "their code has ended" in browser.text
    lines = browser.text.splitlines()
    assert [name for name in ("kim", "liv", "max") if name not in lines] == []
    noa = new_browser().open("/welcome").fill(organisation="example-shoes", username="noa", code=code).submit()
    assert "password" in " ".join(noa.fields)


def test_an_intruder_adds_no_administrator_and_reads_no_mail_of_one(factory: Factory, enter, shoes, anna, postman) -> None:
    """Another address is verified by its reader, who then chooses a password: a fresh proof gave an administrator's account.

    So adding one needs the password, and so does another address for one who has no second factor yet.
    """
    browser = enter(anna)
    browser.open(f"{PEOPLE}/add").fill(username="eve", role="administrator", email="eve@shoes.example").submit()
    assert "/sign-in/" in browser.url
    with factory.context():
        assert role_of_eve(shoes) == ""
    eve = factory.make_user(shoes, "eve", role="administrator", password="", email="eve@shoes.example", email_verified=False)
    browser.open(f"{PEOPLE}/{eve.id}/edit").fill(email="eve@evil.example").submit()
    assert "/sign-in/" in browser.url
    assert [mail.to for mail in postman.bring()] == []
    with factory.context():
        assert factory.user(eve).email == "eve@shoes.example"
