"""The recovery of an owner who lost everything (S48)."""

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from idp import sweeps
from idp.actors import Person
from idp.audit import Origin
from idp.cli import main
from idp.db import transaction
from idp.errors import Conflict, Forbidden, Invalid, NotFound
from idp.identity import email_links
from idp.identity.accounts import accounts
from idp.identity.ownership import owner_recovery
from idp.identity.users import email_address
from idp.statements import every
from idp.store import audit as audit_rows
from idp.store import users
from idp.store.owner_recoveries import OwnerRecovery
from tests.drivers import crowd, words
from tests.drivers.authenticator import Authenticator
from tests.drivers.email_address import press
from tests.drivers.password_reset import NEW, choose, forget
from tests.drivers.set_up import key_on
from tests.factories import BY_TESTS, PASSWORD, Factory, MadePerson

ISSUER, OWNER, BOSS = "https://id.example.com", "owner@shoes.example", "boss@shoes.example"


@pytest.fixture
def shop(factory: Factory, quiet_shoes: str, clock) -> str:
    """With an owner, and administrators with a verified, an unverified and no address."""
    factory.make_user(quiet_shoes, "boss", role="administrator", email=BOSS)
    factory.make_user(quiet_shoes, "unsure", role="administrator", email="unsure@shoes.example", email_verified=False)
    factory.make_user(quiet_shoes, "bare", role="administrator")
    factory.make_user(quiet_shoes, "jan", email="jan@shoes.example")
    return quiet_shoes


@pytest.fixture
def started(factory: Factory, shop: str):
    """A recovery, begun by the command line's function."""
    with factory.context():
        owner_recovery.start(factory.settings, factory.organisation(shop), BY_TESTS)
    return shop


def owner_of(factory: Factory, shop: str):
    found = users.user_named(shop, "owner")
    assert found is not None
    return found


def as_owner(factory: Factory, shop: str, password: str) -> MadePerson:
    """The owner with what they type."""
    with factory.context():
        return MadePerson(shop, owner_of(factory, shop).id, "example-shoes", "owner", password)


def links_in(mails) -> dict[str, str]:
    return {mail.to: mail.link for mail in mails if any("/link/" in one or "/reset/" in one for one in mail.links)}


def events(factory: Factory, shop: str) -> list[str]:
    with factory.context():
        return [row.event for row in audit_rows.rows(shop) if row.event.startswith("owner_recovery:")]


def test_owner_recovery_restores_access(
    factory: Factory, started: str, journey, browser, new_browser, postman, clock
) -> None:
    """S48: by the registered address alone, confirmed there, announced, after a day: a new password and a new factor."""
    mails = postman.bring()
    assert {mail.to for mail in mails} == {OWNER, BOSS, "unsure@shoes.example"}
    found = links_in(mails)
    assert set(found) == {OWNER, BOSS}, "a link went to an address that nobody verified"
    browser.client.get(found[OWNER])
    clock(minutes=20)
    assert press(browser, found[OWNER]).heading == words.THE_WAITING_TIME_HAS_BEGUN
    clock(hours=23, minutes=59)
    assert postman.bring() == []
    clock(minutes=2)
    mails = postman.bring()
    assert {mail.to for mail in mails} == {OWNER}
    choose(browser, links_in(mails)[OWNER])
    assert browser.heading == words.YOUR_PASSWORD_IS_SET
    walk = journey(as_owner(factory, started, NEW), browser=new_browser()).begin().password()
    assert "code" not in walk.browser.fields
    walk.browser.submit("next").submit("next")
    phone = Authenticator(key_on(walk.browser))
    walk.browser.fill(code=phone.code()).submit()
    walk.browser.fill(noted=True).submit()
    assert walk.tokens().acr == "mfa"
    assert events(factory, started) == ["owner_recovery:started", "owner_recovery:confirmed", "owner_recovery:done"]


def test_nothing_happens_unless_the_owner_confirms(
    factory: Factory, started: str, journey, browser, new_browser, postman, clock
) -> None:
    """S48: the link runs out after half an hour; nothing is taken away, and another recovery can be begun."""
    link = links_in(postman.bring())[OWNER]
    clock(minutes=31)
    assert browser.open(link).status == 404
    clock(hours=48)
    assert postman.bring() == []
    with factory.context():
        assert owner_recovery.under_way(started) is None
        owner_recovery.start(factory.settings, factory.organisation(started), BY_TESTS)
        with pytest.raises(Conflict):
            owner_recovery.start(factory.settings, factory.organisation(started), BY_TESTS)


