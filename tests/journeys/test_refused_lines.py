"""Download the refused lines of an import, correct them, and import them again."""

import csv
import io

from idp import csv_export
from idp.db import transaction
from idp.identity.people_import import jobs
from idp.store import jobs as store
from idp.store import users
from tests.drivers.browser import Browser
from tests.drivers.people_import import names, start, upload, worked
from tests.factories import Factory

FILE = (
    "gebruikersnaam;naam;e-mail;telefoon;rol\n"
    "kim;Kim;;;medewerker\n"
    "els;Els de Vries;no address;+31 6 12345678;\n"
    ";=HYPERLINK(1);;;\n"
    "piet;Piet;;;eigenaar\n"
)


def refused(browser: Browser, language: str = "en") -> str:
    """Return the file of refused lines of the import that is shown."""
    address = browser.url.partition("?")[0]
    return browser.open(f"{address}/refused.csv?language={language}").html.removeprefix(csv_export.BOM)


def test_refused_lines_come_back_corrected(factory: Factory, enter, shoes, anna) -> None:
    """The file has the cells as they were given, the number of each line, and why. It is imported as it is."""
    browser = upload(enter(anna), FILE)
    address = browser.url
    assert "Download the refused lines" in browser.text
    text = refused(browser)
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [(row["line"], row["username"], row["name"]) for row in rows] == [
        ("3", "els", "Els de Vries"), ("4", "", "'=HYPERLINK(1)"), ("5", "piet", "Piet")
    ]  # fmt: skip
    assert rows[0]["email"] == "no address"
    assert rows[0]["phone_number"] == "'+31 6 12345678"
    assert "not an e-mail address" in rows[0]["refused_because"]
    assert rows[1]["refused_because"] == "Enter a username."
    start(browser.open(address), anna)
    worked(factory)
    assert refused(browser.open(address)) == text, "after the import it is the same file"
    corrected = text.replace("no address", "els@shoes.example").replace("eigenaar", "")
    again = upload(browser, corrected)
    assert "2 created" in again.text
    assert "1 refused" in again.text
    start(again, anna)
    worked(factory)
    assert names(factory, shoes) == {"anna", "kim", "els", "piet"}
    with factory.context():
        els = users.user_named(shoes, "els")
        assert els is not None
        assert (els.name, els.phone_number, els.email) == ("Els de Vries", "+31 6 12345678", "els@shoes.example")


def test_a_line_that_the_worker_refuses_keeps_its_cells(factory: Factory, enter, shoes, anna) -> None:
    """Those of people who were created are forgotten; a Dutch reader reads the reason in Dutch, between semicolons."""
    browser = upload(enter(anna), "username,name\nkim,Kim\nliv,Liv\n")
    start(browser, anna)
    factory.make_user(shoes, "liv")
    worked(factory)
    rows = list(csv.DictReader(io.StringIO(refused(browser, "nl")), delimiter=";"))
    assert [(row["line"], row["username"], row["name"]) for row in rows] == [("3", "liv", "Liv")]
    assert rows[0]["refused_because"].startswith("Deze persoon")
    with factory.context():
        job = store.jobs_of(shoes, 1)[0]
        held = [jobs.content_of(factory.settings, line)["cells"] for line in store.lines(shoes, job.id, "", 0, 9)]
    assert held == [{}, {"username": "liv", "name": "Liv"}]


def test_cells_without_a_name_are_kept(factory: Factory, enter, shoes, anna) -> None:
    """A line with more cells than the header loses none, before and after the import. Blank cells at the end are no more."""
    text = "username,name\nkim,Kim, de Vries ,,=1+1,,\nliv,Liv,,\n"
    browser = upload(enter(anna), text)
    address = browser.url
    for _ in range(2):
        (found,) = csv.reader(io.StringIO(refused(browser).partition("\n")[2]))
        assert (found[1:3], found[-3:]) == (["kim", "Kim"], ["de Vries", "", "'=1+1"])
        assert "more cells" in found[-4]
        if "Import these people" in browser.open(address).text:
            start(browser, anna)
            worked(factory)
            browser.open(address)
    assert names(factory, shoes) == {"anna", "liv"}
    again = upload(browser, refused(browser.open(address)))
    assert "1 refused" in again.text
    (found,) = csv.reader(io.StringIO(refused(again).partition("\n")[2]))
    assert found[-3:] == ["de Vries", "", "'=1+1"]


def test_refused_lines_are_for_administrators_of_the_organisation(factory: Factory, enter, new_browser, anna) -> None:
    """The id of an import opens nothing below another store URL, and a file without refused lines offers none."""
    browser = upload(enter(anna), "username\nkim\n")
    assert "Download the refused lines" not in browser.text
    browser = upload(browser, "username,name\n,Kim\n")
    address = f"{browser.url}/refused.csv"
    boots = factory.make_organisation("example-boots", settings={"offer_set_up": False})
    eve = factory.make_user(boots, "eve", role="administrator", with_totp=True, email="eve@boots.example")
    other = enter(eve, browser=new_browser())
    assert other.open(address).status == 404
    assert other.open(address.replace("example-shoes", "example-boots")).status == 404


def test_a_line_that_does_not_open_is_told_without_its_cells(factory: Factory, enter, shoes, anna) -> None:
    """A sealing key may be removed while a file is kept."""
    browser = upload(enter(anna), "username,name\n,Kim\n")
    with factory.context(), transaction():
        job = store.jobs_of(shoes, 1)[0]
        line = store.lines(shoes, job.id, "", 0, 1)[0]
        store.change_line(shoes, line.id, sealed=line.sealed[:-4] + "AAAA")
    assert "Import this line again later" in refused(browser)
