"""Signing keys: made, sealed, rotated without a failed verification."""

from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import delete

from idp import clock, db, keys
from idp.errors import Busy, Unreadable
from idp.statements import write
from idp.store import audit, signing_keys
from tests.factories import BY_TESTS


@pytest.fixture(autouse=True)
def _without_keys(database):
    """The test database comes with keys; these tests begin before the first start."""
    with db.transaction():
        write(delete(signing_keys.SigningKey))


@pytest.fixture
def turned():
    """A clock that only the test moves."""
    with time_machine.travel(clock.now(), tick=False) as traveller:
        yield traveller


def states(alg):
    """The states of an algorithm's keys, oldest first."""
    return [keys.state_of(row) for row in signing_keys.all_keys() if row.alg == alg]


def test_keys_are_made_on_first_use_and_only_once(database, settings):
    """I8: at most one active key per algorithm, however many processes start."""
    one, other = keys.KeyRing(settings), keys.KeyRing(settings)
    assert one.jwks() == other.jwks()
    assert one.is_ready()
    assert keys.is_complete()
    assert [states(alg) for alg in keys.ALGORITHMS] == [["active"], ["active"]]


def test_a_second_active_key_of_an_algorithm_is_not_stored(database, settings):
    """I8: the database itself refuses it, also where two processes look before either writes."""
    keys.ensure(settings, with_next=False)
    keys._publish(settings, "ES256", active=True)
    assert states("ES256") == ["active"]


def test_private_keys_are_sealed_to_their_row(database, settings):
    """A key copied to another row, or without the ring's secret, does not open."""
    keys.ensure(settings, with_next=False)
    row = next(row for row in signing_keys.all_keys() if row.alg == "ES256")
    assert not {"d", "p", "q"} & set(row.public)
    with pytest.raises(Unreadable):
        settings.ring.open(row.sealed_private, "signing_keys:sealed_private:another")


def test_rotation_publishes_before_use_and_fails_no_verification(database, settings, turned):
    """OC-13: the new key was in the key set before it signs, and the old one stays there."""
    keys.ensure(settings)
    ring = keys.KeyRing(settings)
    published = ring.jwks()
    old = ring.sign("ES256", {"a": 1})
    turned.shift(61)
    assert [done.what for done in keys.rotate(settings, BY_TESTS)] == ["activated", "activated"]
    turned.shift(6)
    new = ring.sign("ES256", {"a": 2})
    kid = ring.verify(new).header["kid"]
    assert kid != ring.verify(old).header["kid"]
    assert kid.encode() in published
    assert ring.verify(old).claims == {"a": 1}
    assert states("ES256") == ["retired", "active", "next"]


def test_a_fresh_next_key_waits_until_everybody_has_seen_it(database, settings, turned):
    """Two rotations at once do not sign with a key that no app knows."""
    keys.ensure(settings)
    before = states("ES256")
    assert [done.what for done in keys.rotate(settings, BY_TESTS)] == ["waiting", "waiting"]
    assert states("ES256") == before == ["active", "next"]


def test_keys_are_audited(database, settings, turned):
    """I1: the trail shows each key made and put to use."""
    before = len(audit.rows(""))
    keys.ensure(settings)
    turned.shift(61)
    keys.rotate(settings, BY_TESTS)
    events = [row.event for row in audit.rows("")[before:]]
    assert (events.count("key:made"), events.count("key:rotated")) == (6, 2)


def test_without_a_next_key_rotation_first_publishes_one(database, settings, turned):
    """What the first request made alone is completed, not replaced."""
    keys.ensure(settings, with_next=False)
    assert [done.what for done in keys.rotate(settings, BY_TESTS)] == ["published", "published"]
    assert states("RS256") == ["active", "next"]


def test_a_retired_key_leaves_the_key_set_when_nothing_it_signed_lives(database, settings, turned):
    """Retired keys are withdrawn, and their tokens are no tokens any more."""
    keys.ensure(settings)
    ring = keys.KeyRing(settings)
    old = ring.sign("ES256", {"a": 1})
    turned.shift(61)
    keys.rotate(settings, BY_TESTS)
    turned.shift(timedelta(hours=settings.lifetimes.login_hours + 2))
    keys.rotate(settings, BY_TESTS)
    turned.shift(6)
    assert ring.verify(old) is None
    assert states("ES256") == ["withdrawn", "retired", "active", "next"]


def test_a_process_notices_another_ones_rotation(database, settings, turned):
    """A ring reads again after five seconds."""
    keys.ensure(settings)
    mine, theirs = keys.KeyRing(settings), keys.KeyRing(settings)
    mine.jwks()
    turned.shift(61)
    keys.rotate(settings, BY_TESTS)
    turned.shift(6)
    assert mine.verify(theirs.sign("RS256", {})) is not None


