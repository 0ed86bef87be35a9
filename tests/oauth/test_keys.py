"""Signing keys are made, sealed, and rotated without a failed verification."""

from datetime import timedelta

import pytest
from sqlalchemy import delete

from idp import db, key_material, keys
from idp.errors import Busy, Unreadable
from idp.statements import write
from idp.store import audit, signing_keys
from tests.factories import BY_TESTS


@pytest.fixture(autouse=True)
def _without_keys(database):
    """Delete the keys of the test database, as these tests begin before the first start."""
    with db.transaction():
        write(delete(signing_keys.SigningKey))


def states(alg):
    """Return the states of an algorithm's keys, oldest first."""
    return [keys.state_of(row) for row in signing_keys.all_keys() if row.alg == alg]


def test_keys_are_made_on_first_use_and_only_once(database, settings):
    """I8: each algorithm has at most one active key, however many processes start."""
    one, other = keys.KeyRing(settings), keys.KeyRing(settings)
    assert one.jwks() == other.jwks()
    assert one.is_ready()
    assert keys.is_complete()
    assert [states(alg) for alg in keys.ALGORITHMS] == [["active"], ["active"]]


def test_the_database_refuses_a_second_active_key(database, settings):
    """I8: this holds too if two processes look before either one writes."""
    keys.ensure(settings, with_next=False)
    keys._publish(settings, "ES256", active=True)
    assert states("ES256") == ["active"]


def test_private_keys_are_sealed_to_their_row(database, settings):
    """A key that is copied to another row, or read without the secret of the key ring, does not open."""
    keys.ensure(settings, with_next=False)
    row = next(row for row in signing_keys.all_keys() if row.alg == "ES256")
    assert not {"d", "p", "q"} & set(row.public)
    with pytest.raises(Unreadable):
        settings.ring.open(row.sealed_private, "signing_keys:sealed_private:another")


def test_rotation_publishes_keys_before_use_and_keeps_old_ones(database, settings, turned):
    """OC-13: a key is in the key set before it signs, and stays there after it is replaced."""
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


def test_a_new_key_waits_until_apps_can_know_it(database, settings, turned):
    """After two quick rotations, no key signs that apps do not know."""
    keys.ensure(settings)
    before = states("ES256")
    assert [done.what for done in keys.rotate(settings, BY_TESTS)] == ["waiting", "waiting"]
    assert states("ES256") == before == ["active", "next"]


def test_keys_are_audited(database, settings, turned):
    """I1: the audit log has a row for each key that is made and each one put to use."""
    before = len(audit.rows(""))
    keys.ensure(settings)
    turned.shift(61)
    keys.rotate(settings, BY_TESTS)
    events = [row.event for row in audit.rows("")[before:]]
    assert (events.count("key:made"), events.count("key:rotated")) == (6, 2)


def test_without_a_next_key_rotation_first_publishes_one(database, settings, turned):
    """The key of the first request stays active, and rotation publishes its successor."""
    keys.ensure(settings, with_next=False)
    assert [done.what for done in keys.rotate(settings, BY_TESTS)] == ["published", "published"]
    assert states("RS256") == ["active", "next"]


def test_a_retired_key_leaves_the_key_set_after_its_last_token(database, settings, turned):
    """Retired keys are withdrawn, and their tokens are no longer accepted, also those that were accepted before."""
    keys.ensure(settings)
    ring = keys.KeyRing(settings)
    old = ring.sign("ES256", {"a": 1})
    assert ring.verify(old) is not None
    turned.shift(61)
    keys.rotate(settings, BY_TESTS)
    turned.shift(timedelta(hours=settings.lifetimes.login_hours + 2))
    keys.rotate(settings, BY_TESTS)
    turned.shift(6)
    assert ring.verify(old) is None
    assert states("ES256") == ["withdrawn", "retired", "active", "next"]


