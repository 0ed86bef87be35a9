"""Lockouts and unlocks at the same moment, from processes that share nothing but the database (V15.4.3)."""

from collections import Counter
from collections.abc import Callable

import pytest

from idp import clock
from idp.config import Settings
from idp.db import transaction
from idp.store import rate_limits
from tests.drivers.browser import Browser
from tests.drivers.crowd import Ask
from tests.drivers.postman import Postman
from tests.drivers.words import YOUR_SECOND_FACTOR_WAS_BLOCKED
from tests.factories import MadePerson
from tests.races.conftest import TIMES, Race, posted

pytestmark = pytest.mark.both_engines
STOP = 10


@pytest.fixture
def settings(configure: Callable[..., Settings]) -> Settings:
    """No wait comes before the stop, and patience outlasts a busy machine."""
    return configure(
        limits={"free_failures": 1000, "address_failures": 10_000, "hard_stop": STOP},
        passwords={"hash_patience_seconds": 30.0},
    )


@pytest.fixture
def jan(race: Race) -> MadePerson:
    """Somebody with an authenticator app."""
    return race.factory.make_user(race.organisation_id, "jan", with_totp=True, email="jan@shoes.example")


def stop(race: Race, person: MadePerson, times: int = STOP) -> None:
    """So many wrong codes in a row."""
    with race.factory.context(), transaction():
        for _ in range(times):
            rate_limits.count_towards_stop(person.organisation_id, person.id, "totp", STOP, clock.now())


def test_the_stop_is_reached_once_and_told_once(race: Race, jan: MadePerson) -> None:
    """N63-12, T-04: of twenty wrong codes ten are checked; one mail, one row in the trail, for all who find it closed."""
    told = race.submit_at_once(race.browsers_past_password(race.party(), jan), code="000000")
    assert Counter(one.status for one in told) == {422: STOP, 429: TIMES - STOP}
    assert race.events().count("account:locked") == 1
    mails = Postman(race.factory, race.folder / "mail").bring()
    assert [mail.subject for mail in mails] == [YOUR_SECOND_FACTOR_WAS_BLOCKED]


def test_a_link_lifts_a_stop_once(race: Race, jan: MadePerson) -> None:
    """I2, V2.3.4: nine times the link with the right password: one wins, the others find it gone."""
    stop(race, jan, STOP - 1)
    (browser,) = race.browsers_past_password(race.party(), jan, 1)
    browser.fill(code="000000").submit()
    (mail,) = Postman(race.factory, race.folder / "mail").bring()
    link = next(one for one in mail.links if "/unlock/" in one)
    # As many right passwords as the password's own stop allows: each is counted before it is checked.
    opened = [Browser(race.app, race.settings.issuer).open(link) for _ in range(STOP - 1)]
    told = race.submit_at_once(opened, password=jan.password)
    assert Counter(one.status for one in told) == {303: 1, 404: STOP - 2}
    assert race.events().count("account:unlocked") == 1
    with race.factory.context():
        assert sum(row.count for row in rate_limits.auth_failures_of(jan.organisation_id, jan.id)) == 0


def pardons(race: Race, person: MadePerson, times: int) -> list[Ask]:
    """An administrator at the question whether to unlock a person, in so many tabs that are confirmed."""
    details = {"role": "administrator", "with_totp": True, "email": "anna@shoes.example"}
    anna = race.factory.make_user(race.organisation_id, "anna", **details)
    path = f"/admin/{anna.store_url}/people/{person.id}/unlock"
    browser = Browser(race.app, race.settings.issuer).open(path)
    browser.fill(username="anna", password=anna.password).submit()
    browser.fill(code=anna.authenticator.code()).submit()
    assert browser.url.endswith(path), browser.text
    return [Ask(path, [("csrf_token", browser.value("csrf_token"))], browser.cookies)] * times


def test_guesses_and_their_pardon_do_not_trip_over_each_other(race: Race, jan: MadePerson) -> None:
    """I7, V15.4.3: an administrator clears while codes are guessed: no deadlock, and what is counted afterwards is whole."""
    party, unlocks = race.party(), pardons(race, jan, STOP)
    guesses = [posted(one, code="000000") for one in race.browsers_past_password(party, jan, STOP)]
    stop(race, jan, 1)  # or there would be nothing to pardon where all administrators are first
    told = race.at_once([one for pair in zip(guesses, unlocks, strict=True) for one in pair])
    assert {one.status for one in told} <= {303, 422, 429}, Counter(one.status for one in told)
    with race.factory.context():
        rows = [row for row in rate_limits.auth_failures_of(jan.organisation_id, jan.id) if row.authenticator == "totp"]
        lanes = sum(row.count for row in rows if row.lane != rate_limits.ALL_LANES)
        assert lanes == sum(row.count for row in rows) - lanes <= STOP, "a guess was lost, or half of one"
    assert "account:unlocked" in race.events()
