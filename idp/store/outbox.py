"""Mail that waits, was sent or failed. Rows are written in the transaction of what they report."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Index, Select, String, Text, Update, func, select, text, update
from sqlalchemy.orm import Mapped, mapped_column

from idp.batches import change_some
from idp.db import Base, Id
from idp.keyset import Place, page_of
from idp.rows import add
from idp.statements import asks_one, changes, claims, delete_some, every, one, write
from idp.store.organisation_states import is_disabled

FAILED = text("failed_at IS NOT NULL")
WAITING = text("sent_at IS NULL AND failed_at IS NULL")
PARKED = text("failed_at IS NOT NULL AND sealed_values <> ''")
NEWEST = ("organisation_id", "created_at", "id")


class OutgoingMail(Base):
    """One mail. ``sealed_values`` fill the template. They are wiped once it is sent, or cannot be sent any more."""

    __tablename__ = "outbox"
    __table_args__ = (
        Index("ix_outbox_due", "sent_at", "failed_at", "due_at"),
        Index("ix_outbox_created", "created_at", "id"),
        Index("ix_outbox_organisation", *NEWEST),
        Index("ix_outbox_kept", *NEWEST, sqlite_where=FAILED, postgresql_where=FAILED),
        Index("ix_outbox_waiting", *NEWEST, sqlite_where=WAITING, postgresql_where=WAITING),
        Index("ix_outbox_failed", "failed_at", sqlite_where=FAILED, postgresql_where=FAILED),
        Index("ix_outbox_parked", "expires_at", sqlite_where=PARKED, postgresql_where=PARKED),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    organisation_id: Mapped[str | None] = mapped_column(Id)
    user_id: Mapped[str | None] = mapped_column(Id)
    """The user it is about."""
    recipient: Mapped[str] = mapped_column(String(254))
    template: Mapped[str] = mapped_column(String(60))
    locale: Mapped[str] = mapped_column(String(10))
    sealed_values: Mapped[str] = mapped_column(Text)
    message_id: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime]
    due_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    """Not sent after this: its link has run out."""
    tries: Mapped[int] = mapped_column(default=0)
    leased_until: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    failed_at: Mapped[datetime | None]
    failure: Mapped[str] = mapped_column(String(20), default="", server_default="")
    """What the last try failed on, as a word of ``idp.mail.smtp.Failure``; empty where none has failed."""
    reason: Mapped[str] = mapped_column(String(500), default="")
    """What the mail server said, or what else went wrong."""


def add_mail(row: OutgoingMail) -> None:
    """Insert a mail."""
    add(row)


def claim_mail(now: datetime, leased_until: datetime) -> OutgoingMail | None:
    """Lease one mail that is due, so that no other worker takes it. Returns None if none is due.

    Mails to people of a disabled organisation wait until it is enabled, or their links expire.
    """
    waiting = (
        OutgoingMail.sent_at.is_(None),
        OutgoingMail.failed_at.is_(None),
        OutgoingMail.due_at <= now,
        (OutgoingMail.leased_until.is_(None)) | (OutgoingMail.leased_until <= now),
        ~is_disabled(OutgoingMail.organisation_id),
    )
    chosen = select(OutgoingMail.id).where(*waiting).order_by(OutgoingMail.due_at).limit(1)
    found = one(chosen.with_for_update(skip_locked=True))
    if found is None:
        return None
    if write(update(OutgoingMail).where(OutgoingMail.id == found, *waiting).values(leased_until=leased_until)) != 1:
        return None
    return one(select(OutgoingMail).where(OutgoingMail.id == found))


@changes
def note_sent(mail_id: str, now: datetime) -> Update:
    """Note that a mail was sent, and wipe its values."""
    here = OutgoingMail.id == mail_id
    return update(OutgoingMail).where(here).values(sent_at=now, leased_until=None, sealed_values="", failure="", reason="")


def note_failure(
    mail_id: str, tries: int, due_at: datetime, reason: str, *, failure: str = "", lease: datetime | None = None
) -> bool:
    """Note a failed try; the next is at ``due_at``. Returns False if ``lease`` is no longer ours: another worker decides."""
    changes = {"tries": tries, "due_at": due_at, "failure": failure, "reason": reason[:500], "leased_until": None}
    return write(update(OutgoingMail).where(*_still(mail_id, lease)).values(**changes)) == 1


def give_up(
    mail_id: str, now: datetime, reason: str, *, may_be_resent: bool, failure: str = "", lease: datetime | None = None
) -> bool:
    """Park a mail with its reason. Its values stay sealed if somebody may still have it sent, else they are wiped.

    Returns False if ``lease`` is no longer ours.
    """
    changes = {"failed_at": now, "failure": failure, "reason": reason[:500], "leased_until": None}
    wiped = {} if may_be_resent else {"sealed_values": ""}
    return write(update(OutgoingMail).where(*_still(mail_id, lease)).values(**changes, **wiped)) == 1


def _still(mail_id: str, lease: datetime | None) -> tuple[ColumnElement[bool], ...]:
    """Match a mail whose lease is still ours: a late worker must not undo what the next one noted."""
    return OutgoingMail.id == mail_id, OutgoingMail.leased_until == lease, OutgoingMail.sent_at.is_(None)


@claims
def resend(organisation_id: str, mail_id: str, now: datetime) -> Update:
    """Let a parked mail be tried again, or a waiting one at once. Returns False if neither is possible.

    A mail that a worker has leased is on its way: without the lease two workers would send it.
    """
    here = (
        OutgoingMail.organisation_id == organisation_id,
        OutgoingMail.id == mail_id,
        OutgoingMail.sent_at.is_(None),
        OutgoingMail.sealed_values != "",
        (OutgoingMail.expires_at.is_(None)) | (OutgoingMail.expires_at > now),
        (OutgoingMail.failed_at.is_not(None)) | (OutgoingMail.tries > 0),
        (OutgoingMail.leased_until.is_(None)) | (OutgoingMail.leased_until <= now),
    )
    return update(OutgoingMail).where(*here).values(failed_at=None, due_at=now, tries=0, leased_until=None)


def mails_of(organisation_id: str, state: str, place: Place | None, most: int) -> list[OutgoingMail]:
    """Return a page of an organisation's mails, newest first: all, or those ``waiting``, ``sent`` or ``failed``."""
    states: dict[str, Any] = {"waiting": WAITING, "sent": OutgoingMail.sent_at.is_not(None), "failed": FAILED}
    here = [OutgoingMail.organisation_id == organisation_id, *([states[state]] if state in states else [])]
    order = (OutgoingMail.created_at, OutgoingMail.id)
    return page_of(select(OutgoingMail).where(*here), order, place, most, descending=True)


