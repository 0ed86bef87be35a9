"""Guesses at the same moment: no more are admitted than the limits allow, over all processes (V6.3.1, security.md 7)."""

from collections import Counter
from collections.abc import Callable

import pytest

from idp.config import Settings
from tests.drivers.crowd import Told
from tests.races.conftest import Race

pytestmark = pytest.mark.both_engines
GUESSES = 50


@pytest.fixture
def settings(configure: Callable[..., Settings]) -> Settings:
    """The first wait outlasts a busy machine, so that exactly the free guesses and the one that closes are admitted."""
    return configure(
        limits={"free_failures": 4, "first_wait_seconds": 900, "address_failures": 12},
        passwords={"hash_patience_seconds": 30.0},
    )


def admitted(told: list[Told]) -> int:
    """How many were checked; all others were told to wait."""
    found = Counter(one.status for one in told)
    assert set(found) <= {422, 429}
    return found[422]


def test_fifty_wrong_passwords_for_one_person_are_five(race: Race) -> None:
    """V6.3.1: a guess is counted before it is checked, in one statement; the right password then waits as well."""
    jan = race.factory.make_user(race.organisation_id, "jan")
    browsers = race.browsers_at_password(race.party(), GUESSES)
    told = race.submit_at_once(browsers, username="Jan", password="wrong, and at the same moment")
    assert admitted(told) == 5
    assert race.events().count("password:wrong") == 5
    late = browsers[0].fill(username="jan", password=jan.password).submit()
    assert late.status == 429
    assert int(late.headers["Retry-After"]) > 60


def test_fifty_names_from_one_address_are_twelve(race: Race) -> None:
    """V6.3.1: password spraying; one counter an address, though nobody is called so."""
    browsers = race.browsers_at_password(race.party(), GUESSES)
    asks = []
    from tests.races.conftest import posted

    for number, browser in enumerate(browsers):
        asks.append(posted(browser, username=f"name-{number}", password="wrong, and at the same moment"))
    assert admitted(race.at_once(asks)) == 12
    assert race.events().count("password:wrong") == 12