@pytest.mark.parametrize("confirmed", [False, True])
def test_an_administrator_stops_it_once(
    factory: Factory, started: str, browser, new_browser, postman, clock, confirmed: bool
) -> None:
    """S48: by the button in the announcement, before and after the owner confirmed; the owner is told, nothing changes."""
    found = links_in(postman.bring())
    if confirmed:
        press(new_browser(), found[OWNER])
        clock(hours=23)
    browser.client.get(found[BOSS])
    assert press(browser, found[BOSS]).heading == words.THE_RECOVERY_WAS_STOPPED
    assert browser.open(found[BOSS]).heading == words.THE_RECOVERY_WAS_STOPPED, "the browser that did it is told again"
    assert new_browser().open(found[BOSS]).status == 404
    assert new_browser().open(found[OWNER]).status == 404
    assert [mail.to for mail in postman.bring()] == [OWNER]
    clock(hours=48)
    assert postman.bring() == []
    with factory.context():
        assert owner_of(factory, started).password_hash is not None
    expected = ["started", "confirmed", "cancelled"] if confirmed else ["started", "cancelled"]
    assert events(factory, started) == [f"owner_recovery:{one}" for one in expected]


def test_when_it_was_carried_out_it_cannot_be_stopped(started: str, browser, new_browser, postman, clock) -> None:
    """S48, I2: cancelling and carrying out cannot both win."""
    found = links_in(postman.bring())
    press(browser, found[OWNER])
    clock(hours=24, minutes=1)
    assert postman.bring(OWNER)
    assert new_browser().open(found[BOSS]).status == 404


def test_the_old_password_and_the_old_sessions_end(
    factory: Factory, shop: str, journey, browser, new_browser, postman, clock
) -> None:
    """S48, S47: once it is carried out, the old password gets nobody anywhere; a late owner asks for another link."""
    made = as_owner(factory, shop, PASSWORD)
    with factory.context():
        owner_recovery.start(factory.settings, factory.organisation(shop), BY_TESTS)
    press(browser, links_in(postman.bring())[OWNER])
    clock(hours=25)
    late = links_in(postman.bring())[OWNER]
    assert journey(made, browser=new_browser()).begin().password().browser.status == 422
    clock(hours=25)
    assert new_browser().open(late).status == 404
    forget(new_browser(), made)
    choose(browser, postman.link(OWNER))
    assert browser.heading == words.YOUR_PASSWORD_IS_SET


def test_only_operators_begin_it_and_administrators_stop_it(factory: Factory, shop: str, postman) -> None:
    """S48: an administrator, the owner, an employee or a stranger cannot begin one; employees cannot stop one."""
    with factory.context():
        organisation = factory.organisation(shop)
        people_here = {person.username: Origin(Person(person.id)) for person in users.users(shop)}
        for who in ("owner", "boss", "jan"):
            with pytest.raises(NotFound):
                owner_recovery.start(factory.settings, organisation, people_here[who])
        assert postman.bring() == []
        owner_recovery.start(factory.settings, organisation, BY_TESTS)
        with pytest.raises(Forbidden):
            owner_recovery.cancel(factory.settings, organisation, people_here["jan"])
        owner_recovery.cancel(factory.settings, organisation, people_here["boss"])
        with pytest.raises(NotFound):
            owner_recovery.cancel(factory.settings, organisation, people_here["boss"])


def test_a_recently_changed_address_cannot_be_used(
    factory: Factory, started: str, journey, browser, new_browser, postman, clock
) -> None:
    """S48: a thief who changes the owner's address first must wait until the owner could have taken it back."""
    press(browser, links_in(postman.bring())[OWNER])
    clock(minutes=1)
    with factory.context():
        owner = owner_of(factory, started)
        email_address.ask_change(factory.settings, owner, "thief@evil.example", Origin(Person(owner.id)))
    press(new_browser(), postman.link("thief@evil.example"))
    postman.bring()
    clock(hours=25)
    assert [mail.subject for mail in postman.bring()] == [words.THE_RECOVERY_WAS_STOPPED]
    assert events(factory, started)[-1] == "owner_recovery:cancelled"
    with factory.context(), pytest.raises(Invalid):
        owner_recovery.start(factory.settings, factory.organisation(started), BY_TESTS)
    clock(hours=48)
    with factory.context():
        owner_recovery.start(factory.settings, factory.organisation(started), BY_TESTS)


def test_an_address_that_an_operator_was_talked_into_cannot_be_used(factory: Factory, shop: str, postman, clock) -> None:
    """S48: only ever the registered address: one that replaced it a moment ago does not count."""
    clock(minutes=1)
    with factory.context():
        details = {"email": "thief@evil.example", "email_verified": True}
        accounts.change(factory.settings, factory.organisation(shop), owner_of(factory, shop), details, BY_TESTS)
        for hours in (0, 71):
            clock(hours=hours)
            with pytest.raises(Invalid, match="less than"):
                owner_recovery.start(factory.settings, factory.organisation(shop), BY_TESTS)
        clock(hours=2)
        owner_recovery.start(factory.settings, factory.organisation(shop), BY_TESTS)


