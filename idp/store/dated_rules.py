"""Rules that require a second factor from a date on (S11)."""

from datetime import date
from typing import Any

from sqlalchemy import Select, String, delete, select, update
from sqlalchemy.orm import Mapped, mapped_column

from idp.db import Base, add, asks_every, one, write


class Policy(Base):
    """A dated rule (S11). Every condition that is not empty must hold; ``require`` is ``second_factor`` or an acr name.

    Belongs to the installation: an empty ``organisations`` speaks for all.
    """

    __tablename__ = "policies"

    name: Mapped[str] = mapped_column(String(100), primary_key=True)
    starts: Mapped[date]
    ends: Mapped[date | None]
    require: Mapped[str] = mapped_column(String(100))
    countries: Mapped[list[str]] = mapped_column(default=list)
    integrations: Mapped[list[str]] = mapped_column(default=list)
    roles: Mapped[list[str]] = mapped_column(default=list)
    groups: Mapped[list[str]] = mapped_column(default=list)
    organisations: Mapped[list[str]] = mapped_column(default=list)
    clients: Mapped[list[str]] = mapped_column(default=list)


@asks_every
def policies() -> Select[Policy]:
    """All dated rules, by name; there are few, and ``identity.policy`` decides which speak."""
    return select(Policy).order_by(Policy.name)


def policy_named(name: str) -> Policy | None:
    """By its name."""
    return one(select(Policy).where(Policy.name == name))


def add_policy(row: Policy) -> None:
    """Insert."""
    add(row)


def change_policy(name: str, **changes: Any) -> int:
    """Set columns."""
    return write(update(Policy).where(Policy.name == name).values(**changes))


def delete_policy(name: str) -> int:
    """Delete."""
    return write(delete(Policy).where(Policy.name == name))
