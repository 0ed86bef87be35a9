"""A single-use secret works once, however many requests use it at the same moment (I2; OWASP ASVS V2.3.4, V15.4.2)."""

import base64
from collections import Counter
from collections.abc import Callable

import pytest

from idp.config import Settings
from idp.identity.credentials import bypass_codes
from idp.oauth.request_parameters import LONGEST_VALUE
from idp.store import recovery_codes as code_rows
from tests.drivers.browser import Browser
from tests.drivers.crowd import Answer, Ask
from tests.drivers.relying_party import Refused, RelyingParty
from tests.factories import BY_TESTS
from tests.races.conftest import TIMES, Race, keep_cookies, posted

pytestmark = pytest.mark.both_engines


@pytest.fixture
def settings(configure: Callable[..., Settings]) -> Settings:
    """Set limits so wide that they decide nothing here, and wait for the hasher longer than a busy machine needs."""
    return configure(
        limits={"free_failures": 50, "address_failures": 500},
        lifetimes={"refresh_grace_seconds": 60, "code_seconds": 600},
        passwords={"hash_patience_seconds": 30.0},
    )


def statuses(answers: list[Answer]) -> dict[int, int]:
    """Return how many answers have each status."""
    return dict(Counter(one.status for one in answers))


def code_of(race: Race, party: RelyingParty, **params: str) -> str:
    """Return a fresh authorization code of a user without a second factor."""
    jan = race.factory.make_user(race.organisation_id, "jan")
    browser = Browser(race.app, race.settings.issuer).open(party.authorize_url(**params))
    browser.fill(username=jan.username, password=jan.password).submit()
    return party.answer(browser.left_for)["code"]


def test_concurrent_redemptions_of_a_code_revoke_its_tokens(race: Race) -> None:
    """V10.4.2, RFC 6749 §4.1.2: one request redeems the code.
    The second use is refused and revokes the tokens of the first.
    """
    made = race.factory.make_client()
    party = RelyingParty(race.app, race.settings.issuer, made.client_id, made.redirect_uri, secret=made.secret)
    code = code_of(race, party)
    pair = base64.b64encode(f"{made.client_id}:{made.secret}".encode()).decode()
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": made.redirect_uri,
        "code_verifier": party.verifier,
    }
    answers = race.at_once([Ask("/oauth/token", list(form.items()), headers={"Authorization": f"Basic {pair}"})] * TIMES)
    assert statuses(answers) == {200: 1, 400: TIMES - 1}
    assert {one.json["error"] for one in answers if one.status == 400} == {"invalid_grant"}
    winner = next(one for one in answers if one.status == 200).json
    with pytest.raises(Refused):
        party.userinfo(winner["access_token"])
    assert race.events().count("grant:reuse_found") == 1


def test_concurrent_refreshes_of_a_public_client_share_one_token(race: Race) -> None:
    """V10.4.5, RFC 9700 §4.14.2: twenty requests within the grace period count as retries.
    All get the same valid successor.
    """
    party = race.party(public=True, grant_types=["authorization_code", "refresh_token"])
    first = party.redeem(code_of(race, party, scope="openid offline_access"))
    assert first.refresh_token
    assert len(first.refresh_token) < LONGEST_VALUE
    form = [("grant_type", "refresh_token"), ("client_id", party.client_id), ("refresh_token", first.refresh_token)]
    answers = race.at_once([Ask("/oauth/token", form)] * TIMES)
    assert statuses(answers) == {200: TIMES}
    (successor,) = {one.json["refresh_token"] for one in answers}
    assert successor != first.refresh_token
    assert len({one.json["access_token"] for one in answers}) == TIMES
    assert party.userinfo(answers[0].json["access_token"])["sub"]
    assert party.refresh(successor).refresh_token not in (successor, first.refresh_token)
    assert "grant:reuse_found" not in race.events()


def test_concurrent_uses_of_a_recovery_code_accept_one(race: Race) -> None:
    """S42, V6.5.1: twenty browsers are past the password. The same code, sent at the same moment, works in one of them."""
    ann = race.factory.make_user(race.organisation_id, "ann", with_totp=True, recovery_codes=3)
    browsers = race.browsers_past_password(race.party(), ann)
    for browser in browsers:
        browser.submit("use_recovery")
    answers = race.submit_at_once(browsers, recovery_code=ann.recovery_codes[1])
    assert statuses(answers) == {303: 1, 422: TIMES - 1}
    assert [browser.reload().offers("choice=carry_on") for browser in browsers].count(True) == 1
    with race.factory.context():
        row = code_rows.active_recovery_set(race.organisation_id, ann.id)
        assert row is not None
        assert code_rows.unspent_recovery_codes(race.organisation_id, row.id) == 2
    assert race.events().count("recovery:code_used") == 1


