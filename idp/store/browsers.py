"""Browsers, by a long-lived random cookie, and the users who signed in on them.

A browser is no proof. It binds a sign-in in progress, fills the chooser (S35), remembers the organisation (S29) and keeps a
lane of its own for users who signed in there before, so that guesses made elsewhere do not lock them out.
"""

from datetime import datetime

from sqlalchemy import (
    ForeignKeyConstraint,
    Index,
    Insert,
    LargeBinary,
    Select,
    String,
    Update,
    select,
    text,
    union_all,
    update,
)
from sqlalchemy.orm import Mapped, mapped_column

from idp.db import Base, Id
from idp.rows import inserting, upserting
from idp.statements import asks_every, asks_one, changes, claims, delete_some
from idp.store.organisations import Organisation
from idp.store.users import User

COOKIE_DAYS = 400
"""The life of a browser's cookie, from its first day: browsers keep none longer."""
IS_STRANGER = text("organisation_id IS NULL")


class Browser(Base):
    """One browser profile. ``digest``: of the cookie."""

    __tablename__ = "browsers"
    __table_args__ = (
        Index("ix_browsers_created", "created_at"),
        Index("ix_browsers_strangers", "last_seen_at", sqlite_where=IS_STRANGER, postgresql_where=IS_STRANGER),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    organisation_id: Mapped[str | None] = mapped_column(Id)
    """The organisation last signed in to here."""
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]


class BrowserUser(Base):
    """A user who signed in on a browser."""

    __tablename__ = "browser_users"
    __table_args__ = (
        ForeignKeyConstraint(["organisation_id", "user_id"], ["users.organisation_id", "users.id"], ondelete="CASCADE"),
        Index("ix_browser_users_browser", "browser_id", "last_login_at"),
        Index("ix_browser_users_last", "last_login_at"),
    )

    organisation_id: Mapped[str] = mapped_column(Id, primary_key=True)
    user_id: Mapped[str] = mapped_column(Id, primary_key=True)
    browser_id: Mapped[str] = mapped_column(Id, primary_key=True)
    username: Mapped[str] = mapped_column(String(254))
    last_login_at: Mapped[datetime]


@asks_one
def browser_of(digest: bytes) -> Select[Browser]:
    """Return a browser by the digest of its cookie."""
    return select(Browser).where(Browser.digest == digest)


def add_new_browser(browser_id: str, digest: bytes, now: datetime) -> str:
    """Insert a browser unless a concurrent request of the same cookie did so. Returns the id of the row that is there."""
    if _claim_browser(browser_id, digest, now):
        return browser_id
    found = browser_of(digest)
    return found.id if found is not None else browser_id


@claims
def _claim_browser(browser_id: str, digest: bytes, now: datetime) -> Insert:
    return inserting(Browser, id=browser_id, digest=digest, created_at=now, last_seen_at=now)


@claims
def rekey_browser(browser_id: str, former: bytes, digest: bytes) -> Update:
    """Replace the digest of a browser's cookie. False if another request replaced it first."""
    here = (Browser.id == browser_id, Browser.digest == former)
    return update(Browser).where(*here).values(digest=digest)


@asks_every
def people_on(browser_id: str) -> Select[BrowserUser]:
    """Return the users who signed in on a browser, last first: the chooser's list (S35)."""
    return (
        select(BrowserUser).where(BrowserUser.browser_id == browser_id).order_by(BrowserUser.last_login_at.desc()).limit(12)
    )


def note_session(browser_id: str, organisation_id: str, user_id: str, username: str, now: datetime) -> None:
    """Note that this user has signed in here."""
    _note_user(browser_id, organisation_id, user_id, username, now)
    _note_organisation(browser_id, organisation_id, now)


@changes
def _note_user(browser_id: str, organisation_id: str, user_id: str, username: str, now: datetime) -> Insert:
    key = {"organisation_id": organisation_id, "user_id": user_id, "browser_id": browser_id}
    noted = {"username": username, "last_login_at": now}
    return upserting(BrowserUser, tuple(key), {**key, **noted}, noted)


@changes
def _note_organisation(browser_id: str, organisation_id: str, now: datetime) -> Update:
    return update(Browser).where(Browser.id == browser_id).values(organisation_id=organisation_id, last_seen_at=now)


@changes
def note_visit(browser_id: str, now: datetime, unless_since: datetime) -> Update:
    """Note that a sign-in was begun here. It is written only if the last note is older than ``unless_since``."""
    here = (Browser.id == browser_id, Browser.last_seen_at < unless_since)
    return update(Browser).where(*here).values(last_seen_at=now)


def is_known(browser_id: str, organisation_id: str, user_id: str) -> bool:
    """Check if this user signed in here before (the lane of known browsers)."""
    return _user_on(browser_id, organisation_id, user_id) is not None


@asks_one
def _user_on(browser_id: str, organisation_id: str, user_id: str) -> Select[BrowserUser]:
    is_theirs = (BrowserUser.organisation_id == organisation_id, BrowserUser.user_id == user_id)
    return select(BrowserUser).where(*is_theirs, BrowserUser.browser_id == browser_id)


def knows(browser_id: str, store_url: str, name_key: str) -> bool:
    """Check if a user with this username or address, in compared form, signed in here before."""
    return bool(_named_on(browser_id, store_url, name_key))


@asks_every
def _named_on(browser_id: str, store_url: str, name_key: str) -> Select[str]:
    """Ask for the users of that name first, then whether each used this browser: no statement reads all its users."""
    at = select(Organisation.id).where(Organisation.store_url == store_url).scalar_subquery()
    here = User.organisation_id == at
    named = [select(User.id).where(here, key == name_key) for key in (User.username_key, User.email_key)]
    is_here = (BrowserUser.organisation_id == at, BrowserUser.browser_id == browser_id)
    return select(BrowserUser.user_id).where(*is_here, BrowserUser.user_id.in_(union_all(*named))).limit(1)


def sweep_browsers(before: datetime, strangers_before: datetime, most: int) -> int:
    """Delete browsers whose cookie was made before ``before``, and those not seen since ``strangers_before`` on which nobody
    ever signed in.
    """
    swept = delete_some(Browser, Browser.created_at < before, most)
    return swept + delete_some(Browser, IS_STRANGER & (Browser.last_seen_at < strangers_before), most - swept)


def sweep_people(before: datetime, most: int) -> int:
    """Delete the memory of who signed in where, last before ``before``: that browser's cookie is gone by now."""
    return delete_some(BrowserUser, BrowserUser.last_login_at < before, most)
