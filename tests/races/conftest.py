"""Support for race tests. Separate processes, which share only the database, send the same request at the same moment."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask

from idp import clock, crypto
from idp.audit import chain
from idp.config import Settings
from idp.db import transaction
from idp.errors import Busy
from idp.store import audit as audit_rows
from idp.store import operators
from tests.drivers.browser import Browser
from tests.drivers.crowd import Answer, Ask, Crowd
from tests.drivers.relying_party import RelyingParty
from tests.factories import Factory, MadePerson

TIMES = 20
BUSY = Busy().message.key


@dataclass
class Race:
    """One organisation, and the requests that many browsers send to it at the same moment."""

    crowd: Crowd
    app: Flask
    settings: Settings
    factory: Factory
    folder: Path
    organisation_id: str

    def party(self, **options: Any) -> RelyingParty:
        """Register a relying app. It is a public client where ``options`` say so."""
        made = self.factory.make_client(**options)
        return RelyingParty(self.app, self.settings.issuer, made.client_id, made.redirect_uri, secret=made.secret)

    def browsers_at_password(self, party: RelyingParty, times: int = TIMES) -> list[Browser]:
        """Return fresh browsers that were sent here and show the password page."""
        found = [Browser(self.app, self.settings.issuer).open(party.authorize_url()) for _ in range(times)]
        assert all("password" in browser.fields for browser in found)
        return found

    def browsers_past_password(self, party: RelyingParty, person: MadePerson, times: int = TIMES) -> list[Browser]:
        """Return browsers in which the person entered the right password."""
        found = self.browsers_at_password(party, times)
        for browser in found:
            browser.fill(username=person.username, password=person.password).submit()
            assert "code" in browser.fields
        return found

    def submit_at_once(self, browsers: list[Browser], **fields: str) -> list[Answer]:
        """Submit the form of every browser with these fields at the same moment. Each browser keeps the cookies it gets."""
        answers = self.at_once([posted(browser, **fields) for browser in browsers])
        for browser, one in zip(browsers, answers, strict=True):
            keep_cookies(browser, one)
        return answers

    def at_once(self, asks: list[Ask]) -> list[Answer]:
        """Send all requests at the same moment."""
        answers = self.crowd.at_once(self.settings, self.folder, asks)
        # On a slow machine the first of many equal forms takes over a second. The others are told to try again.
        for place in [number for number, one in enumerate(answers) if one.status == 503 and BUSY in one.body]:
            answers[place] = self.crowd.at_once(self.settings, self.folder, [asks[place]])[0]
        assert max(one.status for one in answers) < 500, [one.body[:400] for one in answers if one.status >= 500]
        return answers

    def events(self) -> list[str]:
        """Return the events of the audit log, in order. Fails where a chain is broken."""
        with self.factory.context():
            assert chain.verify(self.organisation_id) is None
            assert chain.verify("") is None
            return [row.event for row in audit_rows.rows(self.organisation_id)]


def posted(browser: Browser, **fields: str) -> Ask:
    """Return the request that the browser would send."""
    form = next(form for form in browser.page.forms if set(fields) <= set(form.kinds))
    kept = [(name, value) for name, values in form.fields.items() if name not in fields for value in values]
    path = form.action or browser.url.removeprefix(browser.issuer)
    return Ask(path, [*kept, *fields.items()], browser.cookies)


def keep_cookies(browser: Browser, answer: Answer) -> None:
    """Store the cookies of an answer, as a browser does."""
    host = str(urlsplit(browser.issuer).hostname)
    for name, value in answer.cookies.items():
        browser.client.set_cookie(name, value, domain=host, secure=True)


@pytest.fixture
def race(
    crowd: Crowd, configure: Callable[..., Settings], tmp_path: Path, app: Flask, settings: Settings, factory: Factory
) -> Race:
    """A race in an organisation that offers nobody a set-up."""
    shop = factory.make_organisation(settings={"offer_set_up": False})
    return Race(crowd, app, settings, factory, tmp_path, shop)


@pytest.fixture
def console(race: Race) -> Browser:
    """Sign an operator in with a browser."""
    with race.factory.context(), transaction():
        at = operators.add_installation(crypto.new_id(), clock.now()).id
    olga = race.factory.make_user(at, "olga", role="administrator", with_totp=True, email="olga@example.org")
    browser = Browser(race.app, race.settings.issuer).open("/account/passkeys").submit("Change the store URL")
    browser.fill(organisation=olga.store_url).submit().fill(username=olga.username, password=olga.password).submit()
    return browser.fill(code=olga.authenticator.code()).submit()
