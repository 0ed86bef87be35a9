"""Recovery codes (S24, S42): twelve of 70 random bits, kept as argon2id under one salt a set, each working once."""

from collections.abc import Sequence
from datetime import datetime

from idp import crypto
from idp.config import Settings
from idp.db import outside_transaction, transaction
from idp.identity.short_codes import Shape
from idp.store import rate_limits, recovery_codes

COUNT = 12
CODE = Shape(letters=14, group=7)


def new_codes() -> list[str]:
    """Return twelve codes as they are shown: ``abcdefg-hijkmnp``."""
    return [CODE.shown(CODE.draw()) for _ in range(COUNT)]


def new_salt() -> bytes:
    """Return a salt for a set."""
    return crypto.random_bytes(16)


@outside_transaction
def stretch_all(settings: Settings, codes: Sequence[str], salt: bytes) -> list[bytes]:
    """Return what is stored of codes. Slow: one argon2id each, so hold a slot of the hasher."""
    return [settings.hasher.stretch(CODE.read(code), salt) for code in codes]


def put(organisation_id: str, user_id: str, salt: bytes, digests: Sequence[bytes], now: datetime) -> str:
    """Replace the user's recovery codes and clear failed attempts. Returns the new set's id."""
    with transaction():
        recovery_codes.remove_recovery_set(organisation_id, user_id, now)
        rate_limits.clear_auth_failures(organisation_id, user_id, "recovery")
        row = recovery_codes.RecoverySet(
            organisation_id=organisation_id, id=crypto.new_id(), user_id=user_id, salt=salt, created_at=now
        )
        recovery_codes.add_recovery_set(row, list(digests))
        return row.id


@outside_transaction
def digest_of(settings: Settings, recovery_set: recovery_codes.RecoverySet | None, typed: str) -> bytes | None:
    """Return what would be stored of an entered code; None if it does not have the shape. One argon2id: hold a slot.

    A user without a set costs the same time as one with.
    """
    code = CODE.read(typed)
    salt = recovery_set.salt if recovery_set else bytes(16)
    stretched = settings.hasher.stretch(code, salt)
    return stretched if code and recovery_set else None


def burn(organisation_id: str, set_id: str, digest: bytes, now: datetime) -> bool:
    """Spend a code. Returns True once for each code, however many try it concurrently (S42)."""
    with transaction():
        return recovery_codes.burn_recovery_code(organisation_id, set_id, digest, now)


def left_locked(organisation_id: str, set_id: str) -> int:
    """Return how many codes of a set still work, and let nobody else spend one until the transaction ends (S44)."""
    recovery_codes.lock_recovery_set(organisation_id, set_id)
    return recovery_codes.unspent_recovery_codes(organisation_id, set_id)
