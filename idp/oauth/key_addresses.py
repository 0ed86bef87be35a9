"""Keep the key sets that clients publish at an address (``jwks_uri``, RFC 7591 §2), in this process, for some minutes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog

from idp import clock, db, outgoing
from idp.config import Settings
from idp.errors import Invalid
from idp.oauth import strict_json
from idp.oauth.client_key_sets import check_jwks
from idp.write_gate import leave_for_call

ACCEPT = {"Accept": "application/jwk-set+json, application/json"}
MOST_SETS = 1_000
FRESH = timedelta(minutes=10)
"""How long a fetched key set is used without asking again."""
PAUSE = timedelta(minutes=1)
"""Between two requests to one address, whatever key a JWT names: anybody can send a JWT."""
USABLE = timedelta(days=1)
"""How long the last good key set is used while its address does not answer."""

log = structlog.get_logger("oauth")
Jwk = Mapping[str, Any]


@dataclass(frozen=True)
class _Fetched:
    """A key set of an address: when it was asked last, and when it last gave these keys."""

    keys: tuple[Jwk, ...]
    asked_at: datetime
    given_at: datetime


class KeyAddresses:
    """The key sets of addresses."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._fetched: dict[str, _Fetched] = {}

    def keys_at(self, address: str, is_wanted: Callable[[Jwk], bool], *, only_public: bool = False) -> Sequence[Jwk]:
        """Return the keys of an address; fetched again if none is wanted, but once a minute at most.

        ``only_public``: not from an address that ``[outgoing] allow`` lists. What such a client asks delays no other one.
        Raises ``MustCall`` on an event loop, and in a thread that others need.
        """
        held, now = self._fetched.get(outgoing.kept_as(address, only_public=only_public)), clock.now()
        is_known = held is not None and any(map(is_wanted, held.keys))
        if held is not None and (now - held.asked_at < PAUSE or (is_known and now - held.given_at < FRESH)):
            return held.keys
        leave_for_call()
        db.release()
        return self._fetch(address, held, now, only_public=only_public)

    def held(self, address: str, *, only_public: bool = False) -> Sequence[Jwk]:
        """Return the keys of an address that are in memory."""
        held = self._fetched.get(outgoing.kept_as(address, only_public=only_public))
        return held.keys if held is not None else ()

    def _fetch(self, address: str, held: _Fetched | None, now: datetime, *, only_public: bool) -> Sequence[Jwk]:
        place = outgoing.kept_as(address, only_public=only_public)
        former = held if held is not None and now - held.given_at < USABLE else None
        # Noted before the answer: others do not ask at the same time, and a failure is not repeated at once.
        noted = _Fetched(former.keys if former else (), now, former.given_at if former else now - FRESH)
        outgoing.keep_newest(self._fetched, place, noted, MOST_SETS)
        try:
            answer = outgoing.get(self._settings, address, ACCEPT, only_public=only_public)
            keys = tuple(check_jwks("jwks_uri", strict_json.read(answer.body))["keys"]) if answer.status == 200 else ()
        except (outgoing.NoAnswer, Invalid, ValueError) as error:
            log.warning("no_client_keys", address=address, why=str(error)[:200])
            keys = ()
        if not keys:
            return noted.keys
        outgoing.keep_newest(self._fetched, place, _Fetched(keys, now, now), MOST_SETS)
        return keys