def test_concurrent_uses_of_a_code_for_today_accept_one(race: Race) -> None:
    """V6.5.1: the code that an administrator issued works in one of the browsers."""
    ann = race.factory.make_user(race.organisation_id, "ann", with_totp=True)
    with race.factory.context():
        at, user = race.factory.organisation(race.organisation_id), race.factory.user(ann)
        code, _ = bypass_codes.issue(race.settings, at, user, BY_TESTS)
    browsers = race.browsers_past_password(race.party(), ann, 6)
    for browser in browsers:
        browser.submit("use_recovery")
    assert statuses(race.submit_at_once(browsers, recovery_code=code)) == {303: 1, 422: 5}
    assert race.events().count("recovery:bypass_used") == 1


def test_concurrent_uses_of_the_last_two_codes_spend_one(race: Race) -> None:
    """S44: two browsers use the last two codes. The code that became the last is asked for again,
    and opens only the set-up.
    """
    ann = race.factory.make_user(race.organisation_id, "ann", with_totp=True, recovery_codes=2)
    browsers = race.browsers_past_password(race.party(), ann, 2)
    for browser in browsers:
        browser.submit("use_recovery")
    codes = dict(zip(browsers, ann.recovery_codes, strict=True))
    answers = race.at_once([posted(browser, recovery_code=code) for browser, code in codes.items()])
    assert statuses(answers) == {303: 2}
    for browser, one in zip(browsers, answers, strict=True):
        keep_cookies(browser, one)
    with race.factory.context():
        row = code_rows.active_recovery_set(race.organisation_id, ann.id)
        assert row is not None
        assert code_rows.unspent_recovery_codes(race.organisation_id, row.id) == 1
    assert race.events().count("recovery:code_used") == 1
    (late,) = (browser for browser in browsers if not browser.reload().offers("choice=carry_on"))
    if "recovery_code" in late.fields:
        late.fill(recovery_code=codes[late]).submit()
    assert "recovery_code" not in late.fields
    assert not late.offers("choice=carry_on")


def test_concurrent_uses_of_an_app_code_begin_one_session(race: Race) -> None:
    """S57, V6.5.1: one session begins. The other browsers are told to wait for the next code."""
    ann = race.factory.make_user(race.organisation_id, "ann", with_totp=True)
    party = race.party()
    browsers = race.browsers_past_password(party, ann)
    answers = race.submit_at_once(browsers, code=ann.authenticator.shown())
    assert statuses(answers) == {303: 1, 422: TIMES - 1}
    assert all("Wait for the next code" in one.body for one in answers if one.status == 422)
    assert race.events().count("login:started") == 1
    assert [browser.reload().left_for is not None for browser in browsers].count(True) <= 1


def test_an_app_code_sent_by_twenty_tabs_begins_one_session(race: Race) -> None:
    """S60, S57: all tabs belong to one sign-in. One answer is accepted, one session begins,
    and no tab shows an error page.
    """
    ann = race.factory.make_user(race.organisation_id, "ann", with_totp=True)
    (browser,) = race.browsers_past_password(race.party(), ann, times=1)
    answers = race.at_once([posted(browser, code=ann.authenticator.shown())] * TIMES)
    assert set(statuses(answers)) <= {303, 422}
    assert race.events().count("login:started") == 1


def test_a_password_sent_by_twenty_tabs_begins_one_session(race: Race) -> None:
    """S60: all tabs belong to one sign-in. A late tab shows the step that is due."""
    jan = race.factory.make_user(race.organisation_id, "jan")
    (browser,) = race.browsers_at_password(race.party(), times=1)
    answers = race.at_once([posted(browser, username=jan.username, password=jan.password)] * TIMES)
    assert statuses(answers) == {303: TIMES}
    assert race.events().count("login:started") == 1


def test_a_sign_in_with_prompt_login_issues_one_code(race: Race) -> None:
    """V10.4.2: the last answer and the return to the app are sent ten times each.
    With prompt=login, one request gets a code.
    """
    party, jan = race.party(), race.factory.make_user(race.organisation_id, "jan")
    browser = Browser(race.app, race.settings.issuer).open(party.authorize_url(prompt="login"))
    typed = posted(browser, username=jan.username, password=jan.password)
    back = Ask(f"/oauth/authorize/{typed.path.rpartition('/')[2]}", cookies=browser.cookies, method="GET")
    answers = race.at_once([typed, back] * (TIMES // 2))
    assert set(statuses(answers)) <= {303, 404}
    assert len([one for one in answers if one.location.startswith(party.redirect_uri)]) == 1
    assert race.events().count("login:started") == 1
