"""One form sent twenty times at the same moment (OWASP ASVS V15.4.2)."""

import pytest

from idp.store import organisations
from tests.drivers.ownership_races import boss, settings, signed_in
from tests.races.conftest import TIMES, Race, posted

__all__ = ["boss", "settings"]
pytestmark = pytest.mark.both_engines
SHOPS = "/admin/example-shoes/shops"


def test_concurrent_copies_of_a_form_are_carried_out_once(race: Race, boss) -> None:
    """Every click leads to the same answer, which is that of the first."""
    browser = signed_in(race, boss, SHOPS)
    answers = race.at_once([posted(browser, code="amsterdam-1", name="Amsterdam")] * TIMES)
    (answer,) = {(one.status, one.location) for one in answers}
    assert answer[0] == 303
    assert answer[1].startswith(f"{SHOPS}?done=")
    assert race.events().count("shop:changed") == 1
    with race.factory.context():
        assert len(organisations.shops(race.organisation_id)) == 1
