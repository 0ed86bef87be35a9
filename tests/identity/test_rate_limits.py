"""Throttling of guesses."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from idp import audit, crypto
from idp.config import Settings
from idp.db import transaction
from idp.errors import TooMany
from idp.identity.credentials import unlock
from idp.identity.lockout import rate_limits
from idp.rows import add
from idp.store import audit as audit_rows
from idp.store import browsers, outbox
from idp.store import rate_limits as rate_limit_rows
from idp.store.browsers import Browser
from idp.store.organisations import Organisation
from idp.store.users import User
from tests.drivers.guesses import NOW, Door
from tests.identity.conftest import CLI


@pytest.fixture
def door(settings: Settings, organisation: Organisation) -> Door:
    """The shop's door."""
    return Door(settings, organisation.id)


def _wait(refused: pytest.ExceptionInfo[TooMany]) -> int:
    return refused.value.retry_after


def test_four_failures_are_free_and_then_the_wait_doubles(door: Door, make_user: Callable[..., User]) -> None:
    """ASVS 6.3.1: a growing delay from the fifth failure."""
    user, at, waits = make_user(), NOW, []
    for _ in range(4):
        assert door.is_open(user, at)
    for _ in range(11):
        assert door.is_open(user, at)
        with pytest.raises(TooMany) as refused:
            door.gate(user, at)
        waits.append(_wait(refused) - 1)
        at += timedelta(seconds=_wait(refused))
    assert waits == [2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]


def test_a_name_that_nobody_has_is_throttled_with_the_same_words(door: Door, make_user: Callable[..., User]) -> None:
    """security.md 18: throttling does not tell whether an account exists."""
    user = make_user()
    for who in (user, None):
        for _ in range(5):
            door.gate(who)
    answers = []
    for who in (user, None):
        with pytest.raises(TooMany) as refused:
            door.gate(who)
        answers.append((refused.value.message, refused.value.retry_after))
    assert answers[0] == answers[1]
    assert door.is_open(None, typed="somebody else")


def test_a_right_guess_clears_the_lane(door: Door, make_user: Callable[..., User]) -> None:
    """I7: counters fall by success."""
    user = make_user()
    for _ in range(4):
        door.gate(user)
    guess = door.gate(user)
    with transaction():
        guess.succeeded()
    assert [door.is_open(user) for _ in range(6)] == [True] * 5 + [False]


def test_each_authenticator_is_counted_by_itself(door: Door, make_user: Callable[..., User]) -> None:
    """Wrong codes do not close the password, nor the other way round."""
    user = make_user()
    for _ in range(5):
        door.gate(user, authenticator="totp")
    assert not door.is_open(user, authenticator="totp")
    assert door.is_open(user, authenticator="password")


def _known_browser(organisation: Organisation, user: User) -> str:
    browser = Browser(id=crypto.new_id(), digest=crypto.random_bytes(32), created_at=NOW, last_seen_at=NOW)
    with transaction():
        add(browser)
        browsers.note_session(browser.id, organisation.id, user.id, user.username, NOW)
    return browser.id


def test_guessing_elsewhere_does_not_close_a_known_browser(
    door: Door, organisation: Organisation, make_user: Callable[..., User]
) -> None:
    """N63-13: the victim still gets in while the attacker hammers."""
    user, stranger = make_user(), crypto.new_id()
    known = _known_browser(organisation, user)
    for _ in range(30):
        door.is_open(user, browser_id=stranger)
    assert not door.is_open(user, browser_id=stranger)
    assert door.is_open(user, browser_id=known)


def test_a_known_browser_is_throttled_too(door: Door, organisation: Organisation, make_user: Callable[..., User]) -> None:
    """A lane of one's own is no free pass."""
    user = make_user()
    known = _known_browser(organisation, user)
    assert [door.is_open(user, browser_id=known) for _ in range(6)] == [True] * 5 + [False]


def test_at_the_hard_stop_the_authenticator_is_closed_everywhere(
    door: Door, organisation: Organisation, make_user: Callable[..., User]
) -> None:
    """NIST SP 800-63B-4 §3.2.2: a hundred failures in a row; time opens nothing, one mail, one audit row."""
    make_user("owner", role="owner")
    user = make_user(email="anna@shoes.example", email_verified=True)
    known = _known_browser(organisation, user)
    at = door.fail_until(user, 100) + timedelta(days=400)
    assert not door.is_open(user, at)
    assert not door.is_open(user, at, browser_id=known)
    assert door.is_open(user, at, authenticator="totp")
    assert [mail.template for mail in outbox.mails()] == ["locked"]
    locked = [row for row in audit_rows.rows(organisation.id) if row.event == audit.Event.ACCOUNT_LOCKED]
    assert [row.subject_id for row in locked] == [user.id]
    with transaction():
        rate_limit_rows.sweep_auth_failures(at, at, 1000)
    assert not door.is_open(user, at)


