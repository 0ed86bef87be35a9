"""Registered clients as the protocol sees them: immutable, and cached in the process until a client changes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from idp import clock, crypto
from idp.config import Settings
from idp.oauth.client_metadata import SCOPES, accepted_methods
from idp.oauth.kept_secrets import KeptSecret, kept_secrets_of
from idp.oauth.launch import Launchable, launchable_among
from idp.oauth.redirect_uris import is_clear, is_registered
from idp.oauth.resource_metadata import Resource, resources_of
from idp.signin.requirements import ClientTerms
from idp.store import app_icons, client_registrations, disabled_organisations, kept
from idp.store import clients as store
from idp.store.clients import Client


def secret_digest(client_id: str, secret: str) -> bytes:
    """Return what is stored of a client's secret; it is of no use for another client."""
    return crypto.digest("client_secret", f"{client_id}\0{secret}")


@dataclass(frozen=True)
class RegisteredClient:
    """A client with its metadata and its secrets."""

    client_id: str
    metadata: Mapping[str, Any]
    secrets: tuple[KeptSecret, ...]
    first_party: bool
    minimum_acr: str
    remember_device: bool
    shared_device: bool
    organisations: frozenset[str]
    disabled: bool
    managed_by: str = ""
    """The organisation whose administrators connected it."""
    is_closed: bool = False
    """All organisations that it serves are disabled or removed: it proves nothing, and people are told at the sign-in."""
    registered_itself: bool = False
    """No operator has looked at it, and it can change its registration (RFC 7592)."""
    only_public: bool = False
    """Only public addresses of it are called: ``[outgoing] allow`` is not for apps of administrators and strangers."""

    @cached_property
    def name(self) -> str:
        """Return the name that people know it by."""
        return store.name_of(self.client_id, self.metadata)

    @cached_property
    def auth_methods(self) -> tuple[str, ...]:
        """Return the methods by which it may authenticate."""
        return accepted_methods(self.metadata)

    @property
    def is_public(self) -> bool:
        """Return whether it has no secret (RFC 6749 §2.1)."""
        return store.is_public(self.metadata)

    @cached_property
    def is_native(self) -> bool:
        """Return whether any loopback port may be used: public clients on loopback are native apps, whatever they say."""
        return self.metadata.get("application_type") == "native" or self.is_public

    @cached_property
    def redirect_uris(self) -> tuple[str, ...]:
        """Return where answers may go: addresses are judged when they are used, as when they were registered."""
        return tuple(filter(is_clear, self.metadata.get("redirect_uris", ())))

    @cached_property
    def post_logout_redirect_uris(self) -> tuple[str, ...]:
        """Return where people may go after signing out."""
        return tuple(filter(is_clear, self.metadata.get("post_logout_redirect_uris", ())))

    @cached_property
    def scopes(self) -> frozenset[str]:
        """Return the scopes that it is registered for."""
        return frozenset(str(self.metadata.get("scope", "")).split())

    @cached_property
    def usable_scopes(self) -> frozenset[str]:
        """Return the scopes that it may have."""
        return store.usable_scopes(self.metadata)

    @property
    def id_token_alg(self) -> str:
        """Return its ``id_token_signed_response_alg``; RS256 is the default (OpenID Connect Registration §2)."""
        return str(self.metadata.get("id_token_signed_response_alg", "RS256"))

    @property
    def answer_alg(self) -> str:
        """Return its ``authorization_signed_response_alg``; RS256 is the default (JARM §3)."""
        return str(self.metadata.get("authorization_signed_response_alg", "RS256"))

    @property
    def introspection_alg(self) -> str:
        """Return its ``introspection_signed_response_alg``; RS256 is the default (RFC 9701 §6)."""
        return str(self.metadata.get("introspection_signed_response_alg", "RS256"))

    @property
    def audience(self) -> tuple[str, ...]:
        """Return the names under which access tokens are for it: its id, and the identifier of the API that it is."""
        api = self.metadata.get("resource")
        return (self.client_id, api["identifier"]) if api else (self.client_id,)

    @property
    def detail_types(self) -> tuple[str, ...]:
        """Return the types of authorization details that it may ask for (RFC 9396 §10)."""
        return tuple(self.metadata.get("authorization_details_types", ()))

    @property
    def read_as_api(self) -> tuple[str, ...]:
        """Return the claims about a person's work that it reads in access tokens, if it is an API."""
        return tuple(self.metadata.get("resource", {}).get("claims", ()))

    def serves(self, organisation_id: str) -> bool:
        """Return whether people of this organisation may use it."""
        return store.serves(self.organisations, organisation_id)

    @property
    def default_redirect_uri(self) -> str:
        """Return the address for a plain OAuth request that names none (OAuth 2.1 §2.3.2); empty unless just one exists."""
        return self.redirect_uris[0] if len(self.redirect_uris) == 1 else ""

    def allowed_scopes(self, scope: str) -> tuple[str, ...]:
        """Return those of the requested scopes that it may have, in our order; others are left out (RFC 6749 §3.3)."""
        requested = self.usable_scopes.intersection(scope.split(" "))
        return tuple(name for name in SCOPES if name in requested)

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        """Return whether an answer may go there."""
        return is_registered(redirect_uri, self.redirect_uris, any_loopback_port=self.is_native)

    def check_post_logout_redirect_uri(self, address: str) -> bool:
        """Return whether people may go there after signing out."""
        return is_registered(address, self.post_logout_redirect_uris, any_loopback_port=self.is_native)

    def valid_secrets(self) -> list[KeptSecret]:
        """Return the secrets that are valid now."""
        return [secret for secret in self.secrets if secret.ends_at is None or secret.ends_at > clock.now()]

    def find_secret(self, client_secret: str) -> KeptSecret | None:
        """Return the secret of those valid now that was given, or None; all are compared, in constant time."""
        given = secret_digest(self.client_id, client_secret)
        matches = [secret for secret in self.valid_secrets() if crypto.same(secret.digest, given)]
        return matches[0] if matches else None

    def check_client_secret(self, client_secret: str) -> bool:
        """Return whether it is a valid secret."""
        return self.find_secret(client_secret) is not None

    def check_response_type(self, response_type: str) -> bool:
        """Return whether it may use this flow."""
        return response_type in self.metadata.get("response_types", ())

    def check_grant_type(self, grant_type: str) -> bool:
        """Return whether it may use this grant."""
        return grant_type in self.metadata.get("grant_types", ())


