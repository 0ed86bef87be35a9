"""Let apps register themselves (RFC 7591, OpenID Connect Registration) and change that later (RFC 7592).

Nobody has looked at such an app. So it is never of the organisation's own: people are always asked. It gets the grant types
by which people sign in at a browser, and the scopes of no API; more only where its initial access token allows that. Our own
members (``OURS_IN_METADATA``) are ignored like any that no standard knows, and stay as an operator set them.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import urlencode

from idp import clock, crypto
from idp.actors import NOBODY, Actor, System
from idp.actors import Client as ActingClient
from idp.audit import Event, Origin, record
from idp.batches import in_batches
from idp.db import transaction
from idp.errors import TooMany
from idp.identity.lockout import rate_limits
from idp.oauth import client_secrets, registration, sectors, self_registered
from idp.oauth.client_metadata import OURS_IN_METADATA, accepted_methods, validate_metadata
from idp.oauth.clients import hosts_of, secret_digest
from idp.oauth.errors import OAuthError, invalid_request
from idp.oauth.provider import Provider
from idp.oauth.registration import Ours
from idp.oauth.registration_tokens import digest_of
from idp.records import changed
from idp.store import client_registrations, consents, disabled_organisations
from idp.store import client_secrets as secret_rows
from idp.store import clients as store
from idp.store.client_registrations import ClientRegistration, RegistrationToken
from idp.store.clients import Client

PATH = "/oauth/register"
OPEN = "open"
UNUSED_DAYS = 30
MOST_AT_ONCE = 100


@dataclass(frozen=True)
class RegistrationRequest:
    """A request to the registration endpoint. ``token``: its bearer token. ``client_id``: the one in its address."""

    token: str
    client_id: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    address: str = ""
    request_id: str = ""

    def origin(self, actor: Actor) -> Origin:
        """Return the origin of an audit row."""
        return Origin(actor, address=self.address, request_id=self.request_id)


class BadToken(OAuthError):
    """No token, or one that is of no use: the answer is the same for a client that does not exist (RFC 7592 §2.1)."""

    @property
    def challenge(self) -> str:
        """Return the scheme (RFC 6750 §3)."""
        return f'Bearer realm="registration", error="{self.error}"'


def register(provider: Provider, request: RegistrationRequest) -> dict[str, Any]:
    """Register an app, and return what it is told (RFC 7591 §3.2.1). Raises ``OAuthError`` and ``TooMany``."""
    settings, now = provider.settings, clock.now()
    sectors.leave_loop(request.metadata)
    token = _initial_token(provider, request)
    if token is None:
        rate_limits.count_registration(settings, request.address, now)
    allowed = self_registered.Allowed.by_token(token)
    with self_registered.errors_of_metadata():
        metadata = validate_metadata(self_registered.limited(request.metadata, allowed), settings)
        self_registered.require_callable(settings, metadata, only_public=token is None)
        sectors.require_listed(settings, metadata, only_public=token is None)
    secret = client_secrets.secret_for(metadata, None)
    ours = Ours(organisations=tuple(token.organisations) if token else ())
    row = Client(
        client_id=registration.client_id_for(None),
        metadata_=metadata,
        **registration.columns_for(settings, metadata, ours),
        created_at=now,
    )
    access = crypto.new_secret()
    with transaction():
        if token is not None and not client_registrations.use_token(token.id, now):
            raise _bad_token("the last use of the token was taken by another request")
        registration.insert(settings, row, secret, request.origin(NOBODY), token=token.id if token else OPEN)
        client_registrations.add_registration(_registration(row, access, token))
    return _response(provider, row, access, secret)


def read(provider: Provider, request: RegistrationRequest) -> dict[str, Any]:
    """Return an app's registration (RFC 7592 §2.1). Its secret is stored as a digest, so nobody can show it again."""
    row, _ = _proved(provider, request)
    return _response(provider, row, request.token)


