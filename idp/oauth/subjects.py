"""Tell each app who a person is: by the person's id, or by one of its sector's own (OpenID Connect Core §8.1).

A pairwise identifier is the person's id, encrypted for the sector by a key of the installation (AES-SIV, RFC 5297). So it is
the same each time, no app can relate it to another sector's, and a hint that comes back leads to the person without a table.
"""

import re
from functools import cached_property

from idp import clock, crypto
from idp.config import Settings
from idp.db import transaction
from idp.errors import Busy, Unreadable
from idp.oauth.clients import RegisteredClient
from idp.oauth.sectors import PAIRWISE, sector_of
from idp.pseudonyms import Pseudonyms
from idp.store import installation_keys
from idp.store.sealed import INSTALLATION_KEYS

OUR_ID = re.compile(r"[a-z2-7]{26}")
OF_SESSION = "sid "
"""Begins the context of a session's id. No host begins so."""


class Subjects:
    """What ``sub`` and ``sid`` are for a client, and what they mean. The key is read when a pairwise client first needs it.

    All apps of a browser share its session. Were its id the same for each, two sectors could compare it, and so relate the
    identifiers of the person.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def subject(self, client: RegisteredClient, user_id: str) -> str:
        """Return what a client knows a person by. Raises ``Busy`` if the key does not open."""
        if client.metadata.get("subject_type") != PAIRWISE:
            return user_id
        return self._pseudonyms.hide(user_id, sector_of(client.metadata))

    def user_id(self, client: RegisteredClient, subject: str) -> str:
        """Return the id of the person that a client knows by this; empty where there can be none."""
        if client.metadata.get("subject_type") != PAIRWISE:
            return subject if OUR_ID.fullmatch(subject) else ""
        return self._revealed(client, subject)

    def user_id_of_token(self, client: RegisteredClient | None, subject: str) -> str:
        """Return the same for a token of ours, which may be older than the client's present registration."""
        if OUR_ID.fullmatch(subject):
            return subject
        return self._revealed(client, subject) if client is not None else ""

    def sid(self, client: RegisteredClient, session_id: str) -> str:
        """Return what a client knows a session by. Raises ``Busy`` if the key does not open."""
        if client.metadata.get("subject_type") != PAIRWISE:
            return session_id
        return self._pseudonyms.hide(session_id, OF_SESSION + sector_of(client.metadata))

    def session_id_of_token(self, client: RegisteredClient | None, sid: str) -> str:
        """Return the id of the session that a token of ours names; empty where there can be none."""
        if OUR_ID.fullmatch(sid):
            return sid
        return self._revealed(client, sid, OF_SESSION) if client is not None else ""

    def _revealed(self, client: RegisteredClient, pseudonym: str, kind: str = "") -> str:
        try:
            return self._pseudonyms.reveal(pseudonym, kind + sector_of(client.metadata))
        except Unreadable:
            return ""

    @cached_property
    def _pseudonyms(self) -> Pseudonyms:
        """Return the cipher, with a key that is made when it is first needed. It never changes: apps keep what it made."""
        row = installation_keys.key(PAIRWISE)
        if row is None:
            made = INSTALLATION_KEYS.seal(self._settings.ring, PAIRWISE, crypto.random_bytes(Pseudonyms.KEY_BYTES))
            with transaction():
                installation_keys.insert_key(PAIRWISE, made, clock.now())
                row = installation_keys.key(PAIRWISE)
        if row is None:
            raise Busy(detail="the key of pairwise identifiers is gone")
        try:
            return Pseudonyms(INSTALLATION_KEYS.open(self._settings.ring, PAIRWISE, row.sealed))
        except Unreadable as error:
            raise Busy(detail="the key of pairwise identifiers does not open") from error