def test_a_waiting_time_longer_than_the_way_back_does_not_help_a_thief(
    configure, factory: Factory, shop: str, new_browser, postman, clock
) -> None:
    """S48: the waiting time is configured; an address changed within it stops the recovery however long it is."""
    patient = configure(lifetimes={"owner_recovery_hours": 96})
    with factory.context():
        owner_recovery.start(patient, factory.organisation(shop), BY_TESTS)
    mails = postman.bring()
    assert "after 96 hours" in next(mail.text for mail in mails if mail.to == BOSS)
    clock(minutes=1)
    with factory.context():
        owner_recovery.confirm(
            patient, email_links.opened(patient, links_in(mails)[OWNER].rpartition("/")[2], "recovery"), Origin()
        )
        email_address.ask_change(patient, owner_of(factory, shop), "thief@evil.example", Origin())
    press(new_browser(), postman.link("thief@evil.example"))
    clock(hours=95)
    postman.bring()
    assert events(factory, shop)[-1] == "owner_recovery:confirmed"
    clock(hours=2)
    postman.bring()
    assert events(factory, shop)[-1] == "owner_recovery:cancelled"


@pytest.mark.parametrize("username", ["bare", "owner"])
def test_an_owner_without_mail_cancels_on_the_front_page(
    factory: Factory, shop: str, enter, browser, postman, clock, username: str
) -> None:
    """S48: an administrator without an address, and the owner, who has lost nothing, are told where they sign in."""
    person = factory.make_user(shop, "second", role="administrator", with_totp=True)
    if username == "owner":
        with factory.context(), transaction():
            users.change_user(shop, person.id, role="owner")
    enter(person, "/account/security").open("/")
    assert "being recovered" not in browser.text
    with factory.context():
        owner_recovery.start(factory.settings, factory.organisation(shop), BY_TESTS)
    assert "being recovered" in browser.reload().text
    browser.submit(words.STOP_THE_RECOVERY)
    assert "Done. The recovery of the owner is stopped." in browser.text
    assert "being recovered" not in browser.text
    assert events(factory, shop) == ["owner_recovery:started", "owner_recovery:cancelled"]
    browser.send("POST", ISSUER + "/account/owner-recovery/stop", [("csrf_token", browser.value("csrf_token"))])
    assert browser.status == 404


def test_no_employee_is_told_of_it_or_stops_it(factory: Factory, started: str, journey, clock) -> None:
    """S48, V8.2.1: for others the front page is what it always is, and a forged form changes nothing."""
    walk = journey(factory.make_user(started, "kees")).begin().password()
    walk.tokens()
    browser = walk.browser.open("/")
    assert "being recovered" not in browser.text
    browser.send("POST", ISSUER + "/account/owner-recovery/stop", [("csrf_token", browser.value("csrf_token"))])
    assert browser.status == 403
    assert events(factory, started) == ["owner_recovery:started"]


def test_the_command_begins_and_stops_it(factory: Factory, shop: str, postman, settings, tmp_path) -> None:
    """S48: `idp recover-owner STORE_URL`, which says what happens next, and refuses in one line."""
    file = crowd.write_config(settings, tmp_path)

    def run(*words: str):
        return CliRunner().invoke(main, ["recover-owner", *words, "--config", str(file)])

    begun = run("example-shoes")
    assert (begun.exit_code, "24 hours" in begun.output, OWNER in begun.output) == (0, True, False), begun.output
    assert {mail.to for mail in postman.bring()} == {OWNER, BOSS, "unsure@shoes.example"}
    again = run("example-shoes")
    assert (again.exit_code, "under way" in again.output) == (1, True)
    assert [run("example-shoes", "--cancel").exit_code for _ in range(2)] == [0, 1]
    assert run("no-such-shop").exit_code == 1
    assert events(factory, shop) == ["owner_recovery:started", "owner_recovery:cancelled"]


def test_a_recovery_that_is_not_confirmed_expires_and_is_swept(factory: Factory, started: str, postman, clock) -> None:
    """S48: the worker ends it once, the audit log says so, and the row goes when its time to be looked up is over."""
    for minutes in (0, 31, 0):
        clock(minutes=minutes)
        postman.bring()
    assert events(factory, started) == ["owner_recovery:started", "owner_recovery:expired"]
    with factory.context():
        assert [row.ended_why for row in every(select(OwnerRecovery))] == ["expired"]
        clock(days=31)
        sweeps.sweep(factory.settings)
        assert every(select(OwnerRecovery)) == []