def place_of(organisation_id: str, name: str, *, is_before: bool) -> Place | None:
    """Return the place of a mail in the list; None where the organisation has no such mail."""
    row = mail(organisation_id, name)
    return None if row is None else Place((row.created_at, row.id), is_before)


@asks_one
def mail(organisation_id: str, mail_id: str) -> Select[OutgoingMail]:
    """Return one mail of an organisation."""
    return select(OutgoingMail).where(OutgoingMail.organisation_id == organisation_id, OutgoingMail.id == mail_id)


def wipe_expired(now: datetime, most: int) -> int:
    """Wipe what fills parked mails whose link or secret has run out: they are never sent again."""
    return change_some(OutgoingMail, (OutgoingMail.expires_at <= now) & PARKED, most, sealed_values="")


def mails(limit: int = 200) -> list[OutgoingMail]:
    """Return the latest mails, newest first."""
    return every(select(OutgoingMail).order_by(OutgoingMail.created_at.desc(), OutgoingMail.id.desc()).limit(limit))


@asks_one
def waiting() -> Select[int, datetime | None]:
    """Return how many mails wait to be sent, and since when the oldest does; none of a disabled organisation."""
    here = OutgoingMail.sent_at.is_(None), OutgoingMail.failed_at.is_(None), ~is_disabled(OutgoingMail.organisation_id)
    return select(func.count(OutgoingMail.id), func.min(OutgoingMail.created_at)).where(*here)


def sweep_mails(before: datetime, most: int) -> int:
    """Delete what was sent or given up before ``before``."""
    swept = delete_some(OutgoingMail, OutgoingMail.sent_at < before, most)
    return swept + delete_some(OutgoingMail, OutgoingMail.failed_at < before, most - swept)
