"""Remembered devices (S36–S40): one row for each device and user, found by the digest of the device's cookie."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    ForeignKeyConstraint,
    Index,
    Insert,
    LargeBinary,
    Select,
    String,
    Update,
    select,
    text,
    update,
)
from sqlalchemy.orm import Mapped, mapped_column

from idp.db import Base, Id
from idp.rows import upserting
from idp.statements import asks_every, asks_one, changes, delete_some

REVOKED = text("revoked_at IS NOT NULL")


class RememberedDevice(Base):
    """Trust of one user in one device, with a fixed end."""

    __tablename__ = "remembered_devices"
    __table_args__ = (
        ForeignKeyConstraint(["organisation_id", "user_id"], ["users.organisation_id", "users.id"], ondelete="CASCADE"),
        Index("ix_remembered_devices_digest", "digest"),
        Index("ix_remembered_devices_until", "until"),
        Index("ix_remembered_devices_revoked", "revoked_at", sqlite_where=REVOKED, postgresql_where=REVOKED),
    )

    organisation_id: Mapped[str] = mapped_column(Id, primary_key=True)
    user_id: Mapped[str] = mapped_column(Id, primary_key=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    id: Mapped[str] = mapped_column(Id, unique=True)
    label: Mapped[str] = mapped_column(String(100), default="")
    """What the browser said it is, in words ("Firefox on Windows")."""
    since: Mapped[datetime]
    until: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


def remember(row: RememberedDevice) -> None:
    """Trust a device for a user, replacing any former trust in it."""
    organisation_id, user_id, digest = row.organisation_id, row.user_id, row.digest
    fresh = {
        "id": row.id,
        "label": row.label,
        "since": row.since,
        "until": row.until,
        "last_used_at": None,
        "revoked_at": None,
    }
    _put(organisation_id, user_id, digest, **fresh)


@changes
def _put(organisation_id: str, user_id: str, digest: bytes, **fresh: Any) -> Insert:
    key = {"organisation_id": organisation_id, "user_id": user_id, "digest": digest}
    return upserting(RememberedDevice, tuple(key), {**key, **fresh}, fresh)


@changes
def rekey_devices(former: bytes, digest: bytes, now: datetime) -> Update:
    """Move all live trust in a device to the digest of its new cookie, in every organisation. The dates stay."""
    here = (RememberedDevice.digest == former, RememberedDevice.revoked_at.is_(None), RememberedDevice.until > now)
    return update(RememberedDevice).where(*here).values(digest=digest)


def _unrevoked(organisation_id: str, user_id: str) -> list[ColumnElement[bool]]:
    """Return the conditions on a user's devices whose trust was not revoked. It may be over."""
    return [
        RememberedDevice.organisation_id == organisation_id,
        RememberedDevice.user_id == user_id,
        RememberedDevice.revoked_at.is_(None),
    ]


@changes
def end_trust(organisation_id: str, user_id: str, digest: bytes, now: datetime) -> Update:
    """End a user's trust in one device, found by its cookie."""
    here = _unrevoked(organisation_id, user_id)
    return update(RememberedDevice).where(*here, RememberedDevice.digest == digest).values(revoked_at=now)


@asks_one
def trust_of(organisation_id: str, user_id: str, digest: bytes, now: datetime) -> Select[RememberedDevice]:
    """Return the trust that is valid now."""
    return select(RememberedDevice).where(
        *_unrevoked(organisation_id, user_id),
        RememberedDevice.digest == digest,
        RememberedDevice.since <= now,
        RememberedDevice.until > now,
    )


@asks_one
def live_trust(organisation_id: str, user_id: str, device_id: str, now: datetime) -> Select[RememberedDevice]:
    """Return the trust of this id, if it is the user's and neither revoked nor over."""
    return select(RememberedDevice).where(
        *_unrevoked(organisation_id, user_id),
        RememberedDevice.id == device_id,
        RememberedDevice.until > now,
    )


@asks_every
def devices_of(organisation_id: str, user_id: str, now: datetime) -> Select[RememberedDevice]:
    """Return a user's remembered devices, newest first."""
    return (
        select(RememberedDevice)
        .where(*_unrevoked(organisation_id, user_id), RememberedDevice.until > now)
        .order_by(RememberedDevice.since.desc())
    )


@changes
def note_use(organisation_id: str, user_id: str, digest: bytes, now: datetime) -> Update:
    """Note that the device skipped a code. Its end does not move (S38)."""
    here = (
        RememberedDevice.organisation_id == organisation_id,
        RememberedDevice.user_id == user_id,
        RememberedDevice.digest == digest,
    )
    return update(RememberedDevice).where(*here).values(last_used_at=now)


@changes
def revoke_devices(organisation_id: str, user_id: str, now: datetime, *, device_id: str | None = None) -> Update:
    """End trust in one device, or in all of a user's (S40)."""
    here = _unrevoked(organisation_id, user_id)
    if device_id is not None:
        here.append(RememberedDevice.id == device_id)
    return update(RememberedDevice).where(*here).values(revoked_at=now)


def sweep_devices(before: datetime, most: int) -> int:
    """Delete trust that was over before ``before``."""
    swept = delete_some(RememberedDevice, RememberedDevice.until < before, most)
    return swept + delete_some(RememberedDevice, RememberedDevice.revoked_at < before, most - swept)
