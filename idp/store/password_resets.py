"""Requests of a password reset that wait for the worker, which looks the account up."""

from datetime import datetime

from sqlalchemy import Delete, Index, Select, Text, delete, select
from sqlalchemy.orm import Mapped, mapped_column

from idp.db import Base, Id
from idp.rows import add
from idp.statements import asks_one, claims


class PasswordReset(Base):
    """Somebody forgot a password: noted alike whether there is such a person, and answered by the worker.

    Of no organisation, for nothing was looked up. ``sealed_values``: what was typed (which may be a password by mistake).
    """

    __tablename__ = "password_resets"
    __table_args__ = (Index("ix_password_resets_created", "created_at", "id"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    sealed_values: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]


def add_password_reset(row: PasswordReset) -> None:
    """Insert a request."""
    add(row)


@asks_one
def next_password_reset() -> Select[PasswordReset]:
    """Return the request that waits longest."""
    return select(PasswordReset).order_by(PasswordReset.created_at, PasswordReset.id).limit(1)


@claims
def claim_password_reset(request_id: str) -> Delete:
    """Take a request: true for one worker only."""
    return delete(PasswordReset).where(PasswordReset.id == request_id)
