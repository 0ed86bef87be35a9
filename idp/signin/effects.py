"""Keep what a right answer changes: everything in one transaction, or nothing if another request was first."""

from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from idp import db, metrics
from idp.audit import Event
from idp.errors import Conflict
from idp.identity import assurance
from idp.identity.credentials import remembered_devices
from idp.identity.sessions import browser_cookies, sessions
from idp.identity.sessions.sessions import SAME_COOKIE, Place, SessionCookie
from idp.signin import attempts
from idp.signin.flow import is_authenticated
from idp.signin.load_state import gather_again
from idp.signin.step import Stale, StepContext, StepResult, Wrong
from idp.store import disabled_organisations, organisations, users
from idp.store.organisations import Organisation


class _RolledBack(Exception):
    """An effect found that another request was first: nothing may be kept."""

    def __init__(self, wrong: Wrong) -> None:
        super().__init__()
        self.wrong = wrong


@dataclass(frozen=True)
class NewCookies:
    """The cookie values that an answer sets; empty ones stay as they are."""

    session: SessionCookie
    browser: str


def keep(work: StepContext, result: StepResult) -> NewCookies | Wrong:
    """Do everything that an answer does in one transaction: the facts, its effect, and the session once it is complete.

    Returns the new cookies: of the session if one began or grew, of the browser at each proof. Returns ``Wrong`` or raises
    ``Stale`` if another request was first: then nothing was done.

    Lock order: the person's row, then the attempt. The attempt's version is checked before any effect: of two concurrent
    answers one takes effect, and an answer that was overtaken by a change of the person does nothing.
    """
    try:
        with db.transaction():
            return _keep(work, work.bound(result))
    except _RolledBack as lost:
        return lost.wrong


def _keep(work: StepContext, result: StepResult) -> NewCookies:
    _lock_person(work, result)
    attempts.note(work.settings, work.attempt, result)
    lost = result.effect() if result.effect else None
    if lost is not None:
        raise _RolledBack(lost)
    if result.ends_session:
        _end_session(work)
    visit = replace(work.visit, session="") if result.ends_session else work.visit
    visit = replace(visit, device=result.device_cookie or visit.device)
    return NewCookies(
        browser=_renew_browser(work, result), session=_start_or_renew(gather_again(replace(work, visit=visit)))
    )


def _renew_browser(work: StepContext, result: StepResult) -> str:
    """Renew the browser's cookie at each proof: a planted or copied one must not gain by it (ASVS 7.2.4)."""
    visit = work.visit
    return browser_cookies.renew(work.settings, visit.browser_id, visit.browser_digest) if result.proofs else ""


def _lock_person(work: StepContext, result: StepResult) -> None:
    """Lock the row of the person that an answer is about, or names."""
    user_id = result.columns.get("user_id") or work.attempt.user_id
    organisation_id = result.columns.get("organisation_id") or work.attempt.organisation_id
    if user_id and organisation_id:
        _follow_clock(work.organisation or organisations.organisation(organisation_id), work.case.now)
        users.lock_user(organisation_id, user_id)


def _follow_clock(organisation: Organisation | None, now: datetime) -> None:
    """Let people in where the clock was set back since their organisation was enabled: what is older does not count."""
    if organisation is not None and organisation.enabled_at is not None and organisation.enabled_at > now:
        disabled_organisations.put_back(organisation.id, now)


def _start_or_renew(work: StepContext) -> SessionCookie:
    """Start the session, or renew it with further proofs, once the person is authenticated. Returns its new cookie."""
    case, visit = work.case, work.visit
    fresh = len(case.own_proofs) > case.answers.session_proofs
    if not fresh or not is_authenticated(case):
        return SAME_COOKIE
    _, terms, user = work.person()
    if case.session_id:
        new = case.own_proofs[case.answers.session_proofs :]
        try:
            cookie = sessions.renew(user.organisation_id, case.session_id, new, case.now)
        except Conflict as ended:
            raise Stale from ended  # the session was ended concurrently: the next page asks for the password
        work.record(Event.STEPPED_UP, methods=[proof.method for proof in new])
    else:
        _end_session(work)
        stays = bool(case.days_to_stay and case.answers.stay_signed_in)
        place = Place(visit.browser_id, visit.label, visit.address, stays)
        _, cookie = sessions.start(work.settings, terms, user, case.own_proofs, place, case.now)
        facts: dict[str, Any] = {"methods": [proof.method for proof in case.own_proofs]}
        work.record(Event.SIGNED_IN, **facts | ({"stays": True} if stays else {}))
        reached = assurance.acr(case.own_proofs, work.settings.acr.names)
        db.after_commit(partial(metrics.count_sign_in, "success", reached))
    if any(proof.method == "remembered" for proof in case.counting) and assurance.level(case.own_proofs) < 3:
        remembered_devices.note_use(user.organisation_id, user.id, visit.device, case.now)
    counted = replace(case.answers, session_proofs=len(case.own_proofs))
    attempts.note(work.settings, work.attempt, StepResult(answers=counted))
    return cookie


def _end_session(work: StepContext) -> None:
    """End the session that this browser has: it has one at a time (S35)."""
    session = sessions.current(work.visit.session, work.case.now) if work.visit.session else None
    if session is not None:
        sessions.end(session, "switched", work.origin)
