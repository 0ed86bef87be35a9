"""What a user allowed a relying app to see."""

from datetime import datetime

from sqlalchemy import ForeignKeyConstraint, Index, Insert, Select, String, Update, select, update
from sqlalchemy.orm import Mapped, mapped_column

from idp.db import Base, Id
from idp.rows import upserting
from idp.statements import asks_every, asks_one, changes, delete_some


class Consent(Base):
    """The scopes a user allowed a client, together."""

    __tablename__ = "consents"
    __table_args__ = (
        ForeignKeyConstraint(["organisation_id", "user_id"], ["users.organisation_id", "users.id"], ondelete="CASCADE"),
        Index("ix_consents_client", "client_id"),
    )

    organisation_id: Mapped[str] = mapped_column(Id, primary_key=True)
    user_id: Mapped[str] = mapped_column(Id, primary_key=True)
    client_id: Mapped[str] = mapped_column(String(200), primary_key=True)
    scopes: Mapped[list[str]] = mapped_column(default=list)
    given_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


@asks_one
def consent_of(organisation_id: str, user_id: str, client_id: str) -> Select[Consent]:
    """Return the consent that is in force."""
    return select(Consent).where(
        Consent.organisation_id == organisation_id,
        Consent.user_id == user_id,
        Consent.client_id == client_id,
        Consent.revoked_at.is_(None),
    )


@asks_every
def consents_of(organisation_id: str, user_id: str) -> Select[Consent]:
    """Return all consents of a user that are in force."""
    return select(Consent).where(
        Consent.organisation_id == organisation_id, Consent.user_id == user_id, Consent.revoked_at.is_(None)
    )


@changes
def give_consent(organisation_id: str, user_id: str, client_id: str, scopes: list[str], now: datetime) -> Insert:
    """Store the allowed scopes. The caller has added those allowed before."""
    fresh = {"scopes": scopes, "given_at": now, "revoked_at": None}
    keys = {"organisation_id": organisation_id, "user_id": user_id, "client_id": client_id}
    return upserting(Consent, ("organisation_id", "user_id", "client_id"), {**keys, **fresh}, fresh)


@changes
def revoke_consent(organisation_id: str, user_id: str, client_id: str, now: datetime) -> Update:
    """Take a consent back."""
    here = (
        Consent.organisation_id == organisation_id,
        Consent.user_id == user_id,
        Consent.client_id == client_id,
        Consent.revoked_at.is_(None),
    )
    return update(Consent).where(*here).values(revoked_at=now)


def delete_consents_for(client_id: str, most: int) -> int:
    """Delete at most ``most`` consents to a client that is removed. Returns how many it deleted."""
    return delete_some(Consent, Consent.client_id == client_id, most)
