"""Walk journeys in a real Chromium: a person with a browser, and a relying app on another port that verifies its answers."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self
from zlib import crc32

import playwright.sync_api
import pytest
from flask import Flask
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.pictures import show
from tests.browser.world import people_of
from tests.conftest import Live
from tests.drivers import chromium as chromium_driver
from tests.drivers.browser import Browser
from tests.drivers.machine import free_port
from tests.drivers.postman import Postman
from tests.drivers.relying_party import RelyingParty, Tokens
from tests.drivers.roles import sign_in
from tests.drivers.words import shown
from tests.factories import MadeClient, MadePerson

LANDED = '<!doctype html><html lang="en"><title>The app</title><link rel="icon" href="data:,"><h1>Back in the app</h1>'
LOCALES = ("en-GB", "nl-NL")
PRIMARY = "main .btn-primary[type=submit]"
Visit = Callable[..., Page]
"""Opens a sample by its name and language."""


@pytest.fixture
def locale(request: pytest.FixtureRequest) -> str:
    """Choose the language of this journey by its name. ``samples`` show every page in English and another language."""
    return LOCALES[crc32(request.node.name.encode()) % len(LOCALES)]


@pytest.fixture(params=LOCALES)
def each_locale(request: pytest.FixtureRequest) -> str:
    """Walk a journey in English and in Dutch."""
    return str(request.param)


@pytest.fixture(scope="session")
def relying_app() -> Iterator[str]:
    """Give the address of a relying app that only reports an arrival."""
    app, port = Flask("relying"), free_port()
    app.add_url_rule("/<path:anywhere>", view_func=lambda anywhere: LANDED, endpoint="anywhere")
    with chromium_driver.serving(app, port) as address:
        yield address


class Visitor:
    """Act as a person at one browser profile. Any error that the browser reports on a page fails the test."""

    def __init__(self, live: Live, context: BrowserContext, client: MadeClient) -> None:
        self.live, self.context = live, context
        self.page = context.new_page()
        self.app = RelyingParty(live.app, live.settings.issuer, client.client_id, client.redirect_uri, secret=client.secret)
        self.complaints: list[str] = []
        context.on("console", lambda message: self._hear(message.text) if message.type in ("error", "warning") else None)
        context.on("weberror", lambda error: self._hear(str(error.error)))

    def _hear(self, text: str) -> None:
        if "the server responded with a status of 4" not in text:  # Chromium also reports every 422 as an error
            self.complaints.append(text)

    def begin(self, **params: str | None) -> Self:
        """Press "sign in" at the app."""
        self.page.goto(self.app.authorize_url(**params))
        return self

    def open(self, path: str) -> Self:
        """Go to a page of the provider's."""
        self.page.goto(self.live.settings.issuer + path)
        return self

    def fill(self, **fields: str) -> Self:
        """Type into fields, by name."""
        for name, value in fields.items():
            self.page.locator(f"input[name={name}]:not([type=hidden])").fill(value)
        return self

    def next(self) -> Self:
        """Press the page's first button, whatever its language."""
        self.page.locator(PRIMARY).first.click()
        return self

    def press(self, name: str, value: str = "") -> Self:
        """Press the button with this ``name`` (and ``value``)."""
        self.page.locator(f"button[name={name}]" + (f"[value='{value}']" if value else "")).click()
        return self

    def find(self, typed: str) -> Self:
        """Look for something with the search field of the page and Enter."""
        self.page.locator("main [role=search] [name=q]").fill(typed)
        self.page.locator("main [role=search] [name=q]").press("Enter")
        self.page.wait_for_url(f"**q={typed}*")
        return self

    def reads(self, heading: str) -> Self:
        """Wait for the page with this heading. ``samples`` have checked each of its states with axe."""
        expect(self.page.locator("h1")).to_have_text(shown(heading))
        assert self.complaints == [], self.page.url
        return self

    def sees(self, heading: str) -> Self:
        """Wait for the page with this heading, and check that it fits a phone. One journey does so for a page in each state.

        The others only read it.
        """
        self.reads(heading)
        chromium_driver.check_fits(self.page)
        return self

    def complains(self, words: str) -> Self:
        """Check that the page shows the error as an alert, which a screen reader reads."""
        expect(self.page.get_by_role("alert")).to_contain_text(shown(words))
        return self

    def tokens(self) -> Tokens:
        """Go back to the app, which redeems and verifies."""
        return self.app.callback(self.returned())

    def returned(self) -> str:
        """Return the address at which the person came back to the app."""
        self.page.wait_for_url(f"{self.app.redirect_uri}?*")
        assert self.complaints == []
        return self.page.url


