"""Set up a second factor on the sign-in pages (S5, S14–S28)."""

import re

import pytest
from sqlalchemy import select, update

from idp import db
from idp.statements import every, write
from idp.store.attempts import Attempt
from tests.drivers.authenticator import Authenticator
from tests.drivers.set_up import codes_on, key_on, set_up
from tests.factories import Factory


@pytest.fixture
def ruled(factory: Factory) -> str:
    """Create an organisation with the group 2FA."""
    shoes = factory.make_organisation(owner=True)
    factory.make_group(shoes)
    return shoes


def test_a_complete_set_up_ends_in_the_app(factory: Factory, journey, ruled: str, clock) -> None:
    """S5, S16, S17, S19–S24, S61: start, scan, code, twelve codes and tick. The app then gets a token of the full level."""
    ann = factory.make_user(ruled, "ann", groups=["2FA"])
    walk = journey(ann).begin().password()
    _, codes = set_up(walk.browser)
    assert len(codes) == 12
    assert len(set(codes)) == 12
    tokens = walk.tokens()
    assert (tokens.acr, tokens.amr) == ("mfa", ["pwd", "otp", "mfa"])


def test_the_set_up_names_suitable_apps_and_shows_the_key(factory: Factory, journey, ruled: str) -> None:
    """S14, S18, S19: apps by name, the drawback of a browser extension, and a QR code or the key in groups of four."""
    ann = factory.make_user(ruled, "ann", groups=["2FA"])
    browser = journey(ann).begin().password().browser
    browser.submit("next")
    for word in ("Google Authenticator", "Microsoft Authenticator", "extension", "less safe"):
        assert word in browser.text
    browser.submit("next")
    assert "<svg" in browser.html
    assert len(key_on(browser).replace(" ", "")) == 32


def test_an_interrupted_set_up_begins_again(factory: Factory, journey, new_browser, ruled: str, clock) -> None:
    """S5, S20: before the tick the factor is not active.
    App and profile stay closed, and a new sign-in begins at the set-up.
    """
    ann = factory.make_user(ruled, "ann", groups=["2FA"])
    browser = journey(ann).begin().password().browser
    browser.submit("next").submit("next")
    browser.fill(code=Authenticator(key_on(browser)).code()).submit()
    assert codes_on(browser)
    browser.open("/account/security")
    assert "password" in browser.fields, "the profile opened before the set-up was done"
    again = journey(ann, browser=new_browser()).begin().password()
    assert again.browser.left_for is None
    assert again.browser.offers("next")
    assert "code" not in again.browser.fields


def test_a_wrong_code_activates_nothing(factory: Factory, journey, ruled: str, clock) -> None:
    """S20: the page shows an error and the same key, and the right code still works."""
    ann = factory.make_user(ruled, "ann", groups=["2FA"])
    walk = journey(ann).begin().password()
    walk.browser.submit("next").submit("next")
    key = key_on(walk.browser)
    phone = Authenticator(key)
    walk.browser.fill(code=phone.wrong()).submit()
    assert "not right" in walk.browser.errors[0]
    assert key_on(walk.browser) == key
    walk.browser.fill(code=phone.code()).submit()
    assert len(codes_on(walk.browser)) == 12


def test_the_codes_can_be_seen_again_only_until_the_tick(factory: Factory, journey, ruled: str, clock) -> None:
    """S21, S23: a reload and the download show the same codes. After the tick no page shows them."""
    ann = factory.make_user(ruled, "ann", groups=["2FA"])
    walk = journey(ann).begin().password()
    browser = walk.browser
    browser.submit("next").submit("next")
    browser.fill(code=Authenticator(key_on(browser)).code()).submit()
    codes, address = codes_on(browser), browser.url
    assert codes_on(browser.reload()) == codes
    file = browser.client.get(address + "/recovery-codes.txt", base_url=browser.issuer)
    assert all(code in file.get_data(as_text=True) for code in codes)
    assert 'filename="example-shoes-ann.txt"' in file.headers["Content-Disposition"]
    browser.open(address).fill(noted=True).submit()
    assert browser.left_for is not None
    assert browser.open(address).left_for, "the address of the sign-in does not lead to the app (S60)"
    assert not any(code in browser.html for code in codes)
    gone = browser.client.get(address + "/recovery-codes.txt", base_url=browser.issuer)
    assert not re.search(r"[a-z2-9]{7}-[a-z2-9]{7}", gone.get_data(as_text=True))


