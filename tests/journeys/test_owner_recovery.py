"""The recovery of an owner who lost all ways of signing in (S48)."""

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
from tests.drivers import crowd, people, words
from tests.drivers.authenticator import Authenticator
from tests.drivers.email_address import press
from tests.drivers.password_reset import NEW, choose, forget
from tests.drivers.set_up import key_on
from tests.factories import BY_TESTS, PASSWORD, Factory, MadePerson

ISSUER, OWNER, BOSS = "https://id.example.com", "owner@shoes.example", "boss@shoes.example"


@pytest.fixture
def shop(factory: Factory, quiet_shoes: str, clock) -> str:
    """Create an organisation with an owner, and administrators with a verified, an unverified and no address."""
    factory.make_user(quiet_shoes, "boss", role="administrator", email=BOSS)
    factory.make_user(quiet_shoes, "unsure", role="administrator", email="unsure@shoes.example", email_verified=False)
    factory.make_user(quiet_shoes, "bare", role="administrator")
    factory.make_user(quiet_shoes, "jan", email="jan@shoes.example")
    return quiet_shoes


@pytest.fixture
def started(factory: Factory, shop: str):
    """Start a recovery with the function of the command line."""
    with factory.context():
        owner_recovery.start(factory.settings, factory.organisation(shop), BY_TESTS)
    return shop


def owner_of(factory: Factory, shop: str):
    found = users.user_named(shop, "owner")
    assert found is not None
    return found


def as_owner(factory: Factory, shop: str, password: str) -> MadePerson:
    """Return the owner with their username and password."""
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
    """S48: only the registered address gets the link. A day after the owner confirms, a new password and factor are set."""
    mails = postman.bring()
    assert {mail.to for mail in mails} == {OWNER, BOSS, "unsure@shoes.example"}
    found = links_in(mails)
    assert set(found) == {OWNER, BOSS}, "a link was mailed to an unverified address"
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


def test_an_unconfirmed_recovery_changes_nothing(
    factory: Factory, started: str, journey, browser, new_browser, postman, clock
) -> None:
    """S48: the link expires after half an hour. Nothing is removed, and another recovery can be started."""
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
def test_an_administrator_stops_a_recovery_once(
    factory: Factory, started: str, browser, new_browser, postman, clock, confirmed: bool
) -> None:
    """S48: the button in the announcement works before and after the owner confirms. Only the owner is told."""
    found = links_in(postman.bring())
    if confirmed:
        press(new_browser(), found[OWNER])
        clock(hours=23)
    browser.client.get(found[BOSS])
    assert press(browser, found[BOSS]).heading == words.THE_RECOVERY_WAS_STOPPED
    assert browser.open(found[BOSS]).heading == words.THE_RECOVERY_WAS_STOPPED, "the result is not shown again"
    assert new_browser().open(found[BOSS]).status == 404
    assert new_browser().open(found[OWNER]).status == 404
    assert [mail.to for mail in postman.bring()] == [OWNER]
    clock(hours=48)
    assert postman.bring() == []
    with factory.context():
        assert owner_of(factory, started).password_hash is not None
    expected = ["started", "confirmed", "cancelled"] if confirmed else ["started", "cancelled"]
    assert events(factory, started) == [f"owner_recovery:{one}" for one in expected]


def test_a_completed_recovery_cannot_be_stopped(started: str, browser, new_browser, postman, clock) -> None:
    """S48, I2: a recovery is stopped or carried out, never both."""
    found = links_in(postman.bring())
    press(browser, found[OWNER])
    clock(hours=24, minutes=1)
    assert postman.bring(OWNER)
    assert new_browser().open(found[BOSS]).status == 404


def test_a_recovery_ends_the_old_password_and_sessions(
    factory: Factory, shop: str, journey, browser, new_browser, postman, clock
) -> None:
    """S48, S47: the old password no longer works anywhere. An owner who comes late asks for another link."""
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


def test_operators_start_and_administrators_stop_a_recovery(factory: Factory, shop: str, postman) -> None:
    """S48: administrators, owners, employees and strangers cannot start one. Employees cannot stop one."""
    with factory.context():
        organisation = factory.organisation(shop)
        people_here = {person.username: Origin(Person(person.id)) for person in people.everybody(shop)}
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


def test_a_recovery_refuses_a_recently_changed_address(
    factory: Factory, started: str, journey, browser, new_browser, postman, clock
) -> None:
    """S48: a thief may change the owner's address first. The recovery must wait until the owner could have restored it."""
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


def test_a_recovery_refuses_an_address_just_set_by_an_operator(factory: Factory, shop: str, postman, clock) -> None:
    """S48: a caller may have persuaded the operator. Only a registered address counts, not one that replaced it just now."""
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


def test_a_long_waiting_time_includes_address_changes(
    configure, factory: Factory, shop: str, new_browser, postman, clock
) -> None:
    """S48: an address change within the configured waiting time stops the recovery, even if the undo link expired."""
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
def test_a_recovery_can_be_stopped_on_the_front_page(
    factory: Factory, shop: str, enter, browser, postman, clock, username: str
) -> None:
    """S48: an owner who has lost nothing, and an administrator without an address, see it where they sign in."""
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
    assert "The recovery of the owner's account is stopped." in browser.text
    assert "being recovered" not in browser.text
    assert events(factory, shop) == ["owner_recovery:started", "owner_recovery:cancelled"]
    browser.send("POST", ISSUER + "/account/owner-recovery/stop", [("csrf_token", browser.value("csrf_token"))])
    assert browser.status == 404


def test_employees_neither_see_nor_stop_a_recovery(factory: Factory, started: str, journey, clock) -> None:
    """S48, V8.2.1: their front page is unchanged, and a forged form has no effect."""
    walk = journey(factory.make_user(started, "kees")).begin().password()
    walk.tokens()
    browser = walk.browser.open("/")
    assert "being recovered" not in browser.text
    browser.send("POST", ISSUER + "/account/owner-recovery/stop", [("csrf_token", browser.value("csrf_token"))])
    assert browser.status == 403
    assert events(factory, started) == ["owner_recovery:started"]


def test_the_command_starts_and_stops_a_recovery(factory: Factory, shop: str, postman, settings, tmp_path) -> None:
    """S48: `idp recover-owner STORE_URL` says what happens next, and refuses in one line."""
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


def test_an_unconfirmed_recovery_expires_and_is_swept(factory: Factory, started: str, postman, clock) -> None:
    """S48: the worker ends it once and audits it. The row is deleted later."""
    for minutes in (0, 31, 0):
        clock(minutes=minutes)
        postman.bring()
    assert events(factory, started) == ["owner_recovery:started", "owner_recovery:expired"]
    with factory.context():
        assert [row.ended_why for row in every(select(OwnerRecovery))] == ["expired"]
        clock(days=31)
        sweeps.sweep(factory.settings)
        assert every(select(OwnerRecovery)) == []
