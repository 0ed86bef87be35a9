"""Compare, choose and change passwords."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from idp import clock, config
from idp.config import Settings
from idp.crypto import Hasher
from idp.db import transaction
from idp.errors import Message
from idp.identity.assurance import Proof
from idp.identity.credentials import new_passwords, passwords
from idp.identity.credentials.passwords import NewPassword
from idp.identity.organisations.settings import OrganisationSettings, settings_of
from idp.identity.sessions import sessions
from idp.identity.sessions.sessions import Place
from idp.identity.users.status import Kept
from idp.records import changed
from idp.store import outbox, users
from idp.store.organisations import Organisation
from idp.store.users import User
from tests.identity.conftest import CLI

GOOD = "a long enough secret"


def fresh(user: User) -> User:
    """Return the user as the database has it now."""
    found = users.user(user.organisation_id, user.id)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("stored", "typed", "fits"),
    [
        (GOOD, GOOD, True),
        (GOOD, GOOD.upper(), False),
        (GOOD, f" {GOOD}", False),
        (GOOD, f"{GOOD} ", False),
        ("a  long  enough  secret", GOOD, False),
        ("caf\u00e9 au lait, s'il", "cafe\u0301 au lait, s'il", True),
        ("\ufb01ne long password", "fine long password", True),
        ("пароль достаточно", "пароль достаточно", True),
        ("🐘🐘🐘🐘🐘🐘🐘🐘🐘🐘🐘🐘", "🐘🐘🐘🐘🐘🐘🐘🐘🐘🐘🐘🐘", True),
        ("x" * 256, "x" * 256, True),
        ("x" * 256, "x" * 257, False),
        ("x" * 256, "x" * 100_000, False),
        (GOOD, "", False),
    ],
)
def test_a_password_is_normalised_to_nfkc_and_nothing_else(
    settings: Settings, make_user: Callable[..., User], stored: str, typed: str, fits: bool
) -> None:
    """security.md, Unicode passwords: NFKC is applied before hashing. V6.2.8: passwords are not truncated."""
    assert passwords.verify(settings, make_user(password=stored), typed) is fits


def test_no_password_matches_a_missing_or_disabled_user(settings: Settings, make_user: Callable[..., User]) -> None:
    """security.md 18, 19: there is no user, the user has no password, or the user is disabled."""
    assert not passwords.verify(settings, None, "")
    assert not passwords.verify(settings, None, GOOD)
    assert not passwords.verify(settings, make_user("without"), "")
    user = make_user("disabled", password=GOOD)
    user = changed(user, disabled_at=clock.now())
    assert not passwords.verify(settings, user, GOOD)


class CountingHasher(Hasher):
    """The real hasher, which also counts its verifications. An attacker could measure the time of each."""

    verified = 0

    def verify(self, phc: str, password: str) -> bool:
        self.verified += 1
        return super().verify(phc, password)


def test_the_work_is_the_same_for_unknown_users(settings: Settings) -> None:
    """security.md 18: a known, an unknown and a disabled user, and one without a password, all cost one hash."""
    hasher = CountingHasher(memory_kib=64, passes=1, slots=1, patience=1)
    watched = settings.model_copy()
    watched.__dict__["hasher"] = hasher
    hashed = passwords.hash_of(watched, GOOD)
    user = User(password_hash=hashed, disabled_at=None, password_expires_at=None)
    disabled = User(password_hash=hashed, disabled_at=clock.now(), password_expires_at=None)
    empty = User(password_hash=None, disabled_at=None, password_expires_at=None)
    for number, who in enumerate((user, None, disabled, empty), start=1):
        assert not passwords.verify(watched, who, "wrong")
        assert hasher.verified == number
    assert not hasher.is_outdated(hasher.decoy)


def test_a_one_time_password_expires(settings: Settings, make_user: Callable[..., User]) -> None:
    """S49."""
    with time_machine.travel(datetime(2026, 3, 1, tzinfo=UTC), tick=False) as moment:
        user = changed(make_user(password=GOOD), password_expires_at=clock.now() + timedelta(hours=24))
        moment.shift(timedelta(hours=24) - timedelta(seconds=1))
        assert passwords.verify(settings, user, GOOD)
        moment.shift(1)
        assert not passwords.verify(settings, user, GOOD)


def test_a_sign_in_rehashes_after_the_cost_was_raised(settings: Settings, make_user: Callable[..., User]) -> None:
    """security.md: the password is rehashed at sign-in."""
    user = make_user(password=GOOD)
    before = user.password_hash
    passwords.rehash_if_outdated(settings, user, GOOD)
    assert fresh(user).password_hash == before
    raised = config.make({**settings.model_dump(), "passwords": {"argon2_memory_kib": 128, "argon2_passes": 1}})
    passwords.rehash_if_outdated(raised, user, GOOD)
    after = fresh(user)
    assert after.password_hash != before
    assert "m=128" in str(after.password_hash)
    assert passwords.verify(raised, after, GOOD)


def _refusal(settings: Settings, password: str, *, least: int = 12, has_factor: bool = False) -> Message | None:
    user = User(username="anna.devries", email="av@shoes.example", name="Anna de Vries")
    terms = OrganisationSettings(password_min_length=least)
    return passwords.unacceptable(settings, terms, user, "Example Shoes", password, has_factor)


@pytest.mark.parametrize(
    ("password", "word"),
    [
        ("short", "at least"),
        ("elevenchars", "at least"),
        ("x" * 257, "at most"),
        ("password1234", "leaked"),
        ("qwertyuiop123", "leaked"),
        ("anna.devries", "your name"),
        ("Anna-DeVries-1", "your name"),
        ("ExampleShoes1", "your name"),
        ("examplEShoes!!", "your name"),
        ("sleutelsleutel", "your name"),
    ],
)
def test_a_weak_password_is_refused_with_the_reason(settings: Settings, password: str, word: str) -> None:
    """S33, V6.2.1, V6.2.4, V6.2.11, V6.2.12."""
    refusal = _refusal(settings, password)
    assert refusal is not None
    assert word in refusal.key


@pytest.mark.parametrize(
    "password",
    [
        "my example shoes are red",
        "aaaaaaaaaaaaa of anna",
        "correct horse battery",
        "геройски спи вечно",
        "            spaces",
        "🐘🦒🐘🦒🐘🦒🐘🦒🐘🦒🐘🦒",
        "y" * 200 + " and so on",
    ],
)
def test_no_composition_rules_apply(settings: Settings, password: str) -> None:
    """V6.2.5: a password may consist of any characters."""
    assert _refusal(settings, password) is None


def test_length_counts_characters_and_depends_on_a_second_factor(settings: Settings) -> None:
    """security.md: 8 with a second factor, else the organisation's minimum. Code points are counted, not bytes."""
    assert _refusal(settings, "zgq mw vt", has_factor=True) is None
    assert _refusal(settings, "zgq mw vt") is not None
    assert _refusal(settings, "🐘🦒🐘🦒", has_factor=True) is not None
    assert _refusal(settings, "zgq mw vt pdl", least=15) is not None
    assert _refusal(settings, "zgq mw vt pdl kk", least=15) is None


