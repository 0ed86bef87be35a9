"""The console's technical pages: sessions, outbox, audit log and signing keys."""

import csv
import io
import json
from datetime import timedelta

import pytest
from sqlalchemy import text

from idp import audit, csv_export
from idp import clock as now_clock
from idp import keys as rings
from idp.audit import Event, search
from idp.db import connection, transaction
from idp.mail import deliver
from idp.mail.messages import notify, write_to_person
from idp.store import audit as audit_rows
from idp.store import outbox, sessions, signing_keys
from tests.drivers.relying_party import Refused
from tests.drivers.words import NOTHING_WAS_FOUND
from tests.factories import Factory, MadePerson

HOME = "/admin/example-shoes"
SECTIONS = ("sessions", "mail", "audit")


@pytest.fixture
def anna(factory: Factory, quiet_shoes: str) -> MadePerson:
    return factory.make_user(quiet_shoes, "anna", role="administrator", with_totp=True, email="anna@shoes.example")


@pytest.fixture
def jan(factory: Factory, quiet_shoes: str) -> MadePerson:
    return factory.make_user(quiet_shoes, "jan", email="jan@shoes.example")


@pytest.fixture
def boots(factory: Factory) -> str:
    """Create another organisation."""
    return factory.make_organisation("example-boots", settings={"offer_set_up": False})


def written(factory: Factory, person: MadePerson, template: str = "password_changed") -> str:
    """Write a mail and return its id."""
    with factory.context(), transaction():
        notify(factory.settings, person.organisation_id, person.id, template)
    with factory.context():
        return outbox.mails()[0].id


@pytest.mark.parametrize("section", [*SECTIONS, "keys"])
def test_technical_pages_are_not_found_for_other_users(factory, enter, new_browser, boots, jan, anna, section: str) -> None:
    """V8.3.1: employees and administrators of other organisations get the 404 of an address that never existed."""
    assert enter(jan, "/account/details").open(f"{HOME}/{section}").status == 404
    ben = factory.make_user(boots, "ben", role="administrator", with_totp=True)
    browser = enter(ben, f"/admin/example-boots/{SECTIONS[0]}", new_browser())
    assert browser.status == 200
    assert browser.open(f"{HOME}/{section}").status == 404


def test_an_administrator_lists_and_ends_sessions(factory, journey, new_browser, enter, anna, jan, boots, clock) -> None:
    """The list shows users and devices. Ending a session asks for the password and revokes its tokens."""
    walk = journey(jan, browser=new_browser()).begin().password()
    tokens = walk.tokens()
    stranger = factory.make_user(boots, "bob")
    journey(stranger, browser=new_browser()).begin().password().tokens()
    browser = enter(anna, f"{HOME}/sessions")
    assert "jan" in browser.text
    assert "Webshop" in browser.text
    assert "bob" not in browser.text
    assert "No sessions match this filter." in browser.open(f"{HOME}/sessions?username=bob").text
    assert browser.open(f"{HOME}/sessions?username=JAN").text.count("Network 192.0.2.*") == 1
    browser.click("End jan")
    assert "signed out of Firefox · Windows at once" in browser.text
    browser.fill(password="not my password").submit()
    assert browser.status == 422
    assert walk.app.userinfo(tokens.access_token)
    browser.fill(password=anna.password).submit()
    assert "jan is signed out of “Firefox · Windows”." in browser.text
    with pytest.raises(Refused):
        walk.app.userinfo(tokens.access_token)


def test_sessions_of_others_and_of_the_owner_cannot_be_ended(
    factory, journey, new_browser, enter, anna, boots, quiet_shoes, clock
) -> None:
    """V8.2.2, S47: a session of another organisation is not found. An administrator cannot end the owner's."""
    journey(factory.make_user(boots, "bob"), browser=new_browser()).begin().password().tokens()
    with factory.context():
        (foreign,) = sessions.live_sessions(boots, now_clock.now(), None, 2)
        owner = next(row for row in audit_rows.rows(quiet_shoes) if row.data.get("role") == "owner").subject_id
        with transaction():
            begun = now_clock.now()
            fields = {"organisation_id": quiet_shoes, "id": "o" * 26, "user_id": owner, "browser_id": "b", "digest": b"d"}
            ends = {"started_at": begun, "last_seen_at": begun, "idle_until": begun + timedelta(hours=1)}
            sessions.add_session(sessions.UserSession(**fields, **ends, ends_at=begun + timedelta(hours=1), label="?"))
    browser = enter(anna, f"{HOME}/sessions")
    for login_id in (foreign.id, "x", "a" * 26):
        assert browser.open(f"{HOME}/sessions/{login_id}/end").status == 404
    assert browser.open(f"{HOME}/sessions/{'o' * 26}/end").status == 403


