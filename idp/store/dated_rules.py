"""Rules that require a second factor from a date on (S11). Processes keep them: a change renews the stamp (``kept``)."""

from datetime import date
from typing import Any

from sqlalchemy import Delete, Select, String, Update, delete, select, update
from sqlalchemy.orm import Mapped, mapped_column

from idp.db import Base
from idp.rows import add
from idp.statements import asks_every, asks_one, changes, one
from idp.store import kept


class StoredRule(Base):
    """A dated rule (S11). Every condition that is not empty must hold; ``require`` is ``second_factor`` or an acr name.

    It belongs to the installation. Empty ``organisations`` mean all.
    """

    __tablename__ = "dated_rules"

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
def dated_rules() -> Select[StoredRule]:
    """Return all dated rules, by name. There are few, and ``identity.policy`` decides which apply."""
    return select(StoredRule).order_by(StoredRule.name)


@asks_one
def dated_rule_named(name: str) -> Select[StoredRule]:
    """Return a dated rule by its name."""
    return select(StoredRule).where(StoredRule.name == name)


def hold_dated_rule(name: str) -> StoredRule | None:
    """Return a rule as it is now, locked until the transaction ends."""
    return one(select(StoredRule).where(StoredRule.name == name).with_for_update())


def add_dated_rule(row: StoredRule) -> None:
    """Insert a dated rule."""
    add(row)
    kept.renew()


def change_dated_rule(name: str, **columns: Any) -> int:
    """Set columns."""
    kept.renew()
    return _change_rule(name, **columns)


@changes
def _change_rule(name: str, **columns: Any) -> Update:
    return update(StoredRule).where(StoredRule.name == name).values(**columns)


def delete_dated_rule(name: str) -> int:
    """Delete."""
    kept.renew()
    return _delete_rule(name)


@changes
def _delete_rule(name: str) -> Delete:
    return delete(StoredRule).where(StoredRule.name == name)
