"""The logos of organisations as they are served, drawn again from the upload (``identity.organisations.logos``)."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ForeignKeyConstraint, Index, LargeBinary, String, delete, select
from sqlalchemy.orm import Mapped, mapped_column

from idp.db import Base, Id, upsert, values, write


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
    found = values(select(Logo.id, Logo.width, Logo.height, Logo.ground).where(Logo.organisation_id == organisation_id))
    return LogoFacts(*found[0]) if found else None


def image_of(logo_id: str) -> bytes | None:
    """Return the PNG at this address."""
    found = values(select(Logo.image).where(Logo.id == logo_id))
    return bytes(found[0][0]) if found else None


def put_logo(organisation_id: str, logo: LogoFacts, image: bytes, now: datetime) -> None:
    """Insert, or replace the one there is: of two uploads at once the later stands."""
    columns = {**vars(logo), "image": image, "created_at": now}
    upsert(Logo, ("organisation_id",), {"organisation_id": organisation_id, **columns}, columns)


def delete_logo(organisation_id: str) -> bool:
    """Delete; whether there was one."""
    return write(delete(Logo).where(Logo.organisation_id == organisation_id)) == 1
