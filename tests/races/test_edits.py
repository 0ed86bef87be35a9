"""Concurrent edits of one object end as if they were sent one after the other (I2; OWASP ASVS V2.3.4, V15.4.2)."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from idp.config import Settings
from idp.db import transaction
from idp.errors import Conflict, Invalid
from idp.identity.organisations import groups as group_changes
from idp.identity.organisations import organisations
from idp.identity.organisations import shops as shop_changes
from idp.identity.policy import organisation_rules
from idp.oauth import registration
from idp.oauth.registration import Ours
from idp.store import users
from idp.web import edited
from tests.drivers.applications import bare_app
from tests.drivers.browser import Browser
from tests.drivers.ownership_races import AT
from tests.drivers.rival import made_to_wait
from tests.factories import BY_TESTS, Factory
from tests.races.conftest import Race, posted

TABS = 8  # more would not be shown as boxes


@pytest.fixture
def settings(configure: Callable[..., Settings]) -> Settings:
    """Wait for the hasher longer than a busy machine needs."""
    return configure(passwords={"hash_patience_seconds": 30.0})


@pytest.mark.both_engines
def test_of_concurrent_edits_of_a_person_one_is_saved(race: Race, console: Browser) -> None:
    """S12: each tab ticks one group and one shop. The others are told of the first edit. The two lists are never merged."""
    here = race.organisation_id
    anna = race.factory.make_user(here, "anna")
    with race.factory.context(), transaction():
        made = [
            (
                group_changes.create(here, {"name": name}, BY_TESTS),
                shop_changes.create(here, {"code": name}, BY_TESTS),
            )
            for name in (f"g{number}" for number in range(TABS))
        ]
        boxes = [{f"group-{group.id}": "yes", f"shop-{shop.id}": "yes"} for group, shop in made]
    console.open(f"{AT}/people/{anna.id}/edit").fill(all_shops=False)
    asks = [posted(console, username="anna", **ticked) for ticked in boxes]
    answers = race.at_once(asks)
    assert sorted(one.status for one in answers) == [303, *[409] * (TABS - 1)]
    with race.factory.context():
        groups, shops = users.groups_of(here, anna.id), users.shops_of(here, anna.id)
        assert [group.name for group in groups] == [shop.code for shop in shops]
        assert len(groups) == 1
    assert race.events().count("user:changed") == 1


def test_concurrent_settings_changes_are_all_kept(configure: Callable[..., Settings], postgres_url: str) -> None:
    """V15.4.2: saving some settings of an organisation keeps those that another
    transaction saved just before (PostgreSQL).
    """
    settings = configure(database={"url": postgres_url})
    with bare_app(settings) as app, app.app_context():
        factory = Factory(settings, app)
        shoes = factory.make_organisation()

        def save(**values: object) -> None:
            organisations.change(factory.organisation(shoes), {"settings": values}, BY_TESTS)

        with transaction():
            save(colour="#aa0000")
            other = made_to_wait(app, lambda: save(password_min_length=16))
        other.result()
        assert factory.organisation(shoes).settings == {"colour": "#aa0000", "password_min_length": 16}


def test_the_second_of_two_editors_of_an_app_is_told(configure: Callable[..., Settings], postgres_url: str) -> None:
    """V2.3.4: the form is compared under the app's lock, with what the first one has saved (PostgreSQL)."""
    settings = configure(database={"url": postgres_url})
    with bare_app(settings) as app, app.app_context():
        factory = Factory(settings, app)
        factory.make_client("till", client_name="Till")

        def save(name: str) -> None:
            metadata = {**registration.client_there("till").metadata_, "client_name": name}
            registration.change(
                settings, "till", metadata, Ours(), BY_TESTS, lambda present: edited.check(form, {"name": present.name})
            )

        form = {edited.FIELD: edited.state_of({"name": "Till"})}
        with transaction():
            save("Desk")
            other = made_to_wait(app, lambda: save("Scanner"), begins_itself=True)
        with pytest.raises(Conflict):
            other.result()
        assert registration.client_there("till").name == "Desk"


@pytest.mark.parametrize("condition", ["groups", "shops"])
@pytest.mark.parametrize("act", ["create", "change"])
def test_what_a_policy_is_made_for_is_not_deleted_at_that_moment(
    configure: Callable[..., Settings], postgres_url: str, condition: str, act: str
) -> None:
    """S11: the policy would be for nobody, and nobody would be told (PostgreSQL)."""
    settings = configure(database={"url": postgres_url})
    with bare_app(settings) as app, app.app_context():
        factory = Factory(settings, app)
        shoes = factory.make_organisation()
        with transaction():
            made: Any = {
                "groups": group_changes.create(shoes, {"name": "till"}, BY_TESTS),
                "shops": shop_changes.create(shoes, {"code": "till"}, BY_TESTS),
            }
            rule = organisation_rules.create(
                factory.organisation(shoes), {"name": "Any", "starts": date(2026, 1, 1)}, BY_TESTS
            )
        values = {"name": "Till", "starts": date(2026, 1, 1), condition: [made[condition].id]}

        def save() -> None:
            if act == "create":
                organisation_rules.create(factory.organisation(shoes), values, BY_TESTS)
            else:
                organisation_rules.change(factory.organisation(shoes), rule, values, BY_TESTS)

        with transaction():
            {"groups": group_changes, "shops": shop_changes}[condition].remove(made[condition], BY_TESTS)
            other = made_to_wait(app, save)
        with pytest.raises(Invalid):
            other.result()
