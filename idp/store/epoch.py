"""The epoch: one row, without which no process serves. A backup lacks it, and only the end of a restore adds it."""

from datetime import datetime

from sqlalchemy import Insert, Select, select
from sqlalchemy.orm import Mapped, mapped_column

from idp.db import Base
from idp.rows import upserting
from idp.statements import asks_every, asks_one, changes
from idp.store.clients import Client
from idp.store.users import User


class Epoch(Base):
    """The moment since which this database serves. ``backup_at``: the moment of the backup that it was restored from, if
    any.

    Accounts and apps whose ``disabled_at`` is ``begun_at`` were closed by the restore, not by a person.
    """

    __tablename__ = "epoch"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    begun_at: Mapped[datetime]
    backup_at: Mapped[datetime | None]


@asks_one
def epoch() -> Select[Epoch]:
    """Return the epoch; None in a backup whose restore was not finished."""
    return select(Epoch)


@changes
def begin(begun_at: datetime, backup_at: datetime) -> Insert:
    """Let a restored database serve."""
    begun = {"begun_at": begun_at, "backup_at": backup_at}
    return upserting(Epoch, ("id",), {"id": 1, **begun}, begun)


@asks_every
def closed_users(organisation_id: str, begun_at: datetime) -> Select[User]:
    """Return the users of an organisation whose accounts the restore closed, by username."""
    here = (User.organisation_id == organisation_id, User.disabled_at == begun_at)
    return select(User).where(*here).order_by(User.username_key)


@asks_every
def closed_clients(begun_at: datetime) -> Select[Client]:
    """Return the apps that the restore closed, by ``client_id``."""
    return select(Client).where(Client.disabled_at == begun_at).order_by(Client.client_id)
