"""Passkeys and security keys. Removed rows stay, as the record of all authenticators ever bound (NIST SP 800-63B-4 §4.1)."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    ForeignKeyConstraint,
    Index,
    Insert,
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
from idp.statements import asks_every, asks_one, changes, claims, values


class Passkey(Base):
    """A credential of WebAuthn (Level 3 §4, "credential record"), in use until ``removed_at``.

    ``credential_id`` is unique over all organisations, removed ones too: nobody can claim another person's (§7.1 step 26).
    ``public_key``: COSE. ``user_verified_ever``: user verification was seen together with the password. ``backup_eligible``:
    it can be copied; this never changes. ``backed_up``: part of the credential record, though nothing is decided by it.
    ``hardware``: its maker's certificate says so, and it cannot be copied.
    """

    __tablename__ = "passkeys"
    __table_args__ = (
        ForeignKeyConstraint(["organisation_id", "user_id"], ["users.organisation_id", "users.id"], ondelete="CASCADE"),
        Index("uq_passkeys_credential", "credential_id", unique=True),
        Index("ix_passkeys_user", "organisation_id", "user_id"),
    )

    organisation_id: Mapped[str] = mapped_column(Id, primary_key=True)
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    user_id: Mapped[str] = mapped_column(Id)
    credential_id: Mapped[bytes] = mapped_column(LargeBinary(1023))
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    sign_count: Mapped[int] = mapped_column(BigInteger, default=0)
    user_verified_ever: Mapped[bool] = mapped_column(Boolean, default=False)
    backup_eligible: Mapped[bool] = mapped_column(Boolean, default=False)
    backed_up: Mapped[bool] = mapped_column(Boolean, default=False)
    hardware: Mapped[bool] = mapped_column(Boolean, default=False)
    transports: Mapped[list[str]] = mapped_column(default=list)
    aaguid: Mapped[str] = mapped_column(String(36), default="")
    name: Mapped[str] = mapped_column(String(60), default="")
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    removed_at: Mapped[datetime | None]


def _of(organisation_id: str, user_id: str) -> tuple[Any, ...]:
    return (Passkey.organisation_id == organisation_id, Passkey.user_id == user_id, Passkey.removed_at.is_(None))


@asks_every
def passkeys_of(organisation_id: str, user_id: str) -> Select[Passkey]:
    """Return a user's passkeys, oldest first."""
    return select(Passkey).where(*_of(organisation_id, user_id)).order_by(Passkey.created_at, Passkey.id)


@asks_every
def kinds_of(organisation_id: str, user_id: str) -> Select[bool]:
    """Return for each passkey of a user whether it is attested hardware: all that a decision needs, in one lean query."""
    return select(Passkey.hardware).where(*_of(organisation_id, user_id))


def kinds(organisation_id: str) -> list[tuple[str, bool]]:
    """Return every passkey of an organisation as its user's id and whether it is attested hardware."""
    here = (Passkey.organisation_id == organisation_id, Passkey.removed_at.is_(None))
    return [(row[0], row[1]) for row in values(select(Passkey.user_id, Passkey.hardware).where(*here))]


@asks_one
def passkey_of(organisation_id: str, user_id: str, passkey_id: str) -> Select[Passkey]:
    """Return one passkey of a user."""
    return select(Passkey).where(*_of(organisation_id, user_id), Passkey.id == passkey_id)


@asks_one
def passkey_with(credential_id: bytes) -> Select[Passkey]:
    """Return the passkey of a credential: the first page knows nothing else."""
    return select(Passkey).where(Passkey.credential_id == credential_id, Passkey.removed_at.is_(None))


@claims
def add_passkey(**columns: Any) -> Insert:
    """Insert unless any user has registered the credential. One statement: twenty at once make one row."""
    return inserting(Passkey, **columns)


def note_use(passkey: Passkey, sign_count: int, now: datetime, *, backed_up: bool, user_verified: bool) -> bool:
    """Store what an assertion told, once every check has passed (WebAuthn Level 3 §7.2 step 24).

    Returns False if the counter did not grow, or the passkey was removed. One conditional UPDATE: of two assertions with the
    same counter one counts. Authenticators without a counter always send 0.
    """
    verified = True if user_verified else None
    at = (passkey.organisation_id, passkey.id)
    return _note_use(*at, sign_count, now, backed_up=backed_up, user_verified_ever=verified)


@claims
def _note_use(
    organisation_id: str,
    passkey_id: str,
    given: int,
    now: datetime,
    *,
    backed_up: bool,
    user_verified_ever: bool | None = None,
) -> Update:
    values = {"sign_count": given, "last_used_at": now, "backed_up": backed_up}
    here = (Passkey.organisation_id == organisation_id, Passkey.id == passkey_id, Passkey.removed_at.is_(None))
    has_grown = (Passkey.sign_count < given) | ((Passkey.sign_count == 0) & (Passkey.sign_count == given))
    verified = {} if user_verified_ever is None else {"user_verified_ever": user_verified_ever}
    return update(Passkey).where(*here, has_grown).values(**values, **verified)


@changes
def ask_password_beside(organisation_id: str, user_id: str) -> Update:
    """Let none of a user's passkeys open the account alone before it was shown together with the password once more."""
    return update(Passkey).where(*_of(organisation_id, user_id)).values(user_verified_ever=False)


@claims
def rename_passkey(organisation_id: str, user_id: str, passkey_id: str, name: str) -> Update:
    """Give it another name; False where it is not this user's."""
    here = (*_of(organisation_id, user_id), Passkey.id == passkey_id)
    return update(Passkey).where(*here).values(name=name)


@changes
def remove_passkeys(organisation_id: str, user_id: str, now: datetime, *, passkey_id: str | None = None) -> Update:
    """Take one passkey of a user, or all, out of use; how many there were."""
    only = (Passkey.id == passkey_id,) if passkey_id is not None else ()
    return update(Passkey).where(*_of(organisation_id, user_id), *only).values(removed_at=now)


@asks_one
def last_removal(organisation_id: str, user_id: str) -> Select[datetime | None]:
    """Return when a passkey of a user was last taken out of use."""
    here = (Passkey.organisation_id == organisation_id, Passkey.user_id == user_id)
    return select(func.max(Passkey.removed_at)).where(*here)