def test_failed_mail_shows_its_reason_and_is_sent_again(factory, configure, enter, anna, jan, boots, mailbox, clock) -> None:
    """Mail is waiting, sent, or failed with a reason. A new try keeps the Message-ID. Others' mail is not found."""
    mail_id = written(factory, jan)
    with factory.context():
        refusing = configure(mail={"host": "127.0.0.1", "port": 9, "security": "none"})
        for _ in range(deliver.TRIES):
            with transaction():
                outbox.resend(jan.organisation_id, mail_id, now_clock.now())
            with transaction():
                outbox.note_failure(mail_id, deliver.RELAY_TRIES - 1, now_clock.now(), "")
            deliver.deliver_due(refusing)
    browser = enter(anna, f"{HOME}/mail?state=failed")
    assert "jan@shoes.example" in browser.text
    assert "ConnectionRefusedError" in browser.text
    browser.click("Send again")
    assert "jan@shoes.example once more" in browser.text
    browser.submit("Send again")
    assert "is tried again at once." in browser.text
    with factory.context():
        before = outbox.mail(jan.organisation_id, mail_id).message_id
        sending = configure(mail={"host": "127.0.0.1", "port": mailbox.port, "security": "none"})
        assert deliver.deliver_due(sending) == 1
    assert mailbox.arrived[0][1]["Message-ID"] == before
    assert "Sent 23 Nov 2026" in browser.open(f"{HOME}/mail?state=sent").text
    again = browser.open(f"{HOME}/mail/{mail_id}/resend").submit("Send again")
    assert again.status == 409
    foreign = written(factory, factory.make_user(boots, "bob", email="bob@boots.example"))
    assert "bob@boots.example" not in browser.open(f"{HOME}/mail").text
    assert browser.open(f"{HOME}/mail/{foreign}/resend").status == 404


def test_a_mail_with_an_expired_secret_is_never_sent_again(factory, configure, jan, enter, anna, clock) -> None:
    """S49: it is parked with its reason and wiped at the next sweep. The page does not offer to send it."""
    with factory.context():
        with transaction():
            ends = now_clock.ahead(minutes=10)
            values = {"password": "kettle"}
            assert write_to_person(factory.settings, jan.organisation_id, jan.id, "one_time_password", values, ends)
        mail_id = outbox.mails()[0].id
        with transaction():
            outbox.give_up(mail_id, now_clock.now(), "550 no", may_be_resent=True)
    browser = enter(anna, f"{HOME}/mail")
    assert any("Send again" in words for _, words in browser.page.links)
    clock(minutes=11)
    assert not any("Send again" in words for _, words in browser.reload().page.links)
    with factory.context():
        with transaction():
            assert not outbox.resend(jan.organisation_id, mail_id, now_clock.now())
            assert outbox.wipe_expired(now_clock.now(), 10) == 1
        assert outbox.mail(jan.organisation_id, mail_id).sealed_values == ""


def test_the_trail_is_filtered_and_verified(factory, journey, new_browser, enter, anna, jan, clock) -> None:
    """I1: filters by event, person and day. The page says that the chain is whole, or names the broken row."""
    journey(jan, browser=new_browser()).begin().password("not my password")
    browser = enter(anna, f"{HOME}/audit")
    assert "Audit log verified" in browser.text
    found = browser.fill(event="password:wrong", username="jan", since="2026-11-23").submit()
    assert found.text.count("192.0.2.7") == 1
    assert "Signed in with" not in found.text
    assert NOTHING_WAS_FOUND in browser.open(f"{HOME}/audit?since=2026-11-24").text
    assert NOTHING_WAS_FOUND in browser.open(f"{HOME}/audit?until=2024-01-01").text
    for wrong in ("since=yesterday", "until=9999-12-31", "username=nobody"):
        assert browser.open(f"{HOME}/audit?{wrong}").status == 422
    for odd in ("before=x", "before=99999999999999999999", "event=%00", "page=-1", "trail=installation"):
        assert browser.open(f"{HOME}/audit?{odd}").status == 200
    with factory.context(), transaction():
        connection().execute(text("UPDATE audit SET outcome = 'success' WHERE event = 'password:wrong'"))
    assert "The audit log was changed at entry" in browser.open(f"{HOME}/audit").text


NAUGHTY = ("=HYPERLINK(1)", "+1", "-1", "@x", "＝1")


