"""Export more lines than one answer should hold: the worker writes the file, and the administrator downloads it."""

import csv
import io
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from idp import csv_export, sweeps, worker
from idp.clock import now
from idp.db import transaction
from idp.identity.exports import files, writing
from idp.store import audit, users
from idp.store import jobs as store
from idp.store.jobs import Job
from tests.drivers.browser import Browser
from tests.drivers.roles import one_of_each
from tests.factories import Factory

PEOPLE = "/admin/example-shoes/people/export.csv"
AUDIT = "/admin/example-shoes/audit/export"


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a few lines be many."""
    monkeypatch.setattr(files, "AT_ONCE", 3)
    monkeypatch.setattr(writing, "CHUNK", 2)


@pytest.fixture
def many(factory: Factory, shoes: str, anna: object) -> list[str]:
    """Make seven people beside anna. Returns all usernames, sorted."""
    names = [f"till{at}" for at in range(7)]
    for name in names:
        factory.make_user(shoes, name, name="=1+1" if name == "till3" else name)
    return ["anna", *names]


def worked(factory: Factory) -> int:
    """Run rounds of the worker. Returns how many chunks were written."""
    with factory.context():
        return sum(worker.carry_out_jobs(factory.settings) for _ in range(5))


def made(browser: Browser, address: str) -> str:
    """Ask for a file, and let the worker have it. Returns the address of its page."""
    browser.open(address)
    assert "The file has more than 10,000 lines" in browser.text
    return browser.submit("Make the file").url


def names_in(browser: Browser, address: str, separator: str = ",") -> list[str]:
    """Download a file of people. Returns the usernames in its order."""
    text = browser.open(f"{address}/download").html.removeprefix(csv_export.BOM)
    return [row["username"] for row in csv.DictReader(io.StringIO(text), delimiter=separator)]


def job_of(factory: Factory, shoes: str) -> Job:
    with factory.context():
        return store.jobs_of(shoes, 1)[0]


@pytest.mark.both_engines
def test_a_long_export_of_people_is_written_and_downloaded(factory: Factory, enter, anna, many) -> None:
    """The page tells how far it is. The file is the one that would have been sent at once, byte for byte."""
    browser = enter(anna)
    address = made(browser, f"{PEOPLE}?sort=-username")
    assert "waiting" in browser.text
    assert "0 lines have been written" in browser.text
    assert worked(factory) == 4
    assert "ready" in browser.open(address).text
    assert "8 lines have been written" in browser.text
    assert names_in(browser, address) == many


def test_a_short_export_is_sent_at_once(enter, anna, many, monkeypatch: pytest.MonkeyPatch) -> None:
    """A form that is sent after the list became short leads to the file."""
    browser = enter(anna).open(PEOPLE)
    assert "Make the file" in browser.text
    monkeypatch.setattr(files, "AT_ONCE", 8)
    assert "till0" in browser.submit("Make the file").html
    assert browser.html.startswith(csv_export.BOM)


def test_the_filter_the_separator_and_the_name_are_those_of_the_request(factory: Factory, enter, shoes, anna, many) -> None:
    """A Dutch reader gets semicolons, later too; who was added to the search afterwards is in the file."""
    browser = enter(anna)
    browser.open(f"{PEOPLE}?q=till&state=no_factor")
    browser.open(next(href for href, words in browser.page.links if words.startswith("‹")))
    assert "till0" in browser.text
    assert browser.url.endswith("/people?q=till&state=no_factor")
    address = made(browser, f"{PEOPLE}?q=till")
    worked(factory)
    found = browser.client.get(f"{address}/download", base_url=browser.issuer)
    assert "till0" in found.get_data(as_text=True)
    assert found.headers["Content-Disposition"].startswith('attachment; filename="people-example-shoes-20')
    assert found.headers["Cache-Control"] == "no-store"
    assert names_in(browser, address) == many[1:]
    assert "'=1+1" in browser.html
    browser.open(f"{PEOPLE}?language=nl").submit("Bestand maken")
    address = browser.url
    worked(factory)
    assert names_in(browser, f"{address}", ";") == many


@pytest.mark.both_engines
@pytest.mark.parametrize("form", ["csv", "json"])
def test_a_long_export_of_the_audit_log_has_the_rows_until_it_was_asked_for(
    factory: Factory, enter, clock, shoes, anna, many, form: str
) -> None:
    """What happens while it is written is in the next file."""
    browser = enter(anna)
    with factory.context():
        before = [row.seq for row in audit.rows(shoes)]
    address = made(browser, f"{AUDIT}.{form}")
    clock(minutes=1)
    worked(factory)
    text = browser.open(f"{address}/download").html.removeprefix(csv_export.BOM)
    rows: list[dict[str, Any]] = json.loads(text) if form == "json" else list(csv.DictReader(io.StringIO(text)))
    assert [int(row["seq"]) for row in rows] == before
    assert {row["organisation_id"] for row in rows} == {shoes}


def test_the_range_of_the_audit_log_holds(factory: Factory, enter, shoes, anna, many) -> None:
    """A kind, a person and days narrow the file as they narrow the page, and its name says the days."""
    browser = enter(anna)
    day = f"{now():%Y-%m-%d}"
    address = made(browser, f"{AUDIT}.json?event=people&since={day}&until={day}") if many else ""
    worked(factory)
    found = browser.client.get(f"{address}/download", base_url=browser.issuer)
    assert f"audit-example-shoes-{day}-{day}.json" in found.headers["Content-Disposition"]
    assert {row["event"] for row in json.loads(found.get_data(as_text=True))} == {"user:created"}


def test_a_killed_worker_writes_no_chunk_twice(
    factory: Factory, enter, clock, anna, many, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its half-written chunk is rolled back with the claim on it. Another worker continues behind the last chunk."""
    browser = enter(anna)
    address = made(browser, PEOPLE)
    add: Callable[..., None] = store.add_lines
    written: list[int] = []

    def killed(lines: Any) -> None:
        add(lines)
        written.append(lines[0].position)
        if len(written) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(store, "add_lines", killed)
    with factory.context(), pytest.raises(KeyboardInterrupt):
        worker.carry_out_jobs(factory.settings)
    assert worked(factory) == 0, "another worker must wait for the lease"
    assert "2 lines have been written" in browser.open(address).text
    clock(minutes=2)
    assert worked(factory) == 3
    assert written == [1, 2, 2, 3, 4]
    assert names_in(browser, address) == many


