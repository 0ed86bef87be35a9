"""Concurrent lockouts and unlocks, from processes that share only the database (V15.4.3)."""

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
    """Remove the waits before the lockout, and wait for the hasher longer than a busy machine needs."""
    return configure(
        limits={"free_failures": 1000, "address_failures": 10_000, "hard_stop": STOP},
        passwords={"hash_patience_seconds": 30.0},
    )


@pytest.fixture
def jan(race: Race) -> MadePerson:
    """Create a user with an authenticator app."""
    return race.factory.make_user(race.organisation_id, "jan", with_totp=True, email="jan@shoes.example")


def count_failures(race: Race, person: MadePerson, times: int = STOP) -> None:
    """Count this many wrong codes in a row."""
    with race.factory.context(), transaction():
        for _ in range(times):
            rate_limits.count_towards_stop(person.organisation_id, person.id, "totp", STOP, clock.now())


def test_concurrent_wrong_codes_lock_out_and_notify_once(race: Race, jan: MadePerson) -> None:
    """N63-12, T-04: ten of twenty wrong codes are checked. One mail and one row in the audit log are written for all."""
    answers = race.submit_at_once(race.browsers_past_password(race.party(), jan), code="000000")
    assert Counter(one.status for one in answers) == {422: STOP, 429: TIMES - STOP}
    assert race.events().count("account:locked") == 1
    mails = Postman(race.factory, race.folder / "mail").bring()
    assert [mail.subject for mail in mails] == [YOUR_SECOND_FACTOR_WAS_BLOCKED]


def test_concurrent_uses_of_an_unlock_link_unlock_once(race: Race, jan: MadePerson) -> None:
    """I2, V2.3.4: nine requests use the link with the right password. One unlocks, and the others get 404."""
    count_failures(race, jan, STOP - 1)
    (browser,) = race.browsers_past_password(race.party(), jan, 1)
    browser.fill(code="000000").submit()
    (mail,) = Postman(race.factory, race.folder / "mail").bring()
    link = next(one for one in mail.links if "/unlock/" in one)
    # A password is counted before it is checked. More requests than this would lock out the password too.
    opened = [Browser(race.app, race.settings.issuer).open(link) for _ in range(STOP - 1)]
    answers = race.submit_at_once(opened, password=jan.password)
    assert Counter(one.status for one in answers) == {303: 1, 404: STOP - 2}
    assert race.events().count("account:unlocked") == 1
    with race.factory.context():
        assert sum(row.count for row in rate_limits.auth_failures_of(jan.organisation_id, jan.id)) == 0


def unlock_requests(race: Race, person: MadePerson, times: int) -> list[Ask]:
    """Return an administrator's confirmed request to unlock a person, once for each of so many tabs."""
    details = {"role": "administrator", "with_totp": True, "email": "anna@shoes.example"}
    anna = race.factory.make_user(race.organisation_id, "anna", **details)
    path = f"/admin/{anna.store_url}/people/{person.id}/unlock"
    browser = Browser(race.app, race.settings.issuer).open(path)
    browser.fill(username="anna", password=anna.password).submit()
    browser.fill(code=anna.authenticator.code()).submit()
    assert browser.url.endswith(path), browser.text
    return [Ask(path, [("csrf_token", browser.value("csrf_token"))], browser.cookies)] * times


def test_concurrent_guesses_and_unlocks_do_not_deadlock(race: Race, jan: MadePerson) -> None:
    """I7, V15.4.3: an administrator unlocks while codes are guessed. Both complete, and the counters agree afterwards."""
    party, unlocks = race.party(), unlock_requests(race, jan, STOP)
    guesses = [posted(one, code="000000") for one in race.browsers_past_password(party, jan, STOP)]
    count_failures(race, jan, 1)  # so that an unlock has something to clear if every one comes before the guesses
    answers = race.at_once([one for pair in zip(guesses, unlocks, strict=True) for one in pair])
    assert {one.status for one in answers} <= {303, 422, 429}, Counter(one.status for one in answers)
    with race.factory.context():
        rows = [row for row in rate_limits.auth_failures_of(jan.organisation_id, jan.id) if row.authenticator == "totp"]
        lanes = sum(row.count for row in rows if row.lane != rate_limits.ALL_LANES)
        assert lanes == sum(row.count for row in rows) - lanes <= STOP, "lanes and total disagree: a guess was lost"
    assert "account:unlocked" in race.events()
