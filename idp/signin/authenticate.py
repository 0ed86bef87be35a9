"""The public face of signing in: it takes ``Needs`` and returns ``SignedIn``, ``Continue`` or ``Unmet``."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

from idp import clock, db
from idp.branding import Brand
from idp.config import Settings
from idp.errors import TooMany
from idp.identity.sessions import sessions
from idp.identity.sessions.sessions import SAME_COOKIE, SessionCookie
from idp.signin import attempts, effects
from idp.signin.attempts import ELSEWHERE, OUT_OF_DATE, Entered, RestartReason
from idp.signin.confirming import confirmed
from idp.signin.flow import next_step
from idp.signin.load_state import gather, gather_again
from idp.signin.requirements import Needs
from idp.signin.shown import RefusedAnswer, Shown, brand_shown, refuse, show_step
from idp.signin.state import ADD_APP, BrowserContext, Case, Continue, Decision, SignedIn, Unmet
from idp.signin.step import Form, Stale, Step, StepContext, StepResult, Wrong
from idp.store import attempts as attempt_rows


@dataclass(frozen=True)
class Known:
    """What a sign-in in progress, or else this browser, knows of the person; each may be empty. ``locale``: their choice."""

    store_url: str
    username: str
    brand: Brand
    ui_locales: tuple[str, ...] = ()
    locale: str = ""


@dataclass(frozen=True)
class Moved:
    """An answer was taken, or its step is not the one due: the sign-in is shown again. Empty cookies stay as they are."""

    attempt_id: str
    session_cookie: SessionCookie = SAME_COOKIE
    device_cookie: str = ""
    browser_cookie: str = ""
    session_ended: bool = False


@dataclass(frozen=True)
class Done:
    """Nothing is left to ask: the browser goes back to the app or page that asked."""

    to: str


Reader = Callable[[Needs], Needs | None]
"""Brings stored ``Needs`` up to date; returns None if the asker may no longer ask, and will say why.

Showing a step, taking an answer and the final decision all use what the reader returns on that visit. Needs frozen when the
sign-in began could differ from those at its end, and the browser would be redirected back and forth without end.
"""


def authenticate(settings: Settings, needs: Needs, visit: BrowserContext, attempt_id: str = "") -> Decision:
    """Decide whether ``needs`` are met now, from the facts alone: no claim of "finished" is trusted.

    With ``attempt_id`` the facts of that sign-in in progress count too. If a step is due and ``prompt`` is not ``none``, the
    ``Continue`` names an attempt, a new one if there is none.
    """
    attempt = attempts.load(attempt_id, visit) if attempt_id else None
    work = gather(settings, needs, visit, attempt, attempt_id)
    case, step = work.case, next_step(work.case)
    if isinstance(step, Unmet):
        return step
    if step is None and work.session is not None and work.terms is not None and case.person is not None:
        if not visit.is_background:
            sessions.touch(settings, work.terms, work.session, case.now)
        return SignedIn(
            organisation_id=case.person.organisation_id,
            user_id=case.person.user_id,
            session_id=case.session_id,
            proofs=case.counting,
            scopes=needs.scopes,
            details=needs.details,
            attempt_id=attempt_id if attempt else "",
            confirmed=confirmed(settings, case, work.session),
        )
    if attempt is not None and step is not None:
        return Continue(attempt_id)
    if visit.is_embedded:
        return Unmet("login_required", "embedded in another site: its cookies were not sent, and no page can be shown")
    # The proofs of a finished attempt whose session has ended open nothing: a new sign-in begins.
    return Continue(attempts.open_attempt(settings, needs, visit))


def open_for(settings: Settings, needs: Needs, visit: BrowserContext) -> Continue:
    """Open a sign-in for a page of ours that comes after it, whether a live session meets ``needs`` at once or not."""
    return Continue(attempts.open_attempt(settings, needs, visit))


def asked_by(settings: Settings, attempt_id: str) -> Needs | None:
    """Return the needs of a sign-in, even if finished, expired or another browser's; None if it is not kept."""
    attempt = attempts.load_any(attempt_id)
    return attempts.needs_of(settings, attempt) if attempt else None


def is_under_way(visit: BrowserContext, attempt_id: str) -> bool:
    """Check if this is a sign-in of this browser that is neither finished nor expired."""
    return attempts.load(attempt_id, visit) is not None


def known(settings: Settings, visit: BrowserContext, attempt_id: str, read: Reader) -> Known:
    """Return what is known before a person has signed in, for pages beside a sign-in."""
    attempt = attempts.load(attempt_id, visit) if attempt_id else None
    needs = (read(attempts.needs_of(settings, attempt)) if attempt else None) or Needs(return_to="/")
    work = gather(settings, needs, visit, attempt, attempt_id)
    case = work.case
    store_url = case.organisation.store_url if case.organisation else case.entered_organisation
    username = case.person.username if case.person else case.entered_username or needs.hinted_username
    return Known(store_url, username, brand_shown(work), needs.ui_locales, case.locale)


def finish(settled: SignedIn) -> bool:
    """Close the attempt, within the caller's transaction. Returns False if it was closed already."""
    return not settled.attempt_id or attempt_rows.finish_attempt(attempts.key(settled.attempt_id), clock.now())


def show(
    settings: Settings, visit: BrowserContext, attempt_id: str, read: Reader, last: RefusedAnswer | None = None
) -> Shown | Done | None:
    """Return the page of the step that is due, ``Done`` if none is, None if there is no such sign-in.

    With ``last`` the page says what was wrong with the last answer, unless something was answered since.
    """
    attempt = attempts.load(attempt_id, visit)
    if attempt is None:
        return None
    stored = attempts.needs_of(settings, attempt)
    needs = read(stored)
    if needs is None:
        return Done(_way_back(stored, attempt_id))
    work = gather(settings, needs, visit, attempt, attempt_id)
    step = next_step(work.case)
    if not isinstance(step, Step):
        return Done(_way_back(stored, attempt_id) + _outcome(work.case))
    still_true = last if last is not None and last.matches(work, step) else None
    try:
        return show_step(_prepared(work, step), step, still_true)
    except Stale:
        return show(settings, visit, attempt_id, read)


