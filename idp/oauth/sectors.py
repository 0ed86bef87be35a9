"""Check which sector a client with pairwise identifiers is of, when it is registered (OpenID Connect Core §8.1)."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from idp import outgoing
from idp.config import Settings
from idp.db import is_in_transaction, release
from idp.errors import Invalid, say
from idp.oauth import strict_json
from idp.oauth.redirect_uris import LOOPBACK
from idp.write_gate import leave_for_call

PAIRWISE = "pairwise"
URI = "sector_identifier_uri"
LISTED = ("redirect_uris", "jwks_uri", "backchannel_client_notification_endpoint")
"""The addresses that the document lists: without redirect addresses, one of the others (CIBA §4)."""
BY_KEYS = ("private_key_jwt", "self_signed_tls_client_auth")
"""The methods by which a client proves that the keys at its address are its own."""


def sector_of(metadata: Mapping[str, Any]) -> str:
    """Return the host that names a client's sector: that of ``sector_identifier_uri``, else of its redirect addresses."""
    named = metadata.get(URI) or next(iter(metadata.get("redirect_uris", ())), "")
    return urlsplit(named).hostname or ""


def check_sector(found: Mapping[str, Any]) -> None:
    """Refuse pairwise identifiers for a client of no sector, or of several. Raises ``Invalid``."""
    if found.get("subject_type") != PAIRWISE:
        return
    if not _addresses(found):
        raise Invalid("subject_type", say("pairwise needs redirect addresses, or keys at an address in jwks_uri."))
    if URI in found:
        return
    hosts = {urlsplit(address).hostname for address in found["redirect_uris"]}
    if len(hosts) != 1 or hosts & {None, *LOOPBACK, "::1"}:
        why = say("pairwise needs redirect addresses of one host, no loopback, or a sector_identifier_uri that lists them.")
        raise Invalid(URI, why)


def may_follow(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Check if an app may change itself so: it gets pairwise identifiers only of the sector that it is of already.

    It holds refresh tokens of people. With the host of another app in its redirect addresses, where it need not get answers,
    it would learn that sector's identifiers for them, and which of its own belongs to each.
    """
    if after.get("subject_type") != PAIRWISE:
        return True
    return before.get("subject_type") == PAIRWISE and sector_of(before) == sector_of(after)


def leave_loop(metadata: Mapping[str, Any]) -> None:
    """Raise ``MustCall`` where others need this thread if a document may have to be fetched, before anything is written."""
    if metadata.get(URI):
        leave_for_call()


def require_listed(
    settings: Settings,
    found: Mapping[str, Any],
    before: Mapping[str, Any] | None = None,
    *,
    only_public: bool = False,
) -> None:
    """Fetch the document of a sector, and refuse a client whose addresses it does not list. Raises ``Invalid``.

    ``only_public``: not from an address that ``[outgoing] allow`` lists.

    Nothing is fetched within a transaction: what `idp apply` brings in, an operator wrote.
    """
    names = (URI, *LISTED)
    is_checked = before is not None and all(before.get(name) == found.get(name) for name in names)
    if URI not in found or is_checked or is_in_transaction():
        return
    release()
    try:
        answer = outgoing.get(settings, found[URI], {"Accept": "application/json"}, only_public=only_public)
        listed = strict_json.read(answer.body) if answer.status == 200 else None
    except (outgoing.NoAnswer, ValueError) as error:
        raise Invalid(URI, say("The document at this address cannot be read."), detail=str(error)) from error
    if not isinstance(listed, list) or not all(address in listed for address in _addresses(found)):
        raise Invalid(URI, say("The document at this address must be a list with all of the app's redirect addresses."))


def _addresses(found: Mapping[str, Any]) -> list[str]:
    """Return the addresses that show that a client belongs to its sector."""
    # The keys show it only where the client proves itself by them: anybody can name another's address.
    by_keys = found.get("token_endpoint_auth_method") in BY_KEYS
    others = [found[name] for name in LISTED[1:] if name in found and (by_keys or name != "jwks_uri")]
    return list(found.get("redirect_uris", ())) or others[:1]
