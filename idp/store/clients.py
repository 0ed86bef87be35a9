"""Relying apps. Processes keep them: a change renews the stamp (``kept``)."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, ColumnElement, Delete, Index, Select, String, Update, delete, or_, select, update
from sqlalchemy.orm import Mapped, mapped_column

from idp.db import Base
from idp.rows import add
from idp.statements import asks_every, asks_one, changes
from idp.store import client_secrets, kept
from idp.store.organisations import Organisation


class Client(Base):
    """A relying app (OAuth client). ``metadata_`` holds its registered members by their RFC 7591 names.

    Our own settings are columns. Clients belong to the installation: ``organisations`` (ids) empty means all.
    """

    __tablename__ = "clients"
    __table_args__ = (Index("ix_clients_managed", "managed_by", "client_id"),)

    client_id: Mapped[str] = mapped_column(String(200), primary_key=True)
    metadata_: Mapped[dict[str, Any]] = mapped_column("metadata", default=dict)
    first_party: Mapped[bool] = mapped_column(Boolean, default=False)
    minimum_acr: Mapped[str] = mapped_column(String(100), default="")
    remember_device: Mapped[bool] = mapped_column(Boolean, default=True)
    shared_device: Mapped[bool] = mapped_column(Boolean, default=False)
    organisations: Mapped[list[str]] = mapped_column(default=list)
    disabled_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    managed_by: Mapped[str] = mapped_column(String(26), default="", server_default="")
    """The organisation whose administrators connected it and may change it; empty for an app of the operators."""
    least_acr: Mapped[str] = mapped_column(String(100), default="", server_default="")
    """The ``minimum_acr`` that an operator chose: the administrators who manage the app may not go below."""

    @property
    def name(self) -> str:
        """Return the name that people know it by."""
        return name_of(self.client_id, self.metadata_)

    @property
    def is_public(self) -> bool:
        """Return whether it has no secret."""
        return is_public(self.metadata_)

    def serves(self, organisation_id: str) -> bool:
        """Return whether people of this organisation may use it."""
        return serves(self.organisations, organisation_id)

    def scopes_for(self, organisation_id: str) -> frozenset[str]:
        """Return the scopes that the client may have now of people of an organisation, where they allow it."""
        is_usable = self.disabled_at is None and self.serves(organisation_id)
        return usable_scopes(self.metadata_) if is_usable else frozenset()


def name_of(client_id: str, metadata: Mapping[str, Any]) -> str:
    """Return the name that people know a client by: its id where it has no name."""
    return str(metadata.get("client_name") or client_id)


def is_public(metadata: Mapping[str, Any]) -> bool:
    """Return whether a client has no secret (RFC 6749 §2.1)."""
    return metadata.get("token_endpoint_auth_method") == "none"


def uses_secret(metadata: Mapping[str, Any]) -> bool:
    """Return whether a client authenticates by a secret, as one that names no method does."""
    return str(metadata.get("token_endpoint_auth_method", "client_secret_basic")).startswith("client_secret_")


def signs_with_secret(metadata: Mapping[str, Any]) -> bool:
    """Return whether a client authenticates by a JWT that it makes with its secret (OpenID Connect Core §9)."""
    return metadata.get("token_endpoint_auth_method") == "client_secret_jwt"


def serves(organisations: Collection[str], organisation_id: str) -> bool:
    """Return whether a client with these ``organisations`` serves one of them; none means that it serves all."""
    return not organisations or organisation_id in organisations


def usable_scopes(metadata: Mapping[str, Any]) -> frozenset[str]:
    """Return the scopes that a client may have: ``offline_access`` is of no use without the grant type that refreshes."""
    scopes = frozenset(str(metadata.get("scope", "")).split())
    return scopes if "refresh_token" in metadata.get("grant_types", ()) else scopes - {"offline_access"}


def keeps_offline_access(metadata: Mapping[str, Any]) -> bool:
    """Return whether ``offline_access`` of a client survives that the person signs out (Back-Channel Logout §2.7)."""
    return metadata.get("offline_access_survives_logout") is True


@asks_one
def client(client_id: str) -> Select[Client]:
    """Return a client by its ``client_id``."""
    return select(Client).where(Client.client_id == client_id)


@asks_one
def lock_client(client_id: str) -> Select[str]:
    """Return the id of a client, locked until the transaction ends: for changes that are joined to what is there."""
    return select(Client.client_id).where(Client.client_id == client_id).with_for_update(key_share=True)


@asks_every
def clients() -> Select[Client]:
    """Return all clients, by ``client_id``."""
    return select(Client).order_by(Client.client_id)


def serving(organisation_id: str) -> list[Client]:
    """Return the clients that serve an organisation, by ``client_id``. Those that others manage are not read."""
    return [row for row in _own_and_common(organisation_id) if row.serves(organisation_id)]


@asks_every
def _own_and_common(organisation_id: str) -> Select[Client]:
    return select(Client).where(is_near(organisation_id)).order_by(Client.client_id)


def is_near(organisation_id: str) -> ColumnElement[bool]:
    """Match the clients that an organisation manages and those of the operators: no other client can serve it."""
    return or_(Client.managed_by == "", Client.managed_by == organisation_id)


@asks_every
def managed(organisation_id: str, most: int) -> Select[str]:
    """Return the ids of the apps that an organisation manages."""
    return select(Client.client_id).where(Client.managed_by == organisation_id).limit(most)


@asks_every
def names_of_managers(organisation_ids: Collection[str]) -> Select[str, str]:
    """Return ids and names of the organisations that manage apps, without those that are gone."""
    return select(Organisation.id, Organisation.name).where(Organisation.id.in_(organisation_ids))


@asks_every
def some(client_ids: Collection[str]) -> Select[Client]:
    """Return these clients, without those that are gone."""
    return select(Client).where(Client.client_id.in_(client_ids))


def names(client_ids: Collection[str]) -> dict[str, str]:
    """Return the names of these clients by ``client_id``, without those that are gone."""
    return {row.client_id: row.name for row in some(client_ids)}


def add_client(row: Client) -> None:
    """Insert a client."""
    add(row)
    kept.renew()


def change_client(client_id: str, **columns: Any) -> int:
    """Set columns."""
    kept.renew()
    return _change(client_id, **columns)


@changes
def _change(client_id: str, **columns: Any) -> Update:
    return update(Client).where(Client.client_id == client_id).values(**columns)


def delete_client(client_id: str) -> int:
    """Delete, with its secrets."""
    kept.renew()
    client_secrets.delete_secrets(client_id)
    return _delete(client_id)


@changes
def _delete(client_id: str) -> Delete:
    return delete(Client).where(Client.client_id == client_id)
