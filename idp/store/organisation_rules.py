"""Dated rules that an organisation's administrators make for its own people (S11). Processes keep them (``kept``)."""

from datetime import date
from typing import Any

from sqlalchemy import Delete, ForeignKeyConstraint, Index, Select, String, Update, delete, select, update
from sqlalchemy.orm import Mapped, mapped_column

from idp.db import Base, Id
from idp.normal_forms import compared
from idp.rows import add, compared_of
from idp.statements import asks_every, asks_one, changes
from idp.store import kept


class OrganisationRule(Base):
    """A dated rule of one organisation. Every condition that is not empty must hold.

    It requires a second factor, and names groups and shops by id, so that a renamed one stays meant.
    """

    __tablename__ = "organisation_rules"
    __table_args__ = (
        ForeignKeyConstraint(["organisation_id"], ["organisations.id"], ondelete="CASCADE"),
        Index("uq_organisation_rules_name", "organisation_id", "name_key", unique=True),
    )

    organisation_id: Mapped[str] = mapped_column(Id, primary_key=True)
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    name_key: Mapped[str] = mapped_column(String(254), default=compared_of("name"))
    """The form compared (see ``normal_forms``)."""
    starts: Mapped[date]
    ends: Mapped[date | None]
    roles: Mapped[list[str]] = mapped_column(default=list)
    groups: Mapped[list[str]] = mapped_column(default=list)
    shops: Mapped[list[str]] = mapped_column(default=list)
    clients: Mapped[list[str]] = mapped_column(default=list)


@asks_every
def rules_of(organisation_id: str) -> Select[OrganisationRule]:
    """Return the rules of an organisation, by name. There are few: their number is limited."""
    asked = select(OrganisationRule).where(OrganisationRule.organisation_id == organisation_id)
    return asked.order_by(OrganisationRule.name_key)


def naming(organisation_id: str, condition: str, object_id: str) -> str:
    """Return the name of a rule whose ``condition`` names a group, shop or client by this id; empty for none."""
    return next((row.name for row in rules_of(organisation_id) if object_id in getattr(row, condition)), "")


@asks_one
def rule(organisation_id: str, rule_id: str) -> Select[OrganisationRule]:
    """Return a rule by its id."""
    return select(OrganisationRule).where(
        OrganisationRule.organisation_id == organisation_id, OrganisationRule.id == rule_id
    )


@asks_one
def lock_rule(organisation_id: str, rule_id: str) -> Select[OrganisationRule]:
    """Return a rule as it is now, locked until the transaction ends."""
    here = (OrganisationRule.organisation_id == organisation_id, OrganisationRule.id == rule_id)
    return select(OrganisationRule).where(*here).with_for_update()


def add_rule(row: OrganisationRule) -> None:
    """Insert a rule."""
    add(row)
    kept.renew()


def change_rule(organisation_id: str, rule_id: str, **columns: Any) -> int:
    """Set columns; the compared form of a name with it."""
    kept.renew()
    if "name" in columns:
        columns["name_key"] = compared(columns["name"])
    return _change_own_rule(organisation_id, rule_id, **columns)


@changes
def _change_own_rule(organisation_id: str, rule_id: str, **columns: Any) -> Update:
    here = (OrganisationRule.organisation_id == organisation_id, OrganisationRule.id == rule_id)
    return update(OrganisationRule).where(*here).values(**columns)


def delete_rule(organisation_id: str, rule_id: str) -> int:
    """Delete a rule."""
    kept.renew()
    return _delete_own_rule(organisation_id, rule_id)


@changes
def _delete_own_rule(organisation_id: str, rule_id: str) -> Delete:
    here = (OrganisationRule.organisation_id == organisation_id, OrganisationRule.id == rule_id)
    return delete(OrganisationRule).where(*here)
