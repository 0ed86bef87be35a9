"""Secrets of relying apps. Processes keep them with their client: a change renews the stamp (``kept``), a use does not."""

from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    Delete,
    ForeignKey,
    Index,
    LargeBinary,
    Select,
    String,
    Text,
    Update,
    delete,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Mapped, mapped_column

from idp.db import Base, Id
from idp.rows import add
from idp.statements import asks_every, changes, claims
from idp.store import kept


class ClientSecret(Base):
    """A client's secret, as a digest. Several are valid together while one replaces another.

    ``sealed``: the secret itself, for a client that signs with it; empty for any other. ``made_by``: the actor, as the
    audit log stores it; empty for secrets of earlier releases and of apps that registered themselves.
    """

    __tablename__ = "client_secrets"
    __table_args__ = (Index("ix_client_secrets_client", "client_id"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    client_id: Mapped[str] = mapped_column(ForeignKey("clients.client_id", ondelete="CASCADE"))
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    sealed: Mapped[str] = mapped_column(Text, default="", server_default="")
    made_by: Mapped[str] = mapped_column(String(26), default="", server_default="")
    last_used_at: Mapped[datetime | None]
    """To within an hour: see ``note_use``."""


def _is_valid(now: datetime) -> ColumnElement[bool]:
    return or_(ClientSecret.expires_at.is_(None), ClientSecret.expires_at > now)


@asks_every
def secrets_of(client_id: str, now: datetime) -> Select[bytes]:
    """Return the digests of the secrets that are valid now."""
    return select(ClientSecret.digest).where(ClientSecret.client_id == client_id, _is_valid(now))


@asks_every
def all_secrets(client_id: str) -> Select[ClientSecret]:
    """Return all secrets, for a process that keeps them."""
    return select(ClientSecret).where(ClientSecret.client_id == client_id)


@asks_every
def valid_secrets(client_id: str, now: datetime) -> Select[ClientSecret]:
    """Return the secrets that are valid now, the oldest first."""
    here = (ClientSecret.client_id == client_id, _is_valid(now))
    return select(ClientSecret).where(*here).order_by(ClientSecret.created_at, ClientSecret.id)


@asks_every
def sealed_secrets(client_id: str) -> Select[str, str, datetime | None]:
    """Return the id, the sealed secret and the end of each of a client's secrets that is kept so."""
    here = (ClientSecret.client_id == client_id, ClientSecret.sealed != "")
    return select(ClientSecret.id, ClientSecret.sealed, ClientSecret.expires_at).where(*here)


def add_secret(row: ClientSecret) -> None:
    """Insert a secret."""
    add(row)
    kept.renew()


def end_secrets(client_id: str, at: datetime) -> int:
    """Let all secrets end at ``at``, but for those that end earlier."""
    kept.renew()
    return _end_secrets(client_id, at)


@changes
def _end_secrets(client_id: str, at: datetime) -> Update:
    return update(ClientSecret).where(ClientSecret.client_id == client_id, _is_valid(at)).values(expires_at=at)


def end_secret(client_id: str, secret_id: str, now: datetime) -> bool:
    """End one secret, once. Returns False if it is not valid any more."""
    kept.renew()
    return _end_secret(client_id, secret_id, now)


@claims
def _end_secret(client_id: str, secret_id: str, now: datetime) -> Update:
    here = (ClientSecret.client_id == client_id, ClientSecret.id == secret_id, _is_valid(now))
    return update(ClientSecret).where(*here).values(expires_at=now)


@changes
def note_use(secret_id: str, now: datetime, before: datetime) -> Update:
    """Note that a secret was used, unless a use since ``before`` is noted. It renews no stamp: nothing decides by it."""
    is_due = or_(ClientSecret.last_used_at.is_(None), ClientSecret.last_used_at <= before)
    return update(ClientSecret).where(ClientSecret.id == secret_id, is_due).values(last_used_at=now)


def forget_sealed(client_id: str) -> int:
    """Keep only digests of a client's secrets: it signs with none any more."""
    kept.renew()
    return _forget_sealed(client_id)


@changes
def _forget_sealed(client_id: str) -> Update:
    return update(ClientSecret).where(ClientSecret.client_id == client_id).values(sealed="")


@changes
def delete_ended(client_id: str, before: datetime) -> Delete:
    """Delete the secrets that ended before ``before``."""
    return delete(ClientSecret).where(ClientSecret.client_id == client_id, ClientSecret.expires_at < before)


@changes
def delete_secrets(client_id: str) -> Delete:
    """Delete all secrets of a client that is being deleted."""
    return delete(ClientSecret).where(ClientSecret.client_id == client_id)
