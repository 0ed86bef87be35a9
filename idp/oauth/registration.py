"""Register, change and remove apps: what console, command line and ``idp apply`` call.

Apps belong to the installation, so operators change them; ``client_permissions`` says which ones administrators may.
Each function makes one change with its audit row, within the caller's transaction or one of its own.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from idp import clock, crypto
from idp.audit import Event, Origin, record
from idp.batches import in_batches
from idp.config import Settings
from idp.db import refuse_duplicate, transaction
from idp.errors import Conflict, Invalid, NotFound, say
from idp.identity import permissions, sensitive_changes
from idp.identity.sensitive_changes import ClientState
from idp.oauth import client_permissions, sectors
from idp.oauth.client_metadata import validate_metadata
from idp.oauth.client_secrets import add_secret, secret_for
from idp.store import client_registrations, client_secrets, consents, grant_revocations, organisations
from idp.store import clients as store
from idp.store.clients import Client

# RFC 6749 §2.2 lets an id be any text; these characters read the same in addresses, headers and logs.
CLIENT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~-]{0,199}")
USERS_ID = re.compile(r"[a-z2-7]{26}")


@dataclass(frozen=True)
class Ours:
    """Our own members. ``remember_device`` None: the default, which is no for native apps. ``organisations``: ids.

    ``managed_by``: the organisation whose administrators may change the app; it is chosen at registration alone.
    """

    first_party: bool = False
    minimum_acr: str = ""
    remember_device: bool | None = None
    shared_device: bool = False
    organisations: tuple[str, ...] = ()
    managed_by: str = ""


def register(
    settings: Settings,
    client_id: str | None,
    metadata: Mapping[str, Any],
    ours: Ours,
    secret: str | None,
    origin: Origin,
) -> tuple[Client, str]:
    """Make a client. Returns it with its secret, which is shown this once and empty for public ones.

    Raises ``Invalid`` and ``Conflict``. Without ``client_id`` one is made; without ``secret`` 256 random bits are drawn.
    """
    _require_to_register(client_id, ours, origin)
    checked = validate_metadata(metadata, settings)
    columns = columns_for(settings, checked, ours)
    if ours.managed_by:
        client_permissions.require_within(settings, ours.managed_by, {}, checked, columns)
        client_permissions.require_own_names("", ours.managed_by, {}, checked)
    sectors.require_listed(settings, checked)
    name, now = client_id_for(client_id), clock.now()
    _require_own_resource(settings, name, checked)
    sensitive_changes.require(None, ClientState(checked))
    kept = secret_for(checked, secret)
    least = ours.minimum_acr if permissions.runs_installation(origin) else ""
    row = Client(client_id=name, metadata_=checked, **columns, created_at=now, managed_by=ours.managed_by, least_acr=least)
    with transaction():
        if ours.managed_by:
            client_permissions.require_room(ours.managed_by, origin)
        insert(settings, row, kept, origin)
    return row, kept


def _require_to_register(client_id: str | None, ours: Ours, origin: Origin) -> None:
    """Raise unless the acting user may register this app. Administrators do not choose ids, which tell apps apart."""
    if not ours.managed_by or client_id is not None:
        permissions.require_operator(origin)
    elif not client_permissions.may_connect(organisations.organisation(ours.managed_by), origin):
        raise NotFound(detail="administrators of this organisation connect no apps")


def insert(settings: Settings, row: Client, secret: str, origin: Origin, **data: Any) -> None:
    """Insert a client that was checked, with its secret, and record that with ``data``. Raises ``Conflict``."""
    name = row.client_id
    taken = Conflict(say("There is already an app with the ID “%(client_id)s”.", client_id=name))
    with transaction():
        if store.client(name) is not None:
            raise taken
        _forget(name)  # the process that removed a former client of this id may have stopped before it had revoked all
        with refuse_duplicate("client_id", taken):
            store.add_client(row)
        if secret:
            add_secret(settings, name, row.metadata_, secret, origin.actor_id)
        told = replace(origin, client_id=name)
        record(told, Event.CLIENT_CREATED, organisation_id=row.managed_by, data=data)


def change(
    settings: Settings,
    client_id: str,
    metadata: Mapping[str, Any],
    ours: Ours,
    origin: Origin,
    check: Callable[[Client], None] = lambda _: None,
) -> tuple[str, ...]:
    """Replace a client's metadata and our own members. Returns the names of what changed, in order.

    ``metadata`` is the whole of it: callers that leave members unchanged merge them in first. ``check`` looks at the locked
    client, and raises if nothing may be saved.
    """
    client_permissions.require_change(client_there(client_id), origin)
    checked = validate_metadata(metadata, settings)
    _require_own_resource(settings, client_id, checked)
    sectors.require_listed(settings, checked, client_there(client_id).metadata_)
    with transaction():
        store.lock_client(client_id)  # of two who edit it at once, the second sees what the first has saved
        row = client_there(client_id)
        check(row)
        client_permissions.require_change(row, origin)
        _require_ours(row, ours)
        columns = columns_for(settings, checked, ours)
        if row.managed_by:
            columns |= client_permissions.least_level(settings, row, ours.minimum_acr, origin)
            client_permissions.require_within(settings, row.managed_by, row.metadata_, checked, columns)
            client_permissions.require_own_names(client_id, row.managed_by, row.metadata_, checked)
        changed = {name for name in checked | row.metadata_ if checked.get(name) != row.metadata_.get(name)}
        changed |= {name for name, value in columns.items() if getattr(row, name) != value}
        present = {name: getattr(row, name) for name in columns}
        sensitive_changes.require(ClientState(row.metadata_ | present), ClientState(checked | columns))
        if changed:
            store.change_client(client_id, metadata_=checked, **columns)
            _take_back(client_id, row.metadata_, checked)
            if not store.signs_with_secret(checked):
                client_secrets.forget_sealed(client_id)
            record_change(origin, row, fields=sorted(changed))
    return tuple(sorted(changed))


def _take_back(client_id: str, former: Mapping[str, Any], present: Mapping[str, Any]) -> None:
    """Let an app that registered itself not ask again for what an operator takes away (RFC 7592 §2.2)."""
    known = client_registrations.registration(client_id)
    if known is None:
        return
    gone = set(former.get("grant_types", ())) - set(present.get("grant_types", ()))
    gone_scopes = set(str(former.get("scope", "")).split()) - set(str(present.get("scope", "")).split())
    client_registrations.change_registration(
        client_id,
        grant_types=[name for name in known.grant_types if name not in gone],
        scopes=[name for name in known.scopes if name not in gone_scopes],
    )


def disable(client_id: str, origin: Origin, *, disabled: bool = True) -> None:
    """Disable or enable a client. Its codes and tokens stop working at once."""
    permissions.require_operator(origin)
    with transaction():
        row = client_there(client_id)
        was_disabled = row.disabled_at is not None
        sensitive_changes.require(ClientState({}, is_disabled=was_disabled), ClientState({}, is_disabled=disabled))
        store.change_client(client_id, disabled_at=clock.now() if disabled else None)
        record_change(origin, row, fields=["disabled"])


def take_over(client_id: str, origin: Origin) -> None:
    """End what the administrators of an organisation may change of an app: operators alone change it from now on."""
    permissions.require_operator(origin)
    with transaction():
        row = client_there(client_id)
        sensitive_changes.require(ClientState({"managed_by": row.managed_by}), ClientState({"managed_by": ""}))
        if not row.managed_by:
            raise NotFound(detail="no organisation manages this app")
        store.change_client(client_id, managed_by="")
        record_change(origin, row, fields=["managed_by"])


def remove(client_id: str, origin: Origin) -> None:
    """Delete a client, revoke its grants and delete the consents to it.

    No grant of a client that is gone is worth anything, so they may be revoked afterwards, in batches.
    """
    row = client_there(client_id)
    client_permissions.require_change(row, origin)
    client_permissions.require_unnamed(row, origin)
    sensitive_changes.require(ClientState(row.metadata_), None)
    delete(client_id, origin)


def delete(client_id: str, origin: Origin) -> None:
    """Delete a client with what it was granted, and record that."""
    with transaction():
        row = store.client(client_id)
        if row is not None and store.delete_client(client_id):
            record_change(origin, row, Event.CLIENT_DELETED, name=row.name)
    _forget(client_id)


def _forget(client_id: str) -> None:
    """Revoke the grants and delete the consents of a client that does not exist."""
    now = clock.now()
    in_batches(lambda most: grant_revocations.revoke_grants_of_client(client_id, now, "client_removed", most))
    in_batches(lambda most: consents.delete_consents_for(client_id, most))


def _require_own_resource(settings: Settings, client_id: str, metadata: Mapping[str, Any]) -> None:
    """Refuse an API whose identifier or scope another client has: each scope says by itself which API it is for."""
    api = metadata.get("resource")
    if not api:
        return
    if api["identifier"].rstrip("/") == settings.issuer:
        raise Invalid("resource", say("The identifier is our own address."))
    for row in store.clients():
        other = row.metadata_.get("resource") if row.client_id != client_id else None
        if other and (other["identifier"] == api["identifier"] or _names_in(other) & _names_in(api)):
            wrong = say(
                "The app %(client_id)s already has this identifier, scope or type of details.", client_id=row.client_id
            )
            raise Invalid("resource", wrong)


def _require_ours(row: Client, ours: Ours) -> None:
    """Refuse to trust an app that can still change its own addresses: nobody is asked before it gets their data."""
    if ours.first_party and client_registrations.registration(row.client_id) is not None:
        wrong = say("This app registered itself and can change its addresses. End that first: idp client adopt.")
        raise Invalid("first_party", wrong)


def _names_in(api: Mapping[str, Any]) -> set[str]:
    return {*api["scopes"], *(f"type {name}" for name in api.get("details", {}))}


def client_there(client_id: str) -> Client:
    """Return a client. Raises ``NotFound``."""
    row = store.client(client_id)
    if row is None:
        raise NotFound(say("There is no app with the ID %(client_id)s.", client_id=client_id))
    return row


def record_change(origin: Origin, row: Client, event: Event = Event.CLIENT_CHANGED, **data: object) -> None:
    """Record a change of an app: in the audit log of the organisation that manages it, else in the installation's."""
    record(replace(origin, client_id=row.client_id), event, organisation_id=row.managed_by, data=data)


def client_id_for(given: str | None) -> str:
    """Return the id of a new client: the given one, checked, or one that is made."""
    if given is None:
        return crypto.random_letters(20, crypto.ID_ALPHABET)
    # RFC 9700 §4.15: "clients MUST NOT be able to influence their client_id" so that it looks like a person's sub.
    if not CLIENT_ID.fullmatch(given) or USERS_ID.fullmatch(given):
        raise Invalid(
            "client_id", say("An app's ID has only letters, digits and . _ ~ - and does not look like a person's.")
        )
    return given


def columns_for(settings: Settings, metadata: Mapping[str, Any], ours: Ours) -> dict[str, Any]:
    """Return the columns of our own members."""
    if ours.minimum_acr and ours.minimum_acr not in settings.acr.names:
        raise Invalid("minimum_acr", say("This must be one of %(allowed)s.", allowed=", ".join(settings.acr.names)))
    is_native = metadata.get("application_type") == "native"
    return {
        "first_party": ours.first_party,
        "minimum_acr": ours.minimum_acr,
        "remember_device": not is_native if ours.remember_device is None else ours.remember_device,
        "shared_device": ours.shared_device,
        "organisations": list(ours.organisations),
    }
