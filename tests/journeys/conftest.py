"""Journeys of a person in a browser, with a relying app that verifies its tokens and a clock that tests turn."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from flask import Flask

from idp import crypto
from idp.actors import Person
from idp.audit import Origin
from idp.clock import now
from idp.config import Settings
from idp.db import transaction
from idp.identity.ownership import transfer
from idp.store import operators
from tests.drivers import lock_order
from tests.drivers.browser import Browser
from tests.drivers.postman import Postman
from tests.drivers.relying_party import RelyingParty, Tokens
from tests.drivers.statements import Built, watched
from tests.factories import Factory, MadeClient, MadePerson

NOON = datetime.fromisoformat("2026-11-23T12:00:05+00:00")


@pytest.fixture(autouse=True)
def clock() -> Iterator[Callable[..., None]]:
    """Stop the clock at noon. ``clock(minutes=5)`` turns it on.

    Every journey uses it before any other fixture. Otherwise users would be created on the machine's date and act on the
    tests' date, often in the wrong order.
    """
    with time_machine.travel(NOON, tick=False) as traveller:

        def turn(**span: float) -> None:
            traveller.shift(timedelta(**span))

        yield turn


@pytest.fixture(autouse=True)
def statements_are_ready() -> Iterator[None]:
    """Fail where a page of the sign-in or the profile builds a statement: they were built once, for all requests."""
    built = Built()
    with watched(built):
        yield
    assert not built.found


@pytest.fixture(autouse=True)
def requests_lock_in_order() -> Iterator[None]:
    """Fail where a request on PostgreSQL locks rows in another order than ``LOCK_ORDER`` (V15.4.3)."""
    with lock_order.watched(of_requests=True) as faults:
        yield
    assert not faults


@pytest.fixture
def relying_party(app: Flask, settings: Settings) -> Callable[[MadeClient], RelyingParty]:
    """Return a relying app for a client that was created."""
    return lambda made: RelyingParty(app, settings.issuer, made.client_id, made.redirect_uri, secret=made.secret)


class Journey:
    """One person's sign-in: ``at(app)`` begins, ``password``, ``code`` and others answer, ``tokens`` ends at the app."""

    def __init__(self, browser: Browser, app: RelyingParty, person: MadePerson) -> None:
        self.browser, self.app, self.person = browser, app, person

    def begin(self, **params: str) -> "Journey":
        self.browser.open(self.app.authorize_url(**params))
        return self

    def password(self, password: str | None = None) -> "Journey":
        if "organisation" in self.browser.fields:
            self.browser.fill(organisation=self.person.store_url).submit()
        if "username" in self.browser.fields:
            self.browser.fill(username=self.person.username)
        self.browser.fill(password=password or self.person.password).submit()
        return self

    def code(self, code: str | None = None, *, remember: bool = False) -> "Journey":
        self.browser.fill(code=code or self.person.authenticator.code())
        if remember:
            self.browser.fill(remember_device=True)
        self.browser.submit()
        return self

    def recovery_code(self, code: str) -> "Journey":
        if "recovery_code" not in self.browser.fields:
            self.browser.submit("use_recovery")
        self.browser.fill(recovery_code=code).submit()
        return self

    def tokens(self) -> Tokens:
        return self.app.callback(self.browser.left_for)


@pytest.fixture
def journey(
    browser: Browser, factory: Factory, relying_party: Callable[[MadeClient], RelyingParty]
) -> Callable[..., Journey]:
    """Return ``journey(person, app=…, browser=…)``. By default it uses a first-party app and the first browser."""
    apps: list[RelyingParty] = []

    def make(person: MadePerson, app: RelyingParty | None = None, browser: Browser = browser) -> Journey:
        if app is None and not apps:
            apps.append(relying_party(factory.make_client()))
        return Journey(browser, app or apps[0], person)

    return make


@pytest.fixture
def quiet_shoes(factory: Factory) -> str:
    """Create an organisation that offers nobody a set-up, so that journeys about other subjects are short."""
    return factory.make_organisation(settings={"offer_set_up": False}, owner=True)


@pytest.fixture
def postman(factory: Factory, tmp_path: Path) -> Postman:
    """Return a postman, which delivers the mail."""
    return Postman(factory, tmp_path / "mail")


@pytest.fixture
def shoes(factory: Factory) -> str:
    """Create an organisation without an owner."""
    return factory.make_organisation(settings={"offer_set_up": False})


@pytest.fixture
def anna(factory: Factory, shoes: str) -> MadePerson:
    """Create an administrator with a second factor."""
    return factory.make_user(shoes, "anna", role="administrator", with_totp=True, email="anna@shoes.example")


@pytest.fixture
def jan(factory: Factory, shoes: str) -> MadePerson:
    """Create an employee with a second factor and a verified address."""
    return factory.make_user(shoes, "jan", with_totp=True, recovery_codes=3, email="jan@shoes.example", name="Jan Jansen")


@pytest.fixture
def enter(browser: Browser, clock: Callable[..., None]) -> Callable[..., Browser]:
    """Return ``enter(person)``, which signs in at the console or at ``path``. It turns the clock for a new code."""

    def sign_in(person: MadePerson, path: str = "/admin/", browser: Browser = browser) -> Browser:
        browser.open(path)
        if "organisation" not in browser.fields and person.store_url not in browser.text:
            browser.submit("other_organisation")
        if "organisation" in browser.fields:
            browser.fill(organisation=person.store_url).submit()
        browser.fill(username=person.username, password=person.password).submit()
        if "code" in browser.fields:
            browser.fill(code=person.authenticator.code()).submit()
        clock(seconds=60)
        return browser

    return sign_in


@pytest.fixture
def olga(factory: Factory, settings: Settings) -> MadePerson:
    """Create an operator of the installation, with a second factor."""
    with factory.context(), transaction():
        at = operators.add_installation(crypto.new_id(), now()).id
    return factory.make_user(at, "olga", role="administrator", with_totp=True, email="olga@example.org")


@pytest.fixture
def boss(factory: Factory, shoes: str, clock: Callable[..., None]) -> MadePerson:
    """Create the owner of the organisation."""
    return factory.make_user(shoes, "boss", role="owner", with_totp=True, email="boss@shoes.example")


@pytest.fixture
def iris(factory: Factory, shoes: str, boss: MadePerson) -> MadePerson:
    """Create a manager with a second factor and a verified address, who may become the owner."""
    return factory.make_user(shoes, "iris", role="manager", with_totp=True, email="iris@shoes.example")


@pytest.fixture
def offer(factory: Factory, boss: MadePerson) -> Callable[[MadePerson], None]:
    """Return ``offer(iris)``, by which the owner offers the ownership. It calls the same function as the console."""

    def make(iris: MadePerson) -> None:
        with factory.context():
            at, to = factory.organisation(boss.organisation_id), factory.user(iris)
            transfer.offer(factory.settings, at, to, Origin(Person(boss.id)))

    return make


@pytest.fixture
def offered(offer: Callable[[MadePerson], None], iris: MadePerson) -> None:
    """Offer the new owner the ownership."""
    offer(iris)
