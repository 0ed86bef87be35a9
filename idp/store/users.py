"""Users, their memberships of groups and their shops."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import (
    Boolean,
    ColumnElement,
    ForeignKeyConstraint,
    Index,
    Insert,
    Select,
    String,
    Update,
    delete,
    func,
    select,
    update,
)
from sqlalchemy.orm import Mapped, mapped_column

from idp import zones
from idp.db import Base, Id
from idp.normal_forms import compared, one_line
from idp.rows import add, inserting
from idp.statements import asks_every, asks_one, changes, claims, every, values, write
from idp.store.organisations import Group, Organisation, Shop


class User(Base):
    """A person of an organisation. ``id`` is also the subject identifier (``sub``) that clients see; it is never reused.

    ``username_key`` and ``email_key`` are the forms compared (NFKC, case folded). Rows are disabled, not deleted.
    """

    __tablename__ = "users"
    __table_args__ = (
        ForeignKeyConstraint(["organisation_id"], ["organisations.id"], ondelete="CASCADE"),
        Index("uq_users_username", "organisation_id", "username_key", unique=True),
        Index("ix_users_email", "organisation_id", "email_key"),
    )

    organisation_id: Mapped[str] = mapped_column(Id, primary_key=True)
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    username: Mapped[str] = mapped_column(String(254))
    username_key: Mapped[str] = mapped_column(String(254))
    email: Mapped[str | None] = mapped_column(String(254))
    email_key: Mapped[str | None] = mapped_column(String(254))
    email_verified_at: Mapped[datetime | None]
    verify_since: Mapped[datetime | None]
    """Since when an administrator is asked to verify the address (S55); None once it is."""
    phone_number: Mapped[str | None] = mapped_column(String(32))
    name: Mapped[str] = mapped_column(String(200), default="")
    locale: Mapped[str] = mapped_column(String(10), default="")
    time_zone: Mapped[str] = mapped_column(String(zones.LONGEST), default="")
    """An IANA name; empty for the organisation's. Also the claim ``zoneinfo``."""
    claims: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """Other standard claims by their OpenID name (given_name, family_name, address, …)."""
    role: Mapped[str] = mapped_column(String(20), default="employee")
    all_shops: Mapped[bool] = mapped_column(Boolean, default=True)
    password_hash: Mapped[str | None] = mapped_column(String(255))
    password_changed_at: Mapped[datetime | None]
    password_expires_at: Mapped[datetime | None]
    """Set on a one-time password (S49): it works until then, once, and must be changed."""
    must_change_password: Mapped[bool] = mapped_column(Boolean, default=False)
    must_set_up_since: Mapped[datetime | None]
    """An administrator reset the second factor (S47): a set-up is compulsory at the next sign-in."""
    factor_changed_at: Mapped[datetime | None]
    """When the second factor was last set up, set up again or reset (S59)."""
    offer_declined_at: Mapped[datetime | None]
    """"Not now" to the offer of S16."""
    notice_dismissed_at: Mapped[datetime | None]
    """The recommendation of S10 was dismissed."""
    leaked_notice_at: Mapped[datetime | None]
    """"Not now" to the leaked-password notice (S33)."""
    leaked_found_at: Mapped[datetime | None]
    """When the present password was found leaked at an entry (S31); None once another one is chosen."""
    barred_hashes: Mapped[list[str]] = mapped_column(default=list)
    """The hashes of the last passwords that were found leaked, or given up to a thief: they are not taken again."""
    disabled_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    last_login_at: Mapped[datetime | None]

    def zone(self, organisation: Organisation) -> ZoneInfo:
        """Return the zone in which this person reads dates and times: their own choice, else their organisation's."""
        return zones.zone(self.time_zone, organisation.zone.key)


class GroupMember(Base):
    """A user in a group."""

    __tablename__ = "group_members"
    __table_args__ = (
        ForeignKeyConstraint(["organisation_id", "group_id"], ["groups.organisation_id", "groups.id"], ondelete="CASCADE"),
        ForeignKeyConstraint(["organisation_id", "user_id"], ["users.organisation_id", "users.id"], ondelete="CASCADE"),
        Index("ix_group_members_user", "organisation_id", "user_id"),
    )

    organisation_id: Mapped[str] = mapped_column(Id, primary_key=True)
    group_id: Mapped[str] = mapped_column(Id, primary_key=True)
    user_id: Mapped[str] = mapped_column(Id, primary_key=True)


