"""Make an owner whose browsers race."""

from collections.abc import Callable

import pytest

from idp.config import Settings
from tests.drivers.browser import Browser
from tests.factories import MadePerson
from tests.races.conftest import Race

AT = "/admin/example-shoes"


@pytest.fixture
def settings(configure: Callable[..., Settings]) -> Settings:
    """Set long time limits, for a busy machine, and no limit of mails."""
    many = {"mails_for_account": 1000, "mails_from_address": 1000}
    return configure(passwords={"hash_patience_seconds": 30.0}, limits=many)


@pytest.fixture
def boss(race: Race) -> MadePerson:
    """Make the owner."""
    return race.factory.make_user(race.organisation_id, "boss", role="owner", with_totp=True, email="boss@shoes.example")


def signed_in(race: Race, person: MadePerson, path: str) -> Browser:
    browser = Browser(race.app, race.settings.issuer).open(path)
    if "organisation" in browser.fields:
        browser.fill(organisation=person.store_url).submit()
    browser.fill(username=person.username, password=person.password).submit()
    return browser.fill(code=person.authenticator.code()).submit()
