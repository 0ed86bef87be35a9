"""Rate limits on guesses."""

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
from tests.drivers.guesses import NOW, Guesses
from tests.identity.conftest import CLI


@pytest.fixture
def guesses(settings: Settings, organisation: Organisation) -> Guesses:
    """Return a driver that makes guesses in the organisation."""
    return Guesses(settings, organisation.id)


def _wait(refused: pytest.ExceptionInfo[TooMany]) -> int:
    return refused.value.retry_after


def test_four_failures_are_free_and_then_the_wait_doubles(guesses: Guesses, make_user: Callable[..., User]) -> None:
    """ASVS 6.3.1: the delay grows from the fifth failure on."""
    user, at, waits = make_user(), NOW, []
    for _ in range(4):
        assert guesses.is_open(user, at)
    for _ in range(11):
        assert guesses.is_open(user, at)
        with pytest.raises(TooMany) as refused:
            guesses.gate(user, at)
        waits.append(_wait(refused) - 1)
        at += timedelta(seconds=_wait(refused))
    assert waits == [2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]


def test_an_unknown_name_is_throttled_with_the_same_words(guesses: Guesses, make_user: Callable[..., User]) -> None:
    """security.md 18: throttling does not reveal whether an account exists."""
    user = make_user()
    for who in (user, None):
        for _ in range(5):
            guesses.gate(who)
    answers = []
    for who in (user, None):
        with pytest.raises(TooMany) as refused:
            guesses.gate(who)
        answers.append((refused.value.message, refused.value.retry_after))
    assert answers[0] == answers[1]
    assert guesses.is_open(None, typed="somebody else")


def test_a_right_guess_clears_the_lane(guesses: Guesses, make_user: Callable[..., User]) -> None:
    """I7: a success resets a counter."""
    user = make_user()
    for _ in range(4):
        guesses.gate(user)
    guess = guesses.gate(user)
    with transaction():
        guess.succeeded()
    assert [guesses.is_open(user) for _ in range(6)] == [True] * 5 + [False]


def test_each_authenticator_has_its_own_counter(guesses: Guesses, make_user: Callable[..., User]) -> None:
    """Wrong codes do not close the password, and wrong passwords do not close the codes."""
    user = make_user()
    for _ in range(5):
        guesses.gate(user, authenticator="totp")
    assert not guesses.is_open(user, authenticator="totp")
    assert guesses.is_open(user, authenticator="password")


def _known_browser(organisation: Organisation, user: User) -> str:
    browser = Browser(id=crypto.new_id(), digest=crypto.random_bytes(32), created_at=NOW, last_seen_at=NOW)
    with transaction():
        add(browser)
        browsers.note_session(browser.id, organisation.id, user.id, user.username, NOW)
    return browser.id


def test_guesses_elsewhere_do_not_close_a_known_browser(
    guesses: Guesses, organisation: Organisation, make_user: Callable[..., User]
) -> None:
    """N63-13: the victim can still sign in while an attacker guesses."""
    user, stranger = make_user(), crypto.new_id()
    known = _known_browser(organisation, user)
    for _ in range(30):
        guesses.is_open(user, browser_id=stranger)
    assert not guesses.is_open(user, browser_id=stranger)
    assert guesses.is_open(user, browser_id=known)


def test_a_known_browser_is_throttled_too(
    guesses: Guesses, organisation: Organisation, make_user: Callable[..., User]
) -> None:
    """The lane of a known browser has a limit as well."""
    user = make_user()
    known = _known_browser(organisation, user)
    assert [guesses.is_open(user, browser_id=known) for _ in range(6)] == [True] * 5 + [False]


def test_a_lockout_closes_the_authenticator_in_every_lane(
    guesses: Guesses, organisation: Organisation, make_user: Callable[..., User]
) -> None:
    """NIST SP 800-63B-4 §3.2.2: a hundred failures in a row lock the authenticator. Time does not unlock it. One mail and
    one audit row are written.
    """
    make_user("owner", role="owner")
    user = make_user(email="anna@shoes.example", email_verified=True)
    known = _known_browser(organisation, user)
    at = guesses.fail_until(user, 100) + timedelta(days=400)
    assert not guesses.is_open(user, at)
    assert not guesses.is_open(user, at, browser_id=known)
    assert guesses.is_open(user, at, authenticator="totp")
    assert [mail.template for mail in outbox.mails()] == ["locked"]
    locked = [row for row in audit_rows.rows(organisation.id) if row.event == audit.Event.ACCOUNT_LOCKED]
    assert [row.subject_id for row in locked] == [user.id]
    with transaction():
        rate_limit_rows.sweep_auth_failures(at, at, 1000)
    assert not guesses.is_open(user, at)


def test_failures_of_all_lanes_count_towards_the_lockout(
    guesses: Guesses, organisation: Organisation, make_user: Callable[..., User]
) -> None:
    """security.md 7: each user and authenticator has one counter."""
    user = make_user()
    known = _known_browser(organisation, user)
    at = guesses.fail_until(user, 99) + timedelta(hours=1)
    assert guesses.is_open(user, at, browser_id=known)
    assert not guesses.is_open(user, at + timedelta(hours=1), browser_id=known)


