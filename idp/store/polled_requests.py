"""Requests of apps for which a person decides elsewhere, while the app polls for the tokens (RFC 8628).

Nobody is known by such a request until somebody has decided, so its rows belong to the installation. Each lives for minutes.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Index, Insert, LargeBinary, Select, String, Update, select, update
from sqlalchemy.orm import Mapped, mapped_column

from idp.db import Base, Id
from idp.rows import inserting
from idp.statements import asks_one, claims, delete_some


class PolledRequest(Base):
    """One request. ``digest``: of the code that the app polls with. ``user_code``: a keyed MAC of what the person types.

    ``grant_id`` with ``decided_at``: approved; ``decided_at`` alone: denied.
    """

    __tablename__ = "polled_requests"
    __table_args__ = (
        Index("uq_polled_requests_digest", "digest", unique=True),
        Index("uq_polled_requests_user_code", "user_code", unique=True),
        Index("ix_polled_requests_expires", "expires_at"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    user_code: Mapped[str] = mapped_column(String(64))
    client_id: Mapped[str] = mapped_column(String(200))
    parameters: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """The request as it came: what it means is read again at each use, with the client as it is then."""
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    interval: Mapped[int]
    """Seconds that the app leaves between two polls."""
    polled_at: Mapped[datetime | None]
    decided_at: Mapped[datetime | None]
    organisation_id: Mapped[str | None] = mapped_column(Id)
    grant_id: Mapped[str | None] = mapped_column(Id)
    redeemed_at: Mapped[datetime | None]


@claims
def add_request(
    request_id: str, digest: bytes, user_code: str, client_id: str, parameters: dict[str, Any], **times: Any
) -> Insert:
    """Insert a request. Returns False if its user code is taken."""
    columns = {"id": request_id, "digest": digest, "user_code": user_code, "client_id": client_id, "parameters": parameters}
    return inserting(PolledRequest, **columns, **times)


@asks_one
def request(request_id: str) -> Select[PolledRequest]:
    """Return a request by its id, decided or not."""
    return select(PolledRequest).where(PolledRequest.id == request_id)


@asks_one
def polled(digest: bytes) -> Select[PolledRequest]:
    """Return a request by the code that its app polls with."""
    return select(PolledRequest).where(PolledRequest.digest == digest)


@asks_one
def entered(user_codes: Collection[str], now: datetime) -> Select[PolledRequest]:
    """Return the request that waits for a decision under a user code, given as the MACs that it may have."""
    waits = (PolledRequest.decided_at.is_(None), PolledRequest.expires_at > now)
    return select(PolledRequest).where(PolledRequest.user_code.in_(user_codes), *waits)


@claims
def note_poll(request_id: str, polled_at: datetime | None, now: datetime, interval: int) -> Update:
    """Note a poll, unless another one was noted since ``polled_at``."""
    here = (PolledRequest.id == request_id, PolledRequest.polled_at.is_not_distinct_from(polled_at))
    return update(PolledRequest).where(*here).values(polled_at=now, interval=interval)


@claims
def approve(request_id: str, organisation_id: str, grant_id: str, now: datetime) -> Update:
    """Decide a request that waits: once."""
    return _decide(request_id, now).values(decided_at=now, organisation_id=organisation_id, grant_id=grant_id)


@claims
def deny(request_id: str, now: datetime) -> Update:
    """Decide a request that waits: once."""
    return _decide(request_id, now).values(decided_at=now)


def _decide(request_id: str, now: datetime) -> Update:
    here = (PolledRequest.id == request_id, PolledRequest.decided_at.is_(None), PolledRequest.expires_at > now)
    return update(PolledRequest).where(*here)


@claims
def redeem(request_id: str, now: datetime) -> Update:
    """Hand out the tokens of an approved request: once."""
    here = (PolledRequest.id == request_id, PolledRequest.grant_id.is_not(None), PolledRequest.redeemed_at.is_(None))
    return update(PolledRequest).where(*here, PolledRequest.expires_at > now).values(redeemed_at=now)


def sweep_requests(before: datetime, most: int) -> int:
    """Delete requests that expired before ``before``."""
    return delete_some(PolledRequest, PolledRequest.expires_at < before, most)
