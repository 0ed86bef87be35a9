"""Import people from a file in the console: a dry run, the worker, and codes for all on one sheet (S64)."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from idp import sweeps, worker
from idp.audit import Event
from idp.db import transaction
from idp.identity.jobs import loop
from idp.identity.organisations import organisations, shops
from idp.identity.people_import import jobs
from idp.store import audit, users
from idp.store import jobs as store
from idp.web.assets import qr
from tests.drivers.people_import import AT, names, start, upload, worked
from tests.factories import BY_TESTS, Factory

HEAD = "gebruikersnaam;naam;e-mail;rol;winkels;groepen;taal;geldig tot en met\n"


def test_a_file_is_tried_first_and_then_carried_out(factory: Factory, enter, shoes, anna, jan) -> None:
    """Each line says what it would do. Nothing is written by the dry run. The worker creates and changes."""
    with factory.context(), transaction():
        shops.create(shoes, {"code": "dam-1", "name": "Dam"}, BY_TESTS)
    factory.make_group(shoes, "Till", requires_mfa=False)
    text = HEAD + (
        "kim;Kim de Vries;;medewerker;Dam;Till;Nederlands;31-12-2026\n"
        "jan;Jan Jansen;;;;;;\n"
        "JAN;Jan;;;;;;\n"
        "piet;Piet;;eigenaar;;;;\n"
        "els;Els;not an address;;;;;\n"
        "tom;Tom;;;Mars;;;\n"
        "bob;Bob;;;;;;2020-01-01\n"
        ";Nobody;;;;;;\n"
        "a;b;c;d;e;f;g;h;i\n"
    )
    browser = upload(enter(anna), text)
    for words in ("1 created", "1 unchanged", "7 refused", "Line 3 is about the same person", "cannot give anybody the role",
                  "not an e-mail address", "There is no shop “Mars”", "Choose today or a later day", "Enter a username",
                  "more cells"):  # fmt: skip
        assert words in browser.text, words
    assert names(factory, shoes) == {"anna", "jan"}
    assert worked(factory) == 0
    start(browser, anna)
    assert "0 of 9 lines are done" in browser.text
    assert worked(factory) == 9
    assert "9 of 9 lines are done" in browser.open(browser.url).text
    with factory.context():
        kim = users.user_named(shoes, "kim")
        assert kim is not None
        assert (kim.name, kim.role, kim.locale, str(kim.valid_until)) == ("Kim de Vries", "employee", "nl", "2026-12-31")
        assert [shop.code for shop in users.shops_of(shoes, kim.id)] == ["dam-1"]
        assert [group.name for group in users.groups_of(shoes, kim.id)] == ["Till"]
        assert not kim.all_shops
        (row,) = [row for row in audit.rows_about(shoes, kim.id, limit=5) if row.event == Event.USER_CREATED]
        assert row.actor_id == anna.id
    again = upload(browser, HEAD + "kim;Kim;;;;;;\n")
    assert "1 changed" in again.text
    assert names(factory, shoes) == {"anna", "jan", "kim"}


@pytest.mark.both_engines
def test_codes_for_all_are_shown_once(factory: Factory, enter, new_browser, shoes, anna) -> None:
    """Each new person gets a card. The codes lie sealed until they are shown, and work once."""
    browser = upload(enter(anna), "username,name\nkim,Kim\nliv,Liv\n", print_codes="yes")
    start(browser, anna)
    worked(factory)
    browser.open(browser.url).click("Show the sheet")
    browser.fill(password=anna.password).submit() if "password" in browser.fields else browser.submit()
    cards = re.findall(r"<code>([a-z2-9-]{29})</code>", browser.html)
    assert len(set(cards)) == 2
    assert "Example Shoes" in browser.text
    (drawn,) = re.findall(r'<path stroke="#000" d="([^"]+)"', browser.html)
    assert f'd="{drawn}"' in qr("https://id.example.com/welcome")
    browser.open(AT).click("anna")
    assert "The codes were shown, or have expired" in browser.text
    with factory.context():
        job = store.jobs_of(shoes, 1)[0]
        assert not store.lines_with_code(shoes, job.id)
    kim = new_browser().open("/welcome").fill(organisation="example-shoes", username="kim", code=cards[0]).submit()
    assert "password" in " ".join(kim.fields)


def test_expired_codes_and_old_jobs_are_wiped(factory: Factory, enter, clock, shoes, anna) -> None:
    """Codes that nobody looked at are forgotten once they have expired, and jobs after a week."""
    start(upload(enter(anna), "username\nkim\n", print_codes="yes"), anna)
    worked(factory)
    for days, codes, kept in ((1, 1, 1), (3, 0, 1), (4, 0, 0)):
        clock(days=days)
        with factory.context():
            sweeps.sweep(factory.settings)
            found = store.jobs_of(shoes, 5)
            assert len(found) == kept
            assert sum(len(store.lines_with_code(shoes, job.id)) for job in found) == codes


def test_a_killed_worker_resumes_and_no_line_is_done_twice(
    factory: Factory, enter, clock, shoes, anna, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lease of a worker that was killed runs out. Its half-done line was rolled back with the claim on it."""
    start(upload(enter(anna), "username\n" + "".join(f"till{at}\n" for at in range(6))), anna)
    done: list[str] = []
    carry_out: Callable[..., Any] = jobs._carry_out

    def killed(settings: Any, organisation: Any, job: Any, line: Any, content: Any) -> None:
        carry_out(settings, organisation, job, line, content)
        done.append(content["username"])
        if len(done) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(jobs, "_carry_out", killed)
    with factory.context(), pytest.raises(KeyboardInterrupt):
        worker.carry_out_jobs(factory.settings)
    assert names(factory, shoes) == {"anna", "till0", "till1"}
    assert worked(factory) == 0, "another worker must wait for the lease"
    clock(minutes=2)
    assert worked(factory) == 4
    assert names(factory, shoes) == {"anna", *(f"till{at}" for at in range(6))}
    assert done == ["till0", "till1", "till2", "till2", "till3", "till4", "till5"]


