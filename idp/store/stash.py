"""The stash: small sealed values that one browser fetches soon after. Nothing else refers to them.

They are kept for a day at most and are not moved to a new sealing key. Without its key a value counts as expired.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Delete, Index, Insert, LargeBinary, Select, Update, delete, select, update
from sqlalchemy.orm import Mapped, mapped_column

from idp.db import Base, Id
from idp.records import changed
from idp.rows import add, inserting
from idp.statements import asks_one, changes, claims, delete_some

TICK = timedelta(microseconds=1)


class Stashed(Base):
    """One value. ``id`` is random but no bearer: the row is found together with the browser that put it there.

    ``sealed``: the value, bound to id, browser and purpose. ``created_at`` is the order of a browser's values too, so it is
    later than that of each value before, even if the clock stood still or was set back.
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
    add(_as_newest(row))
    _keep_newest(row.browser_id, row.id, most - 1, most)


def claim_stashed(row: Stashed, most: int) -> bool:
    """Insert unless a row with this id has not expired yet; returns whether it was inserted. Atomic under concurrency."""
    _drop_expired(row.id, row.created_at)
    newest = _as_newest(row)
    columns = {column.key: getattr(newest, column.key) for column in Stashed.__table__.columns}
    is_new = _claim(**columns)
    if is_new:
        _keep_newest(row.browser_id, row.id, most - 1, most)
    return is_new


def _as_newest(row: Stashed) -> Stashed:
    """Return the row with a time after those of this browser's other rows. Otherwise the next one could drop it."""
    latest = _latest(row.browser_id)
    return row if latest is None or latest < row.created_at else changed(row, created_at=latest + TICK)


@asks_one
def _latest(browser_id: str) -> Select[datetime]:
    here = select(Stashed.created_at).where(Stashed.browser_id == browser_id)
    return here.order_by(Stashed.created_at.desc()).limit(1)


@changes
def change_stashed(stash_id: str, browser_id: str, sealed: bytes, expires_at: datetime) -> Update:
    """Replace a value of this browser."""
    chosen = (Stashed.id == stash_id, Stashed.browser_id == browser_id)
    return update(Stashed).where(*chosen).values(sealed=sealed, expires_at=expires_at)


@claims
def _claim(**columns: Any) -> Insert:
    return inserting(Stashed, **columns)


@changes
def _drop_expired(stash_id: str, now: datetime) -> Delete:
    return delete(Stashed).where(Stashed.id == stash_id, Stashed.expires_at <= now)


@changes
def _keep_newest(browser_id: str, stash_id: str, others: int, most: int) -> Delete:
    here = (Stashed.browser_id == browser_id, Stashed.id != stash_id)
    older = select(Stashed.id).where(*here).order_by(Stashed.created_at.desc(), Stashed.id).offset(others).limit(most)
    return delete(Stashed).where(Stashed.id.in_(older.scalar_subquery()))


@changes
def delete_stashed(stash_id: str, browser_id: str) -> Delete:
    """Delete a value of this browser."""
    return delete(Stashed).where(Stashed.id == stash_id, Stashed.browser_id == browser_id)


def sweep_stash(now: datetime, most: int) -> int:
    """Delete those that expired."""
    return delete_some(Stashed, Stashed.expires_at <= now, most)
