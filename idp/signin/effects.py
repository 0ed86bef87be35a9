"""What a right answer does: everything in one transaction, and nothing where another request was first."""

from dataclasses import dataclass, replace

from idp import db
from idp.audit import Event
from idp.errors import Conflict
from idp.identity import assurance
from idp.identity.credentials import remembered_devices
from idp.identity.sessions import browser_cookies, sessions
from idp.signin import attempts
from idp.signin.flow import is_authenticated
from idp.signin.load_state import gather_again
from idp.signin.step import Stale, StepContext, StepResult, Wrong
from idp.store import users


class _RolledBack(Exception):
    """An effect found that another request was first: nothing may be kept."""

    def __init__(self, wrong: Wrong) -> None:
        super().__init__()
        self.wrong = wrong


@dataclass(frozen=True)
class NewCookies:
    """The cookie values that an answer gives; each may be empty."""

    login: str
    browser: str


def keep(work: StepContext, noted: StepResult) -> NewCookies | Wrong:
    """Do everything that an answer does in one transaction: the facts, its effect, and the session once it is complete.

    Returns the new cookies: of the session if one began or grew, of the browser at each proof. Returns ``Wrong`` or raises
    ``Stale`` if another request was first: then nothing was done.

    Lock order: the person's row, then the attempt. The attempt's version is checked before any effect: of two answers at
    the same moment one takes effect, and one that a change of the person has overtaken does nothing.
    """
    try:
        with db.transaction():
            return _keep(work, work.bound(noted))
    except _RolledBack as lost:
        return lost.wrong


def _keep(work: StepContext, noted: StepResult) -> NewCookies:
    _lock_person(work, noted)
    attempts.note(work.settings, work.attempt, noted)
    lost = noted.effect() if noted.effect else None
    if lost is not None:
        raise _RolledBack(lost)
    if noted.ends_login:
        _end_current(work)
    visit = replace(work.visit, login="") if noted.ends_login else work.visit
    visit = replace(visit, device=noted.device_cookie or visit.device)
    return NewCookies(browser=_renew_browser(work, noted), login=_admit(gather_again(replace(work, visit=visit))))


def _renew_browser(work: StepContext, noted: StepResult) -> str:
    """A planted or copied cookie must not share in what was just proved (ASVS 7.2.4)."""
    visit = work.visit
    return browser_cookies.renew(work.settings, visit.browser_id, visit.browser_digest) if noted.proofs else ""


def _lock_person(work: StepContext, noted: StepResult) -> None:
    """Lock the row of the person whom an answer is about, or names."""
    user_id = noted.columns.get("user_id") or work.attempt.user_id
    organisation_id = noted.columns.get("organisation_id") or work.attempt.organisation_id
    if user_id and organisation_id:
        users.lock_user(organisation_id, user_id)


def _admit(work: StepContext) -> str:
    """Begin the login, or renew it with further proofs, once all but consent is done; its cookie, new at each change."""
    case, visit = work.case, work.visit
    fresh = len(case.own_proofs) > case.answers.session_proofs
    if not fresh or not is_authenticated(case):
        return ""
    _, terms, user = work.person()
    if case.login_id:
        new = case.own_proofs[case.answers.session_proofs :]
        try:
            cookie = sessions.renew(user.organisation_id, case.login_id, new, case.now)
        except Conflict as ended:
            raise Stale from ended  # the login ended under its hands: the true page asks for the password
        work.record(Event.STEPPED_UP, methods=[proof.method for proof in new])
    else:
        _end_current(work)
        _, cookie = sessions.start(
            work.settings, terms, user.organisation_id, user.id, case.own_proofs, visit.browser_id, visit.label,
            visit.address, case.now,
        )  # fmt: skip
        work.record(Event.SIGNED_IN, methods=[proof.method for proof in case.own_proofs])
    if any(proof.method == "remembered" for proof in case.counting) and assurance.level(case.own_proofs) < 3:
        remembered_devices.note_use(user.organisation_id, user.id, visit.device, case.now)
    admitted = replace(case.answers, session_proofs=len(case.own_proofs))
    attempts.note(work.settings, work.attempt, StepResult(answers=admitted))
    return cookie


def _end_current(work: StepContext) -> None:
    """End the login this browser holds: it has one at a time (S35)."""
    login = sessions.current(work.visit.login, work.case.now) if work.visit.login else None
    if login is not None:
        sessions.end(login, "switched", work.origin)
