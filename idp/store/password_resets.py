"""Requests of a password reset that wait for the worker, which looks the account up."""

from datetime import datetime

from sqlalchemy import Text, delete, select
from sqlalchemy.orm import Mapped, mapped_column

from idp.db import Base, Id, add, session, write


class ResetRequest(Base):
    """Somebody forgot a password: noted alike whether there is such a person, and answered by the worker.

    Of no organisation, for nothing was looked up. ``sealed_values``: what was typed (which may be a password by mistake).
    """

    __tablename__ = "reset_requests"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    sealed_values: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]


def add_reset_request(row: ResetRequest) -> None:
    """Insert."""
    add(row)


def next_reset_request() -> ResetRequest | None:
    """The one that waits longest."""
    return session().scalar(select(ResetRequest).order_by(ResetRequest.created_at, ResetRequest.id).limit(1))


def claim_reset_request(request_id: str) -> bool:
    """Take a request: true for one worker only."""
    return write(delete(ResetRequest).where(ResetRequest.id == request_id)) == 1