def test_the_set_up_needs_the_tick(factory: Factory, journey, ruled: str, clock) -> None:
    """S22: "I've saved these codes" must be ticked."""
    ann = factory.make_user(ruled, "ann", groups=["2FA"])
    walk = journey(ann).begin().password()
    walk.browser.submit("next").submit("next")
    walk.browser.fill(code=Authenticator(key_on(walk.browser)).code()).submit()
    walk.browser.submit("next")
    assert walk.browser.left_for is None
    assert codes_on(walk.browser)


def test_the_code_of_the_set_up_is_spent(factory: Factory, journey, new_browser, ruled: str, clock) -> None:
    """S20: the right code counts for this sign-in and works nowhere again."""
    ann = factory.make_user(ruled, "ann", groups=["2FA"])
    walk = journey(ann).begin().password()
    walk.browser.submit("next").submit("next")
    phone = Authenticator(key_on(walk.browser))
    code = phone.shown()
    walk.browser.fill(code=code).submit()
    walk.browser.fill(noted=True).submit()
    other = journey(ann, browser=new_browser()).begin().password().code(code)
    assert "Wait for the next code" in other.browser.errors[0]


def test_a_voluntary_set_up_is_offered_once(factory: Factory, journey, new_browser, clock) -> None:
    """S16: the offer has "not now", which is remembered."""
    jan = factory.make_user(factory.make_organisation())
    walk = journey(jan).begin().password()
    assert walk.browser.left_for is None
    assert walk.browser.submit("not_now").left_for is not None
    assert walk.tokens().acr == "pwd"
    assert journey(jan, browser=new_browser()).begin().password().browser.left_for is not None


def test_an_organisation_can_turn_the_offer_off(factory: Factory, journey, quiet_shoes: str) -> None:
    """S16: without the offer, a user with no obligation goes directly to the app."""
    jan = factory.make_user(quiet_shoes)
    assert journey(jan).begin().password().tokens().acr == "pwd"


def test_administrators_must_set_up_a_factor(factory: Factory, journey, quiet_shoes: str) -> None:
    """S10: it is compulsory for administrators and owners, whatever the organisation's settings."""
    boss = factory.make_user(quiet_shoes, "boss", role="administrator")
    walk = journey(boss).begin().password()
    assert walk.browser.left_for is None
    assert not walk.browser.offers("not_now")
    assert "administrators" in walk.browser.text


def test_an_app_that_asks_for_mfa_leads_to_the_set_up(factory: Factory, journey, quiet_shoes: str, clock) -> None:
    """S4, design: a user without a factor sets one up. The app never gets a token of a lower level."""
    jan = factory.make_user(quiet_shoes)
    walk = journey(jan).begin(acr_values="mfa").password()
    set_up(walk.browser)
    assert walk.tokens().acr == "mfa"


def test_a_sign_in_of_another_version_continues(factory: Factory, journey, ruled: str, clock) -> None:
    """House: two versions run side by side. Rows without a version or with members of a later one are continued."""
    ann = factory.make_user(ruled, "ann", groups=["2FA"])
    browser = journey(ann).begin().password().browser
    browser.submit("next").submit("next")
    stored = select(Attempt)
    with factory.context(), db.transaction():
        old = {"enrol_started": "yes", "enrol_apps": "seen", "later": {"of": "tomorrow"}}
        write(update(Attempt).values(answers=old))
    browser.fill(code=Authenticator(key_on(browser)).code()).submit()
    browser.fill(noted=True).submit()
    assert browser.left_for is not None
    with factory.context():
        assert every(stored)[0].answers["later"] == {"of": "tomorrow"}
