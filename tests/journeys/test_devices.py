"""Shared tills and remembered devices (S35–S40)."""

import pytest

from idp.db import transaction
from idp.identity.organisations import organisations
from idp.store import users
from tests.drivers.relying_party import Refused
from tests.factories import BY_TESTS, Factory


@pytest.fixture
def till(factory: Factory, relying_party):
    """Create a shared till that accepts a remembered device for a day's work."""
    return relying_party(factory.make_client("till", shared_device=True))


@pytest.fixture
def ann(factory: Factory, quiet_shoes: str):
    return factory.make_user(quiet_shoes, "ann", with_totp=True, email="ann@shoes.example")


@pytest.fixture
def bob(factory: Factory, quiet_shoes: str):
    return factory.make_user(quiet_shoes, "bob", with_totp=True)


DAY = "mfa mfa-remembered"
TRUST_OVER = ("invalid_grant", "insufficient_user_authentication")
"""How refresh and userinfo refuse: the grant has ended, and a sign-in is the cure (RFC 9470 §3)."""


def test_a_remembered_device_replaces_the_code_but_no_password(journey, ann, clock) -> None:
    """S36, S37: after the tick the password is enough for the day's work. The token tells truthfully what was proved."""
    walk = journey(ann).begin(acr_values=DAY).password().code(remember=True)
    assert walk.tokens().acr == "mfa"
    walk.browser.open("/").submit("Sign out")
    clock(days=1)
    walk.begin(acr_values=DAY)
    assert "password" in walk.browser.fields
    tokens = walk.password().tokens()
    assert (tokens.acr, tokens.amr) == ("mfa-remembered", ["pwd"])


def test_trust_never_satisfies_a_step_up(journey, ann, clock) -> None:
    """V6.3.3: an app that requires ``mfa`` gets a code, even on a remembered device."""
    walk = journey(ann).begin(acr_values=DAY).password().code(remember=True)
    walk.tokens()
    walk.browser.open("/").submit("Sign out")
    clock(days=1)
    walk.begin(acr_values=DAY).password().tokens()
    walk.begin(acr_values="mfa", max_age="300")
    assert "code" in walk.browser.fields
    assert walk.code().tokens().acr == "mfa"


def test_max_age_excludes_old_trust(journey, ann, clock) -> None:
    """Design: ``max_age`` excludes older proofs of every kind, and trust in a device too."""
    walk = journey(ann).begin(acr_values=DAY).password().code(remember=True)
    walk.tokens()
    clock(days=2)
    walk.begin(acr_values=DAY, max_age="300").password()
    assert "code" in walk.browser.fields


def test_trust_ends_thirty_days_after_the_tick(journey, ann, clock) -> None:
    """S38: the days count from the tick, not from the last use."""
    walk = journey(ann).begin(acr_values=DAY).password().code(remember=True)
    walk.tokens()
    for _ in range(2):
        clock(days=14, hours=23)
        walk.begin(acr_values=DAY, prompt="login").password()
        assert walk.tokens().acr == "mfa-remembered"
    clock(hours=3)
    walk.begin(acr_values=DAY, prompt="login").password()
    assert "code" in walk.browser.fields


def test_a_client_may_turn_the_tick_off(factory: Factory, journey, relying_party, ann, clock) -> None:
    """S39: a forged tick does not make the device remembered."""
    app = relying_party(factory.make_client("tablet", remember_device=False))
    walk = journey(ann, app).begin().password()
    assert "remember_device" not in walk.browser.fields
    walk.browser.fill(code=ann.authenticator.code()).submit(remember_device="yes")
    walk.tokens()
    assert "device" not in " ".join(walk.browser.cookies)
    clock(minutes=2)
    walk.begin(prompt="login").password()
    assert "code" in walk.browser.fields


def test_trust_is_for_one_device_and_one_user(journey, new_browser, till, ann, bob, clock) -> None:
    """S40: another user on this till, and this user on another device, need a code. Each has trust of their own."""
    walk = journey(ann, till).begin(acr_values=DAY).password().code(remember=True)
    walk.tokens()
    second = journey(bob, till).begin(acr_values=DAY)
    second.browser.submit("choice=other")
    second.password()
    assert "code" in second.browser.fields
    second.code(remember=True).tokens()
    clock(minutes=5)
    back = journey(ann, till).begin(acr_values=DAY)
    back.browser.submit(f"choice={ann.id}")
    assert back.password().tokens().acr == "mfa-remembered"
    elsewhere = journey(ann, till, browser=new_browser()).begin(acr_values=DAY).password()
    assert "code" in elsewhere.browser.fields


