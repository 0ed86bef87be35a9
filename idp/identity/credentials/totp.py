"""Codes of authenticator apps (RFC 6238): SHA-1, six digits, 30 seconds, secrets of 160 bits (S14).

``check`` is pure and says what a code is; ``accept`` spends it. No code is accepted twice (RFC 6238 §5.2): there is one row
for every step that was used or named by a hint (S58), inserted once, and shared by sign-in, step-up and set-up.
"""

import base64
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

import pyotp

from idp import clock, crypto, normal_forms
from idp.config import Settings
from idp.db import transaction
from idp.errors import Invalid, say
from idp.identity.credentials.authenticator_entry import AppEntry, without_colons
from idp.store import rate_limits, remembered_devices, sealed, users
from idp.store import totp as store_totp
from idp.store.users import User

STEP = 30
LONGEST_TYPED = 100
WINDOW = 1
DRIFT = 20
"""Steps (ten minutes) within which a phone's clock is called fast or slow."""
HOUR = 120
"""Steps in an hour: a wrong time zone is off by whole hours."""
TIME_ZONES = 14
SECRET_BYTES = 20
LEAST_SECRET_BYTES = 14
"""112 bits (NIST SP 800-63B-4 §3.1.4): fewer are refused when a secret is brought along."""


@dataclass(frozen=True)
class Right:
    """The current code; ``step`` must still be spent by ``accept``."""

    step: int


@dataclass(frozen=True)
class AlreadyUsed:
    """A code that matches, but was used (S57)."""

    step: int


@dataclass(frozen=True)
class Elsewhere:
    """The code of another moment (S58): never accepted. ``seconds``: how far the phone is ahead (+) or behind (−)."""

    step: int
    seconds: int


@dataclass(frozen=True)
class Wrong:
    """No code of this secret."""


Check = Right | AlreadyUsed | Elsewhere | Wrong


def new_secret() -> str:
    """Return 160 random bits as 32 characters of base32."""
    return base64.b32encode(crypto.random_bytes(SECRET_BYTES)).decode()


def normal_secret(typed: str) -> str:
    """Return an imported secret in the form that is sealed. Raises ``Invalid`` for ``totp_secret``."""
    plain = normal_forms.typed_code(typed).replace("=", "").upper()
    try:
        raw = base64.b32decode(plain + "=" * (-len(plain) % 8))
    except ValueError as error:
        raise Invalid("totp_secret", say("The secret is not base32: letters A–Z and digits 2–7.")) from error
    if len(raw) < LEAST_SECRET_BYTES:
        raise Invalid("totp_secret", say("The secret is too short: it needs at least 112 bits, and 160 are better."))
    return plain


def uri(secret: str, issuer: str, label: str) -> str:
    """Return the ``otpauth:`` address of the QR code. Its label has one colon, whatever the names contain."""
    prefix, account = (quote(without_colons(name), safe="") for name in (issuer, label))
    return f"otpauth://totp/{prefix}:{account}?secret={secret}&issuer={prefix}"


def grouped(secret: str) -> str:
    """Return the secret in groups of four, to be typed (S19)."""
    return " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))


def step_at(now: datetime) -> int:
    """Return the number of a moment's time step."""
    return clock.epoch_seconds(now) // STEP


def check(secret: str, code: str, now: datetime, spent: Collection[int] = ()) -> Check:
    """Judge ``code`` at ``now``. ``spent``: steps that were used or named by a hint. Pure.

    Every candidate is compared in constant time, so the time does not tell which one matched.
    """
    digits = normal_forms.typed_code(code[:LONGEST_TYPED])
    if not re.fullmatch(r"[0-9]{6}", digits):
        return Wrong()
    current = step_at(now)
    near = _fitting(secret, digits, range(current - WINDOW, current + WINDOW + 1))
    fresh = [step for step in near if step not in spent]
    if fresh:
        return Right(fresh[0])
    return AlreadyUsed(near[0]) if near else _elsewhere(secret, digits, current, spent)


def check_each(
    secrets: Mapping[str, str], code: str, now: datetime, spent: Mapping[str, Collection[int]]
) -> tuple[str, Check]:
    """Judge ``code`` against the secrets of several apps, by their ids. Returns the best result, and whose it is. Pure.

    Every secret is compared with the code, so neither the time nor the answer tells which app it was from.
    """
    found = [(totp_id, check(secret, code, now, spent.get(totp_id, ()))) for totp_id, secret in secrets.items()]
    return min(found, key=_rank)


def _rank(found: tuple[str, Check]) -> tuple[int, int]:
    result = found[1]
    away = abs(result.seconds) if isinstance(result, Elsewhere) else 0
    return (Right, AlreadyUsed, Elsewhere, Wrong).index(type(result)), away