class UserShop(Base):
    """A shop in which a user works, if not in all (``User.all_shops``)."""

    __tablename__ = "user_shops"
    __table_args__ = (
        ForeignKeyConstraint(["organisation_id", "shop_id"], ["shops.organisation_id", "shops.id"], ondelete="CASCADE"),
        ForeignKeyConstraint(["organisation_id", "user_id"], ["users.organisation_id", "users.id"], ondelete="CASCADE"),
        Index("ix_user_shops_shop", "organisation_id", "shop_id"),
    )

    organisation_id: Mapped[str] = mapped_column(Id, primary_key=True)
    user_id: Mapped[str] = mapped_column(Id, primary_key=True)
    shop_id: Mapped[str] = mapped_column(Id, primary_key=True)


@asks_one
def user(organisation_id: str, user_id: str) -> Select[User]:
    """Return a user by its id."""
    return select(User).where(User.organisation_id == organisation_id, User.id == user_id)


@asks_one
def lock_user(organisation_id: str, user_id: str) -> Select[User]:
    """Return the user by id, locked until the transaction ends. A transaction that changes a user locks this row first.

    ``FOR NO KEY UPDATE``: others can still add rows that refer to the user (a mail, a session).
    """
    here = (User.organisation_id == organisation_id, User.id == user_id)
    return select(User).where(*here).with_for_update(key_share=True)


@asks_every
def users_reached_at(organisation_id: str, email_key: str) -> Select[User]:
    """Return the organisation's users who have verified this address (in compared form); it need not be one person's."""
    here = (User.organisation_id == organisation_id, User.email_key == email_key, User.email_verified_at.is_not(None))
    return select(User).where(*here)


@asks_one
def user_named(organisation_id: str, username_key: str) -> Select[User]:
    """Return a user by username in compared form."""
    return select(User).where(User.organisation_id == organisation_id, User.username_key == username_key)


@asks_every
def users(organisation_id: str) -> Select[User]:
    """Return all users of an organisation, by username."""
    return select(User).where(User.organisation_id == organisation_id).order_by(User.username_key)


@asks_every
def all_names() -> Select[str, str, str, str]:
    """Return every user's organisation, username with its compared form, and name."""
    asked = select(User.organisation_id, User.username, User.username_key, User.name)
    return asked.order_by(User.organisation_id, User.username_key)


def usernames(organisation_id: str, user_ids: Collection[str]) -> dict[str, str]:
    """Return usernames by id, for lists that hold ids."""
    here = (User.organisation_id == organisation_id, User.id.in_(user_ids))
    return {row[0]: row[1] for row in values(select(User.id, User.username).where(*here))} if user_ids else {}


def _sought(organisation_id: str, typed: str, role: str, group_id: str) -> list[ColumnElement[bool]]:
    """Match a search: ``typed`` within username, name or address; a role; a group. Empty ones match everything."""
    here: list[ColumnElement[bool]] = [User.organisation_id == organisation_id]
    if typed := one_line(typed):
        folded = compared(typed)
        here.append(
            User.username_key.contains(folded, autoescape=True)
            | User.email_key.contains(folded, autoescape=True)
            | User.name.contains(typed, autoescape=True)
            | func.lower(User.name).contains(typed.lower(), autoescape=True)
            | User.name.contains(typed.title(), autoescape=True)  # a PostgreSQL with the locale C folds ASCII alone
        )
    if role:
        here.append(User.role == role)
    if group_id:
        is_member = (GroupMember.organisation_id == organisation_id, GroupMember.group_id == group_id)
        here.append(User.id.in_(select(GroupMember.user_id).where(*is_member)))
    return here


def search(organisation_id: str, typed: str, role: str, group_id: str, *, first: int, most: int) -> list[User]:
    """Return a page of a search's users, by username: ``most`` users after the ``first`` so many."""
    here = _sought(organisation_id, typed, role, group_id)
    return every(select(User).where(*here).order_by(User.username_key).offset(first).limit(most))


def count_found(organisation_id: str, typed: str, role: str, group_id: str) -> int:
    """Return how many users a search finds."""
    return int(values(select(func.count(User.id)).where(*_sought(organisation_id, typed, role, group_id)))[0][0])


def add_user(row: User) -> None:
    """Insert a user."""
    add(row)


