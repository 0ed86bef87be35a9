"""Files that administrators import: our template, our export, and one that would do nothing (S64)."""

import re

import pytest

from idp.identity.people_import import jobs
from idp.store import jobs as store
from tests.drivers.people_import import AT, start, upload, worked
from tests.factories import Factory


@pytest.mark.parametrize("tag", ["en", "nl", "de", "fr"])
def test_the_template_is_a_file_that_can_be_imported(factory: Factory, enter, new_browser, shoes, anna, tag: str) -> None:
    """Its columns and its role are named in the language of the reader."""
    browser = enter(anna, browser=new_browser(languages=tag)).open(f"{AT}/template.csv")
    assert browser.response is not None
    sent = browser.response.get_data()
    assert ("username" in sent.decode("utf-8-sig").lower()) == (tag == "en")
    upload(browser, sent)
    with factory.context():
        (job,) = store.jobs_of(shoes, 1, kind=jobs.KIND)
        assert store.counts(shoes, job.id) == {"created": 1}


def test_a_file_that_would_do_nothing_cannot_be_started(factory: Factory, enter, shoes, anna, jan) -> None:
    """Only refused and unchanged lines: the page says so, and offers no import of nobody."""
    browser = upload(enter(anna), "username;name;role\njan;Jan Jansen;\nels;Els;king\n", print_codes="yes")
    assert "1 unchanged" in browser.text
    for words in ("Import these people", "a code for each new person"):
        assert words not in browser.text
    assert "This file adds and changes nobody." in browser.text
    assert "<title>Import of people: checked, not started ·" in browser.html
    at = browser.url
    browser.open(f"{at.partition('?')[0]}/start")
    assert "This file adds and changes nobody." in browser.text
    assert browser.heading == "Import of people: checked, not started"


def test_an_export_can_be_imported_and_changes_nothing(factory: Factory, enter, shoes, anna, jan, boss) -> None:
    """Also names that a spreadsheet would evaluate, and the owner, who is out of an administrator's reach."""
    factory.make_user(shoes, "=1+1", name="-Piet")
    browser = enter(anna)
    sent = browser.client.get("/admin/example-shoes/people/export.csv", base_url=browser.issuer).get_data()
    assert upload(browser, sent).status == 200
    with factory.context():
        (job,) = store.jobs_of(shoes, 1, kind=jobs.KIND)
        assert store.counts(shoes, job.id) == {"unchanged": 4}


def test_people_of_a_file_are_no_choice_to_remember(factory: Factory, enter, shoes, anna) -> None:
    """The form of a new person ticks no shop that only a file named."""
    factory.make_shop(shoes, "dam", "Dam")
    browser = start(upload(enter(anna), "username;shops\nkim;dam\n"), anna)
    assert worked(factory) == 1
    browser.open("/admin/example-shoes/people/add")
    assert "the last person that you added" not in browser.text
    assert not re.search(r'id="shop-[^"]*"[^>]* checked', browser.html)