def test_a_process_notices_another_processs_rotation(database, settings, turned):
    """A key ring reads the keys again after five seconds."""
    keys.ensure(settings)
    mine, theirs = keys.KeyRing(settings), keys.KeyRing(settings)
    mine.jwks()
    turned.shift(61)
    keys.rotate(settings, BY_TESTS)
    turned.shift(6)
    assert mine.verify(theirs.sign("RS256", {})) is not None


def token_with(header, ring):
    """Return one of our tokens with another header and the original signature."""
    import json

    from idp.crypto import b64url

    _, payload, signature = ring.sign("ES256", {"a": 1}).split(".")
    return f"{b64url(json.dumps(header).encode())}.{payload}.{signature}"


def test_tokens_with_hostile_headers_or_shapes_are_refused(database, settings):
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


def test_a_remembered_signature_proves_its_own_token_alone(database, settings, monkeypatch):
    """A right signature is checked once for each token; neither another token nor other claims profit from that."""
    monkeypatch.setattr(key_material, "MOST_VERIFIED", 2)
    ring = keys.KeyRing(settings)
    tokens = [ring.sign("ES256", {"a": number}) for number in range(5)]
    for number, token in enumerate(tokens * 2):
        assert ring.verify(token).claims == {"a": number % 5}
        header, payload, signature = token.split(".")
        other = tokens[(number + 1) % 5].split(".")
        for forged in (f"{header}.{other[1]}.{signature}", f"{header}.{payload}.{other[2]}", token[:-1]):
            assert ring.verify(forged) is None


def test_a_reload_keeps_the_same_key_objects(database, settings, turned):
    """performance.md: a request never parses a key again."""
    ring = keys.KeyRing(settings)
    ring.jwks()
    before = {kid: held.key for kid, held in ring._shelf.held.items()}
    turned.shift(6)
    ring.jwks()
    assert {kid: id(held.key) for kid, held in ring._shelf.held.items()} == {kid: id(key) for kid, key in before.items()}
    db.release()


def lose(*chosen):
    """Delete keys, as a restore from a backup or a manual change of the database may."""
    with db.transaction():
        write(delete(signing_keys.SigningKey).where(*chosen))


def test_keys_that_apps_cannot_know_yet_do_not_sign(database, settings, turned):
    """Without an active key, a brand-new next key signs only when apps could have read it."""
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


def test_an_algorithm_without_keys_waits_until_apps_can_know_one(database, settings, turned):
    """Only the very first keys of an installation sign at once."""
    keys.ensure(settings)
    lose(signing_keys.SigningKey.alg == "RS256")
    ring = keys.KeyRing(settings)
    with pytest.raises(Busy):
        ring.sign("RS256", {})
    assert not ring.is_ready()
    assert b"RS256" in ring.jwks()
    turned.shift(keys.PUBLISHED_BEFORE_USE)
    assert ring.sign("RS256", {})


def test_repair_prefers_the_next_key_then_the_last_retired_one(database, settings, turned):
    """Both keys are published, so apps know them."""
    keys.ensure(settings)
    turned.shift(61)
    keys.rotate(settings, BY_TESTS)
    retired, active, following = (row.kid for row in signing_keys.all_keys() if row.alg == "ES256")
    lose(signing_keys.SigningKey.kid == active)
    assert keys.KeyRing(settings).verify(keys.KeyRing(settings).sign("ES256", {})).header["kid"] == retired
    turned.shift(61)
    lose(signing_keys.SigningKey.kid == retired)
    assert keys.KeyRing(settings).verify(keys.KeyRing(settings).sign("ES256", {})).header["kid"] == following


def test_the_key_set_is_cached_for_less_time_than_a_key_waits(scene, ask):
    """An app that caches the key set must know a key before that key signs."""
    kept = ask("GET", "/oauth/jwks").headers["Cache-Control"]
    assert kept == f"public, max-age={keys.JWKS_SECONDS}"
    assert timedelta(seconds=keys.JWKS_SECONDS) + keys.RELOAD_AFTER <= keys.PUBLISHED_BEFORE_USE
