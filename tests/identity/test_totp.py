"""Codes of authenticator apps."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pyotp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp import clock, crypto
from idp.config import Settings
from idp.db import transaction
from idp.errors import Invalid, Unreadable
from idp.identity.credentials import totp
from idp.identity.credentials.totp import AlreadyUsed, Elsewhere, Right, Wrong
from idp.store import remembered_devices
from idp.store import totp as store_totp
from idp.store import users as user_rows
from idp.store.remembered_devices import RememberedDevice
from idp.store.users import User

NOW = datetime(2026, 3, 1, 12, 0, 10, tzinfo=UTC)
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
RFC_SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"


def code_at(moment: datetime, secret: str = SECRET) -> str:
    """Return the code that a phone with that clock shows."""
    return pyotp.TOTP(secret).at(moment)


@pytest.mark.parametrize(
    ("seconds", "code"),
    [(59, "287082"), (1111111109, "081804"), (1111111111, "050471"), (1234567890, "005924"), (20000000000, "353130")],
)
def test_codes_match_the_vectors_of_the_standard(seconds: int, code: str) -> None:
    """S14: RFC 6238 Appendix B, the last six digits."""
    now = clock.from_epoch(seconds)
    assert totp.check(RFC_SECRET, code, now) == Right(seconds // 30)


@pytest.mark.parametrize("offset", [-1, 0, 1])
def test_the_window_is_one_step_each_way(offset: int) -> None:
    """security.md: the current step ±1."""
    moment = NOW + timedelta(seconds=30 * offset)
    assert totp.check(SECRET, code_at(moment), NOW) == Right(totp.step_at(moment))


@pytest.mark.parametrize("offset", [-20, -2, 2, 3, 20])
def test_a_code_of_another_minute_is_refused_with_its_offset(offset: int) -> None:
    """S58: the page can say by how much the clock is wrong."""
    moment = NOW + timedelta(seconds=30 * offset)
    assert totp.check(SECRET, code_at(moment), NOW) == Elsewhere(totp.step_at(moment), 30 * offset)


@pytest.mark.parametrize("hours", [-14, -3, -1, 1, 2, 14])
@pytest.mark.parametrize("slip", [-1, 0, 1])
def test_a_code_of_another_zone_is_refused_with_its_offset(hours: int, slip: int) -> None:
    """S58: whole hours up to fourteen are recognised, with one step of tolerance."""
    moment = NOW + timedelta(hours=hours, seconds=30 * slip)
    assert totp.check(SECRET, code_at(moment), NOW) == Elsewhere(totp.step_at(moment), 3600 * hours + 30 * slip)


@pytest.mark.parametrize("away", [timedelta(minutes=11), timedelta(minutes=30), timedelta(hours=15), timedelta(days=1)])
def test_a_code_of_any_other_moment_is_wrong(away: timedelta) -> None:
    """S58: no other offset is recognised."""
    assert totp.check(SECRET, code_at(NOW - away), NOW) == Wrong()


@pytest.mark.parametrize("typed", ["", "12345", "1234567", "12345a", "１２３４５６", "12-345", "0x1234", "٠١٢٣٤٥"])
def test_text_that_is_no_code_is_wrong(typed: str) -> None:
    """S56: a code has six ASCII digits."""
    assert totp.check(SECRET, typed, NOW) == Wrong()


def test_spaces_in_a_code_do_not_matter() -> None:
    """Apps show codes as two groups of three."""
    code = code_at(NOW)
    assert isinstance(totp.check(SECRET, f" {code[:3]} {code[3:]}\n", NOW), Right)


def test_a_used_code_is_reported_as_used() -> None:
    """S57: this holds while the code would have been accepted, and for a short time after it."""
    step = totp.step_at(NOW)
    assert totp.check(SECRET, code_at(NOW), NOW, {step}) == AlreadyUsed(step)
    assert totp.check(SECRET, code_at(NOW), NOW + timedelta(minutes=2), {step}) == AlreadyUsed(step)


@pytest.mark.parametrize("ahead", [timedelta(hours=1), timedelta(days=400)])
def test_a_step_spent_by_a_fast_clock_blocks_no_other(ahead: timedelta) -> None:
    """RFC 6238 §5.2: each code works once. An accepted code does not affect those of other steps."""
    spent, step = {totp.step_at(NOW + ahead)}, totp.step_at(NOW)
    assert totp.check(SECRET, code_at(NOW), NOW, spent) == Right(step)
    assert totp.check(SECRET, code_at(NOW - timedelta(seconds=30)), NOW, {step}) == Right(step - 1)
    assert totp.check(SECRET, code_at(NOW), NOW, {*spent, step}) == AlreadyUsed(step)


@given(st.integers(min_value=60_000, max_value=2**33), st.integers(min_value=-2000, max_value=2000))
def test_exactly_the_codes_of_the_window_are_accepted(seconds: int, offset: int) -> None:
    """At every moment a code is accepted exactly within one step."""
    now = clock.from_epoch(seconds)
    step = totp.step_at(now) + offset
    code = str(pyotp.TOTP(SECRET).generate_otp(step)) if step > 0 else "none"
    result = totp.check(SECRET, code, now)
    if abs(offset) <= 1:
        assert isinstance(result, Right)
    elif isinstance(result, Right):  # two steps may show the same digits by chance
        assert str(pyotp.TOTP(SECRET).generate_otp(result.step)) == code


@pytest.mark.parametrize("whose", ["a", "b"])
@pytest.mark.parametrize(
    ("offset", "spent", "kind"), [(0, (), Right), (0, (0,), AlreadyUsed), (-120, (), Elsewhere), (99_999, (), Wrong)]
)
def test_a_code_is_judged_by_the_app_that_it_fits(whose: str, offset: int, spent: tuple[int, ...], kind: type) -> None:
    """S34, S57, S58: the best result of all apps counts, whichever stands first."""
    secrets, step = {"a": SECRET, "b": "MFRGGZDFMZTWQ2LKMFRGGZDFMZTWQ2LK"}, totp.step_at(NOW)
    code = str(pyotp.TOTP(secrets[whose]).generate_otp(step + offset))
    found, result = totp.check_each(secrets, code, NOW, {whose: [step + one for one in spent]})
    assert isinstance(result, kind)
    assert found == whose or kind is Wrong


def test_secrets_are_160_bits_and_shown_in_groups_of_four() -> None:
    """S14, S19."""
    secret = totp.new_secret()
    assert len(secret) == 32
    assert totp.grouped(secret).replace(" ", "") == secret
    assert {len(group) for group in totp.grouped(secret).split()} == {4}


def test_the_qr_code_names_issuer_and_label() -> None:
    """S26: an app compares both to overwrite its entry."""
    parts = urlsplit(totp.uri(SECRET, "Sleutel", "Example Shoes: anna"))
    assert parts.scheme == "otpauth"
    assert parse_qs(parts.query) == {"secret": [SECRET], "issuer": ["Sleutel"]}


@pytest.mark.parametrize("typed", ["", "not base32!", "JBSWY3DP", "1" * 32])
def test_a_short_or_broken_secret_is_refused(typed: str) -> None:
    """N63-10: a secret has at least 112 bits."""
    with pytest.raises(Invalid):
        totp.normal_secret(typed)


def _activate(settings: Settings, user: User) -> str:
    totp_id = crypto.new_id()
    with transaction():
        totp.activate(settings, user, totp.NewApp(totp_id, SECRET), NOW)
    return totp_id


@pytest.mark.both_engines
def test_twenty_concurrent_uses_of_a_totp_code_accept_one(
    engine: str, settings: Settings, make_user: Callable[..., User], at_once: Callable[..., list[bool]]
) -> None:
    """I2: the same code is sent twenty times at the same moment."""
    user = make_user()
    totp_id, step = _activate(settings, user), totp.step_at(NOW)
    won = at_once(20, lambda: totp.accept(user.organisation_id, totp_id, step, NOW))
    assert sum(won) == 1
    for other in (step - 1, step + 1):
        assert totp.accept(user.organisation_id, totp_id, other, NOW)
        assert not totp.accept(user.organisation_id, totp_id, other, NOW)


def test_a_refused_code_of_a_wrong_clock_is_spent(settings: Settings, make_user: Callable[..., User]) -> None:
    """S58: the page named the step in its hint, so its code is no longer accepted when its time comes."""
    user = make_user()
    totp_id, step = _activate(settings, user), totp.step_at(NOW)
    assert totp.spend_named(user.organisation_id, totp_id, step + 4, NOW)
    assert not totp.spend_named(user.organisation_id, totp_id, step + 4, NOW)
    assert not totp.accept(user.organisation_id, totp_id, step + 4, NOW)
    assert totp.accept(user.organisation_id, totp_id, step + 5, NOW)


def test_setting_up_again_replaces_the_secret_and_ends_trust(settings: Settings, make_user: Callable[..., User]) -> None:
    """S22, S28, S40, S47: the former secret and trust in devices are gone. A pending reset is done."""
    user = make_user()
    first = _activate(settings, user)
    with transaction():
        user_rows.change_user(user.organisation_id, user.id, must_set_up_since=NOW)
        remembered_devices.remember(
            RememberedDevice(
                organisation_id=user.organisation_id, user_id=user.id, digest=b"d" * 32, id=crypto.new_id(), label="",
                since=NOW, until=NOW + timedelta(days=30),
            )
        )  # fmt: skip
    second = _activate(settings, user)
    active = next(iter(store_totp.active_totps(user.organisation_id, user.id)), None)
    assert active is not None
    assert (active.id, totp.open_secret(settings, active)) == (second, SECRET)
    assert not totp.accept(user.organisation_id, first, totp.step_at(NOW), NOW)
    assert remembered_devices.devices_of(user.organisation_id, user.id, NOW) == []
    fresh = user_rows.user(user.organisation_id, user.id)
    assert fresh is not None
    assert fresh.must_set_up_since is None


def test_a_secret_moved_to_another_row_cannot_be_opened(settings: Settings, make_user: Callable[..., User]) -> None:
    """The seal is bound to its row, so swapped rows are noticed."""
    user = make_user()
    _activate(settings, user)
    active = next(iter(store_totp.active_totps(user.organisation_id, user.id)), None)
    assert active is not None
    other = store_totp.Totp(id=crypto.new_id(), sealed_secret=active.sealed_secret)
    with pytest.raises(Unreadable):
        totp.open_secret(settings, other)
