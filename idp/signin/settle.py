"""The public face of signing in: ask with a ``Needs``, get a ``Settled``, a ``Continue`` or an ``Unmet``."""

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from idp import clock, db
from idp.config import Settings
from idp.errors import Message, TooMany, say
from idp.identity import logins
from idp.identity.brand import Brand, brand_of
from idp.signin import attempts, effects
from idp.signin.case import Case, Continue, Needs, Settled, Settlement, Unmet, Visit
from idp.signin.confirming import confirmed
from idp.signin.effects import Lost
from idp.signin.flow import next_step
from idp.signin.gather import gather, gather_again
from idp.signin.step import Form, Frame, Noted, Stale, Step, Work, Wrong
from idp.signin.steps.enrol import CODES, EnrolPage
from idp.store import attempts as attempt_rows


@dataclass(frozen=True)
class Shown:
    """A page to show: the step's dataclass, for the template of the step's name. ``retry_after`` in seconds, else 0.

    ``brand``: how the organisation looks, where that may be shown (S29).
    """

    step: str
    page: Any
    case: Case
    brand: Brand
    retry_after: int = 0


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


def settle(settings: Settings, needs: Needs, visit: Visit, attempt_id: str = "") -> Settlement:
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
        logins.touch(settings, work.terms, work.login, case.now)
        return Settled(
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


def needs_of(settings: Settings, visit: Visit, attempt_id: str) -> Needs | None:
    """What the asker of a sign-in asked for; None where it is over, expired or another browser's."""
    attempt = attempts.load(attempt_id, visit)
    return attempts.needs_of(attempt) if attempt else None


def known(settings: Settings, visit: Visit, attempt_id: str = "") -> Known:
    """What is known before anybody signed in, for pages that stand beside a sign-in."""
    attempt = attempts.load(attempt_id, visit) if attempt_id else None
    needs = attempts.needs_of(attempt) if attempt else Needs(return_to="/")
    work = gather(settings, needs, visit, attempt, attempt_id)
    case = work.case
    store_url = case.organisation.store_url if case.organisation else case.typed_organisation
    username = case.person.username if case.person else case.typed_username or needs.hinted_username
    return Known(store_url, username, _brand(work), needs.ui_locales, case.locale)


def finish(settled: Settled) -> bool:
    """Close the attempt, within the asker's transaction; False where it was closed already."""
    return not settled.attempt_id or attempt_rows.finish_attempt(attempts.key(settled.attempt_id), clock.now())


def show(settings: Settings, visit: Visit, attempt_id: str) -> Shown | Done | None:
    """The page of the step that is due, ``Done`` where none is, None where there is no such sign-in."""
    attempt = attempts.load(attempt_id, visit)
    if attempt is None:
        return None
    needs = attempts.needs_of(attempt)
    work = gather(settings, needs, visit, attempt, attempt_id)
    step = next_step(work.case)
    if not isinstance(step, Step):
        return Done(_way_back(needs, attempt_id))
    try:
        return _shown(_prepared(work, step), step)
    except Stale:
        return show(settings, visit, attempt_id)


def answer(settings: Settings, visit: Visit, attempt_id: str, step_name: str, form: Form) -> Shown | Moved | None:
    """Take an answer to the step and stage that are due; any other answer is not looked at. None: no such sign-in."""
    attempt = attempts.load(attempt_id, visit)
    if attempt is None:
        return None
    work = gather(settings, attempts.needs_of(attempt), visit, attempt, attempt_id)
    step = next_step(work.case)
    if not isinstance(step, Step) or step.name != step_name or step.stage_of(work.case) != form.get("stage", ""):
        return Moved(attempt_id)
    try:
        return _taken(work, step, form)
    except Lost as lost:
        return _shown(work, step, lost.wrong.errors, form)
    except TooMany as closed:
        return replace(_shown(work, step, (closed.message,)), retry_after=closed.retry_after)
    except Stale:
        return Moved(attempt_id)


def _taken(work: Work, step: Step, form: Form) -> Shown | Moved:
    outcome = step.answer(work, form)
    if isinstance(outcome, Wrong):
        return _shown(_prepared(_after(work, outcome), step), step, outcome.errors, form)
    new = effects.keep(work, outcome)
    login_ended = outcome.ends_login and not new.login
    return Moved(work.case.attempt_id, new.login, outcome.device_cookie, new.browser, login_ended)


def reopen(settings: Settings, visit: Visit, sealed: str, username: str) -> str | None:
    """A new sign-in for a stale form (S60): the sealed needs, the username filled in, no proof carried over."""
    held = attempts.open_request(settings, sealed)
    if held is None:
        return None
    needs, proved = held
    return attempts.open_attempt(settings, needs, visit, typed_username=username or proved, is_anew=True)


def renew(settings: Settings, visit: Visit, attempt_id: str) -> str | None:
    """A new sign-in for a page that was opened again after its time (S60): the same needs, no proof carried over."""
    stale = attempts.load_stale(attempt_id, visit)
    if stale is None:
        return None
    return attempts.open_attempt(settings, attempts.needs_of(stale), visit, stale.typed_username, is_anew=True)


def choose_locale(settings: Settings, visit: Visit, attempt_id: str, locale: str) -> None:
    """The language was picked on a page of this sign-in: it goes before what the client asked for."""
    attempt = attempts.load(attempt_id, visit)
    if attempt is not None:
        spoken = attempts.needs_of(attempt).spoken_in(locale)
        with suppress(Stale), db.transaction():  # pressed twice: the other press was first
            attempts.note(settings, attempt, Noted(columns={"needs": spoken.as_json()}))


def recovery_codes(settings: Settings, visit: Visit, attempt_id: str) -> EnrolPage | None:
    """The page with the codes while it is shown (S21), for the download; else None."""
    shown = show(settings, visit, attempt_id)
    page = shown.page if isinstance(shown, Shown) else None
    return page if isinstance(page, EnrolPage) and page.stage == CODES else None


def _way_back(needs: Needs, attempt_id: str) -> str:
    return f"{needs.return_to}/{attempt_id}" if needs.resumes else needs.return_to


def _prepared(work: Work, step: Step) -> Work:
    """The work after the step has prepared what its page shows; kept sealed, so that a reload shows the same."""
    made = step.prepare(work) if step.prepare else None
    if made is None:
        return work
    try:
        with db.transaction():
            attempts.note(work.settings, work.attempt, Noted(prepared=made))
    except Stale:
        pass  # another tab prepared it first: its secret is shown
    return gather_again(work)


def _after(work: Work, wrong: Wrong) -> Work:
    """The work after a wrong answer, whose challenge must not be tried again."""
    if wrong.prepared is not None:
        try:
            with db.transaction():
                attempts.note(work.settings, work.attempt, Noted(prepared=wrong.prepared))
        except Stale:
            pass  # another answer spent it first
    return gather_again(work)


def _shown(work: Work, step: Step, errors: tuple[Message, ...] = (), form: Form | None = None) -> Shown:
    """The page of a step. Raises ``Stale`` where the step is not due any more: the sign-in was dropped under its hands."""
    case = work.case
    if next_step(case) is not step:
        raise Stale
    if form is not None and form.get("username"):
        case = replace(case, typed_username=form["username"][:254])
    return Shown(step.name, step.page(case, _frame(work, step, errors)), case, _brand(work))


def _brand(work: Work) -> Brand:
    return brand_of(work.organisation) if work.organisation and work.case.may_name_organisation else Brand()


def _frame(work: Work, step: Step, errors: tuple[Message, ...]) -> Frame:
    case, client = work.case, work.case.needs.client
    named = case.organisation if case.may_name_organisation else None
    username = case.person.username if case.person else ""
    return Frame(
        attempt_id=case.attempt_id,
        action=f"/sign-in/{case.attempt_id}",
        step=step.name,
        stage=step.stage_of(case),
        request=attempts.seal_request(work.settings, case.needs, username),
        client_name=client.name if client else "",
        client_logo=client.logo_uri if client else "",
        organisation_name=named.name if named else "",
        store_url=named.store_url if named else "",
        username=username,
        errors=errors,
        notices=_notices(case),
    )


def _notices(case: Case) -> tuple[Message, ...]:
    return (say("This page was out of date, so signing in starts again."),) if case.answered("is_anew") else ()
