"""Concurrent set-ups, resets and removals: one takes effect, and other browsers show the current page (S22, S44, I2)."""

from collections import Counter
from collections.abc import Callable

import pytest

from idp.config import Settings
from idp.store import passkeys, recovery_codes, totp
from tests.drivers.authenticator import Authenticator
from tests.drivers.browser import Browser
from tests.drivers.ownership_races import AT, signed_in
from tests.drivers.passkeys import ISSUER, options_on, post
from tests.drivers.security_key import SecurityKey
from tests.drivers.set_up import key_on
from tests.factories import MadePerson
from tests.races.conftest import Race, posted

pytestmark = pytest.mark.both_engines
TABS = 6


@pytest.fixture
def settings(configure: Callable[..., Settings]) -> Settings:
    """Wait for the hasher longer than a busy machine needs."""
    return configure(passwords={"hash_patience_seconds": 30.0})


def walk_to_the_tick(browser: Browser) -> Authenticator:
    """Walk a browser from "Start" to the recovery codes. Returns the phone that scanned the QR code."""
    browser.submit("next").submit("next")
    phone = Authenticator(key_on(browser))
    browser.fill(code=phone.code()).submit()
    assert "noted" in browser.fields
    return phone


def past_password(race: Race, person: MadePerson, times: int) -> list[Browser]:
    found = race.browsers_at_password(race.party(), times)
    for browser in found:
        browser.fill(username=person.username, password=person.password).submit()
    return found


def must_set_up(race: Race) -> MadePerson:
    return race.factory.make_user(race.organisation_id, "ann", groups=[race.factory.make_group(race.organisation_id)])


def one_signs_in(browser: Browser, phones: list[Authenticator]) -> bool:
    """Tell whether exactly one of the phones signs in (the crowd kept the cookies of the first sign-in)."""
    tried = [browser.fill(code=phone.code()).submit().left_for is not None for phone in phones if browser.left_for is None]
    return tried in ([True], [False, True])


def codes_left(race: Race, person: MadePerson) -> int:
    with race.factory.context():
        row = recovery_codes.active_recovery_set(person.organisation_id, person.id)
        return recovery_codes.unspent_recovery_codes(person.organisation_id, row.id) if row else 0


def test_concurrent_ticks_of_one_sign_in_set_up_once(race: Race) -> None:
    """S22: the attempt's version is checked before any effect. A double click is one set-up and shows no error page."""
    (browser,) = past_password(race, must_set_up(race), 1)
    walk_to_the_tick(browser)
    answers = race.at_once([posted(browser, noted="yes")] * TABS)
    assert Counter(one.status for one in answers) == {303: TABS}
    assert race.events().count("factor:set_up") == 1
    assert race.events().count("login:started") == 1


def test_concurrent_ticks_of_two_sign_ins_set_up_one(race: Race) -> None:
    """S22, S28: the first browser ends the other's sign-in, and its app becomes the second factor."""
    ann = must_set_up(race)
    browsers = past_password(race, ann, 2)
    phones = [walk_to_the_tick(browser) for browser in browsers]
    answers = race.at_once([posted(browser, noted="yes") for browser in browsers])
    assert Counter(one.status for one in answers) == {303: 2}
    assert race.events().count("factor:set_up") == 1
    assert {browser.reload().heading for browser in browsers} == {"Sign in"}
    assert one_signs_in(browsers[0].fill(username=ann.username, password=ann.password).submit(), phones)


def test_last_recovery_code_in_two_browsers_sets_up_one(race: Race) -> None:
    """S44: one code opened the set-up in both browsers. One finishes it, and the other signs in with the new app."""
    ann = race.factory.make_user(race.organisation_id, "ann", with_totp=True, recovery_codes=1)
    browsers = race.browsers_past_password(race.party(), ann, 2)
    for browser in browsers:
        browser.submit("use_recovery").fill(recovery_code=ann.recovery_codes[0]).submit()
    phones = [walk_to_the_tick(browser) for browser in browsers]
    race.at_once([posted(browser, noted="yes") for browser in browsers])
    assert race.events().count("factor:set_up_again") == 1
    assert codes_left(race, ann) == 12
    assert {browser.reload().heading for browser in browsers} == {"Sign in"}
    assert one_signs_in(browsers[1].fill(username=ann.username, password=ann.password).submit(), phones)


def test_concurrent_reset_and_set_up_never_undo_the_reset(race: Race) -> None:
    """S47: a set-up never takes effect after the reset that was to end it."""
    ann = race.factory.make_user(race.organisation_id, "ann", with_totp=True, recovery_codes=3)
    boss = race.factory.make_user(race.organisation_id, "boss", role="administrator", with_totp=True)
    (browser,) = race.browsers_past_password(race.party(), ann, 1)
    browser.submit("use_recovery").fill(recovery_code=ann.recovery_codes[0]).submit().submit("choice=again")
    walk_to_the_tick(browser)
    console = signed_in(race, boss, f"{AT}/people/{ann.id}/reset-factor")
    answers = race.at_once([posted(console, password=boss.password), posted(browser, noted="yes")])
    assert {one.status for one in answers} == {303}
    events = [event for event in race.events() if event in ("factor:reset", "factor:set_up_again")]
    assert events in (["factor:set_up_again", "factor:reset"], ["factor:reset"])
    with race.factory.context():
        assert totp.active_totps(ann.organisation_id, ann.id) == []


def test_concurrent_removals_keep_one_required_passkey(race: Race) -> None:
    """S7: each removal checks, under the person's lock, that its passkey is not the last factor."""
    ann = must_set_up(race)
    keys = [SecurityKey(ISSUER), SecurityKey(ISSUER)]
    for key in keys:
        race.factory.give_passkey(ann, key)
    browser = Browser(race.app, race.settings.issuer).open("/account/passkeys")
    if "organisation" in browser.fields:
        browser.fill(organisation="example-shoes").submit()
    post(browser, keys[0].show(options_on(browser)))
    with race.factory.context():
        held = [row.id for row in passkeys.passkeys_of(ann.organisation_id, ann.id)]
    asks = [posted(browser.open(f"/account/passkeys/{one}/remove"), password=ann.password) for one in held]
    answers = race.at_once(asks)
    assert sorted(one.status for one in answers) == [303, 403]
    with race.factory.context():
        assert len(passkeys.passkeys_of(ann.organisation_id, ann.id)) == 1
