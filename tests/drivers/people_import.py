"""Import people from a file in the console: choose the file, start the import, run the worker."""

import io

from idp import worker
from tests.drivers.browser import Browser
from tests.drivers.people import everybody
from tests.factories import Factory, MadePerson

AT = "/admin/example-shoes/people/import"


def upload(browser: Browser, text: str | bytes, at: str = AT, **ticks: str) -> Browser:
    """Choose a file and send the form."""
    data = text.encode() if isinstance(text, str) else text
    browser.open(at)
    form = {"csrf_token": browser.value("csrf_token"), "file": (io.BytesIO(data), "people.csv"), **ticks}
    answer = browser.client.post(at, data=form, base_url=browser.issuer)
    assert answer.status_code == 303, answer.get_data(as_text=True)
    return browser.open(answer.headers["Location"])


def start(browser: Browser, person: MadePerson) -> Browser:
    """Confirm the import that is shown."""
    browser.click("Import these people")
    return browser.fill(password=person.password).submit()


def worked(factory: Factory) -> int:
    """Run rounds of the worker. Returns how many lines it did."""
    done = 0
    with factory.context():
        for _ in range(20):
            done += worker.carry_out_jobs(factory.settings)
    return done


def names(factory: Factory, organisation_id: str) -> set[str]:
    """Return the usernames of everybody in an organisation."""
    with factory.context():
        return {row.username for row in everybody(organisation_id)}
