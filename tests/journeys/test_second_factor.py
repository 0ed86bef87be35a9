"""The current code is asked for, spent, and explained when wrong (S1, S3, S4, S34, S56–S59)."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from idp.clock import now
from idp.store import totp
from tests.drivers.authenticator import Authenticator
from tests.drivers.set_up import set_up
from tests.factories import Factory
from tests.journeys.conftest import Journey


def test_a_user_with_a_factor_is_always_asked_for_it(factory: Factory, journey, quiet_shoes: str) -> None:
    """S1, S34: a user who has a second factor is asked for it, and the token says so."""
    ann = factory.make_user(quiet_shoes, "ann", with_totp=True)
    walk = journey(ann).begin().password()
    assert walk.browser.fields == {"code", "remember_device"}
    tokens = walk.code().tokens()
    assert (tokens.acr, tokens.amr) == ("mfa", ["pwd", "otp", "mfa"])


def test_a_code_of_any_of_several_apps_signs_in(
    factory: Factory, journey: Callable[..., Journey], new_browser, quiet_shoes: str, clock
) -> None:
    """S57, S78: each app signs in by its own code, each code once. A wrong one counts once, however many apps there are."""
    ann = factory.make_user(quiet_shoes, "ann", with_totp=True)
    tablet = factory.give_app(ann, "Tablet")
    code = tablet.shown()
    assert journey(ann).begin().password().code(code).tokens().acr == "mfa"
    again = journey(ann, browser=new_browser()).begin().password().code(code)
    assert "Wait for the next code" in again.browser.errors[0]
    assert again.code().tokens().acr == "mfa"
    with factory.context():
        names = [(row.name, row.last_used_at is not None) for row in totp.active_totps(quiet_shoes, ann.id)]
    assert names == [("", True), ("Tablet", True)]


def test_guesses_are_counted_once_for_all_apps(factory: Factory, journey, quiet_shoes: str, clock) -> None:
    """S78, V6.3: a second app gives nobody a second set of guesses, and costs no extra ones."""
    alone, beside = (factory.make_user(quiet_shoes, name, with_totp=True) for name in ("ann", "bob"))
    factory.give_app(beside)
    left = []
    for person in (alone, beside):
        walk, tries = journey(person).begin().password(), 0
        while walk.browser.status == 422 or not tries:
            walk, tries = walk.code(person.authenticator.wrong()), tries + 1
        left.append((tries, walk.browser.status))
    assert left[0] == left[1]


def test_a_group_requires_a_set_up_at_the_next_sign_in(factory: Factory, journey, quiet_shoes: str) -> None:
    """S3, S4: a member of the group must set up a second factor before reaching the app."""
    group = factory.make_group(quiet_shoes)
    ann = factory.make_user(quiet_shoes, "ann", groups=[group])
    walk = journey(ann).begin().password()
    assert walk.browser.left_for is None
    assert group in walk.browser.text
    assert not walk.browser.offers("not_now")


def test_a_clients_minimum_level_always_applies(factory: Factory, journey, relying_party, quiet_shoes: str) -> None:
    """S4: it applies whatever the client's request asks for."""
    ann = factory.make_user(quiet_shoes, "ann")
    app = relying_party(factory.make_client("till", minimum_acr="mfa"))
    walk = journey(ann, app).begin(acr_values="pwd").password()
    assert walk.browser.left_for is None
    assert "2FA" in walk.browser.text or "second factor" in walk.browser.text.lower()


def test_joining_a_group_affects_a_session_at_the_next_request(
    factory: Factory, journey, relying_party, quiet_shoes: str
) -> None:
    """S3: the user stays signed in. The next request of an app leads to the set-up."""
    ann = factory.make_user(quiet_shoes, "ann")
    walk = journey(ann)
    tokens = walk.begin(scope="openid").password().tokens()
    with factory.context():
        from idp.db import transaction
        from idp.identity.organisations import groups
        from idp.store import users
        from tests.factories import BY_TESTS

        with transaction():
            group = groups.create(quiet_shoes, {"name": "2FA", "requires_mfa": True}, BY_TESTS)
            users.put_in_groups(quiet_shoes, ann.id, [group.id])
    assert walk.app.userinfo(tokens.access_token)["sub"] == ann.id
    walk.begin()
    assert walk.browser.left_for is None
    assert "2FA" in walk.browser.text


def test_a_wrong_code_shows_an_error_and_can_be_retried(factory: Factory, journey, quiet_shoes: str, clock) -> None:
    """S56: the error advises to wait for the next code or reopen the app. The right code then works."""
    ann = factory.make_user(quiet_shoes, "ann", with_totp=True)
    walk = journey(ann).begin().password().code(ann.authenticator.wrong())
    assert walk.browser.status == 422
    assert "not right" in walk.browser.errors[0]
    assert "next code" in walk.browser.errors[0]
    assert walk.code().tokens().acr == "mfa"


def test_a_code_works_once(factory: Factory, journey, new_browser, quiet_shoes: str, clock) -> None:
    """S57, V6.5.1: in another browser the same code is refused, with the advice to wait for the next one."""
    ann = factory.make_user(quiet_shoes, "ann", with_totp=True)
    code = ann.authenticator.shown()
    journey(ann).begin().password().code(code).tokens()
    other = journey(ann, browser=new_browser()).begin().password().code(code)
    assert "Wait for the next code" in other.browser.errors[0]
    assert other.browser.left_for is None


