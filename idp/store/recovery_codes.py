"""Sets of recovery codes.

Removed rows stay, as the record of all authenticators ever bound (NIST SP 800-63B-4 §4.1); their secrets are wiped.
"""

from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    Select,
    Update,
    exists,
    func,
    select,
    text,
    update,
)
from sqlalchemy.orm import Mapped, mapped_column

from idp.db import Base, Id
from idp.rows import add
from idp.statements import asks_one, changes, claims, values

ACTIVE = text("removed_at IS NULL")


class RecoverySet(Base):
    """A set of recovery codes with its salt. At most one of a user is active."""

    __tablename__ = "recovery_sets"
    __table_args__ = (
        ForeignKeyConstraint(["organisation_id", "user_id"], ["users.organisation_id", "users.id"], ondelete="CASCADE"),
        Index("ix_recovery_sets_user", "organisation_id", "user_id"),
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


@asks_one
def active_recovery_set(organisation_id: str, user_id: str) -> Select[RecoverySet]:
    """Return the user's set of recovery codes."""
    return select(RecoverySet).where(
        RecoverySet.organisation_id == organisation_id,
        RecoverySet.user_id == user_id,
        RecoverySet.removed_at.is_(None),
    )


@asks_one
def lock_recovery_set(organisation_id: str, set_id: str) -> Select[str]:
    """Lock a set: until the transaction ends nobody else spends a code of it."""
    here = (RecoverySet.organisation_id == organisation_id, RecoverySet.id == set_id)
    return select(RecoverySet.id).where(*here).with_for_update()


def add_recovery_set(row: RecoverySet, digests: list[bytes]) -> None:
    """Insert a set with its codes."""
    add(row)
    for digest in digests:
        add(RecoveryCode(organisation_id=row.organisation_id, set_id=row.id, digest=digest))


@changes
def remove_recovery_set(organisation_id: str, user_id: str, now: datetime) -> Update:
    """Take the user's recovery codes out of use."""
    here = (
        RecoverySet.organisation_id == organisation_id,
        RecoverySet.user_id == user_id,
        RecoverySet.removed_at.is_(None),
    )
    return update(RecoverySet).where(*here).values(removed_at=now)


def unspent_recovery_codes(organisation_id: str, set_id: str) -> int:
    """Return how many codes of a set still work."""
    return _unspent(organisation_id, set_id) or 0


@asks_one
def _unspent(organisation_id: str, set_id: str) -> Select[int]:
    here = (
        RecoveryCode.organisation_id == organisation_id,
        RecoveryCode.set_id == set_id,
        RecoveryCode.spent_at.is_(None),
    )
    return select(func.count()).where(*here)


def codes_left(organisation_id: str) -> dict[str, int]:
    """Return how many codes still work, by the ids of an organisation's users who have any."""
    joined = (RecoveryCode.organisation_id == RecoverySet.organisation_id) & (RecoveryCode.set_id == RecoverySet.id)
    here = (
        RecoverySet.organisation_id == organisation_id,
        RecoverySet.removed_at.is_(None),
        RecoveryCode.spent_at.is_(None),
    )
    counted = select(RecoverySet.user_id, func.count()).join(RecoveryCode, joined).where(*here)
    return {row[0]: row[1] for row in values(counted.group_by(RecoverySet.user_id))}


def _code(organisation_id: str, set_id: str, digest: bytes) -> tuple[ColumnElement[bool], ...]:
    """Match an unspent code of an active set. A code shown before its set was replaced (S44) no longer works (S22, S28)."""
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


@claims
def burn_recovery_code(organisation_id: str, set_id: str, digest: bytes, now: datetime) -> Update:
    """Spend a code: one conditional UPDATE, so that the same code twice at once works once (S42)."""
    here = _code(organisation_id, set_id, digest)
    return update(RecoveryCode).where(*here).values(spent_at=now)


def known_recovery_code(organisation_id: str, set_id: str, digest: bytes) -> bool:
    """Check if a code is one of the set's that still work."""
    return _known_recovery_code(organisation_id, set_id, digest) is not None


@asks_one
def _known_recovery_code(organisation_id: str, set_id: str, digest: bytes) -> Select[bytes]:
    return select(RecoveryCode.digest).where(*_code(organisation_id, set_id, digest))
