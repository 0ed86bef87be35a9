"""Make, seal, rotate and cache signing keys.

A key is *next* (published, not yet signing), *active* (one for each algorithm) or *retired* (published until what it signed
has expired). Apps keep copies of the key set, so only a key that was published before signs. Not here: what is signed
(``oauth.tokens``).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from idp import clock, crypto, db
from idp.audit import Event, Origin, record
from idp.config import Settings
from idp.db import outside_transaction
from idp.errors import Busy
from idp.identity import sensitive_changes
from idp.identity.sensitive_changes import SigningKeys
from idp.key_material import HeldKey, held_key, new_key
from idp.store import signing_keys
from idp.store.signing_keys import SigningKey

ALGORITHMS = ("ES256", "RS256")
JWKS_SECONDS = 30
"""Apps may keep the key set this long (``max-age``)."""
RELOAD_AFTER = timedelta(seconds=5)
"""A process checks at least this often whether another one rotated."""
PUBLISHED_BEFORE_USE = timedelta(seconds=2 * JWKS_SECONDS)
"""A next key signs no sooner than this after its publication: by then every process has read it, and every copy of the key
set that an app may still use has it.
"""
LONGEST_TOKEN = 32_768
"""Characters; a longer token is refused unread."""


@dataclass(frozen=True)
class Verified:
    """Hold the contents of a JWT that one of our published keys signed. Its claims are not checked yet."""

    header: Mapping[str, Any]
    claims: Mapping[str, Any]

    @property
    def type(self) -> str:
        """Return ``typ`` in lower case, without the ``application/`` that RFC 7515 §4.1.9 makes optional."""
        return str(self.header.get("typ", "")).lower().removeprefix("application/")


@dataclass(frozen=True)
class Rotation:
    """Tell what ``rotate`` did for one algorithm: ``published``, ``waiting`` (the next key is too new) or ``activated``."""

    alg: str
    what: str
    kid: str


@dataclass(frozen=True)
class _Shelf:
    """Hold all published keys of a moment. It is replaced as a whole, so threads see either the old or the new."""

    read_at: datetime
    held: Mapping[str, HeldKey]
    active: Mapping[str, HeldKey]
    jwks: bytes


def state_of(row: SigningKey) -> str:
    """Return ``next``, ``active``, ``retired`` or ``withdrawn``."""
    if row.withdrawn_at is not None:
        return "withdrawn"
    if row.retired_at is not None:
        return "retired"
    return "next" if row.active_at is None else "active"


def is_complete() -> bool:
    """Check if every algorithm has an active key."""
    return {row.alg for row in signing_keys.published_keys() if state_of(row) == "active"} == set(ALGORITHMS)


def ensure(settings: Settings, *, with_next: bool = True) -> None:
    """Make the missing keys: an active one for each algorithm and, ``with_next``, its successor.

    Only the very first keys of an installation sign at once: no app can have a copy of the key set without them. Later, if
    no key is active, a published one is put to use.
    """
    if not signing_keys.all_keys():
        _make_first(settings)
    for alg in ALGORITHMS:
        rows = _published(alg)
        is_there = any(state_of(row) == "active" for row in rows) or _repair(rows, clock.now())
        if (with_next or not is_there) and not any(state_of(row) == "next" for row in _published(alg)):
            _publish(settings, alg, active=False)


def _published(alg: str) -> list[SigningKey]:
    return [row for row in signing_keys.published_keys() if row.alg == alg]


def _make_first(settings: Settings) -> None:
    """Make the first active keys in one transaction: a crash in between leaves none or all."""
    made = [new_key(settings, alg) for alg in ALGORITHMS]
    with db.transaction():
        for columns in made:
            _insert(columns, active=True)


def _repair(rows: Sequence[SigningKey], now: datetime) -> bool:
    """Activate a key that apps have known for long enough: the next one, else the one that was retired last."""
    following = [row for row in rows if state_of(row) == "next" and _is_known(row, now)]
    retired = [row for row in rows if row.retired_at is not None]
    for row in (*following, *sorted(retired, key=lambda row: row.retired_at or now, reverse=True)):
        if _put_to_use(row, None, None, Origin()):
            return True
    return False


def _is_known(row: SigningKey, now: datetime) -> bool:
    """Check if a key was published so long ago that every copy of the key set in use has it."""
    return row.created_at <= now - PUBLISHED_BEFORE_USE


def rotate(settings: Settings, origin: Origin) -> list[Rotation]:
    """Activate each next key and publish its successor; withdraw keys whose last signature has expired."""
    sensitive_changes.require(SigningKeys("active"), SigningKeys("next"))
    done = [_rotate(settings, alg, origin) for alg in ALGORITHMS]
    _withdraw(settings, clock.now())
    return done


def _rotate(settings: Settings, alg: str, origin: Origin) -> Rotation:
    rows = _published(alg)
    following = [row for row in rows if state_of(row) == "next"]
    if not following:
        return Rotation(alg, "published", _publish(settings, alg, active=False))
    chosen = following[0]
    if not _is_known(chosen, clock.now()):
        return Rotation(alg, "waiting", chosen.kid)
    active = next((row for row in rows if state_of(row) == "active"), None)
    successor = new_key(settings, alg) if len(following) == 1 else None
    if not _put_to_use(chosen, active, successor, origin):
        return _rotate(settings, alg, origin)  # another process just rotated: its next key has to wait
    return Rotation(alg, "activated", chosen.kid)


class _Lost(Exception):
    """Another process changed a key first."""


@outside_transaction
def _put_to_use(chosen: SigningKey, active: SigningKey | None, successor: Mapping[str, Any] | None, origin: Origin) -> bool:
    """Let ``chosen`` sign instead of ``active`` and publish ``successor``. Returns False if another process was first.

    Each key changes by one conditional statement in one transaction, so no algorithm is ever without an active key. Must run
    outside any transaction, since losing rolls back.
    """
    now = clock.now()
    try:
        with db.transaction():
            if active is not None and not signing_keys.retire(active.kid, now):
                raise _Lost
            if not signing_keys.put_to_use(chosen.kid, now):
                raise _Lost
            record(origin, Event.KEY_ROTATED, data={"kid": chosen.kid, "alg": chosen.alg})
            if successor is not None:
                _insert(successor, active=False)
    except (_Lost, IntegrityError):  # the unique index on the active key of an algorithm
        return False
    return True


def _withdraw(settings: Settings, now: datetime) -> None:
    # ID tokens come back as hints for as long as a session may last; access tokens live far shorter.
    with db.transaction():
        signing_keys.withdraw_retired(now - timedelta(hours=settings.lifetimes.login_hours + 1), now)


def _publish(settings: Settings, alg: str, *, active: bool) -> str:
    """Make and publish a key. If another process made the active one first, that one stays."""
    columns = new_key(settings, alg)
    with db.transaction():
        _insert(columns, active=active)
    return str(columns["kid"])


def _insert(columns: Mapping[str, Any], *, active: bool) -> None:
    now = clock.now()
    if signing_keys.insert_key(**columns, created_at=now, active_at=now if active else None):
        record(Origin(), Event.KEY_MADE, data={"kid": columns["kid"], "alg": columns["alg"]})


class KeyRing:
    """Hold the published keys as objects: no request parses a key, except the first one after a rotation."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._shelf = _Shelf(clock.EPOCH, {}, {}, b"")
        self._is_refreshed_elsewhere = False

    def sign(self, alg: str, claims: Mapping[str, Any], typ: str = "JWT") -> str:
        """Return a signed JWT (RFC 7519) by the active key of ``alg``. Raises ``Busy`` if none opens."""
        held = self._fresh().active.get(alg)
        if held is None:
            raise Busy(detail=f"no active {alg} key opens")
        return held.sign(claims, typ)

    def verify(self, token: str) -> Verified | None:
        """Return the token if one of our published keys signed it. ``jwk``, ``jku``, ``x5u`` are not read.

        RFC 8725 §3.1: the algorithm is the key's, never the header's choice.
        """
        header = crypto.jws_header(token, LONGEST_TOKEN)
        kid = header.get("kid")
        held = self._fresh().held.get(kid) if isinstance(kid, str) else None
        if held is None or header.get("alg") != held.alg or not held.has_signed(token):
            return None
        return Verified(header, json.loads(crypto.from_b64url(token.split(".")[1]).decode()))

    def jwks(self) -> bytes:
        """Return the JSON Web Key Set (RFC 7517 §5) as bytes: public members only."""
        return self._fresh().jwks

    def is_ready(self) -> bool:
        """Check if every algorithm has an active key that opens.

        This reads the database: keys in memory do not show what is stored.
        """
        self.refresh()
        return set(self._shelf.active) == set(ALGORITHMS)

    def refresh(self) -> None:
        """Read the published keys from the database now."""
        self._shelf = self._read(clock.now())

    def serve_from_memory(self) -> None:
        """Serve keys from memory: the caller runs ``refresh`` every ``RELOAD_AFTER``, and no request reads keys."""
        self._is_refreshed_elsewhere = True

    def _fresh(self) -> _Shelf:
        if self._is_refreshed_elsewhere and self._shelf.jwks:
            return self._shelf
        if abs(clock.now() - self._shelf.read_at) > RELOAD_AFTER:
            self._refresh_if_possible()
        return self._shelf

    def _refresh_if_possible(self) -> None:
        """Keep the last keys while the database is away: apps must be able to verify what they were given before."""
        try:
            self.refresh()
        except SQLAlchemyError:
            if not self._shelf.jwks:
                raise

    def _read(self, now: datetime) -> _Shelf:
        if not is_complete():
            ensure(self._settings, with_next=False)
        rows = signing_keys.published_keys()
        held = {row.kid: self._shelf.held.get(row.kid) or held_key(self._settings, row) for row in rows}
        active = {row.alg: held[row.kid] for row in rows if state_of(row) == "active" and held[row.kid].may_sign}
        jwks = json.dumps({"keys": [row.public for row in rows]}, separators=(",", ":")).encode()
        return _Shelf(now, held, active, jwks)
