"""Sessions: each with its user, its browser and its proofs."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    ForeignKeyConstraint,
    Index,
    Insert,
    LargeBinary,
    Select,
    String,
    Update,
    false,
    select,
    text,
    tuple_,
    type_coerce,
    update,
)
from sqlalchemy.orm import Mapped, mapped_column

from idp.db import Base, Id, Moment
from idp.keyset import Place, page_of
from idp.rows import add, inserting
from idp.statements import asks_every, asks_one, changes, claims, delete_some
from idp.store.organisation_states import is_open

NOT_ENDED = text("ended_at IS NULL")
ENDED = text("ended_at IS NOT NULL")
ENDED_UNNOTED = text("ended_at IS NOT NULL AND apps_noted_at IS NULL")


class UserSession(Base):
    """One live session of a browser. ``digest``: of the session cookie, renewed at each new proof; ``id`` is the ``sid``.

    It ends by ``ended_at``, ``idle_until`` or ``ends_at``. An ended row stays: the worker that notifies relying apps finds
    it.
    """

    __tablename__ = "sessions"
    __table_args__ = (
        ForeignKeyConstraint(["organisation_id", "user_id"], ["users.organisation_id", "users.id"], ondelete="CASCADE"),
        Index("uq_sessions_digest", "organisation_id", "digest", unique=True),
        Index("ix_sessions_user", "organisation_id", "user_id", "ends_at", "id"),
        Index(
            "ix_sessions_newest",
            "organisation_id",
            "ends_at",
            "id",
            sqlite_where=NOT_ENDED,
            postgresql_where=NOT_ENDED,
        ),
        Index("ix_sessions_ends", "ends_at"),
        Index("ix_sessions_ended", "ended_at", sqlite_where=ENDED, postgresql_where=ENDED),
        Index("ix_sessions_unnoted", "ended_at", sqlite_where=ENDED_UNNOTED, postgresql_where=ENDED_UNNOTED),
    )

    organisation_id: Mapped[str] = mapped_column(Id, primary_key=True)
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    user_id: Mapped[str] = mapped_column(Id)
    browser_id: Mapped[str] = mapped_column(Id)
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    proofs: Mapped[list[Any]] = mapped_column(default=list)
    label: Mapped[str] = mapped_column(String(100), default="")
    address: Mapped[str] = mapped_column(String(45), default="")
    started_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    idle_until: Mapped[datetime]
    ends_at: Mapped[datetime]
    stays: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Whether the person chose to stay signed in: it ends by ``ends_at`` alone, and its cookie outlives the browser."""
    ended_at: Mapped[datetime | None]
    ended_why: Mapped[str] = mapped_column(String(40), default="")
    apps_noted_at: Mapped[datetime | None]
    """When the notices for its apps were written (``logout_notices``)."""


class SessionClient(Base):
    """A relying app that was signed in to within a session."""

    __tablename__ = "session_clients"
    __table_args__ = (
        ForeignKeyConstraint(
            ["organisation_id", "login_id"], ["sessions.organisation_id", "sessions.id"], ondelete="CASCADE"
        ),
    )

    organisation_id: Mapped[str] = mapped_column(Id, primary_key=True)
    login_id: Mapped[str] = mapped_column(Id, primary_key=True)
    client_id: Mapped[str] = mapped_column(String(200), primary_key=True)
    since: Mapped[datetime]


ORDER = (UserSession.ends_at, UserSession.id)
"""The session that ends last began last. In this order expired sessions are at one end of the index, and are not read."""


def _live(now: datetime) -> tuple[Any, ...]:
    return (UserSession.ended_at.is_(None), UserSession.idle_until > now, UserSession.ends_at > now)


@asks_one
def any_session_of(organisation_id: str, digest: bytes) -> Select[UserSession]:
    """Return the session of a cookie, live or over; None while its organisation is disabled, and afterwards."""
    here = (UserSession.organisation_id == organisation_id, UserSession.digest == digest)
    return select(UserSession).where(*here, is_open(organisation_id, UserSession.started_at))


@asks_one
def live_session(organisation_id: str, login_id: str, now: datetime) -> Select[UserSession]:
    """Return the live session with this id (``sid``)."""
    return select(UserSession).where(UserSession.organisation_id == organisation_id, UserSession.id == login_id, *_live(now))


def live_sessions(
    organisation_id: str, now: datetime, place: Place | None, most: int, *, user_id: str = ""
) -> list[UserSession]:
    """Return a page of live sessions of an organisation or of one user, newest first."""
    here = [
        UserSession.organisation_id == organisation_id,
        *_live(now),
        *([UserSession.user_id == user_id] if user_id else []),
    ]
    return page_of(select(UserSession).where(*here), ORDER, place, most, descending=True)


def sessions_of(organisation_id: str, user_id: str, now: datetime, place: Place | None, most: int) -> Sequence[UserSession]:
    """Return a page of a user's live sessions, newest first. People read it in their profile: its statements are ready."""
    if place is None:
        return _newest(organisation_id, user_id, now, most)
    read, (ends_at, login_id) = _newer if place.is_before else _older, place.key
    found = read(organisation_id, user_id, now, ends_at, login_id, most)
    return found[::-1] if place.is_before else found


