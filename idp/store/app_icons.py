"""The icons of apps as they are served: drawn again from the picture at the app's ``logo_uri`` (``oauth.app_icons``)."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Delete, ForeignKeyConstraint, Index, Insert, LargeBinary, Select, String, delete, select
from sqlalchemy.orm import Mapped, mapped_column

from idp.db import Base, Id
from idp.rows import upserting
from idp.statements import asks_every, asks_one, changes
from idp.store import kept


class AppIcon(Base):
    """The icon of an app. ``image`` is a PNG; None where ``address`` gave no picture when it was last asked.

    ``id`` is random and new with each picture, so that its address may be cached for ever.
    """

    __tablename__ = "app_icons"
    __table_args__ = (
        ForeignKeyConstraint(["client_id"], ["clients.client_id"], ondelete="CASCADE"),
        Index("uq_app_icons_id", "id", unique=True),
    )

    client_id: Mapped[str] = mapped_column(String(200), primary_key=True)
    id: Mapped[str] = mapped_column(Id)
    address: Mapped[str] = mapped_column(String(2000))
    asked_at: Mapped[datetime]
    image: Mapped[bytes | None] = mapped_column(LargeBinary)


@asks_every
def asked() -> Select[str, str, datetime]:
    """Return of each app that has a row its ``client_id``, the address that was asked, and when."""
    return select(AppIcon.client_id, AppIcon.address, AppIcon.asked_at)


@asks_every
def ids() -> Select[str, str]:
    """Return the id of the icon of each app that has one, after its ``client_id``."""
    return select(AppIcon.client_id, AppIcon.id).where(AppIcon.image.is_not(None))


@asks_one
def image_of(icon_id: str) -> Select[bytes | None]:
    """Return the PNG at this address."""
    return select(AppIcon.image).where(AppIcon.id == icon_id, AppIcon.image.is_not(None))


@asks_one
def image_from(client_id: str, address: str) -> Select[bytes | None]:
    """Return the icon that an app has from this address."""
    here = (AppIcon.client_id == client_id, AppIcon.address == address, AppIcon.image.is_not(None))
    return select(AppIcon.image).where(*here)


def put(client_id: str, icon_id: str, address: str, image: bytes | None, now: datetime) -> None:
    """Insert, or replace the present one. Without an image only the address and the moment are kept."""
    _put(client_id, id=icon_id, address=address, image=image, asked_at=now)
    kept.renew()


@changes
def _put(client_id: str, **columns: Any) -> Insert:
    return upserting(AppIcon, ("client_id",), {"client_id": client_id, **columns}, columns)


def drop(client_ids: Collection[str]) -> None:
    """Delete the icons of these apps."""
    _drop(client_ids)
    kept.renew()


@changes
def _drop(client_ids: Collection[str]) -> Delete:
    return delete(AppIcon).where(AppIcon.client_id.in_(client_ids))
