"""Fetch request objects from addresses that clients have registered (OpenID Connect Core §6.2, RFC 9101 §5.2)."""

import re
from collections.abc import Collection
from datetime import datetime, timedelta

import structlog

from idp import clock, crypto, db, outgoing
from idp.config import Settings
from idp.errors import Invalid, Unreadable, say
from idp.oauth.redirect_uris import check_page
from idp.write_gate import leave_for_call

FRAGMENT = re.compile(r"[A-Za-z0-9_-]{43}")
"""SHA-256 of the contents, as base64url."""
MOST_KEPT = 100
MOST_FAILED = 1_000
PAUSE = timedelta(seconds=15)
"""An address that gave no object is left alone for so long: strangers must not have threads of ours wait for it."""
ACCEPT = "application/oauth-authz-req+jwt, application/jwt;q=0.9, text/plain;q=0.5"

log = structlog.get_logger("oauth")


def check_request_uri(field: str, address: object) -> str:
    """Return an address of request objects, as a client registers it; raises ``Invalid``.

    A fragment says by its digest which contents they are. Without one a request may add it.
    """
    base, sharp, fragment = address.partition("#") if isinstance(address, str) else (address, "", "")
    checked = check_page(field, base)
    if sharp and not FRAGMENT.fullmatch(fragment):
        raise Invalid(field, say("What follows # must be the SHA-256 of the contents, as base64url."))
    return f"{checked}{sharp}{fragment}"


def is_registered(registered: Collection[str], request_uri: str) -> bool:
    """Check if this very address is registered, without a fragment or with the same one."""
    address, sharp, fragment = request_uri.partition("#")
    return request_uri in registered or (address in registered and (not sharp or bool(FRAGMENT.fullmatch(fragment))))


class RequestDocuments:
    """Fetches request objects, and keeps those whose address says what they contain."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._kept: dict[str, str] = {}
        self._failed: dict[str, datetime] = {}

    def read(self, request_uri: str, *, only_public: bool = False) -> str:
        """Return the object at a registered address. Raises ``Unreadable``.

        ``only_public``: not from an address that ``[outgoing] allow`` lists. What fails so delays no other client.

        It waits for the network: no transaction may be open. Raises ``MustCall`` where others need this thread.
        """
        if request_uri in self._kept:
            return self._kept[request_uri]
        address, _, fragment = request_uri.partition("#")
        failed_at = self._failed.get(outgoing.kept_as(address, only_public=only_public))
        if failed_at is not None and clock.now() - failed_at < PAUSE:
            raise Unreadable("it gave no request object some seconds ago")
        leave_for_call()
        db.release()
        body = self._fetch(address, only_public=only_public)
        text = body.decode("utf-8", "replace").strip()
        if fragment:
            # Core §6.2: "the base64url-encoded SHA-256 hash of the referenced resource contents". Strangers can write any
            # fragment, so a wrong one is no failure of the address.
            if fragment != crypto.b64url(crypto.sha256(body)):
                raise Unreadable("its contents have another SHA-256 than the fragment says")
            outgoing.keep_newest(self._kept, request_uri, text, MOST_KEPT)
        return text

    def _fetch(self, address: str, *, only_public: bool) -> bytes:
        try:
            answer = outgoing.get(self._settings, address, {"Accept": ACCEPT}, only_public=only_public)
            why = "" if answer.status == 200 else f"status {answer.status}; redirects are not followed"
        except outgoing.NoAnswer as error:
            why = str(error)
        if why:
            outgoing.keep_newest(self._failed, outgoing.kept_as(address, only_public=only_public), clock.now(), MOST_FAILED)
            log.warning("no_request_object", address=address, why=why[:200])
            raise Unreadable(why)
        return answer.body