@pytest.mark.both_engines
def test_two_workers_share_no_line(factory: Factory, enter, clock, shoes, anna) -> None:
    """The claim on a line is one conditional statement: a worker whose lease was taken over stops."""
    start(upload(enter(anna), "username\nkim\nliv\n"), anna)
    with factory.context():
        job = store.jobs_of(shoes, 1)[0]
        at = factory.organisation(shoes)
        with transaction():
            assert store.lease(shoes, job.id, job.created_at, job.created_at)
            assert not store.move(shoes, job.id, "waiting", job.digest, state="cancelled")
        assert jobs._do_line(factory.settings, at, job, 1)
        assert not jobs._do_line(factory.settings, at, job, 1)
        assert not jobs._do_line(factory.settings, at, job, 3)
        assert jobs._do_line(factory.settings, at, job, 2)


def test_a_line_that_does_not_open_is_refused_and_the_others_go_on(factory: Factory, enter, shoes, anna) -> None:
    """A sealing key may be removed while a file waits."""
    browser = upload(enter(anna), "username\nkim\nliv\n")
    with factory.context(), transaction():
        job = store.jobs_of(shoes, 1)[0]
        first = store.lines(shoes, job.id, "", 0, 1)[0]
        store.change_line(shoes, first.id, sealed=first.sealed[:-4] + "AAAA")
    start(browser.open(browser.url), anna)
    assert worked(factory) == 2
    assert names(factory, shoes) == {"anna", "liv"}
    assert "Import this line again later" in browser.open(browser.url).text


def test_rights_are_those_that_the_administrator_has_when_it_runs(factory: Factory, enter, shoes, anna, boss) -> None:
    """An import by somebody who was disabled in the meantime creates nobody. An owner is changed by nobody else."""
    browser = upload(enter(anna), "username,name\nkim,Kim\nboss,Eve\n")
    assert "Only the owner may change the owner" in browser.text
    start(browser, anna)
    with factory.context(), transaction():
        users.change_user(shoes, anna.id, role="employee")
    assert worked(factory) == 2
    assert names(factory, shoes) == {"anna", "boss"}


def test_an_import_is_carried_out_by_the_rights_of_the_person_who_starts_it(
    factory: Factory, enter, new_browser, shoes, anna, boss
) -> None:
    """The owner's file, started by an administrator: they confirm it, so its acts are theirs, and the owner stays."""
    address = upload(enter(boss), "username,name\nboss,Eve\nkim,Kim\n").url
    browser = start(enter(anna, address, new_browser()), anna)
    assert worked(factory) == 2
    assert "Only the owner may change the owner" in browser.open(address).text
    with factory.context():
        kim, unchanged = users.user_named(shoes, "kim"), users.user_named(shoes, "boss")
        assert kim is not None
        assert unchanged is not None
        assert unchanged.name != "Eve"
        (row,) = [row for row in audit.rows_about(shoes, kim.id, limit=5) if row.event == Event.USER_CREATED]
        assert row.actor_id == anna.id


@pytest.mark.parametrize("state", ["running", "done"])
def test_an_import_that_has_begun_is_not_dropped(factory: Factory, enter, shoes, anna, state: str) -> None:
    """Its page offers that no more; nor does its address do it: people were created already, and their codes wait."""
    browser = upload(enter(anna), "username\nkim\nliv\n", print_codes="yes")
    address = browser.url
    start(browser, anna)
    with factory.context():
        job = store.jobs_of(shoes, 1)[0]
        if state == "running":
            with transaction():
                assert store.lease(shoes, job.id, job.created_at, job.created_at)
    if state == "done":
        worked(factory)
    browser.open(f"{address}/cancel").submit("Discard the import")
    assert "can no longer be discarded" in browser.errors[0]
    with factory.context():
        assert store.jobs_of(shoes, 1)[0].state == state
        assert not [row for row in audit.rows(shoes) if row.event == Event.IMPORT_CANCELLED]


