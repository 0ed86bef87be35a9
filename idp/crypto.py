"""Keep every use of randomness, digests, MACs, sealing and password hashing in this file.

No other module imports ``hashlib``, ``hmac``, ``secrets``, ``random`` or argon2 (a test checks it), so that a change of
primitive is a change here. Algorithms: SHA-256, HMAC-SHA-256, HKDF-SHA-256, AES-256-GCM, argon2id.
"""

import base64
import hashlib
import hmac
import json
import secrets
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from io import BufferedReader
from typing import Any

from argon2 import PasswordHasher, Type
from argon2.exceptions import HashingError, InvalidHashError, VerificationError
from argon2.low_level import hash_secret_raw
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from idp import metrics, timing
from idp.errors import Busy, Unreadable

ID_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
ID_LETTERS = ID_ALPHABET.encode() * 8
"""A letter for each byte, each letter as often as any other."""


def random_letters(count: int, alphabet: str) -> str:
    """Return ``count`` letters drawn evenly from ``alphabet`` by the system's generator."""
    return "".join(secrets.choice(alphabet) for _ in range(count))


def random_bytes(count: int) -> bytes:
    """Return ``count`` random bytes."""
    return secrets.token_bytes(count)


def new_id() -> str:
    """Return a row's id: 26 characters of base32 in lower case (RFC 4648 §6), 130 random bits. It is no secret."""
    return secrets.token_bytes(26).translate(ID_LETTERS).decode("ascii")


def new_secret() -> str:
    """Return 256 random bits as 43 characters of base64url: for bearer secrets."""
    return secrets.token_urlsafe(32)


def new_bearer(organisation_id: str) -> str:
    """Return a secret that names the organisation of its digest's row: ``<organisation_id>.<256 bits>``."""
    return f"{organisation_id}.{new_secret()}"


def organisation_id_of(bearer: str) -> str:
    """Return the organisation that a bearer secret names; empty if it names none. It proves nothing by itself."""
    organisation_id, dot, _ = bearer.partition(".")
    return (
        organisation_id
        if dot and len(organisation_id) == 26 and organisation_id.isascii() and organisation_id.isalnum()
        else ""
    )


def digest(purpose: str, value: str) -> bytes:
    """Return the stored form of a bearer secret: SHA-256 over purpose and value, so none works for another purpose."""
    return hashlib.sha256(f"{purpose}\0{value}".encode("utf-8", "surrogatepass")).digest()


def sha256(data: bytes) -> bytes:
    """Return plain SHA-256, for standards that ask for it (PKCE, at_hash) and the audit chain."""
    return hashlib.sha256(data).digest()


def sha256_of_file(stream: BufferedReader) -> str:
    """Return the plain SHA-256 of the rest of a file, in hex."""
    return hashlib.file_digest(stream, "sha256").hexdigest()


def sha1_hex(data: bytes) -> str:
    """Return SHA-1 in upper-case hex: only for the leaked-password lists, which are published in it."""
    return hashlib.sha1(data, usedforsecurity=False).hexdigest().upper()


def same(left: str | bytes, right: str | bytes) -> bool:
    """Compare in constant time."""
    one = left.encode("utf-8", "surrogatepass") if isinstance(left, str) else left
    two = right.encode("utf-8", "surrogatepass") if isinstance(right, str) else right
    return hmac.compare_digest(one, two)


def b64url(data: bytes) -> str:
    """Return base64url without padding (RFC 7515 §2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def from_b64url(text: str) -> bytes:
    """Return the bytes of base64url with or without padding. Raises ``Unreadable`` for anything else."""
    try:
        return base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError as error:
        raise Unreadable("not base64url") from error


def jws_header(token: str, longest: int) -> Mapping[str, Any]:
    """Return a JWS's header; empty where the token is longer, not well-formed, or has critical extensions."""
    if len(token) > longest or token.count(".") != 2 or not token.isascii():
        return {}
    try:
        header = json.loads(from_b64url(token.partition(".")[0]).decode())
    except (Unreadable, ValueError, RecursionError):
        return {}
    return header if isinstance(header, dict) and "crit" not in header else {}


