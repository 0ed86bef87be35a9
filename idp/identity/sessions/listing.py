"""Open sessions as people see them: each live session with its browser, its place in words and the apps within it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from idp import clock, ip_network
from idp.audit import Origin
from idp.config import Settings
from idp.db import transaction
from idp.errors import Message, NotFound
from idp.identity import email_links, permissions, sensitive_changes
from idp.identity.sensitive_changes import Access
from idp.identity.sessions import sessions
from idp.keyset import Place
from idp.mail.messages import notify
from idp.store import clients, users
from idp.store import sessions as store
from idp.store.organisations import Organisation
from idp.store.sessions import UserSession
from idp.store.users import User


@dataclass(frozen=True)
class OpenSession:
    """A live session. ``label``: the browser in words. ``apps``: their names, in the order of the sign-ins.

    ``stays_until``: when a session ends whose person chose to stay signed in; None for others, which end when they are idle.
    """

    id: str
    user_id: str
    username: str
    label: str
    place: Message
    since: datetime
    last_used_at: datetime
    apps: tuple[str, ...]
    stays_until: datetime | None = None


def of_person(user: User, place: Place | None, most: int) -> tuple[OpenSession, ...]:
    """Return a page of a user's live sessions, newest first."""
    rows = store.sessions_of(user.organisation_id, user.id, clock.now(), place, most)
    return _described(user.organisation_id, rows, {user.id: user.username})


def of_organisation(organisation_id: str, place: Place | None, most: int, *, username: str = "") -> tuple[OpenSession, ...]:
    """Return a page of an organisation's live sessions, newest first. ``username`` in compared form narrows to one user."""
    known = users.user_named(organisation_id, username) if username else None
    if username and known is None:
        return ()
    rows = store.live_sessions(organisation_id, clock.now(), place, most, user_id=known.id if known else "")
    return _described(organisation_id, rows, users.usernames(organisation_id, {row.user_id for row in rows}))


def _described(organisation_id: str, rows: Iterable[UserSession], usernames: dict[str, str]) -> tuple[OpenSession, ...]:
    found = list(rows)
    within = store.clients_within(organisation_id, [row.id for row in found])
    names = clients.names({row.client_id for row in within})
    return tuple(
        OpenSession(
            id=row.id,
            user_id=row.user_id,
            username=usernames.get(row.user_id, ""),
            label=row.label,
            place=ip_network.in_words(row.address),
            since=row.started_at,
            last_used_at=row.last_seen_at,
            apps=tuple(names[one.client_id] for one in within if one.login_id == row.id and one.client_id in names),
            stays_until=row.ends_at if row.stays else None,
        )
        for row in found
    )


def find(organisation_id: str, session_id: str) -> tuple[UserSession, User]:
    """Return a live session of an organisation with its user. Raises ``NotFound`` for any other id."""
    session = store.live_session(organisation_id, session_id, clock.now())
    user = users.user(organisation_id, session.user_id) if session else None
    if session is None or user is None:
        raise NotFound(detail="no such session of this organisation")
    return session, user


def may_end(organisation: Organisation, user_id: str, origin: Origin) -> bool:
    """Check if the acting user may end the sessions of a user (see ``end_of``)."""
    user = users.user(organisation.id, user_id)
    return user is not None and (user_id == origin.actor_id or permissions.is_over(organisation, user, origin))


def end_of(settings: Settings, organisation: Organisation, session_id: str, origin: Origin) -> None:
    """End a session of a user of an organisation with its grants, and tell the user.

    Allowed to the user, and to those who may manage that user.
    """
    session, user = find(organisation.id, session_id)
    permissions.require_self_or_over(organisation, user, origin)
    sensitive_changes.require(Access("sessions", user.role), None)
    with transaction():
        _end(session, user, origin)
        if origin.actor_id != user.id:
            notify(settings, organisation.id, user.id, "sessions_ended", {"browser": session.label})


def end_own(user: User, session_id: str, origin: Origin) -> UserSession:
    """End one of a user's own sessions with its grants, and return it.

    Raises ``NotFound`` if it is another user's, or over.
    """
    session = store.live_session(user.organisation_id, session_id, clock.now())
    if session is None or session.user_id != user.id:
        raise NotFound(detail="no such session of this user")
    _end(session, user, origin)
    return session


def _end(session: UserSession, user: User, origin: Origin) -> None:
    """End a session, and void a change of address begun in it: an intruder in that session may hold the link."""
    with transaction():
        if not sessions.end(session, "ended_by_request", origin):
            raise NotFound(detail="the session was over")
        email_links.void(user, "address")
