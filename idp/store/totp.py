"""Authenticator apps (TOTP, RFC 6238) and the time steps whose code was used."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKeyConstraint, Index, Insert, LargeBinary, Select, String, Update, select, update
from sqlalchemy.orm import Mapped, mapped_column

from idp.db import Base, Id
from idp.rows import add, inserting
from idp.statements import asks_every, asks_one, changes, claims, delete_some, values
from idp.store.recovery_codes import ACTIVE


class Totp(Base):
    """An authenticator app that was set up. At most one of a user is active (``removed_at`` is null)."""

    __tablename__ = "totp"
    __table_args__ = (
        ForeignKeyConstraint(["organisation_id", "user_id"], ["users.organisation_id", "users.id"], ondelete="CASCADE"),
        Index("ix_totp_user", "organisation_id", "user_id"),
        Index("uq_totp_active", "organisation_id", "user_id", unique=True, sqlite_where=ACTIVE, postgresql_where=ACTIVE),
    )

    organisation_id: Mapped[str] = mapped_column(Id, primary_key=True)
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    user_id: Mapped[str] = mapped_column(Id)
    sealed_secret: Mapped[bytes] = mapped_column(LargeBinary)
    active_since: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    removed_at: Mapped[datetime | None]
    issuer: Mapped[str] = mapped_column(String(64), default="")
    label: Mapped[str] = mapped_column(String(96), default="")
    """The two names of the entry in the app (S26); empty where a secret was brought from elsewhere."""
    spent_until: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    """Steps up to this one count as spent: a restore cannot know which of them were."""


class UsedStep(Base):
    """A time step whose code was used, or named by a hint (S58): unique for each authenticator, also a pending one.

    Steps are stored one by one. A single latest step would refuse every code after a clock that was ahead is put right. RFC
    6238 §5.2 requires that a code is accepted once, not that codes come in order.
    """

    __tablename__ = "totp_used_steps"
    __table_args__ = (Index("ix_totp_used_steps_step", "step"),)

    organisation_id: Mapped[str] = mapped_column(Id, primary_key=True)
    totp_id: Mapped[str] = mapped_column(Id, primary_key=True)
    step: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    spent_at: Mapped[datetime]


@asks_one
def active_totp(organisation_id: str, user_id: str) -> Select[Totp]:
    """Return the user's authenticator app."""
    return select(Totp).where(Totp.organisation_id == organisation_id, Totp.user_id == user_id, Totp.removed_at.is_(None))


@asks_one
def last_totp(organisation_id: str, user_id: str) -> Select[Totp]:
    """Return the user's authenticator app, or the one that was removed last."""
    theirs = select(Totp).where(Totp.organisation_id == organisation_id, Totp.user_id == user_id)
    return theirs.order_by(Totp.removed_at.is_(None).desc(), Totp.active_since.desc()).limit(1)


def totp_owners(organisation_id: str) -> set[str]:
    """Return the ids of an organisation's users who have an authenticator app."""
    here = (Totp.organisation_id == organisation_id, Totp.removed_at.is_(None))
    return {row[0] for row in values(select(Totp.user_id).where(*here))}


def add_totp(row: Totp) -> None:
    """Insert an authenticator app."""
    add(row)


@changes
def remove_totp(organisation_id: str, user_id: str, now: datetime) -> Update:
    """Take the user's authenticator app out of use and wipe its secret."""
    here = (Totp.organisation_id == organisation_id, Totp.user_id == user_id, Totp.removed_at.is_(None))
    return update(Totp).where(*here).values(removed_at=now, sealed_secret=b"")


@claims
def use_step(organisation_id: str, totp_id: str, step: int, now: datetime) -> Insert:
    """Spend a step unless it was spent: one unique INSERT, shared by sign-in, step-up, set-up and hints."""
    return inserting(UsedStep, organisation_id=organisation_id, totp_id=totp_id, step=step, spent_at=now)


@asks_every
def used_steps(organisation_id: str, totp_id: str, first: int, last: int) -> Select[int]:
    """Return the spent steps of an authenticator, from ``first`` to ``last``."""
    here = (UsedStep.organisation_id == organisation_id, UsedStep.totp_id == totp_id)
    return select(UsedStep.step).where(*here, UsedStep.step.between(first, last))


@claims
def note_totp_use(organisation_id: str, totp_id: str, now: datetime) -> Update:
    """Claim an authenticator app for an accepted code: in one statement, check that it is in use and note when."""
    here = (Totp.organisation_id == organisation_id, Totp.id == totp_id, Totp.removed_at.is_(None))
    return update(Totp).where(*here).values(last_used_at=now)


def sweep_used_steps(before_step: int, most: int) -> int:
    """Delete spent steps before ``before_step``: only what no clock comes near again, for its codes would work once more."""
    return delete_some(UsedStep, UsedStep.step < before_step, most)
