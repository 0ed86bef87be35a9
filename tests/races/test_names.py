"""A unique name is given once. Everybody else who wanted it at that moment gets an error at its field (I2;
OWASP ASVS V2.3.4).
"""

from collections.abc import Callable

import pytest

from idp.config import Settings
from idp.db import transaction
from idp.identity.organisations import groups, shops
from idp.identity.organisations import organisations as organisation_changes
from idp.oauth import registration
from idp.store import clients as client_rows
from idp.store import dated_rules, organisations
from tests.drivers.browser import Browser
from tests.drivers.ownership_races import AT
from tests.drivers.page import Page
from tests.drivers.people import everybody
from tests.factories import BY_TESTS
from tests.races.conftest import Race, posted

pytestmark = pytest.mark.both_engines
TABS = 8
RULE = {"name": "kassa", "starts": "2031-01-01"}
APP = {"client_id": "kassa", "client_name": "Kassa", "redirect_uris": "https://kassa.example/callback"}
NAMED: dict[str, tuple[str, dict[str, str]]] = {
    "a group": ("groups", {"name": "kassa"}),
    "a shop": ("shops", {"code": "kassa", "name": "Kassa"}),
    "a person": ("people/add", {"username": "kassa"}),
    "a dated rule": ("policies/add", RULE),
    "an app": ("apps/add", APP),
}


@pytest.fixture
def settings(configure: Callable[..., Settings]) -> Settings:
    """Wait for the hasher longer than a busy machine needs."""
    return configure(passwords={"hash_patience_seconds": 30.0})


def made(race: Race) -> int:
    """Return how many objects have the name."""
    with race.factory.context():
        here = race.organisation_id
        found = (
            *(one for one in organisations.groups(here) if one.name == "kassa"),
            *(one for one in organisations.shops(here) if one.code == "kassa"),
            *(one for one in everybody(here) if one.username == "kassa"),
            *(one for one in dated_rules.dated_rules() if one.name == "kassa"),
            *(one for one in client_rows.clients() if one.client_id == "kassa"),
        )
    return len(found)


@pytest.mark.parametrize("what", NAMED)
def test_concurrent_creations_with_one_name_create_one(what: str, race: Race, console: Browser) -> None:
    """S12, S2: the unique index decides, and no request ends in an error 500."""
    path, fields = NAMED[what]
    answers = race.at_once(
        [posted(console.open(f"{AT}/{path}"), **fields) for _ in range(TABS)]
    )  # each tab has its own form
    assert made(race) == 1
    refused = [Page(console.open(one.location).html if one.location else one.body) for one in answers]
    assert sum("already" in page.text or "taken" in page.text or "exists" in page.text for page in refused) >= 1
    assert all(one.status in (200, 303, 422) for one in answers)


def test_concurrent_renames_to_one_name_rename_one_group(race: Race, console: Browser) -> None:
    """S12: the same index decides about renames."""
    for name in ("one", "two"):
        race.factory.make_group(race.organisation_id, name)
    with race.factory.context():
        ids = [group.id for group in organisations.groups(race.organisation_id)]
    asks = [posted(console.open(f"{AT}/groups/{ids[number % 2]}"), name="kassa") for number in range(TABS)]
    answers = race.at_once(asks)
    assert made(race) == 1
    assert {one.status for one in answers} <= {303, 422}


@pytest.mark.parametrize("what", ["organisation", "group", "shop", "client"])
def test_a_taken_name_undoes_only_the_refused_write(what: str, race: Race, monkeypatch: pytest.MonkeyPatch) -> None:
    """A caller that collects refusals (``idp apply``) can go on with its transaction."""
    for look in ("organisation_at", "group_named", "shop_at"):
        monkeypatch.setattr(organisations, look, lambda *_: None)  # the name was free when the test looked
    monkeypatch.setattr(client_rows, "client", lambda _: None)
    here, redirects = race.organisation_id, {"redirect_uris": ["https://kassa.example/callback"]}
    make: dict[str, Callable[[], object]] = {
        "organisation": lambda: organisation_changes.create({"store_url": "kassa", "name": "Kassa"}, BY_TESTS),
        "group": lambda: groups.create(here, {"name": "kassa"}, BY_TESTS),
        "shop": lambda: shops.create(here, {"code": "kassa", "name": "Kassa"}, BY_TESTS),
        "client": lambda: registration.register(race.settings, "kassa", redirects, registration.Ours(), None, BY_TESTS),
    }
    with race.factory.context(), transaction():
        make[what]()
        with pytest.raises(Exception, match=r"already|exists"):
            make[what]()
        groups.create(here, {"name": "still possible"}, BY_TESTS)
    assert race.events().count("group:changed") >= 1
