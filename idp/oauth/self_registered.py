"""Decide what an app that registers itself may ask for, and word what is wrong with its metadata (RFC 7591 §3.2.2)."""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from idp import outgoing
from idp.addresses import Network
from idp.config import Settings
from idp.errors import Invalid, Message
from idp.oauth.client_metadata import IMPLICIT, OURS_IN_METADATA, SCOPES
from idp.oauth.errors import OAuthError
from idp.store.client_registrations import ClientRegistration, RegistrationToken

GRANT_TYPES = frozenset(("authorization_code", IMPLICIT, "refresh_token"))
"""What every app may have: people sign in at a browser, on a page that names the address to which they go."""
DEFAULT_SCOPE = "openid profile email phone address"
OURS_OF_THE_REQUEST = (
    "registration_access_token", "registration_client_uri", "client_secret_expires_at", "client_id_issued_at",
)  # fmt: skip
"""What a client "MUST NOT include" in a change (RFC 7592 §2.2)."""
CALLED = (
    "jwks_uri", "sector_identifier_uri", "request_uris", "backchannel_logout_uri",
    "backchannel_client_notification_endpoint", "logo_uri",
)  # fmt: skip
"""The addresses that we call."""
VISITED = ("redirect_uris", "post_logout_redirect_uris")
"""Where people go. A page says the host: ours would hide the one to which a page of ours leads them on."""
FROM_THE_REQUEST = ("address", "scope", "text", "value")
"""Values of messages that quote the metadata. Nothing of a request is told back in an error."""
UNSPEAKABLE = re.compile(r"[^\x20-\x21\x23-\x5b\x5d-\x7e]")


@dataclass(frozen=True)
class Allowed:
    """What an app may ask for beside what every app may."""

    grant_types: frozenset[str] = frozenset()
    scopes: frozenset[str] = frozenset()
    detail_types: frozenset[str] = frozenset()

    @classmethod
    def by_token(cls, token: RegistrationToken | None) -> "Allowed":
        """Return what an initial access token allows."""
        return cls(frozenset(token.grant_types), frozenset(token.scopes)) if token else cls()

    @classmethod
    def of_client(cls, known: ClientRegistration, metadata: Mapping[str, Any]) -> "Allowed":
        """Return what an app may keep or have: what its token allowed, and what an operator has given it since."""
        return cls(
            frozenset((*known.grant_types, *metadata.get("grant_types", ()))),
            frozenset((*known.scopes, *str(metadata.get("scope", "")).split())),
            frozenset(metadata.get("authorization_details_types", ())),
        )


def limited(given: Mapping[str, Any], allowed: Allowed) -> dict[str, Any]:
    """Return the metadata without our own members and without scopes that are not allowed. Raises ``OAuthError``.

    RFC 7591 §2 lets a server leave out scopes, and members that it does not understand. A grant type is refused: an app that
    was built for it would not work.
    """
    _require_no_statement(given)
    wanted = {name: value for name, value in given.items() if name not in OURS_IN_METADATA and value is not None}
    _require_some_of(wanted, "grant_types", GRANT_TYPES | allowed.grant_types)
    _require_some_of(wanted, "authorization_details_types", allowed.detail_types)
    scope = wanted.setdefault("scope", _default_scope(wanted.get("grant_types")))
    if isinstance(scope, str):
        wanted["scope"] = " ".join(name for name in scope.split(" ") if name in SCOPES or name in allowed.scopes)
    return wanted


def require_callable(settings: Settings, metadata: Mapping[str, Any], *, only_public: bool) -> None:
    """Refuse addresses inside our network that would be called, and those of ourselves. Raises ``OAuthError``.

    ``only_public``: it is the app of a stranger, and ``[outgoing] allow`` lists nothing for it.
    A name is judged at each call (``outgoing``): what it stands for can change after this.
    """
    allowed = () if only_public else settings.outgoing.networks
    for name in (*CALLED, *VISITED):
        value = metadata.get(name, ())
        for address in [value] if isinstance(value, str) else value:
            if outgoing.is_own(settings, address):
                raise _refused_address(name, "this is an address of the provider itself.")
            if name in CALLED and is_inside(address, allowed):
                raise _refused_address(name, "this provider does not call addresses inside its network.")


def is_inside(address: str, allowed: Iterable[Network]) -> bool:
    """Check if an address says by itself that it is inside our network, and not in one that is ``allowed``."""
    host = urlsplit(address).hostname or ""
    try:
        found = ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError:
        return False  # a name
    return not outgoing.is_allowed(found, allowed)


def _refused_address(name: str, why: str) -> OAuthError:
    return OAuthError("invalid_redirect_uri" if name == "redirect_uris" else "invalid_client_metadata", f"{name}: {why}")


def _default_scope(grant_types: object) -> str:
    refreshes = isinstance(grant_types, list) and "refresh_token" in grant_types
    return f"{DEFAULT_SCOPE} offline_access" if refreshes else DEFAULT_SCOPE


def _require_some_of(wanted: Mapping[str, Any], name: str, may_have: frozenset[str]) -> None:
    values = wanted.get(name, ())
    if isinstance(values, list) and any(isinstance(value, str) and value not in may_have for value in values):
        raise invalid_metadata(f"{name}: an operator must allow at least one of these first.")


def _require_no_statement(given: Mapping[str, Any]) -> None:
    """Refuse a software statement: we know no issuer of them, and the app might rely on what it says (RFC 7591 §2.3)."""
    statement = given.get("software_statement")
    if statement is None:
        return
    if not isinstance(statement, str) or statement.count(".") != 2:
        raise OAuthError("invalid_software_statement", "The software_statement is not a signed JWT.")
    raise OAuthError("unapproved_software_statement", "This provider accepts no software statements.")


def invalid_metadata(description: str) -> OAuthError:
    """Return the error for metadata that is refused."""
    return OAuthError("invalid_client_metadata", description)


@contextmanager
def errors_of_metadata() -> Iterator[None]:
    """Turn the refusal of a member into its error."""
    try:
        yield
    except Invalid as wrong:
        error = "invalid_redirect_uri" if wrong.field == "redirect_uris" else "invalid_client_metadata"
        raise OAuthError(error, _words(f"{wrong.field}: {_in_english(wrong.message)}"), detail=wrong.detail) from wrong


def _in_english(message: Message) -> str:
    """Return the message with its values, without what it quotes from the metadata."""
    values = {name: "this" if name in FROM_THE_REQUEST else value for name, value in message.values.items()}
    sentence = message.plural if message.plural and values.get("num") != 1 else message.key
    return sentence % values if values else sentence


def _words(text: str) -> str:
    """Return text in the characters of an error's description (RFC 6749 §5.2)."""
    plain = text.replace("…", "...").replace("\\", "a backslash").replace('"', "'")
    return UNSPEAKABLE.sub("?", plain)[:300]
