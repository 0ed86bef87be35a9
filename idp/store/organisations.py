"""Organisations with their shops, groups and dated policies."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import (
    Boolean,
    Delete,
    ForeignKeyConstraint,
    Index,
    Select,
    String,
    Text,
    TextClause,
    delete,
    select,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from idp import zones
from idp.db import Base, Id
from idp.normal_forms import compared
from idp.rows import compared_of
from idp.statements import asks_every, asks_one, changes
from idp.store.user_words import Word

MOST_NAMED = 1000
"""More at once are looked for among all: a statement takes a limited number of parameters."""
OPERATORS = text("kind = 'installation'")
REMOVED = "removed"
IS_REMOVED = text("kind = 'removed'")
IS_DISABLED = text("disabled_at IS NOT NULL")
STALE_ORGANISATION = text("kind = 'retailer' AND (search_text IS NULL OR search_text <> store_url || ' ' || name)")
STALE_SHOP = text("(search_text IS NULL OR search_text <> code || ' ' || name)")
STALE_GROUP = text("(search_text IS NULL OR search_text <> name)")
"""Match rows whose words are not those of their present names: a server of an earlier release wrote them."""


def _stale(condition: TextClause, name: str, *columns: str) -> Index:
    """Return the index of rows without their words (``names``)."""
    return Index(name, *columns, sqlite_where=condition, postgresql_where=condition)


class Organisation(Base):
    """The account of one business. ``kind`` is ``retailer``, or ``installation`` for the operators' own organisation.

    ``removed``: nobody can find it. The worker deletes its remaining rows (``store.removals``).
    """

    __tablename__ = "organisations"
    __table_args__ = (
        Index("uq_organisations_installation", "kind", unique=True, sqlite_where=OPERATORS, postgresql_where=OPERATORS),
        Index("ix_organisations_removed", "id", sqlite_where=IS_REMOVED, postgresql_where=IS_REMOVED),
        Index("ix_organisations_disabled", "id", sqlite_where=IS_DISABLED, postgresql_where=IS_DISABLED),
        Index("ix_organisations_listed", "kind", "store_url"),
        Index("ix_organisations_named", "kind", "sort_key", "store_url"),
        Index("ix_organisations_created", "kind", "created_at", "store_url"),
        _stale(STALE_ORGANISATION, "ix_organisations_stale", "id"),
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
    has_rules: Mapped[bool] = mapped_column(Boolean, default=False, server_default=text("false"))
    """Whether it has ``organisation_rules``, so that other organisations read none."""
    disabled_at: Mapped[datetime | None]
    """Since when nobody signs in (``disabled_organisations``)."""
    enabled_at: Mapped[datetime | None]
    """When it was last enabled again: sessions and grants of before stay over."""
    created_at: Mapped[datetime]
    search_text: Mapped[str | None] = mapped_column(Text)
    """What its words were made of; None if none were made yet (see ``names``)."""
    sort_key: Mapped[str] = mapped_column(Word, default="", server_default="")
    """The name without accents and capitals, for sorting."""

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
        Index("ix_shops_named", "organisation_id", "sort_key", "code_key"),
        _stale(STALE_SHOP, "ix_shops_stale", "organisation_id", "id"),
    )

    organisation_id: Mapped[str] = mapped_column(Id, primary_key=True)
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    code: Mapped[str] = mapped_column(String(63))
    code_key: Mapped[str] = mapped_column(String(90), default=compared_of("code"))
    """The form compared (see ``normal_forms``)."""
    name: Mapped[str] = mapped_column(String(200))
    search_text: Mapped[str | None] = mapped_column(Text)
    sort_key: Mapped[str] = mapped_column(Word, default="", server_default="")


class Group(Base):
    """A group of users; ``requires_mfa`` makes a second factor compulsory for its members (S3, S4)."""

    __tablename__ = "groups"
    __table_args__ = (
        ForeignKeyConstraint(["organisation_id"], ["organisations.id"], ondelete="CASCADE"),
        Index("uq_groups_name", "organisation_id", "name_key", unique=True),
        Index("ix_groups_of_all", "name"),
        Index("ix_groups_requiring", "organisation_id", "requires_mfa", "name_key"),
        _stale(STALE_GROUP, "ix_groups_stale", "organisation_id", "id"),
    )

    organisation_id: Mapped[str] = mapped_column(Id, primary_key=True)
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    name_key: Mapped[str] = mapped_column(String(254), default=compared_of("name"))
    """The form compared (see ``normal_forms``)."""
    requires_mfa: Mapped[bool] = mapped_column(Boolean, default=False)
    search_text: Mapped[str | None] = mapped_column(Text)


@asks_one
def organisation(organisation_id: str) -> Select[Organisation]:
    """Return an organisation by its id."""
    return select(Organisation).where(Organisation.id == organisation_id, Organisation.kind != REMOVED)


@asks_one
def organisation_at(store_url: str) -> Select[Organisation]:
    """Return an organisation by its store URL in normal form (see ``identity.organisations``)."""
    return select(Organisation).where(Organisation.store_url == store_url, Organisation.kind != REMOVED)


def only_organisation() -> Organisation | None:
    """Return the organisation, if the installation has just one beside the operators' own (S29)."""
    return found[0] if len(found := _first_two()) == 1 else None