def spent_around(organisation_id: str, apps: Mapping[str, int], now: datetime) -> dict[str, set[int]]:
    """Return the spent steps that ``check`` compares at ``now``, by authenticator.

    ``apps``: the step up to which all are spent, by authenticator.
    """
    current, widest = step_at(now), TIME_ZONES * HOUR + WINDOW
    used = store_totp.used_steps(organisation_id, list(apps), current - widest, current + widest)
    found = {totp_id: set(range(current - widest, until + 1)) for totp_id, until in apps.items()}
    for totp_id, step in used:
        found[totp_id].add(step)
    return found


def _elsewhere(secret: str, digits: str, current: int, spent: Collection[int]) -> Check:
    """Return the nearest other moment that the code matches: off by some minutes, or by whole hours give or take a step."""
    minutes = [offset for offset in range(-DRIFT, DRIFT + 1) if abs(offset) > WINDOW]
    hours = [sign * hour * HOUR + slip for hour in range(1, TIME_ZONES + 1) for sign in (-1, 1) for slip in (0, -1, 1)]
    for offsets in (sorted(minutes, key=abs), hours):
        found = _fitting(secret, digits, (current + offset for offset in offsets))
        if found and found[0] in spent and found[0] < current:  # typed again a little later; a hint names steps ahead
            return AlreadyUsed(found[0])
        if found:
            return Elsewhere(found[0], (found[0] - current) * STEP)
    return Wrong()


def _fitting(secret: str, digits: str, steps: Iterable[int]) -> list[int]:
    app = pyotp.TOTP(secret)
    fits = [(step, crypto.same(str(app.generate_otp(step)), digits)) for step in steps if step > 0]
    return [step for step, fit in fits if fit]


def accept(organisation_id: str, totp_id: str, step: int, now: datetime) -> bool:
    """Spend a ``Right`` step of an active authenticator, once over all nodes. Returns False if another request was first."""
    with transaction():
        is_active = store_totp.note_totp_use(organisation_id, totp_id, now)
        return is_active and store_totp.use_step(organisation_id, totp_id, step, now)


def spend_named(organisation_id: str, totp_id: str, step: int, now: datetime) -> bool:
    """Spend a step that a hint named (S58), or one of an authenticator that is being set up (S20)."""
    with transaction():
        return store_totp.use_step(organisation_id, totp_id, step, now)


def seal_secret(settings: Settings, organisation_id: str, totp_id: str, secret: str) -> bytes:
    """Return the secret as its row keeps it, bound to that row."""
    return bytes(sealed.TOTP.seal(settings.ring, totp_id, secret.encode()))


def open_secret(settings: Settings, totp: store_totp.Totp) -> str:
    """Return the secret of a row. Raises ``Unreadable``."""
    return sealed.TOTP.open(settings.ring, totp.id, totp.sealed_secret).decode()


def move_to_current_key(settings: Settings, totp: store_totp.Totp) -> bool:
    """Seal the secret again with the current key, within the transaction. Returns False if it already is."""
    return sealed.TOTP.reseal_row(settings.ring, totp)


@dataclass(frozen=True)
class NewApp:
    """An authenticator app that is to take effect.

    ``number``: 0 replaces all of the user's apps. With another number it replaces the app ``replaces``, or is added beside
    the others. ``entry``: None if another system showed the secret. ``name``: the person's own, or empty.
    """

    totp_id: str
    secret: str
    entry: AppEntry | None = None
    number: int = 0
    replaces: str = ""
    name: str = ""

    @property
    def is_further(self) -> bool:
        """Whether it replaces nothing."""
        return bool(self.number) and not self.replaces


def activate(settings: Settings, user: User, new: NewApp, now: datetime) -> bool:
    """Put an authenticator app to use (S22), within the caller's transaction. Codes, audit and mail are the caller's.

    An administrator's reset is answered (S47). If the app replaces another one, trust in devices ends (S40), and failures
    and a lockout end with the secret that they were about. Returns False if its place was taken or left a moment ago.
    """
    organisation_id, user_id = user.organisation_id, user.id
    users.change_user(organisation_id, user_id, must_set_up_since=None, has_factor=True)
    if not new.is_further:
        rate_limits.clear_auth_failures(organisation_id, user_id, "totp")
        if not store_totp.remove_totp(organisation_id, user_id, now, totp_id=new.replaces or None) and new.replaces:
            return False
        remembered_devices.revoke_devices(organisation_id, user_id, now)
    return store_totp.add_totp(
        organisation_id=organisation_id,
        id=new.totp_id,
        user_id=user_id,
        sealed_secret=seal_secret(settings, organisation_id, new.totp_id, new.secret),
        active_since=now,
        issuer=new.entry.issuer if new.entry else "",
        label=new.entry.label if new.entry else "",
        number=new.number or 1,
        name=new.name,
    )
