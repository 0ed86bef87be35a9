"""The logos of organisations as they are served, drawn again from the upload (``identity.organisations.logos``)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Delete, ForeignKeyConstraint, Index, Insert, LargeBinary, Select, String, delete, select
from sqlalchemy.orm import Mapped, mapped_column

from idp.db import Base, Id
from idp.rows import upserting
from idp.statements import asks_one, changes, claims
from idp.store.organisation_states import is_there


class Logo(Base):
    """An organisation's one logo: a PNG of ``width`` by ``height`` pixels.

    ``id`` is new with each upload, so that its address may be cached for ever. It is random and no digest of the image, or
    anybody who has a shop's logo could ask whether that shop is here. ``ground``: see ``branding``.
    """

    __tablename__ = "logos"
    __table_args__ = (
        ForeignKeyConstraint(["organisation_id"], ["organisations.id"], ondelete="CASCADE"),
        Index("uq_logos_id", "id", unique=True),
    )

    organisation_id: Mapped[str] = mapped_column(Id, primary_key=True)
    id: Mapped[str] = mapped_column(Id)
    image: Mapped[bytes] = mapped_column(LargeBinary)
    width: Mapped[int]
    height: Mapped[int]
    ground: Mapped[str] = mapped_column(String(10))
    created_at: Mapped[datetime]


@dataclass(frozen=True)
class LogoFacts:
    """What a page must know to show a logo, without its bytes."""

    id: str
    width: int
    height: int
    ground: str


def logo_of(organisation_id: str) -> LogoFacts | None:
    """Return an organisation's logo, in one lean query."""
    found = _facts(organisation_id)
    return LogoFacts(*found) if found else None


@asks_one
def _facts(organisation_id: str) -> Select[str, int, int, str]:
    return select(Logo.id, Logo.width, Logo.height, Logo.ground).where(Logo.organisation_id == organisation_id)


@asks_one
def image_of(logo_id: str) -> Select[bytes]:
    """Return the PNG at this address."""
    return select(Logo.image).where(Logo.id == logo_id, is_there(Logo.organisation_id))


def put_logo(organisation_id: str, logo: LogoFacts, image: bytes, now: datetime) -> None:
    """Insert, or replace the present one. Of two concurrent uploads the later one is kept."""
    columns = {**vars(logo), "image": image, "created_at": now}
    _put(organisation_id, **columns)


@changes
def _put(organisation_id: str, **columns: Any) -> Insert:
    return upserting(Logo, ("organisation_id",), {"organisation_id": organisation_id, **columns}, columns)


@claims
def delete_logo(organisation_id: str) -> Delete:
    """Delete; whether there was one."""
    return delete(Logo).where(Logo.organisation_id == organisation_id)