def token_with(header, ring):
    """A token of ours whose header was replaced, signature kept."""
    import json

    from idp.crypto import b64url

    _, payload, signature = ring.sign("ES256", {"a": 1}).split(".")
    return f"{b64url(json.dumps(header).encode())}.{payload}.{signature}"


def test_hostile_headers_and_shapes_are_no_tokens(database, settings):
    """V9.1.2, V9.1.3: alg none, RSA/HMAC mix, jwk, jku, crit, unknown kid, nesting, size."""
    ring = keys.KeyRing(settings)
    good = ring.sign("ES256", {"a": 1})
    kid = ring.verify(good).header["kid"]
    headers = [
        {"alg": "none", "kid": kid},
        {"alg": "HS256", "kid": kid},
        {"alg": "RS256", "kid": kid},
        {"alg": "ES256", "kid": "../../dev/null"},
        {"alg": "ES256", "kid": 1},
        {"alg": "ES256"},
        {"alg": "ES256", "kid": kid, "crit": ["b64"], "b64": False},
        {"alg": "ES256", "kid": "x", "jwk": {"kty": "EC"}, "jku": "https://evil.example/keys"},
        ["ES256"],
    ]
    shapes = ["", ".", "..", "a.b.c", "é.é.é", good[:-4], good + ".x", "[" * 9000 + "..", "W" * 20000 + "..", good.upper()]
    for token in [*(token_with(header, ring) for header in headers), *shapes]:
        assert ring.verify(token) is None, token[:80]


def test_the_same_key_objects_are_kept_over_a_reload(database, settings, turned):
    """performance.md: no key is parsed again in a request."""
    ring = keys.KeyRing(settings)
    ring.jwks()
    before = {kid: held.key for kid, held in ring._shelf.held.items()}
    turned.shift(6)
    ring.jwks()
    assert {kid: id(held.key) for kid, held in ring._shelf.held.items()} == {kid: id(key) for kid, key in before.items()}
    db.release()


def lose(*chosen):
    """Delete keys, as a restore from a backup or a hand at the database may."""
    with db.transaction():
        write(delete(signing_keys.SigningKey).where(*chosen))


def test_keys_that_apps_cannot_know_yet_do_not_sign(database, settings, turned):
    """Issue 7.10: without an active key, and with a brand-new next one, nothing is signed until apps could read it."""
    keys.ensure(settings)
    ring = keys.KeyRing(settings)
    ring.jwks()
    lose(signing_keys.SigningKey.active_at.is_not(None))
    turned.shift(6)
    with pytest.raises(Busy):
        ring.sign("ES256", {})
    assert states("ES256") == ["next"]
    turned.shift(keys.PUBLISHED_BEFORE_USE)
    assert ring.sign("ES256", {})
    assert states("ES256") == ["active"]


def test_an_algorithm_without_any_key_waits_for_one_to_be_known(database, settings, turned):
    """Issue 7.10: only the very first keys of an installation sign at once."""
    keys.ensure(settings)
    lose(signing_keys.SigningKey.alg == "RS256")
    ring = keys.KeyRing(settings)
    with pytest.raises(Busy):
        ring.sign("RS256", {})
    assert not ring.is_ready()
    assert b"RS256" in ring.jwks()
    turned.shift(keys.PUBLISHED_BEFORE_USE)
    assert ring.sign("RS256", {})


def test_the_repair_prefers_the_next_key_and_else_the_one_retired_last(database, settings, turned):
    """Issue 7.10: both are published, so apps know them."""
    keys.ensure(settings)
    turned.shift(61)
    keys.rotate(settings, BY_TESTS)
    retired, active, following = (row.kid for row in signing_keys.all_keys() if row.alg == "ES256")
    lose(signing_keys.SigningKey.kid == active)
    assert keys.KeyRing(settings).verify(keys.KeyRing(settings).sign("ES256", {})).header["kid"] == retired
    turned.shift(61)
    lose(signing_keys.SigningKey.kid == retired)
    assert keys.KeyRing(settings).verify(keys.KeyRing(settings).sign("ES256", {})).header["kid"] == following


def test_apps_may_keep_the_key_set_for_less_than_a_key_waits(scene, ask):
    """Issue 7.10: the age in the header and the time before use are one figure."""
    kept = ask("GET", "/oauth/jwks").headers["Cache-Control"]
    assert kept == f"public, max-age={keys.JWKS_SECONDS}"
    assert timedelta(seconds=keys.JWKS_SECONDS) + keys.RELOAD_AFTER <= keys.PUBLISHED_BEFORE_USE
