"""Change a person's e-mail address."""

import pytest

from tests.factories import Factory

ISSUER = "https://id.example.com"


@pytest.fixture
def ann(factory: Factory, quiet_shoes: str):
    return factory.make_user(quiet_shoes, "ann", with_totp=True, email="ann@shoes.example")


@pytest.fixture
def at_address(journey):
    """Return a browser of a person at the page of their address."""

    def open_page(person, **options):
        walk = journey(person, **options).begin().password()
        if "code" in walk.browser.fields:
            walk.code()
        return walk.browser.open("/account/address")

    return open_page


def press(browser, link: str):
    return browser.open(link).submit()


def address_of(factory: Factory, person) -> tuple[str | None, bool]:
    with factory.context():
        user = factory.user(person)
        return user.email, user.email_verified_at is not None
