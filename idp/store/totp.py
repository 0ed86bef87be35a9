"""Authenticator apps (TOTP, RFC 6238) and the time steps whose code was used."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ForeignKeyConstraint,
    Index,
    Insert,
    Integer,
    LargeBinary,
    Select,
    String,
    Update,
    func,
    select,
    update,
)
from sqlalchemy.orm import Mapped, mapped_column

from idp.db import Base, Id
from idp.rows import inserting
from idp.statements import asks_every, asks_one, changes, claims, delete_some, values
from idp.store.recovery_codes import ACTIVE


class Totp(Base):
    """An authenticator app that was set up, active until ``removed_at``. ``number``: unique among a user's active apps.

    ``name``: the person's own, or empty.
    """

    __tablename__ = "totp"
    __table_args__ = (
        ForeignKeyConstraint(["organisation_id", "user_id"], ["users.organisation_id", "users.id"], ondelete="CASCADE"),
        Index("ix_totp_user", "organisation_id", "user_id"),
        Index(
            "uq_totp_number",
            "organisation_id",
            "user_id",
            "number",
            unique=True,
            sqlite_where=ACTIVE,
            postgresql_where=ACTIVE,
        ),
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
    number: Mapped[int] = mapped_column(Integer, default=1, server_default="1")
    name: Mapped[str] = mapped_column(String(60), default="", server_default="")


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


def _of(organisation_id: str, user_id: str) -> tuple[Any, ...]:
    return (Totp.organisation_id == organisation_id, Totp.user_id == user_id, Totp.removed_at.is_(None))


@asks_every
def active_totps(organisation_id: str, user_id: str) -> Select[Totp]:
    """Return the user's authenticator apps, by their numbers."""
    return select(Totp).where(*_of(organisation_id, user_id)).order_by(Totp.number)


@asks_one
def last_totp(organisation_id: str, user_id: str, number: int) -> Select[Totp]:
    """Return the user's authenticator app of a number, or the one that was removed last."""
    theirs = (Totp.organisation_id == organisation_id, Totp.user_id == user_id, Totp.number == number)
    return select(Totp).where(*theirs).order_by(Totp.removed_at.is_(None).desc(), Totp.active_since.desc()).limit(1)


@asks_one
def last_removal(organisation_id: str, user_id: str) -> Select[datetime | None]:
    """Return when an authenticator app of a user was last taken out of use."""
    here = (Totp.organisation_id == organisation_id, Totp.user_id == user_id)
    return select(func.max(Totp.removed_at)).where(*here)


def totp_owners(organisation_id: str) -> set[str]:
    """Return the ids of an organisation's users who have an authenticator app."""
    here = (Totp.organisation_id == organisation_id, Totp.removed_at.is_(None))
    return {row[0] for row in values(select(Totp.user_id).where(*here))}


@claims
def add_totp(**columns: Any) -> Insert:
    """Insert an authenticator app, unless an active one of the user has its number: two at once make one row."""
    return inserting(Totp, **columns)


@claims
def rename_totp(organisation_id: str, user_id: str, totp_id: str, name: str) -> Update:
    """Give it another name; False where it is not this user's."""
    return update(Totp).where(*_of(organisation_id, user_id), Totp.id == totp_id).values(name=name)


@changes
def remove_totp(organisation_id: str, user_id: str, now: datetime, *, totp_id: str | None = None) -> Update:
    """Take one authenticator app of a user, or all, out of use and wipe its secret. Returns how many there were."""
    only = (Totp.id == totp_id,) if totp_id is not None else ()
    return update(Totp).where(*_of(organisation_id, user_id), *only).values(removed_at=now, sealed_secret=b"")


@claims
def use_step(organisation_id: str, totp_id: str, step: int, now: datetime) -> Insert:
    """Spend a step unless it was spent: one unique INSERT, shared by sign-in, step-up, set-up and hints."""
    return inserting(UsedStep, organisation_id=organisation_id, totp_id=totp_id, step=step, spent_at=now)


@asks_every
def used_steps(organisation_id: str, totp_ids: Sequence[str], first: int, last: int) -> Select[str, int]:
    """Return the spent steps of authenticators, from ``first`` to ``last``, each with the authenticator's id."""
    here = (UsedStep.organisation_id == organisation_id, UsedStep.totp_id.in_(totp_ids))
    return select(UsedStep.totp_id, UsedStep.step).where(*here, UsedStep.step.between(first, last))


@claims
def note_totp_use(organisation_id: str, totp_id: str, now: datetime) -> Update:
    """Claim an authenticator app for an accepted code: in one statement, check that it is in use and note when."""
    here = (Totp.organisation_id == organisation_id, Totp.id == totp_id, Totp.removed_at.is_(None))
    return update(Totp).where(*here).values(last_used_at=now)


def sweep_used_steps(before_step: int, most: int) -> int:
    """Delete spent steps before ``before_step``: only what no clock comes near again, for its codes would work once more."""
    return delete_some(UsedStep, UsedStep.step < before_step, most)