@pytest.mark.both_engines
def test_two_workers_share_no_chunk(factory: Factory, enter, clock, shoes, anna, many) -> None:
    """A worker whose lease was taken over has read the same people, and does not write them."""
    browser = enter(anna)
    address = made(browser, PEOPLE)
    job = job_of(factory, shoes)
    with factory.context():
        with transaction():
            assert store.lease(shoes, job.id, now(), now() + timedelta(seconds=-1))
        at = factory.organisation(shoes)
        first, second = (writing.carry(factory.settings, at, job) for _ in range(2))
        assert [str(carry(1)) for carry in (first, second)] == ["Step.DONE", "Step.LOST"]
    clock(minutes=2)
    worked(factory)
    assert names_in(browser, address) == many


@pytest.mark.parametrize("act", ["role", "disabled"])
def test_rights_are_those_of_the_moment(factory: Factory, enter, new_browser, shoes, anna, boss, many, act: str) -> None:
    """A file of somebody who is no administrator any more is not written on, and not downloaded by them."""
    browser = enter(anna)
    address = made(browser, PEOPLE)
    with factory.context(), transaction():
        users.change_user(shoes, anna.id, **({"role": "employee"} if act == "role" else {"disabled_at": now()}))
    assert worked(factory) == 0
    job = job_of(factory, shoes)
    assert job.state == "cancelled"
    with factory.context():
        assert not store.lines(shoes, job.id, "", -1, 9)
    assert "till0" not in browser.open(f"{address}/download").html
    other = enter(boss, browser=new_browser())
    assert "is no longer an administrator" in other.open(address).text
    assert "Download" not in other.text
    assert other.open(f"{address}/download").status == 409