@asks_every
def _first_two() -> Select[Organisation]:
    return select(Organisation).where(Organisation.kind == "retailer").limit(2)


@asks_every
def organisations() -> Select[Organisation]:
    """Return all organisations, by store URL."""
    return select(Organisation).where(Organisation.kind != REMOVED).order_by(Organisation.store_url)


@asks_one
def lock_owner(organisation_id: str) -> Select[str | None]:
    """Return the owner's id, locked: until the transaction ends nobody else reads or changes it by this function."""
    return select(Organisation.owner_id).where(Organisation.id == organisation_id).with_for_update()


@asks_one
def lock_organisation(organisation_id: str) -> Select[Organisation]:
    """Return the organisation by id, locked until the transaction ends: for changes that are joined to what is there."""
    return select(Organisation).where(Organisation.id == organisation_id).with_for_update(key_share=True)


@asks_one
def lock_group(organisation_id: str, group_id: str) -> Select[Group]:
    """Return a group as it is now, locked until the transaction ends."""
    return select(Group).where(Group.organisation_id == organisation_id, Group.id == group_id).with_for_update()


@asks_every
def shops(organisation_id: str) -> Select[Shop]:
    """Return all shops of an organisation, by code."""
    return select(Shop).where(Shop.organisation_id == organisation_id).order_by(Shop.code)


@asks_one
def group_of_any(name: str) -> Select[Group]:
    """Return a group of exactly this name, in any organisation."""
    return select(Group).where(Group.name == name).limit(1)


@asks_every
def groups(organisation_id: str) -> Select[Group]:
    """Return all groups of an organisation, by name."""
    return select(Group).where(Group.organisation_id == organisation_id).order_by(Group.name)


def shops_coded(organisation_id: str, codes: Collection[str]) -> Sequence[Shop]:
    """Return the shops of these codes, in upper or lower case."""
    if not codes or len(codes) > MOST_NAMED:
        return shops(organisation_id) if codes else ()
    return _shops_coded(organisation_id, codes, _keys(codes))


@asks_every
def _shops_coded(organisation_id: str, codes: Collection[str], keys: Collection[str]) -> Select[Shop]:
    return select(Shop).where(Shop.organisation_id == organisation_id, Shop.code.in_(codes) | Shop.code_key.in_(keys))


def groups_named(organisation_id: str, names: Collection[str]) -> Sequence[Group]:
    """Return the groups of these names, in upper or lower case."""
    if not names or len(names) > MOST_NAMED:
        return groups(organisation_id) if names else ()
    return _groups_named(organisation_id, names, _keys(names))


@asks_every
def _groups_named(organisation_id: str, names: Collection[str], keys: Collection[str]) -> Select[Group]:
    return select(Group).where(Group.organisation_id == organisation_id, Group.name.in_(names) | Group.name_key.in_(keys))


def _keys(names: Collection[str]) -> set[str]:
    """Return names as they are compared: rows of earlier releases may differ from what is kept by case alone."""
    return {compared(name) for name in names}


def shop_at(organisation_id: str, code: str) -> Shop | None:
    """Return a shop by its code, in upper or lower case."""
    return _shop_keyed(organisation_id, compared(code))


@asks_one
def _shop_keyed(organisation_id: str, code_key: str) -> Select[Shop]:
    return select(Shop).where(Shop.organisation_id == organisation_id, Shop.code_key == code_key)


@asks_one
def shop(organisation_id: str, shop_id: str) -> Select[Shop]:
    """Return a shop by its id."""
    return select(Shop).where(Shop.organisation_id == organisation_id, Shop.id == shop_id)


def group_named(organisation_id: str, name: str) -> Group | None:
    """Return a group by its name, in upper or lower case."""
    return _group_keyed(organisation_id, compared(name))


@asks_one
def _group_keyed(organisation_id: str, name_key: str) -> Select[Group]:
    return select(Group).where(Group.organisation_id == organisation_id, Group.name_key == name_key)


@asks_one
def group(organisation_id: str, group_id: str) -> Select[Group]:
    """Return a group by its id."""
    return select(Group).where(Group.organisation_id == organisation_id, Group.id == group_id)


@changes
def delete_shop(organisation_id: str, shop_id: str) -> Delete:
    """Delete; users who had only this shop keep none."""
    return delete(Shop).where(Shop.organisation_id == organisation_id, Shop.id == shop_id)


@changes
def delete_group(organisation_id: str, group_id: str) -> Delete:
    """Delete, with its memberships."""
    return delete(Group).where(Group.organisation_id == organisation_id, Group.id == group_id)
