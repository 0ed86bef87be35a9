"""Ids that outsiders chose and that count once: of proofs and assertions (``jti``), by digest, until those are too old."""

from datetime import datetime

from sqlalchemy import Index, Insert, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from idp.db import Base
from idp.rows import inserting
from idp.statements import claims, delete_some


class SpentId(Base):
    """An id that was used. The digest is over its purpose, the holder of the key, and the id."""

    __tablename__ = "spent_ids"
    __table_args__ = (Index("ix_spent_ids_expires", "expires_at"),)

    digest: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    expires_at: Mapped[datetime]


@claims
def spend(digest: bytes, expires_at: datetime) -> Insert:
    """Use up an id: one INSERT, which succeeds for the first request alone."""
    return inserting(SpentId, digest=digest, expires_at=expires_at)


def sweep_spent_ids(now: datetime, most: int) -> int:
    """Delete those whose proof or assertion would be refused for its age."""
    return delete_some(SpentId, SpentId.expires_at <= now, most)
