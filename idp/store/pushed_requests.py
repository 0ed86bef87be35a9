"""Authorization requests that apps have pushed (RFC 9126), until a browser brings them.

Nobody is known by such a request, so its rows belong to the installation. They live for minutes and are not moved to a new
sealing key: without its key a request counts as expired.
"""

from datetime import datetime

from sqlalchemy import Index, LargeBinary, Select, String, Text, Update, select, update
from sqlalchemy.orm import Mapped, mapped_column

from idp.db import Base, Id
from idp.rows import add
from idp.statements import asks_one, claims, delete_some


class PushedRequest(Base):
    """One request. ``digest``: of its ``request_uri``. ``sealed``: its parameters. ``browser_id``: of its only browser."""

    __tablename__ = "pushed_requests"
    __table_args__ = (Index("ix_pushed_requests_expires", "expires_at"),)

    digest: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    client_id: Mapped[str] = mapped_column(String(200))
    sealed: Mapped[str] = mapped_column(Text)
    browser_id: Mapped[str | None] = mapped_column(Id)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]


def add_request(row: PushedRequest) -> None:
    """Insert a request."""
    add(row)


@claims
def use_request(digest: bytes, client_id: str, browser_id: str, now: datetime, until: datetime) -> Update:
    """Use a request up for the browser that brings it, which may bring it again ``until`` then: once."""
    unused = (PushedRequest.digest == digest, PushedRequest.browser_id.is_(None), PushedRequest.expires_at > now)
    here = (*unused, PushedRequest.client_id == client_id)
    return update(PushedRequest).where(*here).values(browser_id=browser_id, expires_at=until)


@asks_one
def request_of(digest: bytes, client_id: str, browser_id: str, now: datetime) -> Select[PushedRequest]:
    """Return a request that this browser has brought; None if it expired, or is another browser's or client's."""
    here = (PushedRequest.digest == digest, PushedRequest.client_id == client_id, PushedRequest.expires_at > now)
    return select(PushedRequest).where(*here, PushedRequest.browser_id == browser_id)


def sweep_requests(now: datetime, most: int) -> int:
    """Delete those that expired."""
    return delete_some(PushedRequest, PushedRequest.expires_at <= now, most)