def registered(row: Client) -> RegisteredClient:
    """Return a client of the store."""
    known = client_registrations.registration(row.client_id)
    return RegisteredClient(
        client_id=row.client_id,
        metadata=row.metadata_,
        secrets=kept_secrets_of(row),
        first_party=row.first_party,
        minimum_acr=row.minimum_acr,
        remember_device=row.remember_device,
        shared_device=row.shared_device,
        organisations=frozenset(row.organisations),
        disabled=row.disabled_at is not None,
        managed_by=row.managed_by,
        is_closed=disabled_organisations.are_all_closed(row.organisations),
        registered_itself=known is not None,
        only_public=bool(row.managed_by) or (known is not None and not known.token_id),
    )


@dataclass
class _Shelf:
    """Hold what was read under one stamp. It is replaced as a whole: a slow reader keeps its rows on the former one."""

    stamp: int = 0
    known: dict[str, RegisteredClient] = field(default_factory=dict)
    resources: Mapping[str, Resource] | None = None
    return_addresses: frozenset[str] | None = None
    launchable: tuple[Launchable, ...] | None = None


class Clients:
    """The registered clients, read when first needed and again after a change.

    Client ids that do not exist are not kept, so that asking for many costs no memory.
    """

    def __init__(self) -> None:
        self._shelf = _Shelf()

    def get(self, client_id: str) -> RegisteredClient | None:
        """Return a client that may act; None where unknown or disabled."""
        found = self.even_disabled(client_id)
        return None if found is None or found.disabled else found

    def even_disabled(self, client_id: str) -> RegisteredClient | None:
        """Return a client, disabled or not."""
        known = self._current().known
        if client_id in known:
            return known[client_id]
        row = store.client(client_id) if client_id and len(client_id) <= 200 and "\0" not in client_id else None
        if row is None:
            return None
        return known.setdefault(client_id, registered(row))

    def resources(self) -> Mapping[str, Resource]:
        """Return the APIs that access tokens can be for, by identifier."""
        shelf = self._current()
        if shelf.resources is None:
            shelf.resources = resources_of(store.clients())
        return shelf.resources

    def launchable(self) -> tuple[Launchable, ...]:
        """Return the apps that people can open: enabled, with an address, and known to an operator or administrator."""
        shelf = self._current()
        if shelf.launchable is None:
            shelf.launchable = launchable_among(store.clients(), client_registrations.registrations(), dict(app_icons.ids()))
        return shelf.launchable

    def may_return_to(self, address: str) -> bool:
        """Return whether a client has this address for after signing out, for requests that name no client."""
        shelf = self._current()
        if shelf.return_addresses is None:
            metadata = (row.metadata_ for row in store.clients())
            shelf.return_addresses = frozenset(one for each in metadata for one in each.get("post_logout_redirect_uris", ()))
        return address in shelf.return_addresses

    def _current(self) -> _Shelf:
        # The stamp is read before the rows: a change in between is read twice, and never missed.
        present, shelf = kept.stamp(), self._shelf
        if present != shelf.stamp or not present:
            shelf = self._shelf = _Shelf(present)
        return shelf


def host_of(redirect_uri: str) -> str:
    """Return where an answer goes, as people read it: a host, or the scheme of a native app; empty for nowhere."""
    return urlsplit(redirect_uri).hostname or urlsplit(redirect_uri).scheme


def hosts_of(metadata: Mapping[str, Any]) -> list[str]:
    """Return every host to which answers to a client can go."""
    return list(dict.fromkeys(map(host_of, metadata.get("redirect_uris", ()))))


def terms(
    client: RegisteredClient,
    redirect_uri: str,
    settings: Settings,
    words: Mapping[str, Mapping[str, str]] | None = None,
    detail_words: tuple[Mapping[str, str], ...] = (),
) -> ClientTerms:
    """Return what a sign-in needs to know of the client, as plain values.

    ``words``: those for the scopes of APIs. ``detail_words``: the requested acts, as people read them.
    """
    return ClientTerms(
        client_id=client.client_id,
        name=client.name,
        first_party=client.first_party,
        minimum_level=settings.acr.names.get(client.minimum_acr, 0),
        remember_device=client.remember_device,
        shared_device=client.shared_device,
        organisations=tuple(sorted(client.organisations)),
        policy_uri=str(client.metadata.get("policy_uri", "")),
        tos_uri=str(client.metadata.get("tos_uri", "")),
        keeps_offline_access=store.keeps_offline_access(client.metadata),
        registered_itself=client.registered_itself,
        is_managed=bool(client.managed_by),
        all_hosts=", ".join(hosts_of(client.metadata)),
        redirect_host=host_of(redirect_uri),
        scope_words=words or {},
        detail_words=detail_words,
    )
