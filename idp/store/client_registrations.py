"""Apps that registered themselves, and the tokens by which operators let them (RFC 7591 §1.2, RFC 7592)."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Delete, ForeignKey, Index, LargeBinary, Select, String, Update, delete, exists, select, update
from sqlalchemy.orm import Mapped, mapped_column

from idp.db import Base, Id
from idp.rows import add
from idp.statements import asks_every, asks_one, changes, claims, delete_some
from idp.store import kept
from idp.store.clients import Client
from idp.store.consents import Consent


class RegistrationToken(Base):
    """An initial access token, as a digest. ``uses_left`` None: any number of times, until it expires.

    ``grant_types``, ``scopes``: what its apps may have beside what every app may. ``organisations``: ids of those that its
    apps serve; empty means all.
    """

    __tablename__ = "registration_tokens"
    __table_args__ = (Index("uq_registration_tokens_digest", "digest", unique=True),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    grant_types: Mapped[list[str]] = mapped_column(default=list)
    scopes: Mapped[list[str]] = mapped_column(default=list)
    organisations: Mapped[list[str]] = mapped_column(default=list)
    uses_left: Mapped[int | None]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class ClientRegistration(Base):
    """How an app that registered itself may go on. ``digest``: of its registration access token (RFC 7592 §1.2).

    ``grant_types``, ``scopes``: what it may ask for beside what every app may. ``token_id``: of its initial access token;
    empty where it came without one.
    """

    __tablename__ = "client_registrations"

    client_id: Mapped[str] = mapped_column(ForeignKey("clients.client_id", ondelete="CASCADE"), primary_key=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    grant_types: Mapped[list[str]] = mapped_column(default=list)
    scopes: Mapped[list[str]] = mapped_column(default=list)
    token_id: Mapped[str] = mapped_column(String(26), default="")
    registered_at: Mapped[datetime]


def add_token(row: RegistrationToken) -> None:
    """Insert a token."""
    add(row)


@asks_one
def token(digest: bytes, now: datetime) -> Select[RegistrationToken]:
    """Return a token that can be used now, by its digest."""
    here = (RegistrationToken.digest == digest, RegistrationToken.expires_at > now)
    is_left = RegistrationToken.uses_left.is_(None) | (RegistrationToken.uses_left > 0)
    return select(RegistrationToken).where(*here, is_left)


@claims
def use_token(token_id: str, now: datetime) -> Update:
    """Use a token once, if it still can be."""
    here = (RegistrationToken.id == token_id, RegistrationToken.expires_at > now)
    is_left = RegistrationToken.uses_left.is_(None) | (RegistrationToken.uses_left > 0)
    return update(RegistrationToken).where(*here, is_left).values(uses_left=RegistrationToken.uses_left - 1)


@claims
def delete_token(token_id: str) -> Delete:
    """Revoke a token."""
    return delete(RegistrationToken).where(RegistrationToken.id == token_id)


def sweep_tokens(before: datetime, most: int) -> int:
    """Delete tokens that expired before ``before``."""
    return delete_some(RegistrationToken, RegistrationToken.expires_at < before, most)


def add_registration(row: ClientRegistration) -> None:
    """Insert."""
    add(row)


@asks_one
def registration(client_id: str) -> Select[ClientRegistration]:
    """Return the registration of an app that registered itself; None for one that an operator registered."""
    return select(ClientRegistration).where(ClientRegistration.client_id == client_id)


@asks_every
def registered_among(client_ids: Collection[str]) -> Select[str]:
    """Return the ids of those of these apps that registered themselves."""
    return select(ClientRegistration.client_id).where(ClientRegistration.client_id.in_(client_ids))


@asks_every
def registrations() -> Select[ClientRegistration]:
    """Return all."""
    return select(ClientRegistration).order_by(ClientRegistration.client_id)


@claims
def replace_digest(client_id: str, old: bytes, new: bytes) -> Update:
    """Replace the registration access token: of two changes at the same moment with the old one, one is made."""
    here = (ClientRegistration.client_id == client_id, ClientRegistration.digest == old)
    return update(ClientRegistration).where(*here).values(digest=new)


@changes
def change_registration(client_id: str, **columns: Any) -> Update:
    """Set columns."""
    return update(ClientRegistration).where(ClientRegistration.client_id == client_id).values(**columns)


def end_registration(client_id: str) -> bool:
    """Let the app change nothing any more: it is the operators' from now on. Returns False if it could not anyway."""
    kept.renew()
    return _end_registration(client_id)


@claims
def _end_registration(client_id: str) -> Delete:
    return delete(ClientRegistration).where(ClientRegistration.client_id == client_id)


@asks_every
def unused_clients(before: datetime, most: int) -> Select[str]:
    """Return the ids of apps that came without a token before ``before`` and to which nobody has consented since."""
    here = (ClientRegistration.token_id == "", ClientRegistration.registered_at < before)
    is_used = exists().where(Consent.client_id == ClientRegistration.client_id)
    is_disabled = exists().where(Client.client_id == ClientRegistration.client_id, Client.disabled_at.is_not(None))
    return select(ClientRegistration.client_id).where(*here, ~is_used, ~is_disabled).limit(most)
