"""Signing keys: sealed private halves, public halves as JWK."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, LargeBinary, String, select, text, update
from sqlalchemy.orm import Mapped, mapped_column

from idp.db import Base, add, every, write

SIGNS = text("active_at IS NOT NULL AND retired_at IS NULL")


class SigningKey(Base):
    """A key: *next* (published, not yet signing), *active* (at most one an algorithm) or *retired* (published)."""

    __tablename__ = "signing_keys"
    __table_args__ = (Index("uq_signing_keys_active", "alg", unique=True, sqlite_where=SIGNS, postgresql_where=SIGNS),)

    kid: Mapped[str] = mapped_column(String(64), primary_key=True)
    alg: Mapped[str] = mapped_column(String(10))
    sealed_private: Mapped[bytes] = mapped_column(LargeBinary)
    public: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    active_at: Mapped[datetime | None]
    retired_at: Mapped[datetime | None]
    withdrawn_at: Mapped[datetime | None]
    """No longer published."""


def published_keys() -> list[SigningKey]:
    """All that are in the JWKS, oldest first."""
    return every(select(SigningKey).where(SigningKey.withdrawn_at.is_(None)).order_by(SigningKey.created_at))


def all_keys() -> list[SigningKey]:
    """All there ever were, oldest first."""
    return every(select(SigningKey).order_by(SigningKey.created_at))


def add_key(row: SigningKey) -> None:
    """Insert."""
    add(row)


def change_key(kid: str, **changes: Any) -> int:
    """Set columns."""
    return write(update(SigningKey).where(SigningKey.kid == kid).values(**changes))
