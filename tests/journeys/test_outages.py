"""A form sent while the database accepts no writes gets 503 in the reader's language. A second sending is done once."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import pytest

from idp.config import Settings
from idp.store import users
from tests.drivers.browser import Browser
from tests.factories import Factory, MadePerson

SEND_AGAIN = "Laad deze pagina zo meteen opnieuw om het formulier nog eens te versturen."


@pytest.fixture
def settings(configure: Callable[..., Settings]) -> Settings:
    """Make requests wait only briefly."""
    return configure(database={"patience_seconds": 0.2})


@contextmanager
def outage(settings: Settings) -> Iterator[None]:
    """Hold SQLite's write lock in another connection."""
    file = settings.database_url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def send_twice(browser: Browser, settings: Settings, button: str | None = None) -> Browser:
    """Send the form during the outage, and once more after it, as Reload does."""
    cookies = browser.cookies
    with outage(settings):
        browser.submit(button)
        assert browser.status == 503
        assert SEND_AGAIN in browser.text
        assert int(browser.headers["Retry-After"]) > 0
        assert browser.page.headings == ["Nu niet bereikbaar"]
        assert browser.cookies == cookies, "the failed form changed the cookies"
    return browser.send_again()


def test_sign_in_forms_can_be_sent_again_after_an_outage(
    settings: Settings, new_browser: Callable[..., Browser], journey, jan: MadePerson
) -> None:
    """I10: neither the password nor the code is typed again, and no code is spent."""
    browser = new_browser(languages="nl")
    walk = journey(jan, browser=browser).begin(scope="openid profile")
    send_twice(browser.fill(username="jan", password=jan.password), settings)
    assert "code" in browser.fields
    send_twice(browser.fill(code=jan.authenticator.code()), settings)
    assert walk.tokens().claims["sub"] == jan.id


def test_a_console_form_can_be_sent_again_after_an_outage(
    settings: Settings, new_browser: Callable[..., Browser], enter, anna: MadePerson, factory: Factory, shoes: str
) -> None:
    """One user is added, with everything that was typed."""
    browser = enter(anna, "/admin/example-shoes/people/add", new_browser(languages="nl"))
    send_twice(browser.fill(username="kim", name="Kim de Vries", email="kim@shoes.example"), settings)
    assert browser.heading == "kim"
    with factory.context():
        kim = users.user_named(shoes, "kim")
        assert kim is not None
        assert (kim.name, kim.email) == ("Kim de Vries", "kim@shoes.example")