class Ring:
    """Hold the sealing keys: the first one seals, all of them open.

    ``entries``: ``("2026-11", b"32 bytes")`` pairs. A new key goes in front; the oldest leaves last. Sealed blobs name their
    key, carry a random 96-bit nonce and are bound to their place (``"table:column:row"``). A blob that was moved to another
    row does not open.
    """

    def __init__(self, entries: Sequence[tuple[str, bytes]]) -> None:
        self._keys = {name: self._derive(key, b"seal") for name, key in entries}
        self._macs = [self._derive(key, b"mac") for _, key in entries]
        self._current = entries[0][0]

    @staticmethod
    def _derive(key: bytes, purpose: bytes) -> bytes:
        return HKDF(algorithm=SHA256(), length=32, salt=None, info=b"sleutel:" + purpose).derive(key)

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the keys; the first one seals."""
        return tuple(self._keys)

    def seal(self, plain: bytes, place: str) -> bytes:
        """Encrypt ``plain`` for ``place``."""
        nonce = secrets.token_bytes(12)
        box = AESGCM(self._keys[self._current]).encrypt(nonce, plain, place.encode())
        return mark(self._current) + nonce + box

    def open(self, blob: bytes, place: str) -> bytes:
        """Open a blob that was sealed for ``place``. Raises ``Unreadable``."""
        try:
            name = key_name(blob)
            start = 2 + blob[1]
            nonce, box = blob[start : start + 12], blob[start + 12 :]
            return AESGCM(self._keys[name]).decrypt(nonce, box, place.encode())
        except (IndexError, KeyError, ValueError, InvalidTag) as error:
            raise Unreadable("sealed blob does not open") from error

    def seal_json(self, value: Any, place: str) -> str:
        """Seal a JSON value as base64url text, for a column or a form field."""
        return b64url(self.seal(json.dumps(value, separators=(",", ":")).encode(), place))

    def open_json(self, text: str, place: str) -> Any:
        """Open a value of ``seal_json``. Raises ``Unreadable``."""
        return json.loads(self.open(from_b64url(text), place))

    def is_current(self, blob: bytes) -> bool:
        """Check if ``blob`` was sealed with the current key."""
        return blob.startswith(mark(self._current))

    def mac(self, purpose: str, message: str) -> str:
        """Return HMAC-SHA-256 under the current key, as base64url."""
        return b64url(self._mac(self._macs[0], purpose, message))

    def is_mac(self, mac: str, purpose: str, message: str) -> bool:
        """Check if any key of the ring made ``mac``. Tries each in constant time."""
        fits = [same(b64url(self._mac(key, purpose, message)), mac) for key in self._macs]
        return any(fits)

    def lookups(self, purpose: str, message: str) -> list[str]:
        """Return 64 hex characters to find rows about ``message`` by, under each key, the current one first.

        The first eight characters identify the key (``lookup_mark``), so rows of an old key can be counted.
        """
        return [self._lookup_mark(key) + self._mac(key, purpose, message)[:28].hex() for key in self._macs]

    @property
    def lookup_mark(self) -> str:
        """Return what every look-up value of the current key starts with."""
        return self._lookup_mark(self._macs[0])

    def _lookup_mark(self, key: bytes) -> str:
        return self._mac(key, "lookup", "mark")[:4].hex()

    @staticmethod
    def _mac(key: bytes, purpose: str, message: str) -> bytes:
        return hmac.new(key, f"{purpose}\0{message}".encode("utf-8", "surrogatepass"), "sha256").digest()


def mark(key: str) -> bytes:
    """Return the first bytes of every blob that the key of this name sealed."""
    name = key.encode()
    return bytes([1, len(name)]) + name


def text_marks(key: str) -> list[str]:
    """Return the possible first characters of such a blob as base64url. The last one also holds bits of the next byte."""
    begun = mark(key)
    length = -(-len(begun) * 8 // 6)
    return sorted({b64url(begun + bytes([following]))[:length] for following in range(256)})


def key_name(blob: bytes) -> str:
    """Return the name of the key that sealed ``blob``. Raises ``Unreadable`` if it is not a sealed blob."""
    if len(blob) < 2 or blob[0] != 1:
        raise Unreadable("not a sealed blob of a known version")
    return blob[2 : 2 + blob[1]].decode("utf-8", "replace")


def seal_with_passphrase(passphrase: str, plain: bytes, place: str) -> bytes:
    """Encrypt with a passphrase, bound to ``place``: salt, nonce and AES-256-GCM."""
    salt, nonce = secrets.token_bytes(16), secrets.token_bytes(12)
    return salt + nonce + AESGCM(_key_of(passphrase, salt)).encrypt(nonce, plain, place.encode())


def open_with_passphrase(passphrase: str, blob: bytes, place: str) -> bytes:
    """Open what ``seal_with_passphrase`` made. Raises ``Unreadable``."""
    salt, nonce, box = blob[:16], blob[16:28], blob[28:]
    try:
        return AESGCM(_key_of(passphrase, salt)).decrypt(nonce, box, place.encode())
    except (ValueError, InvalidTag, HashingError) as error:
        raise Unreadable("not sealed with this passphrase") from error


def _key_of(passphrase: str, salt: bytes) -> bytes:
    """Stretch a passphrase: argon2id as RFC 9106 §4 recommends it where memory is scarce (64 MiB, three passes)."""
    cost = {"time_cost": 3, "memory_cost": 65_536, "parallelism": 4, "hash_len": 32}
    return hash_secret_raw(passphrase.encode("utf-8", "surrogatepass"), salt, type=Type.ID, **cost)


class Hasher:
    """argon2id with bounded concurrency: each hash costs a core for tens of milliseconds and ``memory_kib`` of memory.

    A caller that verifies takes a ``slot`` first, *before* counting the guess, so that being busy costs nobody a guess.
    """

    def __init__(self, *, memory_kib: int, passes: int, slots: int, patience: float) -> None:
        self._argon2 = PasswordHasher(time_cost=passes, memory_cost=memory_kib, parallelism=1, type=Type.ID)
        self._cost = {"time_cost": passes, "memory_cost": memory_kib}
        self._slots = threading.BoundedSemaphore(slots)
        self._patience = patience

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Hold the right to hash once. Raises ``Busy`` if none is free in time."""
        with metrics.hash_waits(), timing.part("hash_wait"):
            is_free = self._slots.acquire(timeout=self._patience)
        if not is_free:
            raise Busy(detail="no hashing slot came free")
        try:
            with timing.part("hash"):
                yield
        finally:
            self._slots.release()

    def hash(self, password: str) -> str:
        """Return the PHC string of ``password``."""
        return self._argon2.hash(password.encode("utf-8", "surrogatepass"))

    def verify(self, phc: str, password: str) -> bool:
        """Check if ``password`` made ``phc``."""
        try:
            return self._argon2.verify(phc, password.encode("utf-8", "surrogatepass"))
        except (VerificationError, InvalidHashError):
            return False

    def is_outdated(self, phc: str) -> bool:
        """Check if the cost settings were raised since ``phc`` was made."""
        return self._argon2.check_needs_rehash(phc)

    def readable(self, phc: str) -> bool:
        """Check if ``phc`` is a usable argon2 hash (for hashes from other systems)."""
        try:
            self._argon2.check_needs_rehash(phc)
        except (InvalidHashError, ValueError):
            return False
        return phc.startswith("$argon2id$")

    @cached_property
    def decoy(self) -> str:
        """Return a hash that no password has. Verifying it for unknown accounts makes both answers take the same time."""
        return self.hash(new_secret())

    def stretch(self, value: str, salt: bytes) -> bytes:
        """Return 32 bytes of argon2id over ``value`` with a given salt: for secrets of less than 112 bits that are looked
        up.
        """
        return hash_secret_raw(value.encode(), salt, parallelism=1, hash_len=32, type=Type.ID, **self._cost)