@pytest.mark.parametrize(
    ("ahead", "words"),
    [
        (180, "3 minutes ahead"),
        (-540, "9 minutes behind"),
        (3600, "1 hour ahead"),
        (-7200, "2 hours behind"),
        (14 * 3600, "14 hours ahead"),
    ],
)
def test_a_code_of_a_wrong_clock_is_refused_with_the_offset(
    factory: Factory, journey, quiet_shoes: str, clock, ahead: int, words: str
) -> None:
    """S58: the page tells the offset and how to set the clock to automatic. The code is refused and its step is spent."""
    ann = factory.make_user(quiet_shoes, "ann", with_totp=True)
    phone = Authenticator(ann.totp_secret, ahead=ahead)
    code = phone.shown()
    walk = journey(ann).begin().password().code(code)
    errors = " ".join(walk.browser.errors)
    assert words in errors
    assert "automatic" in errors
    assert walk.browser.left_for is None
    if 0 < ahead <= 600:
        clock(seconds=ahead)  # the refused code is spent, so it fails when its time comes
        assert walk.code(code).browser.left_for is None
        clock(minutes=1)
    assert walk.code().tokens().acr == "mfa"


@pytest.mark.both_engines
@pytest.mark.parametrize("days", [0.05, 30])
def test_a_corrected_server_clock_blocks_no_codes(
    factory: Factory, journey, new_browser, quiet_shoes: str, clock, days: float
) -> None:
    """S57, RFC 6238 §5.2: a code was accepted while the server's clock was ahead.
    Later codes work, and replays are refused.
    """
    ann = factory.make_user(quiet_shoes, "ann", with_totp=True)
    clock(days=days)
    journey(ann).begin().password().code().tokens()
    clock(days=-days)
    code = ann.authenticator.shown()
    assert journey(ann, browser=new_browser()).begin().password().code(code).tokens().acr == "mfa"
    replayed = journey(ann, browser=new_browser()).begin().password().code(code)
    assert "Wait for the next code" in replayed.browser.errors[0]


def test_the_code_that_confirmed_a_set_up_is_spent(factory: Factory, journey, new_browser, clock) -> None:
    """S20: the code counts for this sign-in. In another browser it is refused, and the next one is accepted."""
    ann = factory.make_user(factory.make_organisation("set-up-shoes"), "ann")
    walk = journey(ann).begin().password()
    phone, _ = set_up(walk.browser)
    walk.tokens()
    other = journey(ann, browser=new_browser()).begin().password().code(phone.shown())
    assert "Wait for the next code" in other.browser.errors[0]
    clock(seconds=60)
    assert other.code(phone.shown()).tokens().acr == "mfa"


def test_an_offset_over_fourteen_hours_is_not_reported(factory: Factory, journey, quiet_shoes: str, clock) -> None:
    """S58: a code of another day is simply wrong."""
    ann = factory.make_user(quiet_shoes, "ann", with_totp=True)
    walk = journey(ann).begin().password().code(Authenticator(ann.totp_secret, ahead=30 * 3600).shown())
    assert "ahead" not in " ".join(walk.browser.errors)


def test_the_clock_offset_is_shown_only_after_the_password(factory: Factory, journey, quiet_shoes: str, clock) -> None:
    """S58: after a wrong password the page has no code field."""
    ann = factory.make_user(quiet_shoes, "ann", with_totp=True)
    walk = journey(ann).begin().password("wrong, but long enough")
    assert "code" not in walk.browser.fields


def test_a_wrong_code_after_a_new_set_up_hints_at_the_old_entry(factory: Factory, journey, quiet_shoes: str, clock) -> None:
    """S59: for seven days after the factor was set up again, the error advises to delete the old entry."""
    ann = factory.make_user(quiet_shoes, "ann", with_totp=True)
    with factory.context():
        from idp.db import transaction
        from idp.store import users

        with transaction():
            users.change_user(quiet_shoes, ann.id, factor_changed_at=now() - timedelta(days=1))
    walk = journey(ann).begin().password().code(ann.authenticator.wrong())
    assert any("scan" in error for error in walk.browser.errors)
    clock(days=7)
    walk = journey(ann).begin().password().code(ann.authenticator.wrong())
    assert not any("scan" in error for error in walk.browser.errors)


def test_a_first_set_up_adds_no_hint_at_an_old_entry(factory: Factory, journey, quiet_shoes: str, clock) -> None:
    """S59: no factor was replaced, so a wrong code shows the usual error. After a second set-up the hint is added."""
    ann = factory.make_user(quiet_shoes, "ann", groups=[factory.make_group(quiet_shoes)])
    walk = journey(ann).begin().password()
    phone, codes = set_up(walk.browser)
    clock(minutes=2)
    walk.begin(prompt="login").password().code(phone.wrong())
    assert not any("scan" in error for error in walk.browser.errors)
    walk.recovery_code(codes[0]).browser.submit("choice=again")
    renewed, _ = set_up(walk.browser)
    clock(minutes=2)
    walk.begin(prompt="login").password().code(renewed.wrong())
    assert any("scan" in error for error in walk.browser.errors)


@pytest.mark.parametrize("slip", [-1, 0, 1])
def test_codes_of_the_adjacent_steps_are_accepted(
    factory: Factory, journey: Callable[..., Journey], quiet_shoes: str, clock, slip: int
) -> None:
    """RFC 6238 §5.2: one step of delay in each direction."""
    ann = factory.make_user(quiet_shoes, "ann", with_totp=True)
    code = ann.authenticator.at(ann.authenticator.step + slip)
    assert journey(ann).begin().password().code(code).tokens().acr == "mfa"
