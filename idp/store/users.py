"""Users, their memberships of groups and their shops."""

from collections.abc import Collection, Iterable
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import (
    Boolean,
    ForeignKeyConstraint,
    Index,
    Insert,
    Select,
    String,
    Text,
    Update,
    case,
    delete,
    false,
    select,
    text,
    update,
)
from sqlalchemy.orm import Mapped, mapped_column

from idp import zones
from idp.db import Base, Id
from idp.records import changed
from idp.rows import add, inserting
from idp.search_words import words_of
from idp.statements import asks_every, asks_one, changes, claims, values, write
from idp.store import user_words
from idp.store.organisation_states import is_there
from idp.store.organisations import Group, Organisation, Shop

NEVER = date(1970, 1, 1)
NAMES = frozenset({"username_key", "email_key", "name"})  # a user is found by their words
ENDING = text("valid_until IS NOT NULL AND access_ended_at IS NULL")
STALE = text("(search_text IS NULL OR search_text <> username_key || ' ' || coalesce(email_key, '') || ' ' || name)")
"""Match users whose words are not those of their present names."""


class User(Base):
    """A person of an organisation. ``id`` is also the subject identifier (``sub``) that clients see; it is never reused.

    ``username_key`` and ``email_key`` are the forms compared (NFKC, case folded). Rows are disabled, not deleted.
    """

    __tablename__ = "users"
    __table_args__ = (
        ForeignKeyConstraint(["organisation_id"], ["organisations.id"], ondelete="CASCADE"),
        Index("uq_users_username", "organisation_id", "username_key", unique=True),
        Index("ix_users_email", "organisation_id", "email_key"),
        Index("ix_users_role", "organisation_id", "role", "username_key"),
        Index("ix_users_ending", "organisation_id", "valid_until", sqlite_where=ENDING, postgresql_where=ENDING),
        Index("ix_users_stale", "organisation_id", "id", sqlite_where=STALE, postgresql_where=STALE),
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
    valid_until: Mapped[date | None]
    """The last day of their access, in the organisation's time zone; None for no end (see ``identity.access``)."""
    access_ended_at: Mapped[datetime | None]
    """When the worker ended what was open after that day; None before, and once another day is set."""
    created_at: Mapped[datetime]
    last_login_at: Mapped[datetime | None]
    seen_on: Mapped[date] = mapped_column(default=NEVER, server_default=NEVER.isoformat())
    """The day (UTC) of the last sign-in, ``NEVER`` before the first one: what lists are sorted by (``user_states``)."""
    reach: Mapped[str] = mapped_column(String(12), default="", server_default="")
    """``disabled``, else ``no_email``, else ``unverified``, else empty (see ``REACH``)."""
    has_factor: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    has_passkey: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    search_text: Mapped[str | None] = mapped_column(Text)
    """The names from which the user's search words were made; None if none were made yet."""

    def zone(self, organisation: Organisation) -> ZoneInfo:
        """Return the zone in which this person reads dates and times: their own choice, else their organisation's."""
        return zones.zone(self.time_zone, organisation.zone.key)


MADE_OF = frozenset({"disabled_at", "email_key", "email_verified_at"})
REACH = case(
    (User.disabled_at.is_not(None), "disabled"),
    (User.email_key.is_(None), "no_email"),
    (User.email_verified_at.is_(None), "unverified"),
    else_="",
)


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
        Index("ix_user_shops_shop", "organisation_id", "shop_id", "user_id"),
    )

    organisation_id: Mapped[str] = mapped_column(Id, primary_key=True)
    user_id: Mapped[str] = mapped_column(Id, primary_key=True)
    shop_id: Mapped[str] = mapped_column(Id, primary_key=True)


@asks_one
def user(organisation_id: str, user_id: str) -> Select[User]:
    """Return a user by its id."""
    here = (User.organisation_id == organisation_id, User.id == user_id)
    return select(User).where(*here, is_there(organisation_id))


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


def usernames(organisation_id: str, user_ids: Collection[str]) -> dict[str, str]:
    """Return usernames by id, for lists that hold ids."""
    return usernames_in((organisation_id,), user_ids)


def usernames_in(organisation_ids: Collection[str], user_ids: Collection[str]) -> dict[str, str]:
    """Return usernames by id, for lists that hold ids of people of several organisations."""
    here = (User.organisation_id.in_(organisation_ids), User.id.in_(user_ids))
    return {row[0]: row[1] for row in values(select(User.id, User.username).where(*here))} if user_ids else {}


def add_user(row: User) -> None:
    """Insert a user, with the words by which they are found."""
    text_of = _search_text(row)
    add(changed(row, search_text=text_of))
    _renew_reach(row.organisation_id, row.id)
    user_words.add_words(row.organisation_id, row.id, words_of(text_of))


def change_user(organisation_id: str, user_id: str, **changes: Any) -> int:
    """Set columns, and update the words of changed names."""
    touched = _change_user(organisation_id, user_id, **changes)
    if changes.keys() & MADE_OF:
        _renew_reach(organisation_id, user_id)
    if changes.keys() & NAMES:
        _renew_words(organisation_id, user_id)
    return touched


@changes
def _change_user(organisation_id: str, user_id: str, **changes: Any) -> Update:
    return update(User).where(User.organisation_id == organisation_id, User.id == user_id).values(**changes)


@changes
def _renew_reach(organisation_id: str, user_id: str) -> Update:
    return update(User).where(User.organisation_id == organisation_id, User.id == user_id).values(reach=REACH)


def _renew_words(organisation_id: str, user_id: str) -> None:
    found = user(organisation_id, user_id)
    if found is not None and found.search_text != (wanted := _search_text(found)):
        user_words.put_words(organisation_id, user_id, words_of(wanted))
        _change_user(organisation_id, user_id, search_text=wanted)


def _search_text(row: User) -> str:
    return f"{row.username_key} {row.email_key or ''} {row.name}"


def sweep_words(most: int) -> int:
    """Keep the words of users whose words are missing or old: a server of an earlier release wrote those rows."""
    chosen = select(User.organisation_id, User.id).where(STALE).limit(most)
    found = values(chosen.with_for_update(skip_locked=True, key_share=True))
    for organisation_id, user_id in found:
        _renew_words(organisation_id, user_id)
    return len(found)


@asks_every
def groups_of(organisation_id: str, user_id: str) -> Select[Group]:
    """Return the groups that a user is in, by name.

    Each group is asked for by the whole key. In a join, SQLite reads every membership of the organisation.
    """
    here = (GroupMember.organisation_id == Group.organisation_id, GroupMember.group_id == Group.id)
    is_in = select(GroupMember.user_id).where(*here, GroupMember.user_id == user_id).exists()
    return select(Group).where(Group.organisation_id == organisation_id, is_in).order_by(Group.name)


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


@claims
def _add_member(organisation_id: str, group_id: str, user_id: str) -> Insert:
    return inserting(GroupMember, organisation_id=organisation_id, group_id=group_id, user_id=user_id)


@claims
def _add_shop(organisation_id: str, user_id: str, shop_id: str) -> Insert:
    return inserting(UserShop, organisation_id=organisation_id, user_id=user_id, shop_id=shop_id)
