"""Recovery codes and remembered devices."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp import crypto
from idp.config import Settings
from idp.db import transaction
from idp.errors import NotFound
from idp.identity.credentials import recovery_codes, remembered_devices
from idp.identity.organisations.settings import OrganisationSettings
from idp.identity.short_codes import ALPHABET
from idp.store import recovery_codes as code_rows
from idp.store import remembered_devices as device_rows
from idp.store.users import User
from tests.identity.conftest import CLI

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
CODES = st.text(alphabet=ALPHABET, min_size=14, max_size=14)


def test_there_are_twelve_codes_of_seventy_bits_without_look_alikes() -> None:
    """S24: two groups of seven of 32 characters."""
    codes = recovery_codes.new_codes()
    assert len(set(codes)) == 12
    assert len(set(ALPHABET)) == 32
    assert not set("lo01") & set(ALPHABET)
    for code in codes:
        first, second = code.split("-")
        assert (len(first), len(second)) == (7, 7)
        assert set(first + second) <= set(ALPHABET)


@given(CODES, st.booleans(), st.sampled_from(["", "-", " ", " - ", "–", "\u00a0", "‐"]), st.sampled_from(["", " ", "\n"]))
def test_case_hyphen_and_spaces_do_not_matter(code: str, upper: bool, between: str, around: str) -> None:
    """S42."""
    typed = f"{around}{code[:7]}{between}{code[7:]}{around}"
    assert recovery_codes.CODE.read(typed.upper() if upper else typed) == code


@given(st.text(max_size=40))
def test_text_without_the_form_of_a_code_is_none(typed: str) -> None:
    """S42: normalising returns a code or None. A normalised code stays as it is."""
    found = recovery_codes.CODE.read(typed)
    assert found == "" or (len(found) == 14 and set(found) <= set(ALPHABET))
    assert recovery_codes.CODE.read(found) == found


def test_a_misread_character_is_read_as_its_look_alike() -> None:
    """No code contains 1 or l, so they can only stand for an i."""
    assert recovery_codes.CODE.read("1bcdefg-ljkmnpq") == "ibcdefgijkmnpq"
    assert recovery_codes.CODE.read("I" * 14) == "i" * 14
    assert recovery_codes.CODE.read("a" * 1000) == ""


@pytest.fixture
def anna(make_user: Callable[..., User]) -> User:
    """Create a user."""
    return make_user()


def _give(settings: Settings, user: User) -> tuple[list[str], code_rows.RecoverySet]:
    codes, salt = recovery_codes.new_codes(), recovery_codes.new_salt()
    recovery_codes.put(user.organisation_id, user.id, salt, recovery_codes.stretch_all(settings, codes, salt), NOW)
    active = code_rows.active_recovery_set(user.organisation_id, user.id)
    assert active is not None
    return codes, active


def test_any_code_works_once_in_any_order(settings: Settings, anna: User) -> None:
    """S42."""
    codes, active = _give(settings, anna)
    for left, code in zip(range(11, -1, -1), reversed(codes), strict=True):
        digest = recovery_codes.digest_of(settings, active, code.upper())
        assert digest is not None
        assert recovery_codes.burn(active.organisation_id, active.id, digest, NOW)
        assert not recovery_codes.burn(active.organisation_id, active.id, digest, NOW)
        assert code_rows.unspent_recovery_codes(active.organisation_id, active.id) == left


@pytest.mark.both_engines
def test_twenty_concurrent_uses_of_a_code_accept_one(
    engine: str, settings: Settings, anna: User, at_once: Callable[..., list[bool]]
) -> None:
    """S42, I2: the same code is sent twenty times at the same moment."""
    codes, active = _give(settings, anna)
    digest = recovery_codes.digest_of(settings, active, codes[3])
    assert digest is not None
    assert sum(at_once(20, lambda: recovery_codes.burn(active.organisation_id, active.id, digest, NOW))) == 1


def test_a_new_set_of_codes_replaces_the_old_one(settings: Settings, anna: User) -> None:
    """S22, S28."""
    old_codes, old = _give(settings, anna)
    _, new = _give(settings, anna)
    digest = recovery_codes.digest_of(settings, new, old_codes[0])
    assert digest is not None
    assert not recovery_codes.burn(new.organisation_id, new.id, digest, NOW)
    assert new.id != old.id


def test_a_user_without_codes_costs_the_same_work(settings: Settings) -> None:
    """The work is done for every user, so the time reveals nothing."""
    assert recovery_codes.digest_of(settings, None, recovery_codes.new_codes()[0]) is None


def test_codes_are_stored_only_as_digests(settings: Settings, anna: User, tmp_path: object) -> None:
    """S21: the database does not contain the codes that were shown."""
    codes, active = _give(settings, anna)
    digests = recovery_codes.stretch_all(settings, codes, active.salt)
    assert all(recovery_codes.CODE.read(code).encode() not in digest for code, digest in zip(codes, digests, strict=True))


def test_trust_is_for_one_device_and_one_user(settings: Settings, anna: User, make_user: Callable[..., User]) -> None:
    """S40: another device, or another user of this one, needs the second factor."""
    bob, device, terms = make_user("bob"), crypto.new_secret(), OrganisationSettings()
    remembered_devices.remember(settings, terms, anna, device, "Firefox on Windows", NOW)
    assert remembered_devices.trust(anna.organisation_id, anna.id, device, NOW)
    assert not remembered_devices.trust(anna.organisation_id, bob.id, device, NOW)
    assert not remembered_devices.trust(anna.organisation_id, anna.id, crypto.new_secret(), NOW)
    assert not remembered_devices.trust(anna.organisation_id, anna.id, "", NOW)


def test_trust_ends_thirty_days_after_the_tick(settings: Settings, anna: User) -> None:
    """S38: the time of the last use does not matter."""
    device = crypto.new_secret()
    remembered_devices.remember(settings, OrganisationSettings(), anna, device, "", NOW)
    remembered_devices.note_use(anna.organisation_id, anna.id, device, NOW + timedelta(days=29))
    assert remembered_devices.trust(anna.organisation_id, anna.id, device, NOW + timedelta(days=30, seconds=-1))
    assert not remembered_devices.trust(anna.organisation_id, anna.id, device, NOW + timedelta(days=30))


def test_an_organisation_may_shorten_trust(settings: Settings, anna: User) -> None:
    """security.md, lifetimes."""
    device = crypto.new_secret()
    terms = OrganisationSettings(remember_device_days=3)
    remembered_devices.remember(settings, terms, anna, device, "", NOW)
    assert not remembered_devices.trust(anna.organisation_id, anna.id, device, NOW + timedelta(days=3))


def test_users_see_and_revoke_only_their_own_devices(settings: Settings, anna: User, make_user: Callable[..., User]) -> None:
    """S40."""
    bob, terms = make_user("bob"), OrganisationSettings()
    first = remembered_devices.remember(settings, terms, anna, "one", "Firefox", NOW)
    remembered_devices.remember(settings, terms, anna, "two", "Chrome", NOW + timedelta(hours=1))
    assert [device.label for device in remembered_devices.devices_of(anna, NOW)] == [
        "Chrome",
        "Firefox",
    ]
    with pytest.raises(NotFound):
        remembered_devices.revoke(bob.organisation_id, bob.id, first, CLI)
    remembered_devices.revoke(anna.organisation_id, anna.id, first, CLI)
    assert [device.label for device in remembered_devices.devices_of(anna, NOW)] == ["Chrome"]
    with transaction():
        assert device_rows.revoke_devices(anna.organisation_id, anna.id, NOW) == 1
    assert remembered_devices.devices_of(anna, NOW) == []
