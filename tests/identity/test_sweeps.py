"""What the sweeps may delete, and what a busy hasher postpones."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from idp.config import Settings
from idp.db import transaction
from idp.errors import Busy
from idp.identity.credentials import passwords
from idp.identity.lockout import rate_limits
from idp.store import rate_limits as rate_limit_rows
from idp.store import users
from idp.store.organisations import Organisation
from idp.store.users import User

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def test_old_failures_are_swept_and_recent_ones_stay(
    settings: Settings, organisation: Organisation, make_user: Callable[..., User]
) -> None:
    """I7: only a success or time lowers a counter."""
    user = make_user()

    def guess(at: datetime) -> None:
        rate_limits.gate(settings, rate_limits.Guess.at(user, "totp", browser_id="", address="192.0.2.7"), at)

    guess(NOW)
    with transaction():
        assert rate_limit_rows.sweep_auth_failures(NOW, NOW, 1000) == 0
    assert len(rate_limit_rows.auth_failures_of(organisation.id, user.id)) == 2
    later = NOW + timedelta(days=30)
    with transaction():
        rate_limit_rows.sweep_auth_failures(later, later, 1000)
    assert rate_limit_rows.auth_failures_of(organisation.id, user.id) == []


def test_a_busy_hasher_postpones_the_rehash(
    bare_settings: Callable[..., Settings], settings: Settings, make_user: Callable[..., User]
) -> None:
    """A busy hasher must not fail a sign-in. The next sign-in makes the hash."""
    costs = {"argon2_memory_kib": 128, "argon2_passes": 1, "hash_patience_seconds": 0.01}
    raised, user = bare_settings(passwords=costs), make_user(password="a long enough secret")
    with raised.hasher.slot():
        passwords.rehash_if_outdated(raised, user, "a long enough secret")
    same = users.user(user.organisation_id, user.id)
    assert same is not None
    assert same.password_hash == user.password_hash


def test_a_busy_hasher_asks_to_try_again(bare_settings: Callable[..., Settings]) -> None:
    """security.md: each core makes one hash at a time. Other requests wait briefly and are then told to try again."""
    busy = bare_settings(passwords={"argon2_memory_kib": 64, "argon2_passes": 1, "hash_patience_seconds": 0.01})
    with busy.hasher.slot(), pytest.raises(Busy) as refused, busy.hasher.slot():
        raise AssertionError("two slots on one core")
    assert refused.value.retry_after > 0
