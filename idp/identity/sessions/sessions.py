"""Start, renew, find and end sessions. Ending a session ends its grants, on every node at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from idp import clock, crypto
from idp.audit import Event, Origin, record
from idp.config import Settings
from idp.db import transaction
from idp.errors import Conflict, say
from idp.identity import assurance as proving
from idp.identity.assurance import Proof
from idp.identity.organisations.settings import OrganisationSettings
from idp.store import (
    browsers,
    disabled_organisations,
    email_links,
    grant_revocations,
    sessions,
    signed_in,
    user_states,
    users,
)
from idp.store.sessions import UserSession
from idp.store.users import User

SIGNED_OUT = frozenset({"signed_out", "switched"})
"""Why a session ended: the person left, and nobody withdrew anything."""
TOUCH_SECONDS = 60
"""A session that is in use is written to no more often than this."""


def digest_of(cookie: str) -> bytes:
    """Return the digest that is stored of a session cookie."""
    return crypto.digest("login", cookie)


@dataclass(frozen=True)
class Place:
    """Where a session begins: the id of the browser's row, the browser in words, and its IP address.

    ``stays``: the person chose to stay signed in there. It has an effect where their organisation offers it.
    """

    browser_id: str = ""
    label: str = ""
    address: str = ""
    stays: bool = False


@dataclass(frozen=True)
class SessionCookie:
    """The value of a session's cookie. ``seconds``: how long a browser keeps it; None: until the browser closes."""

    value: str
    seconds: int | None = None


SAME_COOKIE = SessionCookie("")
"""Leaves the browser the cookie that it has."""


def start(
    settings: Settings,
    organisation_settings: OrganisationSettings,
    user: User,
    proofs: Sequence[Proof],
    place: Place,
    now: datetime,
) -> tuple[str, SessionCookie]:
    """Start a session of a user. Returns its id (``sid``) and its cookie. The caller ends a former one, and audits."""
    organisation_id, user_id, browser_id = user.organisation_id, user.id, place.browser_id
    cookie = crypto.new_bearer(organisation_id)
    days = min(settings.lifetimes.stay_signed_in_days, organisation_settings.stay_signed_in_days) if place.stays else 0
    hours = min(settings.lifetimes.login_hours, organisation_settings.login_hours)
    ends_at = now + (timedelta(days=days) if days else timedelta(hours=hours))
    session = UserSession(
        organisation_id=organisation_id,
        id=crypto.new_id(),
        user_id=user_id,
        browser_id=browser_id,
        digest=digest_of(cookie),
        proofs=proving.as_json(proofs),
        label=place.label[:100],
        address=place.address[:45],
        started_at=now,
        last_seen_at=now,
        idle_until=ends_at if days else min(ends_at, _idle_until(settings, organisation_settings, now)),
        ends_at=ends_at,
        stays=bool(days),
    )
    with transaction():
        sessions.add_session(session)
        _note(organisation_id, user_id, browser_id, now)
    return session.id, _cookie(cookie, session, now)


def _cookie(value: str, session: UserSession, now: datetime) -> SessionCookie:
    return SessionCookie(value, int((session.ends_at - now).total_seconds()) if session.stays else None)


def _note(organisation_id: str, user_id: str, browser_id: str, now: datetime) -> None:
    """Note a session for the chooser (S35), the lane of known browsers, and "last signed in"."""
    user = users.user(organisation_id, user_id)
    if user is not None:
        browsers.note_session(browser_id, organisation_id, user_id, user.username, now)
        user_states.note_sign_in(organisation_id, user_id, now, now.date())


def _idle_until(settings: Settings, organisation_settings: OrganisationSettings, now: datetime) -> datetime:
    return now + timedelta(minutes=min(settings.lifetimes.login_idle_minutes, organisation_settings.login_idle_minutes))


def renew(organisation_id: str, session_id: str, proofs: Sequence[Proof], now: datetime) -> SessionCookie:
    """Give a session a new cookie after further ``proofs``, which are appended. The old cookie is worthless then.

    Raises ``Conflict`` if the session ended since.
    """
    cookie = crypto.new_bearer(organisation_id)
    with transaction():
        live = sessions.live_session(organisation_id, session_id, now)
        all_proofs = [*(live.proofs if live else []), *proving.as_json(proofs)]
        if live is None or not sessions.renew_session(organisation_id, session_id, digest_of(cookie), all_proofs):
            raise Conflict(say("You were signed out in the meantime. Please sign in again."), detail="the session had ended")
    return _cookie(cookie, live, now)


def current(cookie: str, now: datetime) -> UserSession | None:
    """Return the live session of a cookie; None if there is none, or it ended or expired."""
    organisation_id = crypto.organisation_id_of(cookie)
    return signed_in.session_of(organisation_id, digest_of(cookie), now) if organisation_id else None


def latest(cookie: str) -> UserSession | None:
    """Return the session of a cookie, even if it is over. It proves nothing: it only names the person who was here."""
    organisation_id = crypto.organisation_id_of(cookie)
    return sessions.any_session_of(organisation_id, digest_of(cookie)) if organisation_id else None


def was_shut_out(cookie: str) -> bool:
    """Return whether a cookie is of a session that ended because its organisation was disabled, which still is."""
    organisation_id = crypto.organisation_id_of(cookie) if cookie else ""
    return bool(organisation_id) and disabled_organisations.has_shut_out(organisation_id, digest_of(cookie)) is not None


def touch(settings: Settings, organisation_settings: OrganisationSettings, session: UserSession, now: datetime) -> bool:
    """Restart a session's idle time: at most once a minute, never beyond its end. Returns whether it was written."""
    if now - session.last_seen_at < timedelta(seconds=TOUCH_SECONDS):
        return False
    idle = session.ends_at if session.stays else _idle_until(settings, organisation_settings, now)
    with transaction():
        return sessions.touch_session(session.organisation_id, session.id, now, min(session.ends_at, idle)) == 1


def end(session: UserSession, why: str, origin: Origin) -> bool:
    """End a session and its grants, once. Trust in the device stays (S37).

    If the person signs out, ``offline_access`` stays with the clients that are registered to keep it.
    """
    now = clock.now()
    with transaction():
        if not sessions.end_session(session.organisation_id, session.id, now, why):
            return False
        revoke = grant_revocations.revoke_grants_of_session
        if why in SIGNED_OUT:
            revoke = grant_revocations.revoke_grants_of_signed_out
        revoke(session.organisation_id, session.id, now, why)
        about = {"organisation_id": session.organisation_id, "subject_id": session.user_id}
        record(origin, Event.SIGNED_OUT, **about, data={"login": session.id, "why": why})
    return True


def end_all(organisation_id: str, user_id: str, why: str, origin: Origin, *, keep_session: str = "") -> int:
    """End a user's sessions with their grants, all or all but one. Returns how many ended.

    A change of address that was begun in one of them is voided, because an intruder may hold its link.
    """
    now = clock.now()
    with transaction():
        email_links.void_links(organisation_id, user_id, now, ("address",))
        ended = sessions.end_sessions_of(organisation_id, user_id, now, why, but_not=keep_session or None)
        grant_revocations.revoke_grants_of_user(organisation_id, user_id, now, why, but_not_session=keep_session)
        if ended:
            about = {"organisation_id": organisation_id, "subject_id": user_id}
            record(origin, Event.SESSIONS_ENDED, **about, data={"count": len(ended), "why": why})
    return len(ended)
