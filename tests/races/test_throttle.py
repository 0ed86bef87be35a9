"""Concurrent guesses: the limits hold over all processes together (V6.3.1, security.md 7)."""

from collections import Counter
from collections.abc import Callable

import pytest

from idp.config import Settings
from tests.drivers.crowd import Answer
from tests.races.conftest import Race

pytestmark = pytest.mark.both_engines
GUESSES = 50


@pytest.fixture
def settings(configure: Callable[..., Settings]) -> Settings:
    """Make the first wait outlast a busy machine,
    so that only the free guesses and the one that closes the lane are admitted.
    """
    return configure(
        limits={"free_failures": 4, "first_wait_seconds": 900, "address_failures": 12},
        passwords={"hash_patience_seconds": 30.0},
    )


def admitted(answers: list[Answer]) -> int:
    """Return how many guesses were checked. All others were told to wait."""
    found = Counter(one.status for one in answers)
    assert set(found) <= {422, 429}
    return found[422]


def test_fifty_concurrent_passwords_of_one_person_admit_five(race: Race) -> None:
    """V6.3.1: one statement counts a guess before it is checked. The right password then has to wait as well."""
    jan = race.factory.make_user(race.organisation_id, "jan")
    browsers = race.browsers_at_password(race.party(), GUESSES)
    answers = race.submit_at_once(browsers, username="Jan", password="wrong, and at the same moment")
    assert admitted(answers) == 5
    assert race.events().count("password:wrong") == 5
    late = browsers[0].fill(username="jan", password=jan.password).submit()
    assert late.status == 429
    assert int(late.headers["Retry-After"]) > 60


def test_fifty_concurrent_names_of_one_address_admit_twelve(race: Race) -> None:
    """V6.3.1: password spraying. One counter covers the address, also for usernames that do not exist."""
    browsers = race.browsers_at_password(race.party(), GUESSES)
    asks = []
    from tests.races.conftest import posted

    for number, browser in enumerate(browsers):
        asks.append(posted(browser, username=f"name-{number}", password="wrong, and at the same moment"))
    assert admitted(race.at_once(asks)) == 12
    assert race.events().count("password:wrong") == 12