def test_a_password_change_ends_other_sessions_and_notifies(
    settings: Settings, organisation: Organisation, make_user: Callable[..., User]
) -> None:
    """S40, S51, security.md 17: the session that changes the password continues."""
    user = make_user(email="anna@shoes.example", email_verified=True, password=GOOD)
    terms, now = settings_of(settings, organisation), clock.now()
    started = [sessions.start(settings, terms, user, [Proof("password", now)], Place(), now) for _ in range(3)]
    with transaction():
        users.change_user(user.organisation_id, user.id, must_change_password=True, password_expires_at=now)
    hashed = passwords.hash_of(settings, "another long secret")
    passwords.put(settings, user, NewPassword(hashed), CLI, Kept(started[0][0]))
    assert [sessions.current(cookie.value, now) is not None for _, cookie in started] == [True, False, False]
    after = fresh(user)
    assert (after.must_change_password, after.password_expires_at) == (False, None)
    assert passwords.verify(settings, after, "another long secret")
    assert not passwords.verify(settings, after, GOOD)
    assert [mail.template for mail in outbox.mails()] == ["password_changed"]


def test_hashing_within_a_transaction_is_refused(
    settings: Settings, organisation: Organisation, make_user: Callable[..., User]
) -> None:
    """design.md: no transaction is open during argon2."""
    user = make_user()
    with pytest.raises(RuntimeError), transaction():
        new_passwords.hashed(settings, organisation, user, GOOD, CLI, has_factor=False)
