"""After `idp restore`, nothing works that was used, revoked, ended, disabled or replaced since the backup (I3).

The test uses again what a user or an app had when the backup was made.
It uses each secret before the restore too, if that does not spend it.
So a refusal for another reason fails the test.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from sqlalchemy import delete

from idp.actors import Person
from idp.audit import Origin
from idp.config import Settings
from idp.db import Base, connection, db, transaction
from idp.identity.accounts import invitations
from idp.identity.credentials import password_reset, passwords, second_factor
from idp.identity.credentials.passwords import NewPassword
from idp.identity.users import status
from idp.mail import messages
from idp.statements import write
from idp.store import clients, epoch, outbox, users
from tests.cli.conftest import PASSPHRASE, Idp
from tests.conftest import ISSUER
from tests.drivers.applications import bare_app, whole_app
from tests.drivers.browser import Browser
from tests.drivers.password_reset import NEW, choose, forget
from tests.drivers.people import everybody
from tests.drivers.postman import Postman
from tests.drivers.relying_party import Refused, RelyingParty
from tests.drivers.words import YOUR_PASSWORD_WAS_CHANGED
from tests.factories import BY_TESTS, Factory, MadeClient, MadePerson

NOON = datetime.fromisoformat("2026-11-23T12:00:05+00:00")
DAY = "mfa mfa-remembered"


@dataclass
class World:
    """An installation that the test, the server and the command line open in turn."""

    settings: Settings
    idp: Idp
    turn: Callable[[timedelta], None]

    @contextmanager
    def factory(self) -> Iterator[Factory]:
        with bare_app(self.settings) as app:
            yield Factory(self.settings, app)

    @contextmanager
    def served(self) -> Iterator["Served"]:
        with whole_app(self.settings) as app, self.factory() as factory:
            yield Served(app, factory, Postman(factory, self.idp.folder / "mail"))

    def backup(self) -> Path:
        file = self.idp.folder / "backup"
        (self.idp.folder / "passphrase").write_text(PASSPHRASE + "\n")
        self.idp("backup", str(file), "--force", "--passphrase-file", str(self.idp.folder / "passphrase"))
        return file


@dataclass
class Served:
    """The running application."""

    app: Any
    factory: Factory
    postman: Postman

    def browser(self) -> Browser:
        return Browser(self.app, ISSUER)

    def party(self, made: MadeClient) -> RelyingParty:
        return RelyingParty(self.app, ISSUER, made.client_id, made.redirect_uri, secret=made.secret)

    def sign_in(self, party: RelyingParty, person: MadePerson, code: str = "", **asked: str) -> Browser:
        """Return a browser with a session, about to bring its code to the app."""
        browser = self.browser()
        self.password(browser, party, person, **asked)
        if code:
            browser.fill(code=code, **({"remember_device": True} if asked else {})).submit()
        assert browser.left_for, browser.text
        return browser

    @staticmethod
    def password(browser: Browser, party: RelyingParty, person: MadePerson, **asked: str) -> Browser:
        browser.open(party.authorize_url(scope="openid offline_access", **asked))
        if "organisation" in browser.fields:
            browser.fill(organisation=person.store_url).submit()
        return browser.fill(username=person.username, password=person.password).submit()


@pytest.fixture
def world(settings: Settings, idp: Idp) -> Iterator[World]:
    """Stop the clock before the application and its users exist."""
    with time_machine.travel(NOON, tick=False) as traveller:
        yield World(settings, idp, traveller.shift)


@pytest.mark.both_engines
def test_secrets_from_before_a_backup_fail_after_a_restore(engine: str, world: World) -> None:
    """I3: session, code, tokens, remembered device, links, one-time password, recovery and authenticator codes, outbox."""
    with world.factory() as factory:
        shoes = factory.make_organisation(settings={"offer_set_up": False}, owner=True)
        ann = factory.make_user(shoes, "ann", with_totp=True, recovery_codes=4, email="ann@shoes.example")
        jan = factory.make_user(shoes, "jan", email="jan@shoes.example")
        joe = factory.make_user(shoes, "joe", password="", email_verified=False)
        one = factory.make_user(shoes, "one", email="one@shoes.example")
        shop = factory.make_client(grant_types=["authorization_code", "refresh_token"])
    with world.served() as server:
        party = server.party(shop)
        session = server.sign_in(party, ann, ann.authenticator.code(), acr_values=DAY)
        tokens = party.callback(session.left_for)
        assert session.open("/account/security").status == 200
        other = server.party(shop)
        waiting = server.sign_in(other, jan)
        forget(server.browser(), jan)
        link = server.postman.link("jan@shoes.example")
        assert "new_password" in server.browser().open(link).fields
        with server.factory.context():
            row = server.factory.organisation(shoes)
            printed = invitations.print_code(world.settings, row, server.factory.user(joe), BY_TESTS)
            boss = users.user_named(shoes, "owner")
            assert boss
            password_reset.send_one_time_password(world.settings, row, server.factory.user(one), Origin(Person(boss.id)))
        mail = next(found for found in server.postman.bring("one@shoes.example"))
        once = next(line.strip() for line in mail.text.splitlines() if line.startswith("    "))
        open_step = server.password(server.browser(), party, ann)
        with server.factory.context(), transaction():
            messages.notify(world.settings, shoes, ann.id, "password_changed")
    file = world.backup()
    world.turn(timedelta(seconds=90))
    with world.served() as server:  # these are used after the backup
        used = ann.authenticator.shown()
        browser = server.password(server.browser(), server.party(shop), ann)
        assert browser.fill(code=used).submit().left_for
        browser = server.password(server.browser(), server.party(shop), ann).submit("use_recovery")
        assert browser.fill(recovery_code=ann.recovery_codes[0]).submit().errors == []
        assert [mail.subject for mail in server.postman.bring("ann@shoes.example")]
        choose(server.browser(), link)
    output = world.idp("restore", str(file), "--replace").stdout
    assert "Ready to serve after" in output
    with world.served() as server:
        party._http = server.app.test_client(use_cookies=False)
        session.client = _moved(session, server)
        waiting.client, open_step.client = _moved(waiting, server), _moved(open_step, server)
        assert "password" in session.open("/account/security").fields or "organisation" in session.fields, (
            "the session works again"
        )
        for what, attempt in {
            "refresh token": lambda: party.refresh(tokens.refresh_token),
            "access token": lambda: party.userinfo(tokens.access_token),
            "code": lambda: other.callback(waiting.left_for),
        }.items():
            other._http = party._http
            with pytest.raises(Refused):
                attempt()
            assert what
        assert server.browser().open(link).status == 404, "the mailed link works again"
        paper = server.browser().open("/welcome")
        assert paper.fill(organisation="example-shoes", username="joe", code=printed).submit().status == 422, (
            "the code works"
        )
        wrong = server.browser()
        server.password(wrong, party, MadePerson(shoes, one.id, one.store_url, "one", once))
        assert wrong.errors, "the one-time password works again"
        assert wrong.left_for is None
        wrong = server.password(server.browser(), party, MadePerson(shoes, jan.id, jan.store_url, "jan", jan.password))
        assert wrong.errors, "a replaced password works again"
        assert open_step.fill(code=ann.authenticator.code()).submit().left_for is None, "a sign-in in progress continues"
        device = server.password(session, party, ann, acr_values=DAY)
        assert "code" in device.fields, "the device is still remembered"
        assert device.fill(code=used).submit().errors, "a used authenticator code works again"
        assert device.left_for is None
        assert device.fill(code=ann.authenticator.at(ann.authenticator.step + 1)).submit().errors, (
            "the next authenticator code works"
        )
        device.submit("use_recovery")
        for code in ann.recovery_codes[:2]:
            assert device.fill(recovery_code=code).submit().errors, "a recovery code works again, used or not"
        with server.factory.context():
            dropped = [mail for mail in outbox.mails() if mail.template == "password_changed"]
            assert [(mail.failure, mail.sealed_values) for mail in dropped] == [("restored", "")]
        brought = [mail.subject for mail in server.postman.bring("ann@shoes.example")]
        assert brought.count(YOUR_PASSWORD_WAS_CHANGED) == 1, "the mail must be sent before the restore, and not after it"
        assert brought.count("Please sign in again") == 1
        world.turn(timedelta(seconds=90))
        device = server.password(server.browser(), party, ann)
        assert device.fill(code=ann.authenticator.code()).submit().left_for, "a later code must work"
    assert "whole" in world.idp("audit", "verify").stdout


def _moved(browser: Browser, server: Served) -> Any:
    """Return the cookies of a browser, for the application as it runs now."""
    fresh = server.app.test_client()
    fresh._cookies.update(browser.client._cookies)  # type: ignore[union-attr] # None only without cookies
    return fresh


@pytest.mark.both_engines
def test_a_restore_withdraws_what_was_withdrawn_since_the_backup(engine: str, world: World) -> None:
    """I3: the audit log of the replaced database shows which account, password, factor and app changed."""
    with world.factory() as factory:
        shoes = factory.make_organisation(settings={"offer_set_up": False}, owner=True)
        people = {
            name: factory.make_user(shoes, name, with_totp=True, email=f"{name}@shoes.example")
            for name in ("disabled", "password", "factor", "same")
        }
        for name in ("changed", "kept"):
            factory.make_client(name)
    file = world.backup()
    with world.factory() as factory, factory.context():
        row, settings = factory.organisation(shoes), world.settings
        status.disable(settings, row, factory.user(people["disabled"]), BY_TESTS)
        hashed = passwords.hash_of(settings, NEW)
        passwords.put(settings, factory.user(people["password"]), NewPassword(hashed), BY_TESTS)
        second_factor.reset_factor(settings, row, factory.user(people["factor"]), BY_TESTS)
    world.idp("client", "delete", "changed")
    output = world.idp("restore", str(file), "--replace").stdout
    assert "Closed: 1 account, 3 passwords, 1 second factor, 1 app." in output
    with world.factory() as factory, factory.context():
        now = epoch.epoch()
        assert now
        rows = {name: factory.user(person) for name, person in people.items()}
        assert rows["disabled"].disabled_at == now.begun_at
        assert [name for name, row in rows.items() if row.password_hash] == ["same"]
        assert rows["factor"].must_set_up_since == now.begun_at
        assert [row.client_id for row in epoch.closed_clients(now.begun_at)] == ["changed"]
        assert [row.client_id for row in clients.clients() if row.disabled_at is None] == ["kept"]
    assert (
        "accounts and apps still closed: 2 (idp reopen lists them)" in world.idp("doctor", code=1).stdout
    )  # the clock is stopped


@pytest.mark.both_engines
def test_a_restore_without_a_former_database_closes_everything(engine: str, world: World) -> None:
    """I3: the changes since the backup are unknown. No account, password or app works before `idp reopen`."""
    with world.factory() as factory:
        shoes = factory.make_organisation(settings={"offer_set_up": False}, owner=True)
        for name in ("jan", "bert"):
            factory.make_user(shoes, name, email=f"{name}@shoes.example")
        shop = factory.make_client()
    file = world.backup()
    _lose(world)
    output = world.idp("restore", str(file)).stdout
    assert "What changed since the backup is not known: there is no former database to ask." in output
    assert "closed account  example-shoes/bert" in world.idp("reopen").stdout
    output = world.idp("reopen", "--all", "--but", "example-shoes/bert").stdout
    assert "example-shoes: 2 accounts opened; the worker tells 2 people by e-mail." in output
    assert output.splitlines()[-1] == "closed account  example-shoes/bert"
    with world.served() as server:
        jan = next(row for row in _people(server, shoes) if row.username == "jan")
        assert jan.disabled_at is None
        party = server.party(shop)
        person = MadePerson(shoes, jan.id, "example-shoes", "jan", "a sturdy kettle sings")
        assert server.password(server.browser(), party, person).left_for is None
        server.postman.bring()
        forget(server.browser(), person)
        choose(server.browser(), server.postman.link("jan@shoes.example"))
        fresh = MadePerson(shoes, jan.id, "example-shoes", "jan", NEW)
        assert server.password(server.browser(), party, fresh).left_for


def _people(server: Served, organisation_id: str) -> list[Any]:
    with server.factory.context():
        return everybody(organisation_id)


def _lose(world: World) -> None:
    """Lose the database, as a broken disk does."""
    with world.factory() as factory, factory.context():
        if db.engine.dialect.name == "postgresql":
            with transaction():
                Base.metadata.drop_all(connection())
    for file in world.idp.folder.glob("sleutel.sqlite3*"):
        file.unlink()


@pytest.mark.both_engines
def test_a_manually_loaded_backup_is_not_served(engine: str, world: World) -> None:
    """I3: the copy has no epoch. `idp run`, the worker and every other command refuse it, and the doctor says why."""
    with world.factory() as factory, factory.context(), transaction():
        write(delete(epoch.Epoch))
    for command in (("run",), ("worker",), ("user", "list", "example-shoes"), ("backup", str(world.idp.folder / "b"))):
        assert "restore is not finished" in world.idp(*command, code=1).stderr, command
    assert "restore is not finished" in world.idp("doctor", code=1).stdout
    with whole_app(world.settings) as app:
        answer = app.test_client().get("/readyz", base_url=ISSUER)
        assert answer.status_code == 503