@asks_every
def _newest(organisation_id: str, user_id: str, now: datetime, most: int) -> Select[UserSession]:
    return _of_user(organisation_id, user_id, now).order_by(*(one.desc() for one in ORDER)).limit(most)


@asks_every
def _older(
    organisation_id: str, user_id: str, now: datetime, ends_at: datetime, login_id: str, most: int
) -> Select[UserSession]:
    here = tuple_(*ORDER) < tuple_(type_coerce(ends_at, Moment()), type_coerce(login_id, Id))
    return _of_user(organisation_id, user_id, now).where(here).order_by(*(one.desc() for one in ORDER)).limit(most)


@asks_every
def _newer(
    organisation_id: str, user_id: str, now: datetime, ends_at: datetime, login_id: str, most: int
) -> Select[UserSession]:
    here = tuple_(*ORDER) > tuple_(type_coerce(ends_at, Moment()), type_coerce(login_id, Id))
    return _of_user(organisation_id, user_id, now).where(here).order_by(*ORDER).limit(most)


def _of_user(organisation_id: str, user_id: str, now: datetime) -> Select[UserSession]:
    theirs = (UserSession.organisation_id == organisation_id, UserSession.user_id == user_id)
    return select(UserSession).where(*theirs, *_live(now))


def place_of(organisation_id: str, name: str, *, is_before: bool) -> Place | None:
    """Return the place of a session in the list, live or over; None where there is no such session."""
    ends_at = _end_of(organisation_id, name)
    return None if ends_at is None else Place((ends_at, name), is_before)


@asks_one
def _end_of(organisation_id: str, login_id: str) -> Select[datetime]:
    return select(UserSession.ends_at).where(UserSession.organisation_id == organisation_id, UserSession.id == login_id)


def add_session(row: UserSession) -> None:
    """Insert a session."""
    add(row)


@claims
def renew_session(organisation_id: str, login_id: str, digest: bytes, proofs: list[Any]) -> Update:
    """Give a live session a new cookie and its further proofs (step-up)."""
    here = (UserSession.organisation_id == organisation_id, UserSession.id == login_id, UserSession.ended_at.is_(None))
    return update(UserSession).where(*here).values(digest=digest, proofs=proofs)


@changes
def touch_session(organisation_id: str, login_id: str, now: datetime, idle_until: datetime) -> Update:
    """Restart the idle time of a session that was used."""
    here = (UserSession.organisation_id == organisation_id, UserSession.id == login_id, UserSession.ended_at.is_(None))
    return update(UserSession).where(*here).values(last_seen_at=now, idle_until=idle_until)


@claims
def end_session(organisation_id: str, login_id: str, now: datetime, why: str) -> Update:
    """End one session, once."""
    here = (UserSession.organisation_id == organisation_id, UserSession.id == login_id, UserSession.ended_at.is_(None))
    return update(UserSession).where(*here).values(ended_at=now, ended_why=why)


def end_sessions_of(organisation_id: str, user_id: str, now: datetime, why: str, *, but_not: str | None = None) -> list[str]:
    """End a user's sessions, all or all but one; the ids of those ended."""
    ended = _open_ids(organisation_id, user_id, but_not or "")
    _end_all(organisation_id, user_id, now, why, but_not or "")
    return [*ended]


def _open(organisation_id: str, user_id: str, but_not: str) -> tuple[ColumnElement[bool], ...]:
    is_theirs = (UserSession.organisation_id == organisation_id, UserSession.user_id == user_id)
    return *is_theirs, UserSession.ended_at.is_(None), UserSession.id != but_not


@asks_every
def _open_ids(organisation_id: str, user_id: str, but_not: str) -> Select[str]:
    return select(UserSession.id).where(*_open(organisation_id, user_id, but_not))


@changes
def _end_all(organisation_id: str, user_id: str, now: datetime, why: str, but_not: str) -> Update:
    return update(UserSession).where(*_open(organisation_id, user_id, but_not)).values(ended_at=now, ended_why=why)


@claims
def note_client(organisation_id: str, login_id: str, client_id: str, now: datetime) -> Insert:
    """Note that an app is signed in to within this session. Returns True the first time."""
    return inserting(SessionClient, organisation_id=organisation_id, login_id=login_id, client_id=client_id, since=now)


@asks_every
def clients_of(organisation_id: str, login_id: str) -> Select[SessionClient]:
    """Return the apps of a session, in order."""
    return (
        select(SessionClient)
        .where(SessionClient.organisation_id == organisation_id, SessionClient.login_id == login_id)
        .order_by(SessionClient.since)
    )


@asks_every
def clients_within(organisation_id: str, login_ids: Collection[str]) -> Select[SessionClient]:
    """Return the apps of several sessions, in order: one query for a whole list."""
    here = (SessionClient.organisation_id == organisation_id, SessionClient.login_id.in_(login_ids))
    return select(SessionClient).where(*here).order_by(SessionClient.since)


def sweep_sessions(before: datetime, most: int) -> int:
    """Delete sessions that were over before ``before``."""
    swept = delete_some(UserSession, UserSession.ends_at < before, most)
    return swept + delete_some(UserSession, UserSession.ended_at < before, most - swept)