@changes
def change_user(organisation_id: str, user_id: str, **changes: Any) -> Update:
    """Set columns."""
    here = (User.organisation_id == organisation_id, User.id == user_id)
    return update(User).where(*here).values(**changes)


@claims
def replace_password_hash(organisation_id: str, user_id: str, old: str, new: str) -> Update:
    """Replace ``old`` by a costlier hash of the same password, unless it was changed since."""
    here = (User.organisation_id == organisation_id, User.id == user_id, User.password_hash == old)
    return update(User).where(*here).values(password_hash=new)


@claims
def burn_one_time_password(organisation_id: str, user_id: str, used: str, now: datetime) -> Update:
    """Spend a one-time password (S49): it works once, and not after it expired."""
    here = (User.organisation_id == organisation_id, User.id == user_id, User.password_hash == used)
    return update(User).where(*here, User.password_expires_at > now).values(password_expires_at=now)


@asks_every
def groups_of(organisation_id: str, user_id: str) -> Select[Group]:
    """Return the groups that a user is in, by name.

    Each group is asked for by the whole key. In a join, SQLite reads every membership of the organisation.
    """
    here = (GroupMember.organisation_id == Group.organisation_id, GroupMember.group_id == Group.id)
    is_in = select(GroupMember.user_id).where(*here, GroupMember.user_id == user_id).exists()
    return select(Group).where(Group.organisation_id == organisation_id, is_in).order_by(Group.name)


@asks_every
def group_names(organisation_id: str) -> Select[str, str]:
    """Return every membership of an organisation, as user id and the group's name, by name."""
    joined = (GroupMember.organisation_id == Group.organisation_id) & (GroupMember.group_id == Group.id)
    asked = select(GroupMember.user_id, Group.name).join(Group, joined).where(Group.organisation_id == organisation_id)
    return asked.order_by(Group.name)


@asks_every
def shop_codes(organisation_id: str) -> Select[str, str]:
    """Return every shop named for a user, as user id and the shop's code, by code."""
    joined = (UserShop.organisation_id == Shop.organisation_id) & (UserShop.shop_id == Shop.id)
    asked = select(UserShop.user_id, Shop.code).join(Shop, joined).where(Shop.organisation_id == organisation_id)
    return asked.order_by(Shop.code)


def put_in_groups(organisation_id: str, user_id: str, group_ids: Iterable[str]) -> None:
    """Make these the user's groups."""
    write(delete(GroupMember).where(GroupMember.organisation_id == organisation_id, GroupMember.user_id == user_id))
    add_to_groups(organisation_id, user_id, group_ids)


def add_to_groups(organisation_id: str, user_id: str, group_ids: Iterable[str]) -> None:
    """Put the user into these groups, too."""
    for group_id in group_ids:
        _add_member(organisation_id, group_id, user_id)


@asks_every
def shops_of(organisation_id: str, user_id: str) -> Select[Shop]:
    """Return the shops named for a user, by code; none if the user has all."""
    joined = (UserShop.organisation_id == Shop.organisation_id) & (UserShop.shop_id == Shop.id)
    here = (UserShop.organisation_id == organisation_id, UserShop.user_id == user_id)
    return select(Shop).join(UserShop, joined).where(*here).order_by(Shop.code)


def put_in_shops(organisation_id: str, user_id: str, shop_ids: Iterable[str]) -> None:
    """Make these the user's shops."""
    write(delete(UserShop).where(UserShop.organisation_id == organisation_id, UserShop.user_id == user_id))
    add_shops(organisation_id, user_id, shop_ids)


def add_shops(organisation_id: str, user_id: str, shop_ids: Iterable[str]) -> None:
    """Name these shops for the user, too."""
    for shop_id in shop_ids:
        _add_shop(organisation_id, user_id, shop_id)


@asks_every
def active_with_roles(organisation_id: str, roles: Collection[str]) -> Select[User]:
    """Return the users with one of these roles who are not disabled, by username."""
    here = (User.organisation_id == organisation_id, User.role.in_(roles), User.disabled_at.is_(None))
    return select(User).where(*here).order_by(User.username_key)


@claims
def _add_member(organisation_id: str, group_id: str, user_id: str) -> Insert:
    return inserting(GroupMember, organisation_id=organisation_id, group_id=group_id, user_id=user_id)


@claims
def _add_shop(organisation_id: str, user_id: str, shop_id: str) -> Insert:
    return inserting(UserShop, organisation_id=organisation_id, user_id=user_id, shop_id=shop_id)
