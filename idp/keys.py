"""Signing keys: made, sealed, rotated, and held ready in the process as key objects.

A key is *next* (published, not yet signing), *active* (one for each algorithm) or *retired* (published until what it signed
has expired). Relying apps keep copies of the key set, so nothing is signed with a key that was not published before.
Not here: what is signed (``oauth.tokens``).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey
from sqlalchemy.exc import SQLAlchemyError

from idp import clock, crypto, db
from idp.audit import Event, Origin, record, record_by
from idp.config import Settings
from idp.errors import Busy, Unreadable
from idp.identity import sensitive_changes
from idp.identity.sensitive_changes import SigningKeys
from idp.store import signing_keys
from idp.store.sealed import SIGNING_KEYS
from idp.store.signing_keys import SigningKey

ALGORITHMS = ("ES256", "RS256")
RSA_BITS = 3072
PUBLISHED_BEFORE_USE = timedelta(seconds=60)
"""A next key signs no sooner than this after its publication: every process has read it by then."""
RELOAD_AFTER = timedelta(seconds=5)
"""How long a process may go without looking whether another one rotated."""
NOBODY = Origin()
LONGEST_TOKEN = 16_384
"""Characters; anything longer is refused unread."""

Private = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True)
class Verified:
    """A JWT whose signature one of our published keys made. Its claims are not judged yet."""

    header: Mapping[str, Any]
    claims: Mapping[str, Any]

    @property
    def type(self) -> str:
        """``typ`` in lower case, without the ``application/`` that RFC 7515 §4.1.9 lets be left out."""
        return str(self.header.get("typ", "")).lower().removeprefix("application/")


@dataclass(frozen=True)
class Rotation:
    """What ``rotate`` did for one algorithm: ``published``, ``waiting`` (the next key is too fresh) or ``activated``."""

    alg: str
    what: str
    kid: str


@dataclass(frozen=True)
class _Held:
    kid: str
    alg: str
    key: ECKey | RSAKey
    may_sign: bool = True
    """False where only the public half is there: the private one does not open."""


@dataclass(frozen=True)
class _Shelf:
    """All published keys of a moment; replaced as a whole, so that threads see either the old or the new."""

    read_at: datetime
    held: Mapping[str, _Held]
    active: Mapping[str, _Held]
    jwks: bytes


def state_of(row: SigningKey) -> str:
    """``next``, ``active``, ``retired`` or ``withdrawn``."""
    if row.withdrawn_at is not None:
        return "withdrawn"
    if row.retired_at is not None:
        return "retired"
    return "next" if row.active_at is None else "active"


def is_complete() -> bool:
    """Whether every algorithm has an active key."""
    return {row.alg for row in signing_keys.published_keys() if state_of(row) == "active"} == set(ALGORITHMS)


def ensure(settings: Settings, *, with_next: bool = True) -> None:
    """Make what is missing: an active key for each algorithm and, ``with_next``, the one that follows it."""
    wanted = ("active", "next") if with_next else ("active",)
    there = {(row.alg, state_of(row)) for row in signing_keys.published_keys()}
    for alg in ALGORITHMS:
        for state in wanted:
            if (alg, state) not in there:
                _publish(settings, alg, active=state == "active")


def rotate(settings: Settings, origin: Origin = NOBODY) -> list[Rotation]:
    """Let each next key become the active one and publish its successor; withdraw what signed nothing that still lives."""
    sensitive_changes.require(SigningKeys("active"), SigningKeys("next"))
    done = [_rotate(settings, alg, origin) for alg in ALGORITHMS]
    _withdraw(settings, clock.now())
    return done


def _rotate(settings: Settings, alg: str, origin: Origin) -> Rotation:
    now = clock.now()
    following = [row for row in signing_keys.published_keys() if row.alg == alg and state_of(row) == "next"]
    if not following:
        return Rotation(alg, "published", _publish(settings, alg, active=False))
    chosen = following[0]
    if chosen.created_at > now - PUBLISHED_BEFORE_USE:
        return Rotation(alg, "waiting", chosen.kid)
    with db.transaction():
        signing_keys.retire_active(alg, now)
        signing_keys.change_key(chosen.kid, active_at=now)
        record_by(origin, Event.KEY_ROTATED, data={"kid": chosen.kid, "alg": alg})
    if len(following) == 1:
        _publish(settings, alg, active=False)
    return Rotation(alg, "activated", chosen.kid)


def _withdraw(settings: Settings, now: datetime) -> None:
    # ID tokens come back as hints for as long as a login may last; access tokens live far shorter.
    with db.transaction():
        signing_keys.withdraw_retired(now - timedelta(hours=settings.lifetimes.login_hours + 1), now)


def _publish(settings: Settings, alg: str, *, active: bool) -> str:
    """A new key, sealed and published; where another process made the active one meanwhile, that one stays."""
    private = _generate(alg)
    key = _key_object(private, "", alg)
    kid = str(key.thumbprint())
    der = private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    now = clock.now()
    with db.transaction():
        made = signing_keys.insert_key(
            kid=kid,
            alg=alg,
            sealed_private=SIGNING_KEYS.seal(settings.ring, kid, der),
            public=_key_object(private, kid, alg).as_dict(private=False),
            created_at=now,
            active_at=now if active else None,
        )
        if made:
            record(Event.KEY_MADE, data={"kid": kid, "alg": alg})
    return kid


def _generate(alg: str) -> Private:
    if alg == "ES256":
        return ec.generate_private_key(ec.SECP256R1())
    return rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)


def _key_object(private: Private, kid: str, alg: str) -> ECKey | RSAKey:
    members: Any = {"alg": alg, "use": "sig"} | ({"kid": kid} if kid else {})
    if isinstance(private, ec.EllipticCurvePrivateKey):
        return ECKey(private, private, members)
    return RSAKey(private, private, members)


def _held(settings: Settings, row: SigningKey) -> _Held:
    """Return the key as an object. One that does not open cannot sign, but its public half still verifies."""
    try:
        return _open(settings, row)
    except Unreadable:
        public: Any = ECKey.import_key(row.public) if row.alg == "ES256" else RSAKey.import_key(row.public)
        return _Held(row.kid, row.alg, public, may_sign=False)


def _open(settings: Settings, row: SigningKey) -> _Held:
    der = SIGNING_KEYS.open(settings.ring, row.kid, row.sealed_private)
    # Validating an RSA key again costs 60 ms; this one is ours and came out of an authenticated seal.
    private = load_der_private_key(der, None, unsafe_skip_rsa_key_validation=True)
    if not isinstance(private, Private):
        raise TypeError(f"signing key {row.kid} is of an unknown kind")
    return _Held(row.kid, row.alg, _key_object(private, row.kid, row.alg))


class KeyRing:
    """The published keys, held as objects: no key is parsed in a request, but for the first after a rotation."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._shelf = _Shelf(clock.EPOCH, {}, {}, b"")
        self._is_refreshed_elsewhere = False

    def sign(self, alg: str, claims: Mapping[str, Any], typ: str = "JWT") -> str:
        """A signed JWT (RFC 7519) by the active key of ``alg``; raises ``Busy`` while there is none that opens."""
        held = self._fresh().active.get(alg)
        if held is None:
            raise Busy(detail=f"no active {alg} key opens")
        header = {"alg": alg, "kid": held.kid, "typ": typ}
        return jwt.encode(header, dict(claims), held.key, [alg])

    def verify(self, token: str) -> Verified | None:
        """The token, if one of our published keys signed it with its own algorithm; ``jwk``, ``jku``, ``x5u`` are not read.

        RFC 8725 §3.1: the algorithm is the key's, never the header's choice.
        """
        kid = _kid_of(token)
        held = self._fresh().held.get(kid) if kid else None
        if held is None:
            return None
        try:
            found = jwt.decode(token, held.key, [held.alg])
        except (JoseError, ValueError, RecursionError, TypeError):
            return None
        return Verified(found.header, found.claims)

    def jwks(self) -> bytes:
        """The JSON Web Key Set (RFC 7517 §5) as ready bytes: public members only."""
        return self._fresh().jwks

    def is_ready(self) -> bool:
        """Whether every algorithm has an active key that opens.

        This reads the database: keys in memory say nothing about what is stored.
        """
        self.refresh()
        return set(self._shelf.active) == set(ALGORITHMS)

    def refresh(self) -> None:
        """Read the published keys from the database now."""
        self._shelf = self._read(clock.now())

    def serve_from_memory(self) -> None:
        """From now on somebody else calls ``refresh`` every ``RELOAD_AFTER``, and no request reads keys by itself."""
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
        held = {row.kid: self._shelf.held.get(row.kid) or _held(self._settings, row) for row in rows}
        active = {row.alg: held[row.kid] for row in rows if state_of(row) == "active" and held[row.kid].may_sign}
        jwks = json.dumps({"keys": [row.public for row in rows]}, separators=(",", ":")).encode()
        return _Shelf(now, held, active, jwks)


def _kid_of(token: str) -> str:
    """The ``kid`` of a token's header; empty where it is no bounded, well-formed JWS or has critical extensions."""
    if len(token) > LONGEST_TOKEN or token.count(".") != 2 or not token.isascii():
        return ""
    try:
        header = json.loads(crypto.from_b64url(token.partition(".")[0]))
    except (Unreadable, ValueError, RecursionError):
        return ""
    if not isinstance(header, dict) or "crit" in header:
        return ""
    kid = header.get("kid")
    return kid if isinstance(kid, str) else ""
