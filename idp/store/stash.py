"""The stash: small sealed values that one browser fetches soon after. Nothing else refers to them.

They are kept for a day at most and are not moved to a new sealing key. Without its key a value counts as expired.
"""

from datetime import datetime

from sqlalchemy import Index, LargeBinary, Select, delete, select, update
from sqlalchemy.orm import Mapped, mapped_column

from idp.db import Base, Id, add, delete_some, insert_new, write
from idp.reads import asks_one


class Stashed(Base):
    """One value. ``id`` is random but no bearer: the row is found together with the browser that put it there.

    ``sealed``: the value, bound to id, browser and purpose.
    """

    __tablename__ = "stash"
    __table_args__ = (Index("ix_stash_browser", "browser_id", "created_at"), Index("ix_stash_expires", "expires_at"))

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    browser_id: Mapped[str] = mapped_column(Id)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]


@asks_one
def stashed(stash_id: str, browser_id: str, now: datetime) -> Select[Stashed]:
    """Return a value of this browser; None if it expired or is another browser's."""
    return select(Stashed).where(Stashed.id == stash_id, Stashed.browser_id == browser_id, Stashed.expires_at > now)


def add_stashed(row: Stashed, most: int) -> None:
    """Insert, and keep the newest ``most`` of this browser: a form sent in a loop must not fill the table."""
    add(row)
    _keep_newest(row.browser_id, row.id, most)


def claim_stashed(row: Stashed, most: int) -> bool:
    """Insert unless a row with this id has not expired yet; returns whether it was inserted. Atomic under concurrency."""
    write(delete(Stashed).where(Stashed.id == row.id, Stashed.expires_at <= row.created_at))
    columns = {column.key: getattr(row, column.key) for column in Stashed.__table__.columns}
    is_new = insert_new(Stashed, **columns)
    if is_new:
        _keep_newest(row.browser_id, row.id, most)
    return is_new


def change_stashed(stash_id: str, browser_id: str, sealed: bytes, expires_at: datetime) -> int:
    """Replace a value of this browser."""
    chosen = (Stashed.id == stash_id, Stashed.browser_id == browser_id)
    return write(update(Stashed).where(*chosen).values(sealed=sealed, expires_at=expires_at))


def _keep_newest(browser_id: str, stash_id: str, most: int) -> None:
    others = (Stashed.browser_id == browser_id, Stashed.id != stash_id)
    older = select(Stashed.id).where(*others).order_by(Stashed.created_at.desc(), Stashed.id).offset(most - 1).limit(most)
    write(delete(Stashed).where(Stashed.id.in_(older.scalar_subquery())))


def delete_stashed(stash_id: str, browser_id: str) -> int:
    """Delete a value of this browser."""
    return write(delete(Stashed).where(Stashed.id == stash_id, Stashed.browser_id == browser_id))


def sweep_stash(now: datetime, most: int) -> int:
    """Delete those that expired."""
    return delete_some(Stashed, Stashed.expires_at <= now, most)
