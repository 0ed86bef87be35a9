"""Organisations with their shops, groups and dated policies."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import Boolean, ForeignKeyConstraint, Index, Select, String, delete, select, text, update
from sqlalchemy.orm import Mapped, mapped_column

from idp import zones
from idp.db import Base, Id, add, every, one, values, write
from idp.normal_forms import compared
from idp.reads import asks_one

N = TypeVar("N", "Shop", "Group")
MOST_NAMED = 1000
"""More at once are looked for among all: a statement takes a limited number of parameters."""

IS_INSTALLATION = text("kind = 'installation'")


def _key_of(row: Any, column: str) -> str:
    """Return the compared form of a column of a row that is inserted."""
    return compared(row.get_current_parameters()[column])


class Organisation(Base):
    """The account of one business. ``kind`` is ``retailer``, or ``installation`` for the operators' own organisation."""

    __tablename__ = "organisations"
    __table_args__ = (
        Index(
            "uq_organisations_installation",
            "kind",
            unique=True,
            sqlite_where=IS_INSTALLATION,
            postgresql_where=IS_INSTALLATION,
        ),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    store_url: Mapped[str] = mapped_column(String(63), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    kind: Mapped[str] = mapped_column(String(20), default="retailer")
    country: Mapped[str] = mapped_column(String(2), default="")
    time_zone: Mapped[str] = mapped_column(String(zones.LONGEST), default="")
    """An IANA name; empty for the zone of the country."""
    integrations: Mapped[list[str]] = mapped_column(default=list)
    settings: Mapped[dict[str, Any]] = mapped_column(default=dict)
    owner_id: Mapped[str | None] = mapped_column(Id)
    created_at: Mapped[datetime]

    @property
    def zone(self) -> ZoneInfo:
        """The zone whose days count here: for filters, for dated rules, and for readers who chose none."""
        return zones.zone(self.time_zone, zones.default_of(self.country))


class Shop(Base):
    """A shop of an organisation."""

    __tablename__ = "shops"
    __table_args__ = (
        ForeignKeyConstraint(["organisation_id"], ["organisations.id"], ondelete="CASCADE"),
        Index("uq_shops_code", "organisation_id", "code_key", unique=True),
    )

    organisation_id: Mapped[str] = mapped_column(Id, primary_key=True)
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    code: Mapped[str] = mapped_column(String(63))
    code_key: Mapped[str] = mapped_column(String(90), default=lambda row: _key_of(row, "code"))
    """The form compared (see ``normal_forms``)."""
    name: Mapped[str] = mapped_column(String(200))


class Group(Base):
    """A group of users; ``requires_mfa`` makes a second factor compulsory for its members (S3, S4)."""

    __tablename__ = "groups"
    __table_args__ = (
        ForeignKeyConstraint(["organisation_id"], ["organisations.id"], ondelete="CASCADE"),
        Index("uq_groups_name", "organisation_id", "name_key", unique=True),
    )

    organisation_id: Mapped[str] = mapped_column(Id, primary_key=True)
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    name_key: Mapped[str] = mapped_column(String(254), default=lambda row: _key_of(row, "name"))
    """The form compared (see ``normal_forms``)."""
    requires_mfa: Mapped[bool] = mapped_column(Boolean, default=False)


@asks_one
def organisation(organisation_id: str) -> Select[Organisation]:
    """Return an organisation by its id."""
    return select(Organisation).where(Organisation.id == organisation_id)


@asks_one
def organisation_at(store_url: str) -> Select[Organisation]:
    """Return an organisation by its store URL in normal form (see ``identity.organisations``)."""
    return select(Organisation).where(Organisation.store_url == store_url)


def only_organisation() -> Organisation | None:
    """Return the organisation, if the installation has just one beside the operators' own (S29)."""
    found = every(select(Organisation).where(Organisation.kind == "retailer").limit(2))
    return found[0] if len(found) == 1 else None


def organisations() -> list[Organisation]:
    """Return all organisations, by store URL."""
    return every(select(Organisation).order_by(Organisation.store_url))


def names_after(store_url: str, most: int) -> list[tuple[str, str]]:
    """Return store URL and name of at most ``most`` organisations that follow ``store_url``, the operators' own left out."""
    here = (Organisation.store_url > store_url, Organisation.kind != "installation")
    found = values(
        select(Organisation.store_url, Organisation.name).where(*here).order_by(Organisation.store_url).limit(most)
    )
    return [(row[0], row[1]) for row in found]


def lock_owner(organisation_id: str) -> str | None:
    """Return the owner's id, locked: until the transaction ends nobody else reads or changes it by this function."""
    found = values(select(Organisation.owner_id).where(Organisation.id == organisation_id).with_for_update())
    return found[0][0] if found else None


def lock_organisation(organisation_id: str) -> Organisation | None:
    """Return the organisation by id, locked until the transaction ends: for changes that are joined to what is there."""
    return one(select(Organisation).where(Organisation.id == organisation_id).with_for_update(key_share=True))


def lock_group(organisation_id: str, group_id: str) -> Group | None:
    """Return a group as it is now, locked until the transaction ends."""
    return one(select(Group).where(Group.organisation_id == organisation_id, Group.id == group_id).with_for_update())


def change_organisation(organisation_id: str, **changes: Any) -> int:
    """Set columns."""
    return write(update(Organisation).where(Organisation.id == organisation_id).values(**changes))


def add_organisation(row: Organisation) -> None:
    """Insert an organisation."""
    add(row)


def shops(organisation_id: str) -> list[Shop]:
    """Return all shops of an organisation, by code."""
    return every(select(Shop).where(Shop.organisation_id == organisation_id).order_by(Shop.code))


def groups(organisation_id: str) -> list[Group]:
    """Return all groups of an organisation, by name."""
    return every(select(Group).where(Group.organisation_id == organisation_id).order_by(Group.name))


def shops_coded(organisation_id: str, codes: Collection[str]) -> list[Shop]:
    """Return the shops of these codes, in upper or lower case."""
    return _named(Shop, organisation_id, (Shop.code, Shop.code_key), codes)


def groups_named(organisation_id: str, names: Collection[str]) -> list[Group]:
    """Return the groups of these names, in upper or lower case."""
    return _named(Group, organisation_id, (Group.name, Group.name_key), names)


def _named(
    table: type[N], organisation_id: str, columns: tuple[Mapped[str], Mapped[str]], names: Collection[str]
) -> list[N]:
    """Match rows by their name as stored or as compared, since rows of earlier releases may differ by case alone."""
    if not names:
        return []
    here = select(table).where(table.organisation_id == organisation_id)
    if len(names) <= MOST_NAMED:
        shown, key = columns
        here = here.where(shown.in_(names) | key.in_({compared(name) for name in names}))
    return every(here)


def delete_organisation(organisation_id: str) -> int:
    """Delete an organisation with everything that belongs to it; its audit trail stays."""
    return write(delete(Organisation).where(Organisation.id == organisation_id))


def shop_at(organisation_id: str, code: str) -> Shop | None:
    """Return a shop by its code, in upper or lower case."""
    return one(select(Shop).where(Shop.organisation_id == organisation_id, Shop.code_key == compared(code)))


def shop(organisation_id: str, shop_id: str) -> Shop | None:
    """Return a shop by its id."""
    return one(select(Shop).where(Shop.organisation_id == organisation_id, Shop.id == shop_id))


def add_shop(row: Shop) -> None:
    """Insert a shop."""
    add(row)


def change_shop(organisation_id: str, shop_id: str, **changes: Any) -> int:
    """Set columns."""
    return write(update(Shop).where(Shop.organisation_id == organisation_id, Shop.id == shop_id).values(**changes))


def delete_shop(organisation_id: str, shop_id: str) -> int:
    """Delete; users who had only this shop keep none."""
    return write(delete(Shop).where(Shop.organisation_id == organisation_id, Shop.id == shop_id))


def group_named(organisation_id: str, name: str) -> Group | None:
    """Return a group by its name, in upper or lower case."""
    return one(select(Group).where(Group.organisation_id == organisation_id, Group.name_key == compared(name)))


def group(organisation_id: str, group_id: str) -> Group | None:
    """Return a group by its id."""
    return one(select(Group).where(Group.organisation_id == organisation_id, Group.id == group_id))


def add_group(row: Group) -> None:
    """Insert a group."""
    add(row)


def change_group(organisation_id: str, group_id: str, **changes: Any) -> int:
    """Set columns; the compared form of a name with it."""
    if "name" in changes:
        changes["name_key"] = compared(changes["name"])
    return write(update(Group).where(Group.organisation_id == organisation_id, Group.id == group_id).values(**changes))


def delete_group(organisation_id: str, group_id: str) -> int:
    """Delete, with its memberships."""
    return write(delete(Group).where(Group.organisation_id == organisation_id, Group.id == group_id))