Enter = Callable[..., Visitor]
"""A function that signs a person in at a page of the console."""
People = dict[str, MadePerson]
"""People by role."""


@pytest.fixture
def visitor(live: Live, chromium: playwright.sync_api.Browser, relying_app: str) -> Iterator[Callable[..., Visitor]]:
    """Make a person with a fresh profile before a first-party app, made ``like`` the given values."""
    contexts: list[BrowserContext] = []
    clients: dict[str, MadeClient] = {}

    def make(client_id: str = "kassa", *, like: dict[str, Any] | None = None, **options: Any) -> Visitor:
        if client_id not in clients:
            over = {"client_name": "Kassa", "post_logout_redirect_uris": [f"{relying_app}/bye"], **(like or {})}
            clients[client_id] = live.factory.make_client(client_id, redirect_uri=f"{relying_app}/callback", **over)
        contexts.append(chromium_driver.new_context(chromium, **options))
        return Visitor(live, contexts[-1], clients[client_id])

    yield make
    for context in contexts:
        context.close()


@pytest.fixture
def quiet_shoes(live: Live) -> str:
    """Make an organisation that offers no set-up of a second factor, so that journeys about other things are short."""
    return live.factory.make_organisation(settings={"offer_set_up": False}, owner=True)


@pytest.fixture
def postman(live: Live, tmp_path: Path) -> Postman:
    """Deliver the mail."""
    return Postman(live.factory, tmp_path / "mail")


@pytest.fixture
def people(live: Live) -> dict[str, MadePerson]:
    """Make the people of an organisation with entries in every list. Returns them by role."""
    return people_of(live)


@pytest.fixture
def enter(visitor: Callable[..., Visitor], live: Live) -> Callable[..., Visitor]:
    """Sign a person in with both factors, without the pages of the sign-in: ``enter(person, path)``."""

    def bring(person: MadePerson, path: str, **options: Any) -> Visitor:
        cookies = sign_in(Browser(live.app, live.settings.issuer), person).cookies
        here = visitor(**options)
        here.context.add_cookies(
            [{"name": name, "value": one, "url": live.settings.issuer} for name, one in cookies.items()]
        )
        return here.open(path)

    return bring


@pytest.fixture
def samples(own_live: Live) -> str:
    """Give the address under which ``NAME/LANGUAGE`` shows a sample."""
    own_live.app.add_url_rule("/sample/<name>/<language>", "sample", show)
    return f"{own_live.settings.issuer}/sample"


@pytest.fixture
def complaints(page: Page) -> list[str]:
    """Collect what the page reports: a refused style, a missing file, an error of a script."""
    found: list[str] = []
    page.on("console", lambda message: found.append(message.text))
    page.on("pageerror", lambda error: found.append(str(error)))
    return found


@pytest.fixture
def visit(samples: str, page: Page, complaints: list[str]) -> Visit:
    """Open a sample: ``visit(name, language)``. Fails on what the page reports."""

    def open_one(name: str, language: str = "en") -> Page:
        page.goto(f"{samples}/{name}/{language}")
        assert complaints == [], page.url
        return page

    return open_one


@pytest.fixture
def swap_in(samples: str, page: Page, complaints: list[str]) -> Visit:
    """Show a sample in the page that is open: ``swap_in(name, language)``. It fails as ``visit`` does, and is faster."""

    def put_in(name: str, language: str = "en") -> Page:
        chromium_driver.swap(page, page.request.get(f"{samples}/{name}/{language}").text())
        assert complaints == [], name
        return page

    return put_in
