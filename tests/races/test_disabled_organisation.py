"""An operator disables an organisation while its people sign in and its apps refresh (S77; OWASP ASVS V15.4.2)."""

from collections.abc import Callable

import pytest

from idp.config import Settings
from idp.identity.organisations import status
from tests.drivers.browser import Browser
from tests.drivers.crowd import Ask
from tests.factories import BY_TESTS, PASSWORD
from tests.races.conftest import Race, keep_cookies, posted

pytestmark = pytest.mark.both_engines
AT = "/admin/example-shoes"
SCOPE = "openid offline_access"


@pytest.fixture
def settings(configure: Callable[..., Settings]) -> Settings:
    """Set limits so wide that they decide nothing here, and wait for the hasher longer than a busy machine needs."""
    return configure(limits={"free_failures": 50, "address_failures": 500}, passwords={"hash_patience_seconds": 30.0})


def test_no_sign_in_outlives_a_concurrent_disabling(race: Race, console: Browser) -> None:
    """In any order: afterwards no browser is signed in, also once the organisation is enabled again."""
    party = race.party(scope=SCOPE)
    jan = race.factory.make_user(race.organisation_id, "jan")
    browsers = race.browsers_at_password(party, 8)
    for browser in browsers:
        browser.fill(username=jan.username, password=jan.password)
    disabling = posted(console.open(f"{AT}/disable"), reason="", password=PASSWORD)
    password = {"username": jan.username, "password": jan.password}
    answers = race.at_once([*(posted(browser, **password) for browser in browsers[:4]), disabling,
                            *(posted(browser, **password) for browser in browsers[4:])])  # fmt: skip
    for browser, answer in zip(browsers, [*answers[:4], *answers[5:]], strict=True):
        keep_cookies(browser, answer)
    assert race.events().count("organisation:disabled") == 1
    for at in ("disabled", "enabled"):
        if at == "enabled":
            with race.factory.context():
                assert status.enable(race.factory.organisation(race.organisation_id), BY_TESTS)
        for browser in browsers:
            browser.open(party.authorize_url(prompt="none"))
            assert "login_required" in browser.left_for, at


def test_no_refresh_outlives_a_concurrent_disabling(race: Race, console: Browser) -> None:
    """A token that was refreshed at the same moment is of no use afterwards, nor is its successor."""
    party = race.party(client_id="native", public=True, grant_types=["authorization_code", "refresh_token"], scope=SCOPE)
    jan = race.factory.make_user(race.organisation_id, "jan")
    browser = Browser(race.app, race.settings.issuer).open(party.authorize_url(scope=SCOPE))
    browser.fill(username=jan.username, password=jan.password).submit()
    token = party.callback(browser.left_for).refresh_token or ""
    form = {"grant_type": "refresh_token", "refresh_token": token, "client_id": "native"}
    disabling = posted(console.open(f"{AT}/disable"), reason="", password=PASSWORD)
    answers = race.at_once([*[Ask("/oauth/token", list(form.items()))] * 6, disabling])
    found = {token} | {one.json["refresh_token"] for one in answers if one.status == 200 and one.body.startswith("{")}
    for at in ("disabled", "enabled"):
        if at == "enabled":
            with race.factory.context():
                assert status.enable(race.factory.organisation(race.organisation_id), BY_TESTS)
        for one in found:
            (answer,) = race.at_once([Ask("/oauth/token", list({**form, "refresh_token": one}.items()))])
            assert (answer.status, answer.json["error"]) == (400, "invalid_grant"), at


def test_concurrent_disablings_are_audited_once(race: Race, console: Browser) -> None:
    """One of many operators disables; the others are told that it was done before."""
    disabling = posted(console.open(f"{AT}/disable"), reason="", password=PASSWORD)
    answers = race.at_once([disabling] * 6)
    assert {one.status for one in answers} == {303}
    assert race.events().count("organisation:disabled") == 1