def replace(provider: Provider, request: RegistrationRequest) -> dict[str, Any]:
    """Replace an app's registration, and its token (RFC 7592 §2.2). Raises ``OAuthError`` and ``TooMany``."""
    sectors.leave_loop(request.metadata)
    row, known = _proved(provider, request)
    if not known.token_id:  # anybody can have such an app, and each change is recorded and may fetch a document
        rate_limits.count_registration(provider.settings, request.address, clock.now())
    _require_same(row, request.metadata)
    kept = {name: value for name, value in row.metadata_.items() if name in OURS_IN_METADATA}
    allowed = self_registered.Allowed.of_client(known, row.metadata_)
    with self_registered.errors_of_metadata():
        metadata = validate_metadata({**self_registered.limited(request.metadata, allowed), **kept}, provider.settings)
        only_public = not known.token_id
        self_registered.require_callable(provider.settings, metadata, only_public=only_public)
        sectors.require_listed(provider.settings, metadata, row.metadata_, only_public=only_public)
    if not sectors.may_follow(row.metadata_, metadata):
        raise self_registered.invalid_metadata("subject_type: pairwise identifiers are for the sector of the registration.")
    access = crypto.new_secret()
    with transaction():
        _require_unchanged(row)
        if not client_registrations.replace_digest(row.client_id, known.digest, _digest(row.client_id, access)):
            raise _bad_token("the registration was changed at the same moment")
        store.change_client(row.client_id, metadata_=metadata)
        if not set(hosts_of(metadata)) <= set(hosts_of(row.metadata_)):
            # People allowed it for the hosts that the page named. Without a question, their data would go elsewhere.
            in_batches(partial(consents.delete_consents_for, row.client_id))
        secret = _secret_after(provider, row.client_id, metadata)
        data = {"fields": _changed_fields(row.metadata_, metadata)}
        record(_own_origin(request, row.client_id), Event.CLIENT_CHANGED, data=data)
    return _response(provider, changed(row, metadata_=metadata), access, secret)


def delete(provider: Provider, request: RegistrationRequest) -> None:
    """Delete an app with everything that it was granted (RFC 7592 §2.3)."""
    row, _ = _proved(provider, request)
    registration.delete(row.client_id, request.origin(ActingClient(row.client_id)))


def remove_unused() -> int:
    """Delete the apps that came without a token and to which nobody consented in a month. Returns their number.

    For the worker. Anybody may register, so what nobody uses must not stay for ever.
    """
    found = client_registrations.unused_clients(clock.ago(days=UNUSED_DAYS), MOST_AT_ONCE)
    for client_id in found:
        registration.delete(client_id, Origin(System("worker")))
    return len(found)


def _initial_token(provider: Provider, request: RegistrationRequest) -> RegistrationToken | None:
    """Return the initial access token of a request; None where it shows none and needs none. Raises ``OAuthError``."""
    if not request.token:
        if provider.settings.clients.registration == OPEN:
            return None
        raise _bad_token("no initial access token")
    found = client_registrations.token(digest_of(request.token), clock.now())
    if found is None:
        raise _count(provider, request, "unknown, expired, revoked or used up")
    if disabled_organisations.are_all_closed(found.organisations):
        raise _bad_token("the organisations of its apps are disabled or removed")
    return found


def _proved(provider: Provider, request: RegistrationRequest) -> tuple[Client, ClientRegistration]:
    """Return the app whose registration access token came. Raises ``OAuthError``."""
    if not request.token:
        raise _bad_token("no registration access token")
    is_id = 0 < len(request.client_id) <= 200 and "\0" not in request.client_id
    known = client_registrations.registration(request.client_id) if is_id else None
    row = store.client(request.client_id) if known is not None else None
    shown = _digest(request.client_id, request.token)
    # Compared in any case, so that the time tells nothing.
    is_right = crypto.same(known.digest if known is not None else crypto.sha256(shown), shown)
    if known is None or row is None or not is_right:
        raise _count(provider, request, f"wrong registration access token for {request.client_id[:80]}")
    if row.disabled_at is not None or disabled_organisations.are_all_closed(row.organisations):
        raise OAuthError("access_denied", "An operator has disabled this client.", status=403)
    return row, known