def test_switching_users_asks_for_the_new_users_own_proof(journey, till, ann, bob, clock) -> None:
    """S35: the chooser lists known users. Another user starts at the password, and the former session ends."""
    first = journey(ann, till).begin().password().code()
    tokens = first.tokens()
    switch = journey(bob, till).begin()
    assert switch.browser.offers(f"choice={ann.id}")
    switch.browser.submit("choice=other")
    assert switch.browser.fields >= {"username", "password"}
    with pytest.raises(Exception, match="invalid_token"):
        first.app.userinfo(tokens.access_token)
    switched = switch.password().code().tokens()
    assert switched.claims["sub"] == bob.id


def test_a_chosen_account_shows_its_shop_and_can_switch(factory, journey, browser, till, ann, clock) -> None:
    """S29, S35: the chooser named the organisation, so the password page shows it,
    even if another user signed in here last.
    """
    jim = factory.make_user(factory.make_organisation("hats", name="Hats", settings={"offer_set_up": False}), "jim")
    journey(ann, till).begin().password().code().tokens()
    journey(jim, till).begin(organisation="hats").password().tokens()
    journey(ann, till).begin().browser.submit(f"choice={ann.id}")
    assert (browser.value("username"), "example-shoes" in browser.text) == ("ann", True)
    browser.submit("other_organisation")
    assert journey(jim, till).password().tokens().claims["sub"] == jim.id


def test_a_proof_of_the_former_user_is_not_reused(
    factory: Factory, journey, relying_party, browser, ann, bob, clock
) -> None:
    """S35, I5: Bob gave a code for an app and signed out. It does not count for Ann, although Bob knows her password."""
    journey(bob).begin(acr_values=DAY).password().code(remember=True)
    browser.open("/").submit("Sign out")
    clock(minutes=5)
    journey(bob).begin(acr_values=DAY).password()
    step_up = journey(bob, relying_party(factory.make_client("foreign", first_party=False))).begin(acr_values="mfa").code()
    here = browser.url
    browser.open("/").submit("Sign out")
    browser.open(here)
    assert "bob" in browser.text
    browser.submit("other_person")
    browser.fill(username=ann.username, password=ann.password).submit()
    assert "code" in browser.fields
    assert browser.left_for is None
    step_up.person = ann
    assert step_up.code().browser.submit("choice=allow").left_for is not None
    assert step_up.tokens().claims["sub"] == ann.id


def test_choosing_the_signed_in_user_asks_no_password(journey, till, ann, clock) -> None:
    """S35: the session of the chosen user is used."""
    walk = journey(ann, till).begin().password().code()
    walk.tokens()
    walk.begin()
    assert walk.browser.left_for is None
    assert walk.browser.submit(f"choice={ann.id}").left_for is not None
    assert walk.tokens().claims["sub"] == ann.id


def test_a_silent_request_at_a_till_needs_a_hint(journey, till, ann, clock) -> None:
    """S35: on a shared device ``prompt=none`` works only with a hint that names the signed-in user."""
    walk = journey(ann, till).begin().password().code()
    tokens = walk.tokens()
    walk.begin(prompt="none")
    assert "account_selection_required" in str(walk.browser.left_for)
    walk.begin(prompt="none", id_token_hint=tokens.id_token or "")
    assert walk.tokens().claims["sub"] == ann.id
    walk.begin(prompt="none", login_hint="ann")
    assert walk.tokens().claims["sub"] == ann.id


def test_the_list_shows_and_revokes_devices(journey, ann, clock) -> None:
    """S40: the list shows device, start and end. A revoked device is forgotten at once."""
    walk = journey(ann).begin(acr_values=DAY).password().code(remember=True)
    walk.tokens()
    walk.browser.open("/account/security")
    assert "Firefox · Windows" in walk.browser.text
    walk.browser.submit("Forget Firefox · Windows")
    assert "Forget" not in walk.browser.text
    clock(minutes=2)
    walk.begin(acr_values=DAY, prompt="login").password()
    assert "code" in walk.browser.fields


OFFLINE = {"acr_values": DAY, "scope": "openid profile offline_access"}


@pytest.fixture
def refresher(factory: Factory, relying_party):
    """Create an app that may refresh."""
    return relying_party(factory.make_client("day", grant_types=["authorization_code", "refresh_token"]))


def refused(walk, tokens) -> tuple[str, str]:
    """Return how refresh and userinfo refuse the tokens. The result is empty where both work."""
    errors = []
    for use in (lambda: walk.app.refresh(tokens.refresh_token), lambda: walk.app.userinfo(tokens.access_token)):
        try:
            use()
            errors.append("")
        except Refused as fault:
            errors.append(fault.error)
    known = ("invalid_token", "insufficient_user_authentication")
    return errors[0], next((name for name in known if name in errors[1]), errors[1])


