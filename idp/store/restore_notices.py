"""List the people to be told by mail that the installation was restored from a backup."""

from sqlalchemy import ColumnElement, ForeignKeyConstraint, Insert, Select, delete, select, tuple_
from sqlalchemy.orm import Mapped, mapped_column

from idp.db import Base, Id
from idp.rows import inserting
from idp.statements import asks_every, changes, values, write


class RestoreNotice(Base):
    """A person who was not told yet. The transaction that writes the mail deletes the row."""

    __tablename__ = "restore_notices"
    __table_args__ = (
        ForeignKeyConstraint(["organisation_id", "user_id"], ["users.organisation_id", "users.id"], ondelete="CASCADE"),
    )

    organisation_id: Mapped[str] = mapped_column(Id, primary_key=True)
    user_id: Mapped[str] = mapped_column(Id, primary_key=True)


@changes
def note(organisation_id: str, user_id: str) -> Insert:
    """Note a person, once."""
    return inserting(RestoreNotice, organisation_id=organisation_id, user_id=user_id)


@asks_every
def waiting(most: int) -> Select[str, str]:
    """Return the ids of organisation and user of some people who wait to be told."""
    return select(RestoreNotice.organisation_id, RestoreNotice.user_id).limit(most)


def take(most: int) -> list[tuple[str, str]]:
    """Claim some people within the transaction, so that no other worker tells them."""
    key = tuple_(RestoreNotice.organisation_id, RestoreNotice.user_id)
    chosen = select(RestoreNotice.organisation_id, RestoreNotice.user_id).limit(most).with_for_update(skip_locked=True)
    taken: list[tuple[str, str]] = values(chosen)
    is_taken: ColumnElement[bool] = key.in_(taken)
    write(delete(RestoreNotice).where(is_taken))
    return taken
