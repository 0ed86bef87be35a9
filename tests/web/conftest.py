"""A shop with one user, browsers, and a recorder of every response."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from flask import Flask
from werkzeug.datastructures import Headers
from werkzeug.test import TestResponse

from idp.config import Settings
from idp.web.assets import static_files
from idp.web.oauth_api import ENDPOINTS
from tests.drivers.browser import Browser
from tests.drivers.relying_party import RelyingParty
from tests.factories import Factory, MadeClient, MadePerson

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "FOO")
SHOWN = {"attempt_id": "A" * 43, "filename": static_files()["css/theme.css"].address}


@dataclass
class Heard:
    """A response as it left the application."""

    method: str
    path: str
    status: int
    headers: Headers


@dataclass
class Recorder:
    """Wraps the application and records every response."""

    inner: Any
    heard: list[Heard] = field(default_factory=list)

    def __call__(self, environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        """Call the application (WSGI) and record its response."""

        def note(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            self.heard.append(Heard(environ["REQUEST_METHOD"], environ["PATH_INFO"], int(status[:3]), Headers(headers)))
            return start(status, headers, *rest)

        answer: Iterable[bytes] = self.inner(environ, note)
        return answer


@pytest.fixture
def recorder(app: Flask) -> Recorder:
    """Record all responses of this application from now on."""
    made = Recorder(app.wsgi_app)
    app.wsgi_app = made  # type: ignore[method-assign] # Flask's documented way to put something before it
    return made


@dataclass
class Shop:
    """One organisation, a user with every factor, a third party's app, and browsers."""

    app: Flask
    settings: Settings
    factory: Factory
    organisation_id: str
    ann: MadePerson
    made: MadeClient
    party: RelyingParty

    def browser(self, **options: Any) -> Browser:
        """Return a browser without cookies."""
        return Browser(self.app, self.settings.issuer, **options)

    def at_password(self, **params: str) -> Browser:
        """Return a browser at the password page."""
        return self.browser().open(self.party.authorize_url(**params))

    def at_code(self, **params: str) -> Browser:
        """Return a browser in which ann's password was entered."""
        return self.at_password(**params).fill(username="ann", password=self.ann.password).submit()

    def signed_in(self, **params: str) -> Browser:
        """Return a browser in which ann is signed in, back at the app. ``left_for`` is the app's address."""
        return self.allow(self.at_code(**params).fill(code=self.ann.authenticator.code()).submit())

    def allow(self, browser: Browser) -> Browser:
        """Consent to the app, if the page asks."""
        return browser.submit("choice=allow") if browser.offers("choice=allow") else browser

    def ask(self, method: str, path: str, **options: Any) -> TestResponse:
        """Return the response to a client without cookies. ``path`` is sent as it is, unquoted."""
        client = self.app.test_client(use_cookies=False)
        over = {"PATH_INFO": path, **options.pop("environ_overrides", {})}
        return client.open(
            "/", method=method, base_url=self.settings.issuer, buffered=True, environ_overrides=over, **options
        )


@pytest.fixture
def shop(app: Flask, settings: Settings, factory: Factory) -> Shop:
    """Return a shop whose app asks for consent, because it is a third party's."""
    shoes = factory.make_organisation(settings={"offer_set_up": False}, owner=True)
    ann = factory.make_user(shoes, "ann", with_totp=True, recovery_codes=5, email="ann@shoes.example", name="Ann de Vries")
    made = factory.make_client(
        first_party=False,
        grant_types=["authorization_code", "refresh_token"],
        post_logout_redirect_uris=["https://shop.example.com/bye"],
    )
    party = RelyingParty(app, settings.issuer, made.client_id, made.redirect_uri, secret=made.secret)
    return Shop(app, settings, factory, shoes, ann, made, party)


def paths(app: Flask) -> Iterator[str]:
    """Return an address of every route, and addresses without a route."""
    for rule in app.url_map.iter_rules():
        yield re.sub(r"<(?:\w+:)?(\w+)>", lambda place: SHOWN.get(place[1], "a" * 26), rule.rule)
    yield from ENDPOINTS
    yield from ("/no-such-page", "/oauth/no-such-endpoint", "/static/no-such-file")
