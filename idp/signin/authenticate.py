"""The public face of signing in: ask with a ``Needs``, get a ``Settled``, a ``Continue`` or an ``Unmet``."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

from idp import clock, db
from idp.branding import Brand
from idp.config import Settings
from idp.errors import TooMany
from idp.identity.sessions import sessions
from idp.signin import attempts, effects
from idp.signin.attempts import ELSEWHERE, OUT_OF_DATE, RestartReason, Typed
from idp.signin.confirming import confirmed
from idp.signin.flow import next_step
from idp.signin.load_state import gather, gather_again
from idp.signin.requirements import Needs
from idp.signin.shown import Shown, Told, brand_shown, shown, told
from idp.signin.state import BrowserContext, Case, Continue, Settlement, SignedIn, Unmet
from idp.signin.step import Form, Stale, Step, StepContext, StepResult, Wrong
from idp.store import attempts as attempt_rows


@dataclass(frozen=True)
class Known:
    """What a sign-in in progress, or else this browser, knows of who comes; each may be empty. ``locale``: own choice."""

    store_url: str
    username: str
    brand: Brand
    ui_locales: tuple[str, ...] = ()
    locale: str = ""


@dataclass(frozen=True)
class Moved:
    """An answer was taken (or the posted step is not the one due): look at the sign-in anew. New cookies, where any."""

    attempt_id: str
    login_cookie: str = ""
    device_cookie: str = ""
    browser_cookie: str = ""
    login_ended: bool = False


@dataclass(frozen=True)
class Done:
    """Nothing is left to ask: the browser goes back to who asked."""

    to: str


Reader = Callable[[Needs], Needs | None]
"""Works out what a stored ``Needs`` comes to now; None where the asker may not ask it any more, and will say why.

There is one truth: whatever shows a step, takes an answer or settles works from what the reader says on that visit. Needs
frozen when the sign-in began would differ from those at its end, and the browser would be sent to and fro for ever.
"""


def authenticate(settings: Settings, needs: Needs, visit: BrowserContext, attempt_id: str = "") -> Settlement:
    """Whether ``needs`` are met now. Never trusts a claim of "finished": it works everything out anew.

    With ``attempt_id`` the facts of that sign-in in progress count too. Where something must be asked and ``prompt`` is not
    ``none``, an attempt is made (or gone on with) and named in the ``Continue``.
    """
    attempt = attempts.load(attempt_id, visit) if attempt_id else None
    work = gather(settings, needs, visit, attempt, attempt_id)
    case, step = work.case, next_step(work.case)
    if isinstance(step, Unmet):
        return step
    if step is None and work.login is not None and work.terms is not None and case.person is not None:
        sessions.touch(settings, work.terms, work.login, case.now)
        return SignedIn(
            organisation_id=case.person.organisation_id,
            user_id=case.person.user_id,
            login_id=case.login_id,
            proofs=case.counting,
            scopes=needs.scopes,
            attempt_id=attempt_id if attempt else "",
            confirmed=confirmed(settings, case, work.login),
        )
    if attempt is not None and step is not None:
        return Continue(attempt_id)
    if visit.is_embedded:
        return Unmet("login_required", "embedded in another site: its cookies were not sent, and no page can be shown")
    # Where a finished attempt's login was ended meanwhile, its proofs open nothing: a new sign-in begins.
    return Continue(attempts.open_attempt(settings, needs, visit))


def asked_by(settings: Settings, attempt_id: str) -> Needs | None:
    """What the asker of a sign-in asked for, over, expired or another browser's as it may be; None where nobody knows."""
    attempt = attempts.load_any(attempt_id)
    return attempts.needs_of(settings, attempt) if attempt else None


def is_under_way(visit: BrowserContext, attempt_id: str) -> bool:
    """Whether this is a sign-in of this browser that is neither over nor expired."""
    return attempts.load(attempt_id, visit) is not None


def known(settings: Settings, visit: BrowserContext, attempt_id: str, read: Reader) -> Known:
    """What is known before anybody signed in, for pages that stand beside a sign-in."""
    attempt = attempts.load(attempt_id, visit) if attempt_id else None
    needs = (read(attempts.needs_of(settings, attempt)) if attempt else None) or Needs(return_to="/")
    work = gather(settings, needs, visit, attempt, attempt_id)
    case = work.case
    store_url = case.organisation.store_url if case.organisation else case.typed_organisation
    username = case.person.username if case.person else case.typed_username or needs.hinted_username
    return Known(store_url, username, brand_shown(work), needs.ui_locales, case.locale)


def finish(settled: SignedIn) -> bool:
    """Close the attempt, within the asker's transaction; False where it was closed already."""
    return not settled.attempt_id or attempt_rows.finish_attempt(attempts.key(settled.attempt_id), clock.now())


