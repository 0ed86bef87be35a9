"""Requests of apps for which a person decides elsewhere, while the app polls for the tokens (RFC 8628, OpenID CIBA).

Nobody is known by a device's request until somebody has decided, so the rows belong to the installation. Each lives for
minutes.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Index, Insert, LargeBinary, Select, String, Text, Update, select, text, update
from sqlalchemy.orm import Mapped, mapped_column

from idp.db import Base, Id
from idp.rows import inserting
from idp.statements import asks_every, asks_one, changes, claims, delete_some

DEVICE, APPROVAL = "device", "approval"
MOST_ASKED = 50
"""Approvals that a person's page shows. Apps ask for them, so that nothing else bounds their number."""
PINGS = text("ping_due_at IS NOT NULL")


class PolledRequest(Base):
    """One request. ``digest``: of the code that the app polls with. ``user_code``: a keyed MAC of what the person types; of
    an approval, for which nobody types anything, its own id. ``kind``: ``device`` or ``approval``.

    ``user_id``: the person who is asked for an approval. ``grant_id`` with ``decided_at``: approved; ``decided_at`` alone:
    denied.
    """

    __tablename__ = "polled_requests"
    __table_args__ = (
        Index("uq_polled_requests_digest", "digest", unique=True),
        Index("uq_polled_requests_user_code", "user_code", unique=True),
        Index("ix_polled_requests_expires", "expires_at"),
        Index("ix_polled_requests_person", "organisation_id", "user_id", "expires_at"),
        Index("ix_polled_requests_ping", "client_id", "ping_due_at", sqlite_where=PINGS, postgresql_where=PINGS),
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
    kind: Mapped[str] = mapped_column(String(10), default=DEVICE, server_default=DEVICE)
    user_id: Mapped[str | None] = mapped_column(Id)
    sealed_ping: Mapped[str] = mapped_column(Text, default="", server_default="")
    """What the app is told with, if it wants to be told instead of polling; wiped once it was told."""
    ping_due_at: Mapped[datetime | None]


@claims
def add_request(
    request_id: str, digest: bytes, user_code: str, client_id: str, parameters: dict[str, Any], **more: Any
) -> Insert:
    """Insert a request. Returns False if its user code is taken."""
    columns = {"id": request_id, "digest": digest, "user_code": user_code, "client_id": client_id, "parameters": parameters}
    return inserting(PolledRequest, **columns, **more)


@asks_every
def waiting_for(organisation_id: str, user_id: str, now: datetime) -> Select[PolledRequest]:
    """Return what waits for a person's approval, first what ends first, up to a page."""
    theirs = (PolledRequest.organisation_id == organisation_id, PolledRequest.user_id == user_id)
    here = (*theirs, PolledRequest.expires_at > now, PolledRequest.decided_at.is_(None))
    return select(PolledRequest).where(*here).order_by(PolledRequest.expires_at).limit(MOST_ASKED)


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


@changes
def ping(request_id: str, now: datetime) -> Update:
    """Have the app told that its request is decided, if it wants that."""
    here = (PolledRequest.id == request_id, PolledRequest.sealed_ping != "")
    return update(PolledRequest).where(*here).values(ping_due_at=now)


@asks_every
def apps_to_ping() -> Select[str]:
    """Return the ids of the apps that are to be told of a decision, due or not."""
    return select(PolledRequest.client_id).where(PolledRequest.ping_due_at.is_not(None)).distinct()


def lease_ping(client_id: str, now: datetime, until: datetime) -> PolledRequest | None:
    """Take the decision that is due first to be told to an app, within the transaction. Others see it due at ``until``.

    Returns None if none is due.
    """
    found = _first_ping(client_id, now)
    due_at = found.ping_due_at if found is not None else None
    return found if found is not None and due_at is not None and _take_ping(found.id, due_at, until) else None


@asks_one
def _first_ping(client_id: str, now: datetime) -> Select[PolledRequest]:
    here = (PolledRequest.client_id == client_id, PolledRequest.ping_due_at <= now)
    return select(PolledRequest).where(*here).order_by(PolledRequest.ping_due_at).limit(1).with_for_update(skip_locked=True)


@claims
def _take_ping(request_id: str, due_at: datetime, until: datetime) -> Update:
    here = (PolledRequest.id == request_id, PolledRequest.ping_due_at == due_at)
    return update(PolledRequest).where(*here).values(ping_due_at=until)


@changes
def repeat_ping(request_id: str, due_at: datetime) -> Update:
    """Have the app told again, at ``due_at``."""
    return update(PolledRequest).where(PolledRequest.id == request_id).values(ping_due_at=due_at)


@changes
def end_ping(request_id: str) -> Update:
    """Tell the app no more."""
    return update(PolledRequest).where(PolledRequest.id == request_id).values(ping_due_at=None, sealed_ping="")


def sweep_requests(before: datetime, most: int) -> int:
    """Delete requests that expired before ``before``."""
    return delete_some(PolledRequest, PolledRequest.expires_at < before, most)
