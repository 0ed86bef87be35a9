"""Notices of ended sessions that wait to be sent to relying apps (OpenID Connect Back-Channel Logout 1.0).

They refer to no other row: an app is told of the end of a session of an organisation that was removed.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Delete,
    Index,
    Insert,
    Select,
    String,
    Update,
    case,
    delete,
    func,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.orm import Mapped, mapped_column

from idp.batches import change_some
from idp.db import Base, Id
from idp.rows import inserting
from idp.statements import asks_every, asks_one, changes, claims, delete_some, values, write
from idp.store.sessions import SessionClient, UserSession

WAITS = text("failed_at IS NULL")
TROUBLED = text("tried_at IS NOT NULL")


class LogoutNotice(Base):
    """The end of one session, to be told to one app. An app that has accepted it leaves no row."""

    __tablename__ = "logout_notices"
    __table_args__ = (
        Index("ix_logout_notices_due", "client_id", "due_at", sqlite_where=WAITS, postgresql_where=WAITS),
        Index("ix_logout_notices_troubled", "client_id", "tried_at", sqlite_where=TROUBLED, postgresql_where=TROUBLED),
        Index("ix_logout_notices_created", "created_at"),
    )

    organisation_id: Mapped[str] = mapped_column(Id, primary_key=True)
    session_id: Mapped[str] = mapped_column(Id, primary_key=True)
    client_id: Mapped[str] = mapped_column(String(200), primary_key=True)
    user_id: Mapped[str] = mapped_column(Id)
    created_at: Mapped[datetime]
    due_at: Mapped[datetime]
    tries: Mapped[int] = mapped_column(default=0)
    tried_at: Mapped[datetime | None]
    failed_at: Mapped[datetime | None]
    """When the app refused it, or it was given up. It is not sent again."""
    is_silent: Mapped[bool] = mapped_column(default=False)
    """The last try got no answer at all: every other notice to this app waits for the next try."""
    reason: Mapped[str] = mapped_column(String(200), default="")


def end_sessions_of(organisation_id: str, now: datetime, most: int) -> int:
    """End at most ``most`` open sessions of an organisation that was removed. Returns how many."""
    here = (UserSession.organisation_id == organisation_id) & (UserSession.ends_at > now)
    return change_some(UserSession, here & UserSession.ended_at.is_(None), most, ended_at=now, ended_why="removed")


@asks_one
def an_ended_session() -> Select[str]:
    """Return the id of any ended session whose apps have no notice yet."""
    return select(UserSession.id).where(UserSession.ended_at.is_not(None), UserSession.apps_noted_at.is_(None)).limit(1)


def note_ended(client_ids: Collection[str], now: datetime, most: int) -> int:
    """Write a notice for each of these apps that an ended session was used with. Returns the number of sessions noted.

    Another worker passes over the sessions that this one has locked.
    """
    key = (UserSession.organisation_id, UserSession.id)
    ended = select(*key, UserSession.user_id).where(UserSession.ended_at.is_not(None), UserSession.apps_noted_at.is_(None))
    found = values(ended.limit(most).with_for_update(skip_locked=True))
    if not found:
        return 0
    users = {(organisation_id, session_id): user_id for organisation_id, session_id, user_id in found}
    for organisation_id, session_id, client_id in _apps_of([*users]) if client_ids else ():
        if client_id in client_ids:
            _note(organisation_id, session_id, client_id, users[organisation_id, session_id], now)
    return write(update(UserSession).where(tuple_(*key).in_([*users])).values(apps_noted_at=now))


def _apps_of(sessions: Collection[tuple[str, str]]) -> list[tuple[str, str, str]]:
    key = tuple_(SessionClient.organisation_id, SessionClient.login_id)
    found: list[tuple[str, str, str]] = values(
        select(SessionClient.organisation_id, SessionClient.login_id, SessionClient.client_id).where(key.in_(sessions))
    )
    return found


@changes
def _note(organisation_id: str, session_id: str, client_id: str, user_id: str, now: datetime) -> Insert:
    return inserting(
        LogoutNotice,
        organisation_id=organisation_id,
        session_id=session_id,
        client_id=client_id,
        user_id=user_id,
        created_at=now,
        due_at=now,
    )


@asks_one
def any_waiting() -> Select[str]:
    """Return the app of any notice that waits, due or not."""
    return select(LogoutNotice.client_id).where(LogoutNotice.failed_at.is_(None)).limit(1)


@asks_one
def silent_until(client_id: str, now: datetime) -> Select[datetime]:
    """Return when an app that gave no answer is tried again; None if it may be tried now."""
    here = (LogoutNotice.client_id == client_id, LogoutNotice.failed_at.is_(None), LogoutNotice.due_at > now)
    return select(LogoutNotice.due_at).where(*here, LogoutNotice.is_silent.is_(True)).limit(1)


def lease(client_id: str, now: datetime, until: datetime) -> LogoutNotice | None:
    """Take the notice to an app that is due first, within the transaction. Others see it as due at ``until``.

    Returns None if none is due.
    """
    found = _first_due(client_id, now)
    return found if found is not None and _postpone(*_key_of(found), found.due_at, until) else None


@asks_one
def _first_due(client_id: str, now: datetime) -> Select[LogoutNotice]:
    here = (LogoutNotice.client_id == client_id, LogoutNotice.failed_at.is_(None), LogoutNotice.due_at <= now)
    return select(LogoutNotice).where(*here).order_by(LogoutNotice.due_at).limit(1).with_for_update(skip_locked=True)


@claims
def _postpone(organisation_id: str, session_id: str, client_id: str, due_at: datetime, until: datetime) -> Update:
    is_as_seen = (*_is_key(organisation_id, session_id, client_id), LogoutNotice.due_at == due_at)
    return update(LogoutNotice).where(*is_as_seen).values(due_at=until)


def _key_of(row: LogoutNotice) -> tuple[str, str, str]:
    return row.organisation_id, row.session_id, row.client_id


def _is_key(organisation_id: str, session_id: str, client_id: str) -> tuple[ColumnElement[bool], ...]:
    return (
        LogoutNotice.organisation_id == organisation_id,
        LogoutNotice.session_id == session_id,
        LogoutNotice.client_id == client_id,
    )


def delete_notice(row: LogoutNotice) -> int:
    """Delete a notice that was accepted, or that nobody wants."""
    return _delete(*_key_of(row))


@changes
def _delete(organisation_id: str, session_id: str, client_id: str) -> Delete:
    return delete(LogoutNotice).where(*_is_key(organisation_id, session_id, client_id))


def note_failure(row: LogoutNotice, tried_at: datetime, due_at: datetime, reason: str, *, is_silent: bool) -> int:
    """Note a failed try; the next is at ``due_at``."""
    noted: dict[str, Any] = {"tries": row.tries + 1, "tried_at": tried_at, "due_at": due_at, "reason": reason[:200]}
    return _change_notice(*_key_of(row), **noted, is_silent=is_silent)


def give_up(row: LogoutNotice, now: datetime, reason: str) -> int:
    """Keep a notice that is not sent again, with its reason, to be shown."""
    noted: dict[str, Any] = {"tries": row.tries + 1, "tried_at": now, "failed_at": now, "reason": reason[:200]}
    return _change_notice(*_key_of(row), **noted)


@changes
def _change_notice(organisation_id: str, session_id: str, client_id: str, **columns: Any) -> Update:
    return update(LogoutNotice).where(*_is_key(organisation_id, session_id, client_id)).values(**columns)


@asks_every
def troubled() -> Select[str, int, int, datetime]:
    """Return for each app with failed tries: its id, how many notices wait, how many failed, and since when."""
    failed = func.sum(case((LogoutNotice.failed_at.is_not(None), 1), else_=0))
    counted = (func.count() - failed, failed, func.min(LogoutNotice.created_at))
    here = LogoutNotice.tried_at.is_not(None)
    return select(LogoutNotice.client_id, *counted).where(here).group_by(LogoutNotice.client_id)


@asks_one
def latest_failure(client_id: str) -> Select[LogoutNotice]:
    """Return the notice to an app whose last try was the latest that failed; None where all were accepted."""
    here = (LogoutNotice.client_id == client_id, LogoutNotice.tried_at.is_not(None))
    return select(LogoutNotice).where(*here).order_by(LogoutNotice.tried_at.desc()).limit(1)


def sweep_notices(before: datetime, most: int) -> int:
    """Delete notices that were made before ``before``, whatever became of them."""
    return delete_some(LogoutNotice, LogoutNotice.created_at < before, most)
