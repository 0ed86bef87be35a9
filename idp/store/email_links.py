"""What was mailed (or printed) to open something once, and the requests for it that wait to be answered."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ForeignKeyConstraint, Index, LargeBinary, Select, String, Text, Update, select, update
from sqlalchemy.orm import Mapped, mapped_column

from idp.db import Base, Id
from idp.rows import add
from idp.statements import asks_one, changes, claims, delete_some, values

CHUNK = 500
"""Links that are read by one statement."""


class EmailLink(Base):
    """One link. ``digest``: of its token, by purpose. ``sealed_values``: what following it needs to know; wiped when used.

    ``used_at`` is set on links, too, that a newer link or another change made void.
    """

    __tablename__ = "email_links"
    __table_args__ = (
        ForeignKeyConstraint(["organisation_id", "user_id"], ["users.organisation_id", "users.id"], ondelete="CASCADE"),
        Index("ix_email_links_user", "organisation_id", "user_id", "purpose"),
        Index("ix_email_links_expires", "expires_at"),
        Index("ix_email_links_purpose", "organisation_id", "purpose", "created_at"),
    )

    organisation_id: Mapped[str] = mapped_column(Id, primary_key=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    user_id: Mapped[str] = mapped_column(Id)
    purpose: Mapped[str] = mapped_column(String(20))
    sealed_values: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


def add_link(row: EmailLink) -> None:
    """Insert a link."""
    add(row)


@asks_one
def open_link(organisation_id: str, digest: bytes, now: datetime) -> Select[EmailLink]:
    """Return the link if it is neither used, void nor expired. Reading it spends nothing."""
    return select(EmailLink).where(
        EmailLink.organisation_id == organisation_id,
        EmailLink.digest == digest,
        EmailLink.used_at.is_(None),
        EmailLink.expires_at > now,
    )


def open_among(organisation_id: str, digests: Sequence[bytes], now: datetime) -> set[bytes]:
    """Return the digests of those links that are neither used, void nor expired."""
    found: set[bytes] = set()
    for first in range(0, len(digests), CHUNK):
        here = (EmailLink.organisation_id == organisation_id, EmailLink.digest.in_(digests[first : first + CHUNK]))
        is_open = (EmailLink.used_at.is_(None), EmailLink.expires_at > now)
        found |= {row[0] for row in values(select(EmailLink.digest).where(*here, *is_open))}
    return found


@asks_one
def latest_open_link(organisation_id: str, user_id: str, purpose: str, now: datetime) -> Select[EmailLink]:
    """Return a user's newest link of a purpose that still opens."""
    return (
        select(EmailLink)
        .where(
            EmailLink.organisation_id == organisation_id,
            EmailLink.user_id == user_id,
            EmailLink.purpose == purpose,
            EmailLink.used_at.is_(None),
            EmailLink.expires_at > now,
        )
        .order_by(EmailLink.created_at.desc())
        .limit(1)
    )


@asks_one
def latest_open_link_in(organisation_id: str, purpose: str, now: datetime) -> Select[EmailLink]:
    """Return the newest link of a purpose in an organisation, over all users, that would still open."""
    return (
        select(EmailLink)
        .where(
            EmailLink.organisation_id == organisation_id,
            EmailLink.purpose == purpose,
            EmailLink.used_at.is_(None),
            EmailLink.expires_at > now,
        )
        .order_by(EmailLink.created_at.desc())
        .limit(1)
    )


@claims
def burn_link(organisation_id: str, digest: bytes, now: datetime) -> Update:
    """Spend a link: true once, however many press at the same moment."""
    here = (
        EmailLink.organisation_id == organisation_id,
        EmailLink.digest == digest,
        EmailLink.used_at.is_(None),
        EmailLink.expires_at > now,
    )
    return update(EmailLink).where(*here).values(used_at=now, sealed_values="")


@changes
def void_links(organisation_id: str, user_id: str, now: datetime, purposes: tuple[str, ...]) -> Update:
    """Close a user's open links of these purposes."""
    here = (
        EmailLink.organisation_id == organisation_id,
        EmailLink.user_id == user_id,
        EmailLink.purpose.in_(purposes),
        EmailLink.used_at.is_(None),
    )
    return update(EmailLink).where(*here).values(used_at=now, sealed_values="")


@changes
def void_links_in(organisation_id: str, now: datetime, purposes: tuple[str, ...]) -> Update:
    """Close an organisation's open links of these purposes, over all users."""
    here = (
        EmailLink.organisation_id == organisation_id,
        EmailLink.purpose.in_(purposes),
        EmailLink.used_at.is_(None),
    )
    return update(EmailLink).where(*here).values(used_at=now, sealed_values="")


@changes
def void_links_since(organisation_id: str, user_id: str, now: datetime, purpose: str, since: datetime) -> Update:
    """Close a user's open links of a purpose that were made at ``since`` or later."""
    here = (
        EmailLink.organisation_id == organisation_id,
        EmailLink.user_id == user_id,
        EmailLink.purpose == purpose,
        EmailLink.created_at >= since,
        EmailLink.used_at.is_(None),
    )
    return update(EmailLink).where(*here).values(used_at=now, sealed_values="")


def sweep_links(before: datetime, most: int) -> int:
    """Delete what ran out before ``before``."""
    return delete_some(EmailLink, EmailLink.expires_at < before, most)
