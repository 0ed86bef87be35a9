"""Whether a password is known to have leaked (S31): the built-in list always, an offline file and a range service if set.

This check fails open and says so: a sign-in is never stopped because a list cannot be asked (S31). ``findings`` keeps what
was found of a user. Not here: refusing a new password (``new_passwords``).
"""

import sys
import unicodedata
from array import array
from bisect import bisect_left
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from threading import Lock

import structlog

from idp import crypto
from idp.config import Settings
from idp.db import outside_transaction
from idp.identity.credentials.leaked_passwords.file import File, Unusable, build_file, lines_of
from idp.identity.credentials.leaked_passwords.range_api import Down, service_at
from idp.on_use import OnUse

__all__ = ["File", "Lookup", "build_file", "lines_of", "look_up"]

frequency_lists = OnUse("zxcvbn.frequency_lists")
LIST, FILE, SERVICE = "list", "file", "service"

READING = Lock()
"""Held while the built-in list is read: a second thread must not import the library while the first one drops it."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Lookup:
    """What was found. ``source``: ``list``, ``file`` or ``service``, on a hit. ``is_down``: one could not be asked."""

    hit: bool
    source: str = ""
    is_down: bool = False


@outside_transaction
def look_up(settings: Settings, password: str) -> Lookup:
    """Look a password up everywhere, the cheapest first. Never raises. May take the network: no transaction open."""
    plain = unicodedata.normalize("NFKC", password)
    if is_common(plain):
        return Lookup(hit=True, source=LIST)
    sha1 = crypto.sha1_hex(plain.encode("utf-8", "surrogatepass"))
    in_file = _in_file(settings, sha1)
    if in_file:
        return Lookup(hit=True, source=FILE)
    known = _at_service(settings, sha1)
    if known:
        return Lookup(hit=True, source=SERVICE)
    return Lookup(hit=False, is_down=in_file is None or known is None)


def is_common(word: str) -> bool:
    """Check if a password is one of the most common ones, by the built-in list."""
    with READING:
        known = _common()
    short = _short_hash(word)
    place = bisect_left(known, short)
    return place < len(known) and known[place] == short


@cache
def _common() -> "array[int]":
    """Return sorted short hashes of the 30,000 most common passwords, a quarter of a megabyte.

    The library's lists take sixty times as much and are dropped. With 64 bits the chance that another password is taken for
    one of them is below one in 10¹⁴.
    """
    found = array("Q", sorted(_short_hash(word) for word in frequency_lists.FREQUENCY_LISTS["passwords"]))
    for name in [name for name in sys.modules if name.partition(".")[0] == "zxcvbn"]:
        del sys.modules[name]
    return found


def _short_hash(word: str) -> int:
    return int.from_bytes(crypto.sha256(word.casefold().encode("utf-8", "surrogatepass"))[:8])


def _in_file(settings: Settings, sha1: str) -> bool | None:
    """Look a hash up in the configured file. Returns None if the file cannot be read."""
    if not settings.leaked.file:
        return False
    path = settings.path(settings.leaked.file)
    try:
        stat = path.stat()
        return sha1 in _open(path, stat.st_mtime_ns, stat.st_ino)
    except (OSError, Unusable, ValueError) as error:
        log.warning("leaked_file_down", why=str(error))
        return None


@lru_cache(maxsize=2)
def _open(path: Path, changed_at: int, inode: int) -> File:
    """Map the file, once for as long as it stays the same. A newly imported file is taken up without a restart."""
    return File(path)


def _at_service(settings: Settings, sha1: str) -> bool | None:
    """Look a hash up at the configured service. Returns None if the service does not answer."""
    if not settings.leaked.range_service:
        return False
    try:
        return service_at(settings.leaked.range_service, settings.leaked.timeout_seconds).knows(sha1)
    except Down as error:
        log.warning("leaked_service_down", why=str(error))
        return None