def test_a_dropped_file_is_forgotten(factory: Factory, enter, shoes, anna) -> None:
    """Its lines are personal data, and the page says so."""
    upload(enter(anna), "username\nkim\n").click("Discard the import").submit("Discard the import")
    with factory.context():
        job = store.jobs_of(shoes, 1)[0]
        assert (job.state, store.lines(shoes, job.id, "", 0, 5)) == ("cancelled", [])


def test_an_import_can_be_dropped_before_it_begins(factory: Factory, enter, new_browser, shoes, anna) -> None:
    """Dropped ones never run, and one cannot be started twice. Other organisations see none of it."""
    browser = upload(enter(anna), "username\nkim\n")
    address = browser.url
    browser.click("Discard the import").submit("Discard the import")
    assert "cancelled" in browser.text
    assert worked(factory) == 0
    assert "Import these people" not in browser.open(address).text
    browser.open(f"{address}/start").fill(password=anna.password).submit()
    assert "already started or discarded" in browser.errors[0]
    assert worked(factory) == 0
    assert names(factory, shoes) == {"anna"}
    boots = factory.make_organisation("example-boots", settings={"offer_set_up": False})
    eve = factory.make_user(boots, "eve", role="administrator", with_totp=True, email="eve@boots.example")
    other = enter(eve, browser=new_browser())
    assert other.open(address).status == 404
    assert other.open(address.replace("example-shoes", "example-boots")).status == 404


def test_the_import_of_a_removed_organisation_holds_up_no_other(
    factory: Factory, enter, new_browser, clock, shoes, anna
) -> None:
    """The oldest import comes first. One whose organisation was removed is dropped, and the next one runs."""
    toys = factory.make_organisation("toys", settings={"offer_set_up": False})
    tom = factory.make_user(toys, "tom", role="administrator", with_totp=True, email="tom@toys.example")
    theirs = enter(tom, browser=new_browser())
    start(upload(theirs, "username\nkim\n", "/admin/toys/people/import"), tom)
    start(upload(enter(anna), "username\nliv\n"), anna)
    with factory.context(), transaction():
        organisations.remove(factory.organisation(toys), BY_TESTS)
    assert worked(factory) == 1
    assert names(factory, shoes) == {"anna", "liv"}


def test_a_long_import_and_a_short_one_take_turns(
    factory: Factory, enter, clock, shoes, anna, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a round the worker turns to the job that has waited longest: a file of a million lines delays no other."""
    monkeypatch.setattr(loop, "ROUND_SECONDS", 0)
    browser = start(upload(enter(anna), "username\nkim\ntom\nbob\n"), anna)
    start(upload(browser, "username\nliv\n"), anna)
    clock(seconds=1)
    with factory.context():
        assert [worker.carry_out_jobs(factory.settings) for _ in range(2)] == [1, 1]
    assert {"kim", "liv"} <= names(factory, shoes)
    assert worked(factory) == 2


@pytest.mark.parametrize("lines", [1, 3], ids=["jobs of one round", "jobs of several rounds"])
def test_many_jobs_of_one_organisation_delay_no_other(
    factory: Factory, enter, new_browser, clock, shoes, anna, lines: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Organisations take turns, however many jobs each has: the jobs of one, all begun before, were all done first."""
    monkeypatch.setattr(loop, "ROUND_SECONDS", 0)
    browser = enter(anna)
    for at in range(4):
        start(upload(browser, "username\n" + "".join(f"till{at}-{line}\n" for line in range(lines))), anna)
    clock(seconds=1)
    toys = factory.make_organisation("toys", settings={"offer_set_up": False})
    tim = factory.make_user(toys, "tim", role="administrator", with_totp=True, email="tim@toys.example")
    start(upload(enter(tim, browser=new_browser()), "username\nliv\nkim\n", AT.replace("example-shoes", "toys")), tim)
    with factory.context():
        for _ in range(8):
            clock(seconds=1)
            worker.carry_out_jobs(factory.settings)
    assert {"liv", "kim"} <= names(factory, toys)


def test_five_thousand_lines_are_tried_with_few_statements(factory: Factory, enter, app, shoes, anna) -> None:
    """S64: the dry run reads people in chunks."""
    text = "username;name\n" + "".join(f"till{at};Till {at}\n" for at in range(5_000))
    browser = upload(enter(anna), text)
    assert "5000 created" in browser.text.replace(",", "")
    with factory.context():
        job = store.jobs_of(shoes, 1)[0]
        assert (job.total, job.state, store.counts(shoes, job.id)) == (5_000, "draft", {"created": 5_000})
