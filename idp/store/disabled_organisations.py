"""Disable organisations: one column closes all of it, and what is open ends in batches afterwards.

Sessions, grants and jobs ask ``organisation_states`` in the statement that reads them. Not here: what operators do and are
told (``identity.organisations.status``).
"""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Select, Update, distinct, func, select, update

from idp.batches import change_some
from idp.statements import asks_every, asks_one, changes, claims
from idp.store import kept
from idp.store.organisation_states import is_disabled
from idp.store.organisations import IS_DISABLED, MOST_NAMED, REMOVED, Organisation
from idp.store.sessions import UserSession

WHY = "organisation_disabled"
"""Why a session ended."""


def disable(organisation_id: str, now: datetime) -> bool:
    """Disable an organisation, once. Processes read the clients again that serve it alone."""
    kept.renew()
    return _disable(organisation_id, now)


@claims
def _disable(organisation_id: str, now: datetime) -> Update:
    here = (Organisation.id == organisation_id, Organisation.kind == "retailer", Organisation.disabled_at.is_(None))
    return update(Organisation).where(*here).values(disabled_at=now)


def enable(organisation_id: str, now: datetime) -> bool:
    """Enable a disabled organisation, once."""
    kept.renew()
    return _enable(organisation_id, now)


@claims
def _enable(organisation_id: str, now: datetime) -> Update:
    here = (Organisation.id == organisation_id, Organisation.disabled_at.is_not(None))
    return update(Organisation).where(*here).values(disabled_at=None, enabled_at=now)


@changes
def put_back(organisation_id: str, now: datetime) -> Update:
    """Date the enabling no later than now: the clock was ahead then, and nothing that begins now would count."""
    here = (Organisation.id == organisation_id, Organisation.disabled_at.is_(None), Organisation.enabled_at > now)
    return update(Organisation).where(*here).values(enabled_at=now)


@asks_every
def disabled() -> Select[str]:
    """Return the ids of the disabled organisations."""
    return select(Organisation.id).where(IS_DISABLED)


def are_all_closed(organisation_ids: Collection[str]) -> bool:
    """Return whether there are ids, and each is of an organisation that is disabled or was removed."""
    ids = sorted(organisation_ids)
    return bool(ids) and not any(_open_one(ids[at : at + MOST_NAMED]) for at in range(0, len(ids), MOST_NAMED))


@asks_one
def _open_one(organisation_ids: Collection[str]) -> Select[str]:
    here = (Organisation.id.in_(organisation_ids), Organisation.kind != REMOVED, Organisation.disabled_at.is_(None))
    return select(Organisation.id).where(*here).limit(1)


@asks_one
def has_shut_out(organisation_id: str, digest: bytes) -> Select[str]:
    """Return the id of the organisation, if it is disabled and the session of this cookie was there."""
    here = (UserSession.organisation_id == organisation_id, UserSession.digest == digest)
    return select(UserSession.organisation_id).where(*here, is_disabled(organisation_id))


@asks_one
def count_signed_in(organisation_id: str, now: datetime, most: int) -> Select[int, int]:
    """Count the people with a live session, and the sessions, among the ``most`` sessions that end last."""
    is_live = (UserSession.ended_at.is_(None), UserSession.idle_until > now, UserSession.ends_at > now)
    newest = select(UserSession.user_id).where(UserSession.organisation_id == organisation_id, *is_live)
    some = newest.order_by(UserSession.ends_at.desc(), UserSession.id.desc()).limit(most).subquery()
    return select(func.count(distinct(some.c.user_id)), func.count())


def end_sessions(organisation_id: str, now: datetime, most: int) -> int:
    """End at most ``most`` open sessions of an organisation, with no statement for each. Returns how many."""
    here = (UserSession.organisation_id == organisation_id) & (UserSession.ends_at > now)
    return change_some(UserSession, here & UserSession.ended_at.is_(None), most, ended_at=now, ended_why=WHY)
