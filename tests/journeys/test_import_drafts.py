"""Files that were uploaded and not started: an organisation keeps the newest of them."""

import io

import pytest

from idp.identity.people_import import jobs
from idp.store import jobs as store
from tests.drivers.people_import import upload
from tests.factories import Factory

AT = "/admin/{}/people/import"


@pytest.mark.both_engines
def test_uploads_in_a_loop_do_not_fill_the_disk(
    factory: Factory, enter, new_browser, clock, monkeypatch: pytest.MonkeyPatch, shoes, anna
) -> None:
    """An intruder at an open session needs no confirmation to upload. Started files and those of others stay."""
    monkeypatch.setattr(jobs, "MOST_DRAFTS", 2)
    boots = factory.make_organisation("example-boots", settings={"offer_set_up": False})
    bob = factory.make_user(boots, "bob", role="administrator", with_totp=True, email="bob@boots.example")
    there = {person.store_url: enter(person, browser=new_browser()) for person in (anna, bob)}

    def upload(at: str, username: str) -> str:
        browser, path = there[at], AT.format(at)
        browser.open(path)
        file = (io.BytesIO(f"username\n{username}\n".encode()), "people.csv")
        form = {"csrf_token": browser.value("csrf_token"), "file": file}
        clock(seconds=1)
        return browser.client.post(path, data=form, base_url=browser.issuer).headers["Location"]

    his, started = upload("example-boots", "liv"), upload("example-shoes", "kim")
    browser = there["example-shoes"].open(started).click("Import these people")
    browser.fill(password=anna.password).submit()
    files = [upload("example-shoes", f"till{at}") for at in range(4)]
    assert [browser.open(one).status for one in (started, *files)] == [200, 404, 404, 200, 200]
    assert there["example-boots"].open(his).status == 200
    with factory.context():
        assert [job.state for job in store.jobs_of(shoes, 9)] == ["draft", "draft", "waiting"]
        first = files[0].rpartition("/")[2]
        assert store.lines(shoes, first, "", 0, 9) == []


def test_the_question_counts_the_lines_that_are_not_refused(enter, anna) -> None:
    """A line that names an unknown shop or group says which of the two is missing."""
    browser = upload(enter(anna), "username;shops;groups\nkim;Mars;\ntom;;Moon\nels;;\n")
    assert "There is no shop “Mars”" in browser.text
    assert "There is no group “Moon”" in browser.text
    assert "Import 1 line?" in browser.click("Import these people").text
