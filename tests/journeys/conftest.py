"""Journeys: a person in a browser, a relying app that verifies what it gets, and the clock in our hands."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import pytest
import time_machine
from flask import Flask

from idp.config import Settings
from tests.drivers.browser import Browser
from tests.drivers.relying_party import RelyingParty, Tokens
from tests.factories import Factory, MadeClient, MadePerson

NOON = datetime.fromisoformat("2026-11-23T12:00:05+00:00")


@pytest.fixture
def clock() -> Iterator[Callable[..., None]]:
    """The clock stands still at noon; ``clock(minutes=5)`` turns it on."""
    with time_machine.travel(NOON, tick=False) as traveller:

        def turn(**span: float) -> None:
            traveller.shift(timedelta(**span))

        yield turn


@pytest.fixture
def relying_party(app: Flask, settings: Settings) -> Callable[[MadeClient], RelyingParty]:
    """A relying app for a client that was made."""
    return lambda made: RelyingParty(app, settings.issuer, made.client_id, made.redirect_uri, secret=made.secret)


class Journey:
    """One person's way through: ``at(app)`` begins, ``password``/``code``/… answer, ``tokens`` ends at the app."""

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
    """``journey(person, app=…, browser=…)``: by default at a first-party app with the first browser."""
    apps: list[RelyingParty] = []

    def make(person: MadePerson, app: RelyingParty | None = None, browser: Browser = browser) -> Journey:
        if app is None and not apps:
            apps.append(relying_party(factory.make_client()))
        return Journey(browser, app or apps[0], person)

    return make


@pytest.fixture
def quiet_shoes(factory: Factory) -> str:
    """An organisation that offers nobody a set-up, so that journeys about other things are short."""
    return factory.make_organisation(settings={"offer_set_up": False}, owner=True)