def test_failures_of_all_lanes_count_towards_the_hard_stop(
    door: Door, organisation: Organisation, make_user: Callable[..., User]
) -> None:
    """security.md 7: one counter a user and authenticator."""
    user = make_user()
    known = _known_browser(organisation, user)
    at = door.fail_until(user, 99) + timedelta(hours=1)
    assert door.is_open(user, at, browser_id=known)
    assert not door.is_open(user, at + timedelta(hours=1), browser_id=known)


def test_a_right_guess_takes_only_its_own_lane_off_the_count(
    door: Door, organisation: Organisation, make_user: Callable[..., User]
) -> None:
    """The owner of the account signing in each day does not give an attacker a fresh hundred."""
    user = make_user()
    known = _known_browser(organisation, user)
    at = door.fail_until(user, 60) + timedelta(hours=1)
    guess = door.gate(user, at, browser_id=known)
    with transaction():
        guess.succeeded()
    common = rate_limit_rows.auth_failures(organisation.id, user.id, "password", rate_limit_rows.ALL_LANES)
    assert common is not None
    assert common.count == 60


def test_the_hundredth_guess_may_be_the_right_one(door: Door, make_user: Callable[..., User]) -> None:
    """It was admitted before the stop, so being right opens the door again."""
    user = make_user()
    at = door.fail_until(user, 99) + timedelta(hours=1)
    guess = door.gate(user, at)
    with transaction():
        guess.succeeded()
    assert door.is_open(user, at)


def test_an_administrator_opens_what_was_closed(
    door: Door, settings: Settings, organisation: Organisation, make_user: Callable[..., User]
) -> None:
    """security.md: cleared by an administrator."""
    user = make_user()
    at = door.fail_until(user, 100)
    assert unlock.unlock(settings, organisation, user, CLI)
    assert door.is_open(user, at)
    unlock.unlock(settings, organisation, user, CLI)
    assert not unlock.unlock(settings, organisation, user, CLI)


@pytest.mark.both_engines
def test_fifty_guesses_at_once_count_fifty(
    engine: str, configure: Callable[..., Settings], organisation: Organisation, make_user: Callable[..., User],
    at_once: Callable[..., list[bool]],
) -> None:  # fmt: skip
    """T-04 (RFC 4226 §7.3): parallel guesses in sessions of their own lose no count."""
    user, roomy = make_user(), configure(limits={"free_failures": 80})
    door = Door(roomy, organisation.id)
    assert sum(at_once(50, lambda: door.is_open(user))) == 50
    row = rate_limit_rows.auth_failures(organisation.id, user.id, "password", rate_limits.EVERYONE)
    common = rate_limit_rows.auth_failures(organisation.id, user.id, "password", rate_limit_rows.ALL_LANES)
    assert row is not None
    assert common is not None
    assert (row.count, common.count) == (50, 50)


@pytest.mark.both_engines
def test_of_fifty_guesses_at_once_no_more_than_five_slip_in(
    engine: str, door: Door, make_user: Callable[..., User], at_once: Callable[..., list[bool]]
) -> None:
    """security.md 7: a closed lane admits none, however many come at the same moment."""
    user = make_user()
    assert sum(at_once(50, lambda: door.is_open(user))) == 5
    assert sum(at_once(20, lambda: door.is_open(user))) == 0


@pytest.mark.both_engines
def test_an_address_has_a_window(engine: str, door: Door, make_user: Callable[..., User]) -> None:
    """Fifty failures over any number of people close an address until its window ends."""
    people_ = [make_user(f"user{number}") for number in range(13)]
    opened = [door.is_open(user, address="192.0.2.7") for user in people_ for _ in range(4)]
    assert opened == [True] * 50 + [False] * 2
    assert door.is_open(people_[-1], address="192.0.2.8")
    assert door.is_open(people_[-1], NOW + timedelta(minutes=15), address="192.0.2.7")


def test_right_guesses_do_not_fill_an_address(door: Door, make_user: Callable[..., User]) -> None:
    """A whole shop signs in from one address."""
    user = make_user()
    for _ in range(60):
        guess = door.gate(user, address="192.0.2.7")
        with transaction():
            guess.succeeded()
    row = rate_limit_rows.ip_failures(rate_limits.SIGN_IN, "192.0.2.7", NOW)
    assert row is not None
    assert row.count == 0


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("unix:", "unix:"),
    ],
)
def test_an_ipv6_subscriber_is_one_place(address: str, place: str) -> None:
    """2^64 addresses are one subscriber's."""
    assert rate_limits.place_of(address) == place


def test_client_secrets_have_a_window_of_their_own(settings: Settings, door: Door, make_user: Callable[..., User]) -> None:
    """O21-05: wrong secrets close an address for secrets, not for people."""
    for _ in range(50):
        rate_limits.count_client_failure(settings, "192.0.2.7", NOW)
    with pytest.raises(TooMany):
        rate_limits.count_client_failure(settings, "192.0.2.7", NOW)
    assert door.is_open(make_user(), address="192.0.2.7")
    rate_limits.count_client_failure(settings, "192.0.2.7", NOW + timedelta(minutes=15))


def test_a_guess_within_a_transaction_is_a_mistake(door: Door) -> None:
    """The count must be committed before the check."""
    with pytest.raises(RuntimeError), transaction():
        door.gate(None)
