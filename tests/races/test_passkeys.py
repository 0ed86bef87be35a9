"""Concurrent uses of passkeys: an answer counts once, counters only rise, a credential has one owner (W-12, W-14)."""

from collections import Counter
from collections.abc import Callable

import pytest

from idp.config import Settings
from idp.identity.credentials import passkeys
from idp.store.passkeys import Passkey
from tests.drivers.browser import Browser
from tests.drivers.passkeys import ISSUER, options_on
from tests.drivers.relying_party import RelyingParty
from tests.drivers.security_key import SecurityKey
from tests.drivers.words import ADD_A_PASSKEY
from tests.factories import MadePerson
from tests.races.conftest import TIMES, Race, posted

pytestmark = pytest.mark.both_engines


@pytest.fixture
def settings(configure: Callable[..., Settings]) -> Settings:
    """Set limits so wide that they decide nothing here, and wait for the hasher longer than a busy machine needs."""
    return configure(limits={"free_failures": 50, "address_failures": 500}, passwords={"hash_patience_seconds": 30.0})


def jan_with(race: Race, key: SecurityKey) -> MadePerson:
    """Create a person with this key. The key's PIN was used beside the password."""
    jan = race.factory.make_user(race.organisation_id, "jan")
    race.factory.give_passkey(jan, key)
    return jan


def rows(race: Race, person: MadePerson) -> list[Passkey]:
    with race.factory.context():
        return passkeys.passkeys_of(race.factory.user(person))


def adding(race: Race, party: RelyingParty, person: MadePerson) -> Browser:
    """Return a browser at "Add a passkey", which is shown because the app asks for phr."""
    browser = Browser(race.app, race.settings.issuer).open(party.authorize_url(acr_values="phr"))
    browser.fill(username=person.username, password=person.password).submit()
    assert browser.heading == ADD_A_PASSKEY
    return browser


@pytest.mark.parametrize("counts", [True, False], ids=["counting", "without a counter"])
def test_concurrent_replays_of_one_answer_begin_one_session(counts: bool, race: Race) -> None:
    """W-01, W-14, S60: an attacker replays an answer at the same moment. One is accepted, with and without a counter."""
    key = SecurityKey(ISSUER, counts=counts)
    jan_with(race, key)
    (browser,) = race.browsers_at_password(race.party(), 1)
    answers = race.at_once([posted(browser, passkey=key.show(options_on(browser)))] * TIMES)
    assert {one.status for one in answers} <= {303, 422}
    assert race.events().count("login:started") == 1


def test_a_challenge_accepts_one_of_twenty_answers(race: Race) -> None:
    """W-01: twenty right answers to one challenge, each with a signature of its own, begin one session."""
    key = SecurityKey(ISSUER)
    jan_with(race, key)
    (browser,) = race.browsers_at_password(race.party(), 1)
    asked = options_on(browser)
    answers = race.at_once([posted(browser, passkey=key.show(asked)) for _ in range(TIMES)])
    assert {one.status for one in answers} <= {303, 422}
    assert race.events().count("login:started") == 1


def test_copies_of_a_key_begin_one_session(race: Race) -> None:
    """W-14: twenty browsers have challenges of their own. All answer with the same count, as copies of a key would."""
    key = SecurityKey(ISSUER)
    jan = jan_with(race, key)
    browsers = race.browsers_at_password(race.party())
    answers = [key.show(options_on(browser), counter=7) for browser in browsers]
    outcomes = race.at_once([posted(browser, passkey=answer) for browser, answer in zip(browsers, answers, strict=True)])
    assert Counter(one.status for one in outcomes) == {303: 1, 422: TIMES - 1}
    assert race.events().count("login:started") == 1
    assert [row.sign_count for row in rows(race, jan)] == [7]


def test_a_counter_never_goes_back(race: Race) -> None:
    """W-14, W-15: twenty counts arrive in any order.
    The highest is accepted and stored, and no lower one is accepted after it.
    """
    key = SecurityKey(ISSUER)
    jan = jan_with(race, key)
    browsers = race.browsers_at_password(race.party())
    answers = [key.show(options_on(browser), counter=count) for count, browser in enumerate(browsers, 1)]
    outcomes = race.at_once([posted(browser, passkey=answer) for browser, answer in zip(browsers, answers, strict=True)])
    assert {one.status for one in outcomes} <= {303, 422}
    assert outcomes[-1].status == 303
    assert [row.sign_count for row in rows(race, jan)] == [TIMES]
    assert race.events().count("login:started") == sum(one.status == 303 for one in outcomes)


def test_concurrent_registrations_of_a_credential_store_one(race: Race) -> None:
    """W-12: two people register the same credential id, each in ten tabs. One row and one event are written."""
    party = race.party()
    people = [race.factory.make_user(race.organisation_id, name) for name in ("jan", "eve")]
    asks = []
    for person in people:
        browser = adding(race, party, person)
        answer = SecurityKey(ISSUER).make(options_on(browser), credential_id=b"one and the same")
        asks += [posted(browser, passkey=answer)] * (TIMES // 2)
    answers = race.at_once(asks)
    assert {one.status for one in answers} <= {303, 422}
    assert sum(len(rows(race, person)) for person in people) == 1
    assert race.events().count("passkey:added") == 1
