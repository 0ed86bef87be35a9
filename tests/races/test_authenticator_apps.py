"""Concurrent changes of a person's authenticator apps: a required factor stays, and nobody gets a sixth (S7, S22)."""

from collections.abc import Callable

import pytest

from idp.config import Settings
from idp.identity.credentials import authenticator_apps
from idp.store import totp
from idp.store.totp import Totp
from tests.drivers.authenticator import Authenticator
from tests.drivers.browser import Browser
from tests.drivers.set_up import key_on
from tests.factories import MadePerson
from tests.races.conftest import Race, posted

pytestmark = pytest.mark.both_engines
PLACE = "/account/authenticator-apps"
TABS = 6


@pytest.fixture
def settings(configure: Callable[..., Settings]) -> Settings:
    """Wait for the hasher longer than a busy machine needs."""
    return configure(passwords={"hash_patience_seconds": 30.0})


def apps(race: Race, person: MadePerson) -> list[Totp]:
    with race.factory.context():
        return list(totp.active_totps(person.organisation_id, person.id))


def at_apps(race: Race, person: MadePerson) -> Browser:
    """Return a browser in which the person has just signed in."""
    browser = Browser(race.app, race.settings.issuer).open(PLACE)
    if "organisation" in browser.fields:
        browser.fill(organisation=person.store_url).submit()
    browser.fill(username=person.username, password=person.password).submit()
    return browser.fill(code=person.authenticator.code()).submit()


def at_scan(browser: Browser, person: MadePerson) -> Authenticator:
    """Walk from the list to the QR code of another app. Returns the phone that has scanned it."""
    browser.open(PLACE).submit("Add an authenticator app").submit("next")
    browser.fill(password=person.password).submit().submit("next")
    return Authenticator(key_on(browser))


@pytest.mark.parametrize("required", [True, False])
def test_concurrent_removals_keep_one_required_app(race: Race, required: bool) -> None:
    """S7: each removal checks, under the person's lock, that its app is not the last factor."""
    groups = [race.factory.make_group(race.organisation_id)] if required else []
    ann = race.factory.make_user(race.organisation_id, "ann", groups=groups, with_totp=True, recovery_codes=3)
    race.factory.give_app(ann, "Tablet")
    browser = at_apps(race, ann)
    asks = [posted(browser.open(f"{PLACE}/{row.id}/remove"), password=ann.password) for row in apps(race, ann)]
    answers = race.at_once(asks)
    assert sorted(one.status for one in answers) == ([303, 403] if required else [303, 303])
    assert len(apps(race, ann)) == (1 if required else 0)
    assert race.events().count("factor:app_removed") == (1 if required else 2)


def test_concurrent_removals_of_one_app_remove_it_once(race: Race) -> None:
    """S60: a double click removes one app, and sends one mail. The other app stays."""
    ann = race.factory.make_user(race.organisation_id, "ann", with_totp=True)
    race.factory.give_app(ann, "Tablet")
    browser = at_apps(race, ann)
    ask = posted(browser.open(f"{PLACE}/{apps(race, ann)[1].id}/remove"), password=ann.password)
    answers = race.at_once([ask] * TABS)
    assert {one.status for one in answers} <= {303, 404}
    assert [row.number for row in apps(race, ann)] == [1]
    assert race.events().count("factor:app_removed") == 1


def test_concurrent_additions_make_five_apps_at_most(race: Race) -> None:
    """S78: two browsers set up the fifth app. One takes effect; the other browser begins its sign-in again."""
    ann = race.factory.make_user(race.organisation_id, "ann", with_totp=True, recovery_codes=3)
    for name in ("b", "c", "d"):
        race.factory.give_app(ann, name)
    browsers = [at_apps(race, ann), at_apps(race, ann)]
    phones = [at_scan(browser, ann) for browser in browsers]
    asks = [posted(browser, code=phone.code(), name="e") for browser, phone in zip(browsers, phones, strict=True)]
    answers = race.at_once(asks)
    assert {one.status for one in answers} == {303}
    assert [row.number for row in apps(race, ann)] == [*range(1, authenticator_apps.MOST + 1)]
    assert race.events().count("factor:set_up") == 1


def test_a_code_sent_many_times_adds_one_app(race: Race) -> None:
    """S22: the attempt's version is checked before any effect. Nobody sees an error page."""
    ann = race.factory.make_user(race.organisation_id, "ann", with_totp=True, recovery_codes=3)
    browser = at_apps(race, ann)
    phone = at_scan(browser, ann)
    answers = race.at_once([posted(browser, code=phone.code(), name="Tablet")] * TABS)
    assert {one.status for one in answers} <= {303, 422}
    assert [row.name for row in apps(race, ann)] == ["", "Tablet"]
    assert race.events().count("factor:set_up") == 1