def test_exports_are_complete_and_contain_no_formula(factory, enter, quiet_shoes, anna, boots, clock) -> None:
    """V1.2.10, V16.4.3: a CSV cell that begins like a formula gets a quote before it. JSON has every column, and filters
    apply.
    """
    people = [factory.make_user(quiet_shoes, name) for name in NAUGHTY]
    with factory.context(), transaction():
        data = {"=1+1": "x"}
        origin = audit.Origin(label="@SUM(1)")
        audit.record(origin, "=cmd|' /C calc'!A0", organisation_id=quiet_shoes, subject_id=people[0].id, data=data)
    browser = enter(anna, f"{HOME}/audit").open(f"{HOME}/audit/export.csv")
    assert browser.headers["Content-Type"].startswith("text/csv")
    assert "attachment" in browser.headers["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(browser.html.removeprefix(csv_export.BOM))))
    assert {row["subject"] for row in rows} >= {f"'{name}" for name in NAUGHTY}
    assert not [cell for row in rows for cell in row.values() if cell.startswith(csv_export.FORMULA)]
    everything = json.loads(browser.open(f"{HOME}/audit/export.json").html)
    assert [row["seq"] for row in everything] == list(range(1, len(everything) + 1))
    assert set(everything[0]) == set(search.COLUMNS)
    assert {row["organisation_id"] for row in everything} == {quiet_shoes}
    few = json.loads(browser.open(f"{HOME}/audit/export.json?event=user:created").html)
    assert {row["event"] for row in few} == {"user:created"}
    assert json.loads(browser.open(f"{HOME}/audit/export.json?event=none").html) == []
    assert browser.open(f"{HOME}/audit/export.xls").status == 404
    assert browser.open(f"{HOME}/audit/export.csv?since=x").status == 422
    assert browser.open("/admin/example-boots/audit/export.csv").status == 404


def test_an_operator_reads_the_installations_trail(factory, enter, olga, quiet_shoes, clock) -> None:
    """Events of keys and apps have their own chain, which administrators do not see."""
    browser = enter(olga, f"{HOME}/audit?trail=installation")
    table = browser.html.partition("<tbody>")[2]
    assert "Signing key created" in table
    assert "key:made" not in table, "the page shows the raw name of an event instead of words"
    assert "Signing key created" not in browser.open(f"{HOME}/audit").html.partition("<tbody>")[2]


def test_an_operator_rotates_the_keys_with_the_password(factory, enter, olga, quiet_shoes, clock) -> None:
    """The next keys become active, and the old ones stay published. The audit log names the operator."""
    with factory.context():
        before = {row.alg: row.kid for row in signing_keys.published_keys() if rings.state_of(row) == "next"}
    browser = enter(olga, f"{HOME}/keys")
    assert "active: signs" in browser.text
    browser.click("Rotate")
    browser.fill(password="not my password").submit()
    assert browser.status == 422
    browser.fill(password=olga.password).submit()
    assert "The next keys sign from now on." in browser.text
    with factory.context():
        assert {row.alg: row.kid for row in signing_keys.published_keys() if rings.state_of(row) == "active"} == before
        rotated = [row for row in audit_rows.rows(audit_rows.INSTALLATION) if row.event == Event.KEY_ROTATED]
        assert {row.actor_id for row in rotated} == {olga.id}
    browser.click("Rotate")
    assert "must wait a minute" in browser.fill(password=olga.password).submit().text


def test_an_administrator_does_not_see_the_keys(enter, anna, clock) -> None:
    """V8.3.1: only operators find the keys, in the menu and by address."""
    browser = enter(anna, f"{HOME}/audit")
    assert not any("Signing keys" in words for _, words in browser.page.links)
    assert browser.open(f"{HOME}/keys").status == 404
    assert browser.open(f"{HOME}/keys/rotate").status == 404


def test_the_technical_pages_are_in_dutch(factory, new_browser, enter, olga, quiet_shoes, clock) -> None:
    """S62: every technical page follows the language of the browser."""
    browser = enter(olga, f"{HOME}/sessions", new_browser(languages="nl"))
    headings = {"sessions": "Sessies", "mail": "E-mail", "audit": "Logboek", "keys": "Ondertekensleutels", "apps": "Apps"}
    for section, heading in headings.items():
        assert browser.open(f"{HOME}/{section}").heading == heading
    assert "Logboek gecontroleerd" in browser.open(f"{HOME}/audit").text
    assert "Adressen waar antwoorden heen mogen" in browser.open(f"{HOME}/apps/add").text


@pytest.mark.parametrize("role", ["owner", "administrator", "manager", "employee", "customer"])
def test_the_role_decides_access_to_the_console(factory, enter, quiet_shoes, role: str, clock) -> None:
    """V8.3.1: only owners and administrators see the pages of their organisation. None of them sees the keys."""
    details = {"role": role, "with_totp": True, "email": f"{role}@shoes.example"}
    browser = enter(factory.make_user(quiet_shoes, f"the-{role}", **details), "/account/details")
    expected = 200 if role in ("owner", "administrator") else 404
    for section in (*SECTIONS, "apps", "audit/export.csv"):
        assert browser.open(f"{HOME}/{section}").status == expected
    assert browser.open(f"{HOME}/keys").status == 404
