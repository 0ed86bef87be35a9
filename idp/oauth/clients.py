"""Registered clients as the protocol sees them: immutable, and cached in the process until any client changes."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from authlib.oauth2.rfc6749 import ClientMixin

from idp import clock, crypto
from idp.config import Settings
from idp.oauth.client_metadata import SCOPES
from idp.oauth.redirect_uris import is_clear, is_registered
from idp.signin.requirements import ClientTerms
from idp.store import clients as store
from idp.store.clients import Client


def secret_digest(client_id: str, secret: str) -> bytes:
    """What is stored of a client's secret; of no use for another client."""
    return crypto.digest("client_secret", f"{client_id}\0{secret}")


@dataclass(frozen=True)
class RegisteredClient(ClientMixin):  # type: ignore[misc]  # Authlib is untyped
    """A client with its metadata and the digests of its secrets (``(digest, end or None)``)."""

    client_id: str
    metadata: Mapping[str, Any]
    secrets: tuple[tuple[bytes, datetime | None], ...]
    first_party: bool
    minimum_acr: str
    remember_device: bool
    shared_device: bool
    organisations: frozenset[str]
    disabled: bool

    @cached_property
    def name(self) -> str:
        """What people know it by."""
        return str(self.metadata.get("client_name") or self.client_id)

    @cached_property
    def auth_method(self) -> str:
        """``token_endpoint_auth_method``."""
        return str(self.metadata.get("token_endpoint_auth_method", "client_secret_basic"))

    @property
    def is_public(self) -> bool:
        """Whether it has no secret (RFC 6749 §2.1)."""
        return self.auth_method == "none"

    @cached_property
    def is_native(self) -> bool:
        """Whether any loopback port may be used: native apps, and public clients, which on loopback are nothing else."""
        return self.metadata.get("application_type") == "native" or self.is_public

    @cached_property
    def redirect_uris(self) -> tuple[str, ...]:
        """Where answers may go: addresses are judged at use as at registration."""
        return tuple(filter(is_clear, self.metadata.get("redirect_uris", ())))

    @cached_property
    def post_logout_redirect_uris(self) -> tuple[str, ...]:
        """Where people may go after signing out."""
        return tuple(filter(is_clear, self.metadata.get("post_logout_redirect_uris", ())))

    @cached_property
    def scopes(self) -> frozenset[str]:
        """The scopes it may ask for."""
        return frozenset(str(self.metadata.get("scope", "")).split())

    @cached_property
    def usable_scopes(self) -> frozenset[str]:
        """The scopes it may have."""
        return store.usable_scopes(self.metadata)

    @property
    def id_token_alg(self) -> str:
        """``id_token_signed_response_alg``; RS256 unless registered otherwise (OpenID Connect Registration §2)."""
        return str(self.metadata.get("id_token_signed_response_alg", "RS256"))

    def serves(self, organisation_id: str) -> bool:
        """Whether people of this organisation may use it."""
        return not self.organisations or organisation_id in self.organisations

    def get_client_id(self) -> str:
        """Authlib: the client_id."""
        return self.client_id

    def get_default_redirect_uri(self) -> str | None:
        """Authlib: the address where a plain OAuth request names none and only one is registered (OAuth 2.1 §2.3.2)."""
        return self.redirect_uris[0] if len(self.redirect_uris) == 1 else None

    def get_allowed_scope(self, scope: str | None) -> str:
        """Authlib: of the scopes asked, those it may have, in our order; unknown ones are left out (RFC 6749 §3.3)."""
        asked = set((scope or "").split(" "))
        return " ".join(name for name in SCOPES if name in asked & self.usable_scopes)

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        """Authlib: whether an answer may go there."""
        return is_registered(redirect_uri, self.redirect_uris, any_loopback_port=self.is_native)

    def check_client_secret(self, client_secret: str) -> bool:
        """Authlib: whether it is one of the secrets that hold now; all are compared, in constant time."""
        given, now = secret_digest(self.client_id, client_secret), clock.now()
        fits = [crypto.same(digest, given) for digest, end in self.secrets if end is None or end > now]
        return any(fits)

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        """Authlib: the one method that is registered, at every endpoint."""
        return method == self.auth_method

    def check_response_type(self, response_type: str) -> bool:
        """Authlib: whether it may use this flow."""
        return response_type in self.metadata.get("response_types", ())

    def check_grant_type(self, grant_type: str) -> bool:
        """Authlib: whether it may use this grant."""
        return grant_type in self.metadata.get("grant_types", ())


def registered(row: Client) -> RegisteredClient:
    """A client of the store."""
    return RegisteredClient(
        client_id=row.client_id,
        metadata=row.metadata_,
        secrets=tuple(store.secrets_with_end(row.client_id)),
        first_party=row.first_party,
        minimum_acr=row.minimum_acr,
        remember_device=row.remember_device,
        shared_device=row.shared_device,
        organisations=frozenset(row.organisations),
        disabled=row.disabled_at is not None,
    )


class Clients:
    """The registered clients, read when first asked for and again after any of them changed.

    Client ids that do not exist are not kept, so that asking for many costs no memory.
    """

    def __init__(self) -> None:
        self._version = -1
        self._known: dict[str, RegisteredClient] = {}

    def get(self, client_id: str) -> RegisteredClient | None:
        """A client that may act; None where unknown or disabled."""
        found = self.even_disabled(client_id)
        return None if found is None or found.disabled else found

    def even_disabled(self, client_id: str) -> RegisteredClient | None:
        """A client, disabled or not."""
        known = self._current()
        if client_id in known:
            return known[client_id]
        row = store.client(client_id) if client_id and len(client_id) <= 200 and "\0" not in client_id else None
        if row is None:
            return None
        return known.setdefault(client_id, registered(row))

    @staticmethod
    def may_return_to(address: str) -> bool:
        """Return whether any client has this address for after signing out. Reads them all: for requests that name none."""
        return any(address in row.metadata_.get("post_logout_redirect_uris", ()) for row in store.clients())

    def _current(self) -> dict[str, RegisteredClient]:
        # The version is read first: whoever fills the new dictionary read the rows after it.
        version = store.version()
        if version != self._version:
            self._known, self._version = {}, version
        return self._known


def terms(client: RegisteredClient, redirect_uri: str, settings: Settings) -> ClientTerms:
    """What a sign-in needs to know of the client, as plain values."""
    return ClientTerms(
        client_id=client.client_id,
        name=client.name,
        first_party=client.first_party,
        minimum_level=settings.acr.names.get(client.minimum_acr, 0),
        remember_device=client.remember_device,
        shared_device=client.shared_device,
        organisations=tuple(sorted(client.organisations)),
        logo_uri=str(client.metadata.get("logo_uri", "")),
        policy_uri=str(client.metadata.get("policy_uri", "")),
        tos_uri=str(client.metadata.get("tos_uri", "")),
        redirect_host=urlsplit(redirect_uri).hostname or urlsplit(redirect_uri).scheme,
    )