def test_a_file_is_for_administrators_of_its_organisation(factory: Factory, enter, new_browser, shoes, anna, many) -> None:
    """Its id opens nothing under the store URL of another organisation, nor as an import."""
    browser = enter(anna)
    address = made(browser, PEOPLE)
    worked(factory)
    boots = factory.make_organisation("example-boots", settings={"offer_set_up": False})
    eve = factory.make_user(boots, "eve", role="administrator", with_totp=True, email="eve@boots.example")
    other = enter(eve, browser=new_browser())
    for path in (address, f"{address}/download", f"{address}/discard"):
        assert other.open(path).status == 404
        assert other.open(path.replace("example-shoes", "example-boots")).status == 404
    for path in ("", "/start", "/cancel", "/codes"):
        assert browser.open(address.replace("/exports/", "/people/import/") + path).status == 404
    assert "Earlier imports" not in browser.open("/admin/example-shoes/people/import").text


def test_a_file_can_be_discarded_and_is_gone(factory: Factory, enter, shoes, anna, many) -> None:
    """Half-written or written: its lines are deleted, and the worker leaves it."""
    browser = enter(anna)
    for rounds in (0, 1):
        address = made(browser, PEOPLE)
        if rounds:
            worked(factory)
        browser.open(address).click("Discard the file").submit("Discard the file")
        assert "discarded" in browser.text
        assert worked(factory) == 0
        with factory.context():
            assert not store.lines(shoes, job_of(factory, shoes).id, "", -1, 9)
        assert browser.open(f"{address}/download").status == 409


def test_a_file_ends_at_the_limit_and_says_so(factory: Factory, enter, anna, many, monkeypatch: pytest.MonkeyPatch) -> None:
    """No export grows without bound."""
    monkeypatch.setattr(files, "MOST_LINES", 5)
    browser = enter(anna)
    address = made(browser, PEOPLE)
    worked(factory)
    assert "The file ends at 1,000,000 lines" in browser.open(address).text
    assert names_in(browser, address) == many[:5]


def test_the_newest_files_are_kept_for_a_week(factory: Factory, enter, clock, shoes, anna, many) -> None:
    """Of more files the oldest goes. After a week the sweep deletes them with their chunks."""
    browser = enter(anna)
    addresses = []
    for _ in range(files.MOST_KEPT + 1):
        addresses.append(made(browser, PEOPLE))
        clock(seconds=1)
    worked(factory)
    assert browser.open(addresses[0]).status == 404
    assert "Earlier files" in browser.open(PEOPLE).text
    clock(days=6, hours=23)
    job = job_of(factory, shoes)
    for kept in (5, 0):
        with factory.context():
            sweeps.sweep(factory.settings)
            assert len(store.jobs_of(shoes, 9)) == kept
            assert bool(store.lines(shoes, job.id, "", -1, 9)) == bool(kept)
        clock(hours=2)


def test_a_file_whose_key_was_removed_ends_as_failed(factory: Factory, enter, shoes, anna, many) -> None:
    """It holds up no other job, and its page says what to do."""
    browser = enter(anna)
    address = made(browser, PEOPLE)
    with factory.context(), transaction():
        line = store.lines(shoes, job_of(factory, shoes).id, "", -1, 1)[0]
        store.change_line(shoes, line.id, sealed=line.sealed[:-4] + "AAAA")
    assert worked(factory) == 0
    assert "Make the file again" in browser.open(address).text
    made(browser, PEOPLE)
    assert worked(factory) == 4


def test_the_log_of_the_installation_is_for_operators(factory: Factory, new_browser, enter) -> None:
    """An operator's file of the installation, made below an organisation, is not there for its administrators."""
    people = one_of_each(factory)
    operator, administrator = people["operator"], people["administrator"]
    browser = enter(operator)
    address = made(browser, f"{AUDIT}.csv?trail=installation")
    worked(factory)
    assert "organisation_id" in browser.open(f"{address}/download").html
    other = enter(administrator, browser=new_browser())
    for path in (address, f"{address}/download", f"{address}/discard"):
        assert other.open(path).status == 404
