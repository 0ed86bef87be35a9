"""Signing keys: sealed private halves, public halves as JWK."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, Insert, LargeBinary, Select, String, Update, select, text, update
from sqlalchemy.orm import Mapped, mapped_column

from idp.db import Base
from idp.rows import inserting
from idp.statements import asks_every, changes, claims

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


@asks_every
def published_keys() -> Select[SigningKey]:
    """Return all keys of the JWKS, oldest first."""
    return select(SigningKey).where(SigningKey.withdrawn_at.is_(None)).order_by(SigningKey.created_at)


@asks_every
def all_keys() -> Select[SigningKey]:
    """Return all keys, oldest first; of those made at the same moment, the one that signed first comes first."""
    return select(SigningKey).order_by(SigningKey.created_at, SigningKey.active_at.nulls_last())


@claims
def insert_key(**columns: Any) -> Insert:
    """Insert, unless another process made the active key of this algorithm first."""
    return inserting(SigningKey, **columns)


@claims
def retire(kid: str, now: datetime) -> Update:
    """Let an active key sign no more, once."""
    here = (SigningKey.kid == kid, SigningKey.active_at.is_not(None), SigningKey.retired_at.is_(None))
    return update(SigningKey).where(*here).values(retired_at=now)


@claims
def put_to_use(kid: str, now: datetime) -> Update:
    """Let a published key sign that does not, once; the unique index bars a second active key of an algorithm."""
    is_idle = SigningKey.active_at.is_(None) | SigningKey.retired_at.is_not(None)
    here = (SigningKey.kid == kid, SigningKey.withdrawn_at.is_(None), is_idle)
    return update(SigningKey).where(*here).values(active_at=now, retired_at=None)


@changes
def withdraw_retired(retired_before: datetime, now: datetime) -> Update:
    """Stop publishing keys that were retired long ago: all that they signed has expired."""
    here = (SigningKey.retired_at < retired_before, SigningKey.withdrawn_at.is_(None))
    return update(SigningKey).where(*here).values(withdrawn_at=now)
