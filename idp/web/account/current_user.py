"""Return the person at a page of their own. A ``Needs`` asks for them, as a relying app does."""

from dataclasses import dataclass, replace

from flask import Response, abort, g

from idp import clock
from idp.audit import Origin
from idp.branding import brand_of
from idp.errors import say
from idp.identity import access, sensitive_changes
from idp.identity.organisations.settings import OrganisationSettings, settings_of
from idp.identity.sessions import sessions
from idp.signin.authenticate import authenticate
from idp.signin.confirming import fresh
from idp.signin.requirements import Needs
from idp.signin.state import Continue, SignedIn
from idp.store import organisations, users
from idp.store.organisations import Organisation
from idp.store.users import User
from idp.web import language, pages, request_context, times, unsaved, ways_back

SECURITY = "/account/security"
SIGN_IN_DETAILS = say("Sign-in details")


@dataclass(frozen=True)
class Me:
    """Hold the signed-in person, with the rows that pages about them need."""

    settled: SignedIn
    organisation: Organisation
    terms: OrganisationSettings
    user: User

    @property
    def origin(self) -> Origin:
        """Return this person and place, for the audit log."""
        return request_context.visit().origin(self.user.id)


class SignInFirst(Exception):
    """A sign-in is needed; ``response`` sends the browser there."""

    def __init__(self, response: Response) -> None:
        super().__init__()
        self.response = response


def me(needs: Needs) -> Me:
    """Return the person who meets ``needs``. Raises ``SignInFirst``. The entered values come back afterwards."""
    g.needs = needs
    needs, reference = unsaved.returning(needs)
    settlement = authenticate(request_context.settings(), needs, request_context.visit())
    if isinstance(settlement, Continue):
        unsaved.keep(reference, needs)
        raise SignInFirst(pages.see_other(f"/sign-in/{settlement.attempt_id}"))
    if not isinstance(settlement, SignedIn):
        abort(403)
    sensitive_changes.confirm(settlement.confirmed)
    found = _rows(settlement)
    _read_by(found)
    pages.wear(brand_of(found.organisation))
    return found


def who() -> Me | None:
    """Return the user signed in on this browser, whatever they proved, or None. Pages speak their language (S62)."""
    visit = request_context.visit()
    session = sessions.current(visit.session, clock.now()) if visit.session else None
    if session is None:
        return None
    found = _rows(SignedIn(session.organisation_id, session.user_id, session.id, (), ()))
    if access.is_over(found.user, found.organisation.zone):
        return None
    _read_by(found)
    return found


def _read_by(present: Me) -> None:
    """Write pages in the language and the time zone that this person chose."""
    language.prefer(present.user.locale)
    times.read_in(present.user.zone(present.organisation))


def _rows(settled: SignedIn) -> Me:
    organisation = organisations.organisation(settled.organisation_id)
    user = users.user(settled.organisation_id, settled.user_id)
    if organisation is None or user is None:
        abort(404)
    return Me(settled, organisation, settings_of(request_context.settings(), organisation), user)


def visiting() -> Needs:
    """Return the needs of a look at the sign-in details."""
    return Needs(return_to=SECURITY)


def changing() -> Needs:
    """Return the needs of a change: the signed-in user's highest level, proved recently."""
    present = who()
    subject = present.user.id if present else ""
    needs = Needs(return_to=SECURITY, subject=subject, purpose=SIGN_IN_DETAILS.key, cancel_to=ways_back.came_from(SECURITY))
    return fresh(request_context.settings(), needs)


def doing(task: str, *, afresh: bool = False) -> Needs:
    """Return the needs of a task of the sign-in. With ``afresh`` the password is asked for once more."""
    return replace(changing(), tasks=(task,), prompt=("login",) if afresh else ())
