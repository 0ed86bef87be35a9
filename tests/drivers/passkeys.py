"""Add and show passkeys in the profile."""

import re
from collections.abc import Callable
from html import unescape

import pytest

from idp.store import audit, passkeys
from tests.drivers.browser import Browser
from tests.drivers.security_key import SecurityKey
from tests.drivers.words import ADD_A_PASSKEY
from tests.factories import Factory, MadePerson

ISSUER = "https://id.example.com"


def options_on(browser: Browser) -> str:
    found = re.search(r'data-options="([^"]*)"', browser.html)
    assert found, f"no passkey is asked for: {browser.text}"
    return unescape(found[1])


def post(browser: Browser, answer: str, **more: str) -> Browser:
    """Send the form of the passkey, as the script does."""
    form = next(one for one in browser.page.forms if "passkey" in one.fields)
    form.fields["passkey"] = [answer]
    form.fields |= {name: [value] for name, value in more.items()}
    data = [(name, value) for name, values in form.fields.items() for value in values]
    return browser.send("POST", f"{ISSUER}{form.action}", data)


@pytest.fixture
def key() -> SecurityKey:
    return SecurityKey(ISSUER)


@pytest.fixture
def jan(factory: Factory, quiet_shoes: str) -> MadePerson:
    return factory.make_user(quiet_shoes, "jan", email="jan@shoes.example")


@pytest.fixture
def adding(journey, jan: MadePerson, clock) -> Callable[..., Browser]:
    """Open the page that asks for a new passkey, from the profile."""

    def _adding(person: MadePerson = jan, **over) -> Browser:
        walk = journey(person, **over).begin().password()
        if "code" in walk.browser.fields:
            walk.code()
        walk.tokens()
        clock(minutes=1)
        browser = walk.browser.open("/account/passkeys").submit(ADD_A_PASSKEY)
        if "code" in browser.fields:
            walk.code()
        return browser.fill(password=person.password).submit() if "password" in browser.fields else browser

    return _adding


@pytest.fixture
def added(adding, key: SecurityKey, clock) -> Callable[..., Browser]:
    """Add a passkey and use it once. The offered codes are left."""

    def _added(*args, **over) -> Browser:
        browser = adding(*args, **over)
        post(browser, key.make(options_on(browser)), name="My key")
        post(browser, key.show(options_on(browser)))
        browser.submit("not_now")
        assert "/account/passkeys" in browser.url, browser.text
        clock(minutes=1)
        return browser

    return _added


def rows(factory: Factory, person: MadePerson) -> list[passkeys.Passkey]:
    with factory.context():
        return passkeys.passkeys_of(person.organisation_id, person.id)


def events(factory: Factory, person: MadePerson) -> list[str]:
    with factory.context():
        return [row.event for row in audit.rows(person.organisation_id, after=0, limit=500)]
