"""Recoveries of owners who lost everything (S48): started, confirmed, waited for, and over."""

from datetime import datetime

from sqlalchemy import ForeignKeyConstraint, Index, Select, String, Update, select, update
from sqlalchemy.orm import Mapped, mapped_column

from idp.db import Base, Id
from idp.rows import add
from idp.statements import asks_one, claims, delete_some


class OwnerRecovery(Base):
    """One recovery of an organisation's owner. Open until ``ended_at``; ``ended_why`` is then done, cancelled or expired.

    ``due_at`` is set when the owner confirms. A recovery that is not confirmed by ``confirm_by`` expires.
    """

    __tablename__ = "owner_recoveries"
    __table_args__ = (
        ForeignKeyConstraint(["organisation_id", "user_id"], ["users.organisation_id", "users.id"], ondelete="CASCADE"),
        Index("ix_owner_recoveries_due", "ended_at", "due_at"),
        Index("ix_owner_recoveries_user", "organisation_id", "user_id"),
    )

    organisation_id: Mapped[str] = mapped_column(Id, primary_key=True)
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    user_id: Mapped[str] = mapped_column(Id)
    """An operator's id, or ``cli``."""
    started_at: Mapped[datetime]
    confirm_by: Mapped[datetime]
    due_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    ended_why: Mapped[str] = mapped_column(String(20), default="")


def add_recovery(row: OwnerRecovery) -> None:
    """Insert a recovery."""
    add(row)


@asks_one
def open_recovery(organisation_id: str, now: datetime) -> Select[OwnerRecovery]:
    """Return the recovery under way in an organisation, confirmed or not."""
    return (
        select(OwnerRecovery)
        .where(
            OwnerRecovery.organisation_id == organisation_id,
            OwnerRecovery.ended_at.is_(None),
            OwnerRecovery.due_at.is_not(None) | (OwnerRecovery.confirm_by > now),
        )
        .order_by(OwnerRecovery.started_at.desc())
        .limit(1)
    )


@asks_one
def recovery(organisation_id: str, recovery_id: str) -> Select[OwnerRecovery]:
    """Return a recovery by its id."""
    return select(OwnerRecovery).where(OwnerRecovery.organisation_id == organisation_id, OwnerRecovery.id == recovery_id)


@claims
def confirm_recovery(organisation_id: str, recovery_id: str, now: datetime, due_at: datetime) -> Update:
    """Note that the owner confirmed, once. The waiting begins."""
    here = (
        OwnerRecovery.organisation_id == organisation_id,
        OwnerRecovery.id == recovery_id,
        OwnerRecovery.ended_at.is_(None),
        OwnerRecovery.due_at.is_(None),
        OwnerRecovery.confirm_by > now,
    )
    return update(OwnerRecovery).where(*here).values(due_at=due_at)


@claims
def end_recovery(organisation_id: str, recovery_id: str, now: datetime, why: str) -> Update:
    """End it, once: a cancellation and the worker that carries it out cannot both win."""
    here = (
        OwnerRecovery.organisation_id == organisation_id,
        OwnerRecovery.id == recovery_id,
        OwnerRecovery.ended_at.is_(None),
    )
    return update(OwnerRecovery).where(*here).values(ended_at=now, ended_why=why)


@asks_one
def due_recovery(now: datetime) -> Select[OwnerRecovery]:
    """Return a confirmed recovery whose waiting is over."""
    return (
        select(OwnerRecovery)
        .where(OwnerRecovery.ended_at.is_(None), OwnerRecovery.due_at <= now)
        .order_by(OwnerRecovery.due_at)
        .limit(1)
    )


@asks_one
def unconfirmed_recovery(now: datetime) -> Select[OwnerRecovery]:
    """Return an open recovery that the owner did not confirm in time."""
    late = (OwnerRecovery.ended_at.is_(None), OwnerRecovery.due_at.is_(None), OwnerRecovery.confirm_by <= now)
    return select(OwnerRecovery).where(*late).order_by(OwnerRecovery.confirm_by).limit(1)


def sweep_recoveries(before: datetime, most: int) -> int:
    """Delete at most ``most`` recoveries that ended before ``before``. Returns the number deleted."""
    return delete_some(OwnerRecovery, OwnerRecovery.ended_at < before, most)
