"""Users, relying apps, and tokens that they got through HTTP."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import time_machine
from flask import Flask
from werkzeug.test import TestResponse

from idp import clock
from idp.config import Settings
from tests.drivers.app_server import AppServer, app_server
from tests.drivers.browser import Browser
from tests.drivers.relying_party import RelyingParty, Tokens
from tests.factories import Factory, MadePerson


@dataclass
class Scene:
    """One organisation with one user without a second factor, and the exchanges between a browser and apps."""

    app: Flask
    settings: Settings
    factory: Factory
    browser: Browser
    person: MadePerson
    parties: dict[str, RelyingParty] = field(default_factory=dict)

    def party(self, client_id: str = "webshop", **options: Any) -> RelyingParty:
        """Return a relying app, made on first use. ``options`` are those of ``Factory.make_client``."""
        if client_id not in self.parties:
            made = self.factory.make_client(client_id, **options)
            self.parties[client_id] = RelyingParty(
                self.app,
                self.settings.issuer,
                client_id,
                made.redirect_uri,
                secret=made.secret,
                post=options.get("token_endpoint_auth_method") == "client_secret_post",
            )
        return self.parties[client_id]

    def sign_in(self, party: RelyingParty, **params: str | None) -> str:
        """Answer every page of the sign-in in the browser. Returns the address that it leads to."""
        self.browser.open(party.authorize_url(**params))
        for _ in range(6):
            if self.browser.left_for:
                break
            self._answer()
        assert self.browser.left_for, self.browser.text[:600]
        return self.browser.left_for

    def _answer(self) -> None:
        fields = {name for form in self.browser.page.forms for name in form.kinds}
        known = {"organisation": self.person.store_url, "username": self.person.username, "password": self.person.password}
        if "password" in fields:
            wanted = {name: value for name, value in known.items() if name in fields}
            self.browser.fill(**wanted).submit()
        elif "code" in fields:
            self.browser.fill(code=self.person.authenticator.code()).submit()
        else:
            self.browser.submit()

    def code(self, party: RelyingParty, **params: str | None) -> str:
        """Return a fresh code that is not redeemed."""
        return party.answer(self.sign_in(party, **params), self.browser.left_with or None)["code"]

    def tokens(self, party: RelyingParty, **params: str | None) -> Tokens:
        """Return the tokens of a complete sign-in."""
        return party.redeem(self.code(party, **params))


@pytest.fixture
def scene(app: Flask, settings: Settings, factory: Factory, browser: Browser) -> Scene:
    """Return a shop with one user."""
    organisation_id = factory.make_organisation(settings={"offer_set_up": False})
    return Scene(app, settings, factory, browser, factory.make_user(organisation_id, "jan"))


@pytest.fixture
def ask(app: Flask, settings: Settings) -> Callable[..., TestResponse]:
    """Return a function that calls an endpoint without cookies: ``ask("POST", "/oauth/token", data=…)``."""
    client = app.test_client(use_cookies=False)

    def _ask(method: str, path: str, **options: Any) -> TestResponse:
        return client.open(path, method=method, base_url=settings.issuer, **options)

    return _ask


@pytest.fixture
def server() -> Iterator[AppServer]:
    """Serve a relying app on loopback: what it publishes, and what the provider calls."""
    with app_server() as running:
        yield running


@pytest.fixture
def turned() -> Iterator[Any]:
    """Stop the clock, so that only the test moves it."""
    with time_machine.travel(clock.now(), tick=False) as traveller:
        yield traveller