def _require_unchanged(row: Client) -> None:
    """Raise ``OAuthError`` if an operator has changed an app since it was read. It stays locked, before its registration."""
    store.lock_client(row.client_id)
    if store.client(row.client_id) != row:
        raise OAuthError("temporarily_unavailable", "The client was changed at the same moment. Try again.", status=503)


def _count(provider: Provider, request: RegistrationRequest, detail: str) -> OAuthError:
    """Count a wrong token of this address, as wrong client secrets are, and return the error for it."""
    try:
        rate_limits.count_client_failure(provider.settings, request.address, clock.now())
    except TooMany as closed:
        return BadToken("invalid_token", "Too many failures.", status=429, retry_after=closed.retry_after, detail=detail)
    return _bad_token(detail)


def _bad_token(detail: str) -> OAuthError:
    description = "The token is missing, invalid, expired, revoked or used up."
    return BadToken("invalid_token", description, status=401, detail=detail)


def _digest(client_id: str, token: str) -> bytes:
    return crypto.digest("registration_access_token", f"{client_id}\0{token}")


def _registration(row: Client, access: str, token: RegistrationToken | None) -> ClientRegistration:
    return ClientRegistration(
        client_id=row.client_id,
        digest=_digest(row.client_id, access),
        grant_types=token.grant_types if token else [],
        scopes=token.scopes if token else [],
        token_id=token.id if token else "",
        registered_at=row.created_at,
    )


def _require_same(row: Client, given: Mapping[str, Any]) -> None:
    """Refuse a change that names another client, chooses a secret, or sets what is ours to tell (RFC 7592 §2.2)."""
    if given.get("client_id") != row.client_id:
        raise self_registered.invalid_metadata("client_id: this must be the client's own.")
    if any(name in given for name in self_registered.OURS_OF_THE_REQUEST):
        raise invalid_request(f"A change must not contain {', '.join(self_registered.OURS_OF_THE_REQUEST)}.")
    secret = given.get("client_secret")
    if secret is None:
        return
    digests = secret_rows.secrets_of(row.client_id, clock.now())
    stated = secret_digest(row.client_id, secret) if isinstance(secret, str) else b""
    matches = [crypto.same(digest, stated) for digest in digests]
    if not any(matches):
        raise self_registered.invalid_metadata("client_secret: a client cannot choose its secret; leave it out.")


def _secret_after(provider: Provider, client_id: str, metadata: Mapping[str, Any]) -> str:
    """Return a new secret if the client needs one now and has none; end its secrets if it uses none any more."""
    now = clock.now()
    if not store.uses_secret(metadata):
        secret_rows.end_secrets(client_id, now)
    if not store.signs_with_secret(metadata):
        secret_rows.forget_sealed(client_id)
    if not client_secrets.lacks_secret(client_id, metadata, now):
        return ""
    secret_rows.end_secrets(client_id, now)
    secret = client_secrets.secret_for(metadata, None)
    client_secrets.add_secret(provider.settings, client_id, metadata, secret)
    return secret


def _changed_fields(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    return sorted(name for name in {*before, *after} if before.get(name) != after.get(name))


def _own_origin(request: RegistrationRequest, client_id: str) -> Origin:
    return dataclasses.replace(request.origin(ActingClient(client_id)), client_id=client_id)


def _response(provider: Provider, row: Client, access: str, secret: str = "") -> dict[str, Any]:
    """Return what an app is told of its registration (RFC 7591 §3.2.1, RFC 7592 §3), with the defaults that apply."""
    registered = {name: value for name, value in row.metadata_.items() if name not in OURS_IN_METADATA}
    return {
        **registered,
        "token_endpoint_auth_method": accepted_methods(row.metadata_)[0],
        "client_id": row.client_id,
        "client_id_issued_at": int(row.created_at.timestamp()),
        **({"client_secret": secret, "client_secret_expires_at": 0} if secret else {}),
        "registration_access_token": access,
        "registration_client_uri": f"{provider.issuer}{PATH}?{urlencode({'client_id': row.client_id})}",
    }