def test_a_right_guess_resets_only_its_own_lane(
    guesses: Guesses, organisation: Organisation, make_user: Callable[..., User]
) -> None:
    """If the user signs in each day, an attacker must not get another hundred guesses."""
    user = make_user()
    known = _known_browser(organisation, user)
    at = guesses.fail_until(user, 60) + timedelta(hours=1)
    guess = guesses.gate(user, at, browser_id=known)
    with transaction():
        guess.succeeded()
    common = rate_limit_rows.auth_failures(organisation.id, user.id, "password", rate_limit_rows.ALL_LANES)
    assert common is not None
    assert common.count == 60


def test_the_hundredth_guess_may_be_the_right_one(guesses: Guesses, make_user: Callable[..., User]) -> None:
    """The guess was admitted before the lockout, so a right one unlocks the authenticator."""
    user = make_user()
    at = guesses.fail_until(user, 99) + timedelta(hours=1)
    guess = guesses.gate(user, at)
    with transaction():
        guess.succeeded()
    assert guesses.is_open(user, at)


def test_an_administrator_clears_a_lockout(
    guesses: Guesses, settings: Settings, organisation: Organisation, make_user: Callable[..., User]
) -> None:
    """security.md: cleared by an administrator."""
    user = make_user()
    at = guesses.fail_until(user, 100)
    assert unlock.unlock(settings, organisation, user, CLI)
    assert guesses.is_open(user, at)
    unlock.unlock(settings, organisation, user, CLI)
    assert not unlock.unlock(settings, organisation, user, CLI)


@pytest.mark.both_engines
def test_fifty_concurrent_guesses_are_all_counted(
    engine: str, configure: Callable[..., Settings], organisation: Organisation, make_user: Callable[..., User],
    at_once: Callable[..., list[bool]],
) -> None:  # fmt: skip
    """T-04 (RFC 4226 §7.3): parallel guesses in separate sessions lose no count."""
    user, roomy = make_user(), configure(limits={"free_failures": 80})
    guesses = Guesses(roomy, organisation.id)
    assert sum(at_once(50, lambda: guesses.is_open(user))) == 50
    row = rate_limit_rows.auth_failures(organisation.id, user.id, "password", rate_limits.EVERYONE)
    common = rate_limit_rows.auth_failures(organisation.id, user.id, "password", rate_limit_rows.ALL_LANES)
    assert row is not None
    assert common is not None
    assert (row.count, common.count) == (50, 50)


@pytest.mark.both_engines
def test_fifty_concurrent_guesses_admit_at_most_five(
    engine: str, guesses: Guesses, make_user: Callable[..., User], at_once: Callable[..., list[bool]]
) -> None:
    """security.md 7: a closed lane admits no guess, however many come at the same moment."""
    user = make_user()
    assert sum(at_once(50, lambda: guesses.is_open(user))) == 5
    assert sum(at_once(20, lambda: guesses.is_open(user))) == 0


@pytest.mark.both_engines
def test_an_address_has_a_window(engine: str, guesses: Guesses, make_user: Callable[..., User]) -> None:
    """Fifty failures, over any number of users, close an address until its window ends."""
    people_ = [make_user(f"user{number}") for number in range(13)]
    opened = [guesses.is_open(user, address="192.0.2.7") for user in people_ for _ in range(4)]
    assert opened == [True] * 50 + [False] * 2
    assert guesses.is_open(people_[-1], address="192.0.2.8")
    assert guesses.is_open(people_[-1], NOW + timedelta(minutes=15), address="192.0.2.7")


def test_right_guesses_do_not_count_for_an_address(guesses: Guesses, make_user: Callable[..., User]) -> None:
    """A whole shop signs in from one address."""
    user = make_user()
    for _ in range(60):
        guess = guesses.gate(user, address="192.0.2.7")
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
def test_an_ipv6_prefix_is_limited_as_one_address(address: str, place: str) -> None:
    """One subscriber has 2^64 addresses."""
    assert rate_limits.place_of(address) == place


def test_client_secrets_have_a_window_of_their_own(
    settings: Settings, guesses: Guesses, make_user: Callable[..., User]
) -> None:
    """O21-05: wrong secrets close an address for client secrets, not for users."""
    for _ in range(50):
        rate_limits.count_client_failure(settings, "192.0.2.7", NOW)
    with pytest.raises(TooMany):
        rate_limits.count_client_failure(settings, "192.0.2.7", NOW)
    assert guesses.is_open(make_user(), address="192.0.2.7")
    rate_limits.count_client_failure(settings, "192.0.2.7", NOW + timedelta(minutes=15))


def test_a_guess_within_a_transaction_is_refused(guesses: Guesses) -> None:
    """The count must be committed before the check."""
    with pytest.raises(RuntimeError), transaction():
        guesses.gate(None)
