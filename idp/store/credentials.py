"""Second factors: authenticator apps (TOTP) with their spent steps, and sets of recovery codes.

Removed rows stay, as the record of all authenticators ever bound (NIST SP 800-63B-4 §4.1); their secrets go.
"""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    Select,
    String,
    exists,
    func,
    select,
    text,
    update,
)
from sqlalchemy.orm import Mapped, mapped_column

from idp.db import Base, Id, add, asks_one, delete_some, insert_new, one, values, write

ACTIVE = text("removed_at IS NULL")


class Totp(Base):
    """An authenticator app that was set up. At most one of a user is active (``removed_at`` is null)."""

    __tablename__ = "totp"
    __table_args__ = (
        ForeignKeyConstraint(["organisation_id", "user_id"], ["users.organisation_id", "users.id"], ondelete="CASCADE"),
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


class SpentStep(Base):
    """A time step whose code was used, or named by a hint (S58): unique for each authenticator, also a pending one.

    Steps are known one by one. The latest accepted step alone would bar everybody for as long as a clock was ahead, once
    it is put right (RFC 6238 §5.2 asks that a code is accepted once, not that codes come in order).
    """

    __tablename__ = "spent_steps"

    organisation_id: Mapped[str] = mapped_column(Id, primary_key=True)
    totp_id: Mapped[str] = mapped_column(Id, primary_key=True)
    step: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    spent_at: Mapped[datetime]


class RecoverySet(Base):
    """A set of recovery codes with its salt. At most one of a user is active."""

    __tablename__ = "recovery_sets"
    __table_args__ = (
        ForeignKeyConstraint(["organisation_id", "user_id"], ["users.organisation_id", "users.id"], ondelete="CASCADE"),
        Index(
            "uq_recovery_sets_active",
            "organisation_id",
            "user_id",
            unique=True,
            sqlite_where=ACTIVE,
            postgresql_where=ACTIVE,
        ),
    )

    organisation_id: Mapped[str] = mapped_column(Id, primary_key=True)
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    user_id: Mapped[str] = mapped_column(Id)
    salt: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]