def show(
    settings: Settings, visit: BrowserContext, attempt_id: str, read: Reader, last: Told | None = None
) -> Shown | Done | None:
    """The page of the step that is due, ``Done`` where none is, None where there is no such sign-in.

    With ``last`` it says what was wrong with the last answer, unless something was answered since.
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
    still_true = last if last is not None and last.fits(work, step) else None
    try:
        return shown(_prepared(work, step), step, still_true)
    except Stale:
        return show(settings, visit, attempt_id, read)


def answer(settings: Settings, visit: BrowserContext, attempt_id: str, read: Reader, form: Form) -> Told | Moved | None:
    """Take an answer to the step and stage that are due; any other answer is not looked at. None: no such sign-in."""
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
    return told(work, step, taken, form) if isinstance(taken, Wrong) else taken


def _taken(work: StepContext, step: Step, form: Form) -> Wrong | Moved:
    outcome = step.answer(work, form)
    if isinstance(outcome, Wrong):
        _note_spent(work, outcome)
        return outcome
    new = effects.keep(work, outcome)
    if isinstance(new, Wrong):
        return new
    login_ended = outcome.ends_login and not new.login
    return Moved(work.case.attempt_id, new.login, outcome.device_cookie, new.browser, login_ended)


def reopen(
    settings: Settings, visit: BrowserContext, sealed: str, username: str, reason: RestartReason = OUT_OF_DATE
) -> str | None:
    """A new sign-in for a stale form (S60): the sealed needs, the username filled in, no proof carried over."""
    held = attempts.open_request(settings, sealed)
    if held is None:
        return None
    needs, typed = held
    return attempts.open_attempt(settings, needs, visit, replace(typed, username=username or typed.username), reason)


def lead_on(
    settings: Settings, visit: BrowserContext, attempt_id: str, read: Reader, typed: str = ""
) -> Done | Continue | None:
    """On from the page of a sign-in that is over, too old or another browser's; None where nobody knows it any more (S60).

    Whoever asked is asked for again: a live login may be all that is needed (``Done``), else a new sign-in begins. Nothing
    but the request is carried over, and the username in the browser where it was ``typed``.
    """
    stale = attempts.load_any(attempt_id)
    if stale is None or visit.is_embedded:
        return None
    stored, is_own = attempts.needs_of(settings, stale), stale.browser_id == visit.browser_id
    if not is_own:
        if stored.return_to.startswith("/link/"):
            return None  # its path holds the token of a mailed link
        stored = replace(stored, tasks=(), ui_locales=())  # what was picked in one browser is no wish of another
    needs = read(stored)
    if needs is None or not isinstance(next_step(gather(settings, needs, visit, None).case), Step):
        return Done(_way_back(stored, attempt_id))
    if not is_own:
        return Continue(attempts.open_attempt(settings, needs, visit, reason=ELSEWHERE))
    there = Typed(typed or attempts.typed_username(settings, stale), attempts.organisation_typed(stale))
    return Continue(attempts.open_attempt(settings, needs, visit, there, OUT_OF_DATE))


def choose_locale(settings: Settings, visit: BrowserContext, attempt_id: str, locale: str) -> None:
    """The language was picked on a page of this sign-in: it goes before what the client asked for."""
    attempt = attempts.load(attempt_id, visit)
    if attempt is not None:
        typed = attempts.typed_username(settings, attempt)
        spoken = attempts.needs_of(settings, attempt).spoken_in(locale)
        needs = attempts.sealed_needs(settings, attempt.digest, spoken, typed)
        with suppress(Stale), db.transaction():  # pressed twice: the other press was first
            attempts.note(settings, attempt, StepResult(columns={"needs": needs}))


def _way_back(needs: Needs, attempt_id: str) -> str:
    return f"{needs.return_to}/{attempt_id}" if needs.resumes else needs.return_to


def _outcome(case: Case) -> str:
    """A query that tells a page of ours which of its tasks was done, for the page to say so (WCAG 2.2, 4.1.3)."""
    answers = case.answers
    done = {
        "set-up": answers.set_up_done_at,
        "password": answers.new_password == "changed",
        "passkey": answers.passkey_added_at,
    }
    first = next((word for word, is_done in done.items() if is_done), "")
    return f"?done={first}" if first and case.needs.tasks and not case.needs.resumes else ""


def _prepared(work: StepContext, step: Step) -> StepContext:
    """The work after the step has prepared what its page shows; kept sealed, so that a reload shows the same."""
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
    """Take the challenge of a wrong answer away: it must not be tried again."""
    if wrong.prepared is not None:
        # Stale: another answer spent it first.
        with suppress(Stale), db.transaction():
            attempts.note(work.settings, work.attempt, StepResult(prepared=wrong.prepared))
