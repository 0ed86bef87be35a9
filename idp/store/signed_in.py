"""Read the person of a browser's live session, with the rows that nearly every decision about them needs, in one statement.

Five reads follow one another otherwise. On PostgreSQL each is a round trip.
"""

from datetime import datetime

from sqlalchemy import Select, and_, select

from idp.statements import asks_every, remember, remembers
from idp.store import organisations, recovery_codes, sessions, totp, users
from idp.store.organisation_states import open_since
from idp.store.organisations import Organisation
from idp.store.recovery_codes import RecoverySet
from idp.store.sessions import UserSession
from idp.store.totp import Totp
from idp.store.users import User


def session_of(organisation_id: str, digest: bytes, now: datetime) -> UserSession | None:
    """Return the live session of a cookie.

    Its organisation, its user, and the user's authenticator apps and set of recovery codes are remembered: who asks for them
    in this request gets them without a statement.
    """
    session = _with_its_person(organisation_id, digest) if remembers() else sessions.any_session_of(organisation_id, digest)
    return session if session and session.ended_at is None and min(session.idle_until, session.ends_at) > now else None


def _with_its_person(organisation_id: str, digest: bytes) -> UserSession | None:
    found = _present(organisation_id, digest)  # a row for each authenticator app
    if not found:
        return None
    session, organisation, user, _, codes = found[0]
    apps = [app for *_, app, _ in found if app is not None]
    remember(sessions.any_session_of, session, organisation_id, digest)
    remember(organisations.organisation, organisation, organisation_id)
    remember(users.user, user, organisation_id, user.id)
    remember(totp.active_totps, apps, organisation_id, user.id)
    remember(recovery_codes.active_recovery_set, codes, organisation_id, user.id)
    return session


@asks_every
def _present(
    organisation_id: str, digest: bytes
) -> Select[UserSession, Organisation, User, Totp | None, RecoverySet | None]:
    at = (UserSession.organisation_id, UserSession.user_id)
    return (
        select(UserSession, Organisation, User, Totp, RecoverySet)
        .join(Organisation, Organisation.id == UserSession.organisation_id)
        .join(User, and_(User.organisation_id == at[0], User.id == at[1]))
        .outerjoin(Totp, and_(Totp.organisation_id == at[0], Totp.user_id == at[1], Totp.removed_at.is_(None)))
        .outerjoin(
            RecoverySet,
            and_(RecoverySet.organisation_id == at[0], RecoverySet.user_id == at[1], RecoverySet.removed_at.is_(None)),
        )
        .where(UserSession.organisation_id == organisation_id, UserSession.digest == digest)
        .where(*open_since(UserSession.started_at))
        .order_by(Totp.number)
    )