def test_a_grant_based_on_trust_ends_with_the_device(journey, ann, refresher, clock) -> None:
    """S40: refresh and userinfo refuse it at once. A grant with a code of its own continues."""
    walk = journey(ann, refresher).begin(**OFFLINE).password().code(remember=True)
    by_code = walk.tokens()
    walk.browser.open("/").submit("Sign out")
    clock(minutes=5)
    walk.begin(**OFFLINE).password()
    by_trust = walk.tokens()
    assert by_trust.acr == "mfa-remembered"
    assert refused(walk, by_code) == ("invalid_grant", "invalid_token")  # signed out
    assert refused(walk, by_trust) == ("", "")
    walk.browser.open("/account/security")
    walk.browser.submit("Forget Firefox · Windows")
    assert refused(walk, by_trust) == TRUST_OVER
    walk.begin(acr_values="mfa", scope=OFFLINE["scope"]).code()
    assert refused(walk, walk.tokens()) == ("", "")


def test_a_grant_based_on_trust_ends_on_the_thirtieth_day(journey, ann, refresher, clock) -> None:
    """S38: the days count from the tick, and a refresh does not prolong them."""
    walk = journey(ann, refresher).begin(**OFFLINE).password().code(remember=True)
    walk.tokens()
    clock(days=20)
    tokens = walk.begin(**OFFLINE).password().tokens()
    assert tokens.acr == "mfa-remembered"
    clock(days=9, hours=23)
    assert walk.app.refresh(tokens.refresh_token).acr == "mfa-remembered"
    clock(hours=2)
    assert refused(walk, tokens) == ("invalid_grant", "invalid_token")


@pytest.mark.parametrize("is_compulsory", [True, False])
def test_a_grant_ends_when_trust_no_longer_counts(factory: Factory, journey, ann, refresher, clock, is_compulsory) -> None:
    """S40: an organisation stops counting trust. Where a second factor is compulsory, grants based on trust
    end. Elsewhere a sign-in still accepts trust, so its grants continue.
    """
    walk = journey(ann, refresher).begin(**OFFLINE).password().code(remember=True)
    by_code = walk.tokens()
    clock(minutes=2)
    by_trust = walk.begin(**OFFLINE, prompt="login").password().tokens()
    assert by_trust.acr == "mfa-remembered"
    with factory.context(), transaction():
        at = factory.organisation(ann.organisation_id)
        organisations.change(at, {"settings": {"remembered_device_counts": False}}, BY_TESTS)
        users.change_user(at.id, ann.id, role="administrator" if is_compulsory else "employee")
    assert refused(walk, by_trust) == (TRUST_OVER if is_compulsory else ("", ""))
    assert refused(walk, by_code) == ("", "")


def test_a_grant_with_its_own_code_outlives_the_trust(journey, ann, refresher, clock) -> None:
    """S40: forgetting a device ends only the grants that are based on its trust."""
    walk = journey(ann, refresher).begin(**OFFLINE).password().code(remember=True)
    tokens = walk.tokens()
    clock(days=29)
    walk.app.refresh(tokens.refresh_token)
    clock(days=2)
    after = walk.app.refresh(tokens.refresh_token)
    assert (after.acr, after.claims["auth_time"]) == (tokens.acr, tokens.claims["auth_time"])


def test_sign_out_keeps_trust(journey, ann, clock) -> None:
    """S37, security.md 17: signing out never affects a remembered device."""
    walk = journey(ann).begin(acr_values=DAY).password().code(remember=True)
    walk.tokens()
    walk.browser.open("/").submit("Sign out")
    assert walk.begin(acr_values=DAY).password().tokens().acr == "mfa-remembered"


def test_another_persons_device_cannot_be_forgotten(journey, new_browser, ann, bob, clock) -> None:
    """V8.2.2: the id of another user's device is not found."""
    walk = journey(ann).begin(acr_values=DAY).password().code(remember=True)
    walk.tokens()
    walk.browser.open("/account/security")
    action = next(form.action for form in walk.browser.page.forms if "/forget" in form.action)
    other = journey(bob, browser=new_browser()).begin().password().code()
    other.tokens()
    other.browser.open("/account/security")
    other.browser.send("POST", "https://id.example.com" + action, [("csrf_token", other.browser.value("csrf_token"))])
    assert other.browser.status == 404
    walk.browser.open("/account/security")
    assert "Firefox · Windows" in walk.browser.text
