"""A removed organisation stops working at once, while its rows are still stored. Sweeps delete them in batches."""

import pytest
from sqlalchemy import func, select

from idp import sweeps
from idp.db import connection, transaction
from idp.errors import NotFound
from idp.identity import email_links
from idp.identity.organisations import organisations
from idp.store import organisations as store
from idp.store import removals, users
from tests.drivers.relying_party import Refused
from tests.factories import BY_TESTS

OFFLINE = "openid profile offline_access"
GRANTS = ["authorization_code", "refresh_token"]


def left(organisation_id: str) -> dict[str, int]:
    """Return how many rows of each table belong to an organisation, without tables that have none."""
    counts = {
        table.name: connection().scalar(select(func.count()).where(table.c.organisation_id == organisation_id))
        for table in removals.belongings()
    }
    return {name: count for name, count in counts.items() if count}


def remove(scene) -> None:
    with scene.factory.context(), transaction():
        organisations.remove(scene.factory.organisation(scene.person.organisation_id), BY_TESTS)


@pytest.mark.both_engines
def test_a_removed_organisation_stops_working_at_once(scene, engine: str) -> None:
    """growth: one statement ends session, code, tokens, mailed link and store URL."""
    party = scene.party(grant_types=GRANTS)
    tokens = scene.tokens(party, scope=OFFLINE)
    code = scene.code(party)
    with scene.factory.context(), transaction():
        user = scene.factory.user(scene.person)
        link = email_links.make(scene.settings, user, "verify", {}, email_links.soon(scene.settings))
    remove(scene)
    with scene.factory.context():
        assert left(scene.person.organisation_id)["sessions"] == 1
        with pytest.raises(NotFound):
            email_links.opened(scene.settings, link, "verify")
    for act in (lambda: party.refresh(tokens.refresh_token), lambda: party.redeem(code)):
        with pytest.raises(Refused, match="invalid_grant"):
            act()
    with pytest.raises(Refused):
        party.userinfo(tokens.access_token)
    scene.browser.open(party.authorize_url())
    assert not scene.browser.left_for
    assert "organisation" in scene.browser.fields, "the session of the removed organisation was still valid"
    scene.browser.fill(organisation=scene.person.store_url).submit()
    scene.browser.fill(username="jan", password=scene.person.password).submit()
    assert scene.browser.errors
    assert not scene.browser.left_for
    again = scene.factory.make_organisation(scene.person.store_url)
    assert again != scene.person.organisation_id


@pytest.mark.both_engines
def test_rows_of_a_removed_organisation_are_deleted_in_batches(scene, engine: str) -> None:
    """No statement deletes more rows than its caller asked for. A sweep continues a stopped one."""
    for table in removals.belongings():
        begins = {next(iter(index.columns)).name for index in (table.primary_key, *table.indexes)}
        assert "organisation_id" in begins, f"an index must find the rows of {table.name}"
    scene.tokens(scene.party(grant_types=GRANTS), scope=OFFLINE)
    other = scene.factory.make_user(scene.factory.make_organisation("toys"), "kim", with_totp=True, recovery_codes=3)
    here = scene.person.organisation_id
    with scene.factory.context():
        kept = left(other.organisation_id)
    remove(scene)
    with scene.factory.context():
        before = sum(left(here).values())
        with transaction():
            assert removals.sweep_removed(2) == 2
        assert sum(left(here).values()) == before - 2
        sweeps.sweep(scene.settings)
        assert (left(here), left(other.organisation_id)) == ({}, kept)
        assert store.organisation(here) is None
        assert users.user(other.organisation_id, other.id) is not None
        with transaction():
            assert removals.sweep_removed(2) == 0