class RecoveryCode(Base):
    """One code of a set, as argon2id under the set's salt."""

    __tablename__ = "recovery_codes"
    __table_args__ = (
        ForeignKeyConstraint(
            ["organisation_id", "set_id"], ["recovery_sets.organisation_id", "recovery_sets.id"], ondelete="CASCADE"
        ),
    )

    organisation_id: Mapped[str] = mapped_column(Id, primary_key=True)
    set_id: Mapped[str] = mapped_column(Id, primary_key=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    spent_at: Mapped[datetime | None]
    held_by: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    """The attempt (its digest) that showed the last code and may set up again with it (S44)."""


@asks_one
def active_totp(organisation_id: str, user_id: str) -> Select[Totp]:
    """The user's authenticator app."""
    return select(Totp).where(Totp.organisation_id == organisation_id, Totp.user_id == user_id, Totp.removed_at.is_(None))


def last_totp(organisation_id: str, user_id: str) -> Totp | None:
    """The user's authenticator app, or the one that was removed last."""
    theirs = select(Totp).where(Totp.organisation_id == organisation_id, Totp.user_id == user_id)
    return one(theirs.order_by(Totp.removed_at.is_(None).desc(), Totp.active_since.desc()).limit(1))


def totp_owners(organisation_id: str) -> set[str]:
    """The ids of an organisation's users who have an authenticator app."""
    here = (Totp.organisation_id == organisation_id, Totp.removed_at.is_(None))
    return {row[0] for row in values(select(Totp.user_id).where(*here))}


def add_totp(row: Totp) -> None:
    """Insert."""
    add(row)


def remove_totp(organisation_id: str, user_id: str, now: datetime) -> int:
    """Take the user's authenticator app out of use and wipe its secret."""
    here = (Totp.organisation_id == organisation_id, Totp.user_id == user_id, Totp.removed_at.is_(None))
    return write(update(Totp).where(*here).values(removed_at=now, sealed_secret=b""))


def spend_step(organisation_id: str, totp_id: str, step: int, now: datetime) -> bool:
    """Spend a step unless it was spent: one unique INSERT, shared by sign-in, step-up, set-up and hints."""
    return insert_new(SpentStep, organisation_id=organisation_id, totp_id=totp_id, step=step, spent_at=now)


def spent_steps(organisation_id: str, totp_id: str, first: int, last: int) -> set[int]:
    """Return the spent steps of an authenticator, from ``first`` to ``last``."""
    here = (SpentStep.organisation_id == organisation_id, SpentStep.totp_id == totp_id)
    return {row[0] for row in values(select(SpentStep.step).where(*here, SpentStep.step.between(first, last)))}


def note_totp_use(organisation_id: str, totp_id: str, now: datetime) -> bool:
    """Note the use of an authenticator. Returns False where it was taken out of use."""
    here = (Totp.organisation_id == organisation_id, Totp.id == totp_id, Totp.removed_at.is_(None))
    return write(update(Totp).where(*here).values(last_used_at=now)) == 1


def sweep_steps(before_step: int, most: int) -> int:
    """Delete spent steps before ``before_step``: only what no clock comes near again, for its codes would work once more."""
    return delete_some(SpentStep, SpentStep.step < before_step, most)


@asks_one
def active_recovery_set(organisation_id: str, user_id: str) -> Select[RecoverySet]:
    """The user's set of recovery codes."""
    return select(RecoverySet).where(
        RecoverySet.organisation_id == organisation_id,
        RecoverySet.user_id == user_id,
        RecoverySet.removed_at.is_(None),
    )


def lock_recovery_set(organisation_id: str, set_id: str) -> None:
    """Until the transaction ends nobody else spends a code of this set so."""
    one(
        select(RecoverySet).where(RecoverySet.organisation_id == organisation_id, RecoverySet.id == set_id).with_for_update()
    )


def add_recovery_set(row: RecoverySet, digests: list[bytes]) -> None:
    """Insert a set with its codes."""
    add(row)
    for digest in digests:
        insert_new(RecoveryCode, organisation_id=row.organisation_id, set_id=row.id, digest=digest, spent_at=None)


def remove_recovery_set(organisation_id: str, user_id: str, now: datetime) -> int:
    """Take the user's recovery codes out of use."""
    here = (
        RecoverySet.organisation_id == organisation_id,
        RecoverySet.user_id == user_id,
        RecoverySet.removed_at.is_(None),
    )
    return write(update(RecoverySet).where(*here).values(removed_at=now))


def unspent_recovery_codes(organisation_id: str, set_id: str) -> int:
    """How many codes of a set still work."""
    here = (
        RecoveryCode.organisation_id == organisation_id,
        RecoveryCode.set_id == set_id,
        RecoveryCode.spent_at.is_(None),
    )
    return int(values(select(func.count()).where(*here))[0][0])


def codes_left(organisation_id: str) -> dict[str, int]:
    """How many codes still work, by the ids of an organisation's users who have any."""
    joined = (RecoveryCode.organisation_id == RecoverySet.organisation_id) & (RecoveryCode.set_id == RecoverySet.id)
    here = (
        RecoverySet.organisation_id == organisation_id,
        RecoverySet.removed_at.is_(None),
        RecoveryCode.spent_at.is_(None),
    )
    counted = select(RecoverySet.user_id, func.count()).join(RecoveryCode, joined).where(*here)
    return {row[0]: row[1] for row in values(counted.group_by(RecoverySet.user_id))}


def _code(organisation_id: str, set_id: str, digest: bytes) -> tuple[ColumnElement[bool], ...]:
    """An unspent code of a set in use: one shown before the set was replaced (S44) died with it (S22, S28)."""
    in_use = exists().where(
        RecoverySet.organisation_id == organisation_id, RecoverySet.id == set_id, RecoverySet.removed_at.is_(None)
    )
    return (
        in_use,
        RecoveryCode.organisation_id == organisation_id,
        RecoveryCode.set_id == set_id,
        RecoveryCode.digest == digest,
        RecoveryCode.spent_at.is_(None),
    )


def burn_recovery_code(organisation_id: str, set_id: str, digest: bytes, now: datetime) -> bool:
    """Spend a code: one conditional UPDATE, so that the same code twice at once works once (S42)."""
    here = _code(organisation_id, set_id, digest)
    return write(update(RecoveryCode).where(*here).values(spent_at=now)) == 1


def known_recovery_code(organisation_id: str, set_id: str, digest: bytes) -> bool:
    """Whether the code is one of the set's that still work."""
    here = _code(organisation_id, set_id, digest)
    return bool(values(select(exists().where(*here)))[0][0])