def answer(
    settings: Settings, visit: BrowserContext, attempt_id: str, read: Reader, form: Form
) -> RefusedAnswer | Moved | None:
    """Take an answer to the step and stage that are due; any other is ignored. Returns None if there is no such sign-in."""
    attempt = attempts.load(attempt_id, visit)
    if attempt is None:
        return None
    needs = read(attempts.needs_of(settings, attempt))
    if needs is None:
        return Moved(attempt_id)
    work = gather(settings, needs, visit, attempt, attempt_id)
    step = next_step(work.case)
    if not isinstance(step, Step) or not step.is_shown_by(form, work.case):
        return Moved(attempt_id)
    try:
        taken = _taken(work, step, form)
    except TooMany as closed:
        taken = Wrong((closed.message,), retry_after=closed.retry_after)
    except Stale:
        taken = Moved(attempt_id)
    return refuse(work, step, taken, form) if isinstance(taken, Wrong) else taken


def _taken(work: StepContext, step: Step, form: Form) -> Wrong | Moved:
    outcome = step.answer(work, form)
    if isinstance(outcome, Wrong):
        _note_spent(work, outcome)
        return outcome
    new = effects.keep(work, outcome)
    if isinstance(new, Wrong):
        return new
    session_ended = outcome.ends_session and not new.session.value
    return Moved(work.case.attempt_id, new.session, outcome.device_cookie, new.browser, session_ended)


def reopen(
    settings: Settings, visit: BrowserContext, sealed: str, username: str, reason: RestartReason = OUT_OF_DATE
) -> str | None:
    """Open a new sign-in for a stale form (S60), with its needs and username, and without any proof. Returns its id."""
    held = attempts.open_request(settings, sealed)
    if held is None:
        return None
    needs, entered = held
    entered = replace(entered, username=username or entered.username)
    return attempts.open_attempt(settings, needs, visit, entered, reason)


def lead_on(
    settings: Settings, visit: BrowserContext, attempt_id: str, read: Reader, username: str = ""
) -> Done | Continue | None:
    """Lead on from the address of a sign-in that is finished, expired or another browser's (S60); None if it is not kept.

    The same needs are asked for again: a live session may meet them (``Done``), else a new sign-in begins. Only the request
    is carried over, and in the browser that began it the ``username``.
    """
    stale = attempts.load_any(attempt_id)
    if stale is None or visit.is_embedded:
        return None
    stored, is_own = attempts.needs_of(settings, stale), stale.browser_id == visit.browser_id
    if not is_own:
        if stored.return_to.startswith("/link/"):
            return None  # the path contains the token of an e-mail link
        stored = replace(stored, tasks=(), ui_locales=())  # choices made in one browser do not count in another
    needs = read(stored)
    if needs is None or not isinstance(next_step(gather(settings, needs, visit, None).case), Step):
        return Done(_way_back(stored, attempt_id))
    if not is_own:
        return Continue(attempts.open_attempt(settings, needs, visit, reason=ELSEWHERE))
    there = Entered(username or attempts.entered_username(settings, stale), attempts.entered_organisation(stale))
    return Continue(attempts.open_attempt(settings, needs, visit, there, OUT_OF_DATE))


def choose_locale(settings: Settings, visit: BrowserContext, attempt_id: str, locale: str) -> None:
    """Keep the language picked on a page of this sign-in, before those that the client asked for."""
    attempt = attempts.load(attempt_id, visit)
    if attempt is not None:
        username = attempts.entered_username(settings, attempt)
        spoken = attempts.needs_of(settings, attempt).spoken_in(locale)
        needs = attempts.sealed_needs(settings, attempt.digest, spoken, username)
        with suppress(Stale), db.transaction():  # another request was first
            attempts.note(settings, attempt, StepResult(columns={"needs": needs}))


def _way_back(needs: Needs, attempt_id: str) -> str:
    return f"{needs.return_to}/{attempt_id}" if needs.resumes else needs.return_to


def _outcome(case: Case) -> str:
    """Return a query that tells a page of ours which of its tasks was done, to be announced (WCAG 2.2, 4.1.3)."""
    answers = case.answers
    done = {
        "app": answers.set_up_done_at if ADD_APP in case.needs.tasks else "",
        "set-up": answers.set_up_done_at,
        "password": answers.new_password == "changed",
        "passkey": answers.passkey_added_at,
    }
    first = next((word for word, is_done in done.items() if is_done), "")
    return f"?done={first}" if first and case.needs.tasks and not case.needs.resumes else ""


def _prepared(work: StepContext, step: Step) -> StepContext:
    """Return the work after the step has prepared its page. That is kept sealed, so that a reload shows the same."""
    made = step.prepare(work) if step.prepare else None
    if made is None:
        return work
    try:
        with db.transaction():
            attempts.note(work.settings, work.attempt, StepResult(prepared=made))
    except Stale:
        pass  # another tab prepared it first: its secret is shown
    return gather_again(work)


def _note_spent(work: StepContext, wrong: Wrong) -> None:
    """Drop the challenge of a wrong answer: it must not be tried again."""
    if wrong.prepared is not None:
        # Stale: another answer spent it first.
        with suppress(Stale), db.transaction():
            attempts.note(work.settings, work.attempt, StepResult(prepared=wrong.prepared))
