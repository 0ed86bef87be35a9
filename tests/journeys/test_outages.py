"""A form that is sent while the database takes no writes: 503 in the reader's language; sent again, it is done once."""

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
    """Nobody waits long."""
    return configure(database={"patience_seconds": 0.2})


@contextmanager
def outage(settings: Settings) -> Iterator[None]:
    """Somebody else holds SQLite's one write lock."""
    file = settings.database_url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def send_twice(browser: Browser, settings: Settings, button: str | None = None) -> Browser:
    """Send the form in vain, and once more when the outage is over, as Reload does."""
    cookies = browser.cookies
    with outage(settings):
        browser.submit(button)
        assert browser.status == 503
        assert SEND_AGAIN in browser.text
        assert int(browser.headers["Retry-After"]) > 0
        assert browser.page.headings == ["Nu niet bereikbaar"]
        assert browser.cookies == cookies, "nothing changes at the browser"
    return browser.send_again()


def test_the_forms_of_a_sign_in_are_sent_again(
    settings: Settings, new_browser: Callable[..., Browser], journey, jan: MadePerson
) -> None:
    """Issue 7 entry 29, I10: username and password, the code: none is typed again, and no code is spent in vain."""
    browser = new_browser(languages="nl")
    walk = journey(jan, browser=browser).begin(scope="openid profile")
    send_twice(browser.fill(username="jan", password=jan.password), settings)
    assert "code" in browser.fields
    send_twice(browser.fill(code=jan.authenticator.code()), settings)
    assert walk.tokens().claims["sub"] == jan.id


def test_a_form_of_the_console_is_sent_again(
    settings: Settings, new_browser: Callable[..., Browser], enter, anna: MadePerson, factory: Factory, shoes: str
) -> None:
    """Issue 7 entry 29: somebody is added once, with everything that was typed."""
    browser = enter(anna, "/admin/example-shoes/people/add", new_browser(languages="nl"))
    send_twice(browser.fill(username="kim", name="Kim de Vries", email="kim@shoes.example"), settings)
    assert browser.heading == "kim"
    with factory.context():
        kim = users.user_named(shoes, "kim")
        assert kim is not None
        assert (kim.name, kim.email) == ("Kim de Vries", "kim@shoes.example")
