"""Sign-ins in progress: rows of facts, found by a 256-bit id *and* the browser's cookie."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, LargeBinary, Select, String, Text, Update, select, text, update
from sqlalchemy.orm import Mapped, mapped_column

from idp.db import Base, Id
from idp.rows import add
from idp.statements import asks_one, changes, claims, delete_some

IS_OPEN = text("user_id IS NOT NULL AND finished_at IS NULL")


class Attempt(Base):
    """Facts of one sign-in. ``organisation_id`` is empty until it is known, so the key is the id's digest alone.

    ``needs``: what was asked, and the username that was entered, as ``{"sealed": …}``: they may contain a mailed link's
    token, an ID token, or a password that was entered in the wrong field. ``typed_username`` is only ever a real user's.

    ``proofs``: list of ``Proof`` as JSON, append only. ``findings``: what was noticed (``leaked``). ``answers``: what the
    person chose, by name, with the moment. ``sealed``: what a step has prepared. ``version`` guards against two writers.
    """

    __tablename__ = "attempts"
    __table_args__ = (
        Index("ix_attempts_expires", "expires_at"),
        Index("ix_attempts_user", "organisation_id", "user_id", sqlite_where=IS_OPEN, postgresql_where=IS_OPEN),
    )

    digest: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    browser_id: Mapped[str] = mapped_column(Id)
    needs: Mapped[dict[str, Any]]
    organisation_id: Mapped[str | None] = mapped_column(Id)
    typed_organisation: Mapped[str] = mapped_column(String(254), default="")
    typed_username: Mapped[str] = mapped_column(String(254), default="")
    user_id: Mapped[str | None] = mapped_column(Id)
    proofs: Mapped[list[Any]] = mapped_column(default=list)
    findings: Mapped[dict[str, Any]] = mapped_column(default=dict)
    answers: Mapped[dict[str, Any]] = mapped_column(default=dict)
    sealed: Mapped[str] = mapped_column(Text, default="")
    version: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]


@asks_one
def attempt_of(digest: bytes, browser_id: str, now: datetime) -> Select[Attempt]:
    """Return the sign-in in progress of this browser; None if it expired or is another browser's."""
    return select(Attempt).where(Attempt.digest == digest, Attempt.browser_id == browser_id, Attempt.expires_at > now)


@asks_one
def any_attempt(digest: bytes) -> Select[Attempt]:
    """Return a sign-in while it is kept, even if over, expired or another browser's: it leads back to its asker (S60)."""
    return select(Attempt).where(Attempt.digest == digest)


def add_attempt(row: Attempt) -> None:
    """Insert a sign-in."""
    add(row)


@claims
def change_attempt(digest: bytes, version: int, **columns: Any) -> Update:
    """Set columns, unless another request changed the attempt since it was read: then nothing, and False."""
    here = (Attempt.digest == digest, Attempt.version == version, Attempt.finished_at.is_(None))
    return update(Attempt).where(*here).values(version=Attempt.version + 1, **columns)


@claims
def finish_attempt(digest: bytes, now: datetime) -> Update:
    """Close the attempt, once; what it had sealed is wiped."""
    here = (Attempt.digest == digest, Attempt.finished_at.is_(None))
    return update(Attempt).where(*here).values(finished_at=now, sealed="")


def drop_attempts_of(organisation_id: str, user_id: str, *, but_not: bytes = b"") -> int:
    """Drop what a user has proved and prepared in open sign-ins (disabled, password changed, factor set up or reset).

    Each starts again at its first step, except the one whose digest is ``but_not``. The new version makes every answer
    that is already under way stale. The user's row is locked before (see ``lock_user``).
    """
    return _drop(organisation_id, user_id, but_not)


@changes
def _drop(organisation_id: str, user_id: str, but_not: bytes) -> Update:
    here = (Attempt.organisation_id == organisation_id, Attempt.user_id == user_id, Attempt.digest != but_not)
    first: dict[str, Any] = {"user_id": None, "proofs": [], "findings": {}, "answers": {"is_anew": "yes"}, "sealed": ""}
    is_open = Attempt.finished_at.is_(None)
    return update(Attempt).where(*here, is_open).values(version=Attempt.version + 1, **first)


def sweep_attempts(now: datetime, most: int) -> int:
    """Delete those that expired."""
    return delete_some(Attempt, Attempt.expires_at <= now, most)
