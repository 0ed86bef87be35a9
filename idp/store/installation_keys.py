"""Keys that an installation makes once and keeps, sealed: what they made must stay the same when sealing keys change."""

from datetime import datetime

from sqlalchemy import Insert, LargeBinary, Select, String, select
from sqlalchemy.orm import Mapped, mapped_column

from idp.db import Base
from idp.rows import inserting
from idp.statements import asks_one, claims


class InstallationKey(Base):
    """A key by its purpose."""

    __tablename__ = "installation_keys"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]


@asks_one
def key(name: str) -> Select[InstallationKey]:
    """Return the key for a purpose."""
    return select(InstallationKey).where(InstallationKey.name == name)


@claims
def insert_key(name: str, sealed: bytes, created_at: datetime) -> Insert:
    """Insert, unless another process was first."""
    return inserting(InstallationKey, name=name, sealed=sealed, created_at=created_at)
