"""Make the page of a step from a case: its frame, what was wrong with the last answer, and what was entered."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from math import ceil
from typing import Any

from idp import crypto
from idp.branding import Brand, brand_of
from idp.errors import Message, say
from idp.identity.sessions import sessions
from idp.signin import attempts
from idp.signin.attempts import Entered
from idp.signin.flow import next_step
from idp.signin.state import Case
from idp.signin.step import Form, Frame, Stale, Step, StepContext, Wrong

FILLED_IN_AGAIN = ("username", "organisation", "stay_signed_in", "remember_device", "name")
"""Fields that are filled in again after a wrong answer: never a password or a code."""


@dataclass(frozen=True)
class Shown:
    """A page to show: the step's dataclass, for the template of the step's name. ``refused``: the last answer, if wrong.

    ``brand``: the organisation's look, if that may be shown (S29).
    """

    step: str
    page: Any
    case: Case
    brand: Brand
    refused: "RefusedAnswer | None" = None

    @property
    def retry_after(self) -> int:
        """Seconds until the next answer is looked at, else 0."""
        until = self.refused.wait_until if self.refused else None
        return ceil((until - self.case.now).total_seconds()) if until else 0


@dataclass(frozen=True)
class RefusedAnswer:
    """An answer that was not taken: what was wrong, and what was entered. It is shown until the sign-in changes.

    ``facts``: a digest of the sign-in's state then. ``wait_until``: when the next answer is looked at; None: at once.
    """

    attempt_id: str
    step: str
    facts: str
    errors: tuple[Message, ...]
    entered: Mapping[str, str] = field(default_factory=dict)
    wait_until: datetime | None = None

    def as_json(self) -> dict[str, Any]:
        """Return what is kept, sealed, until the browser fetches the page."""
        return {
            "step": self.step,
            "facts": self.facts,
            "errors": [error.as_json() for error in self.errors],
            "typed": dict(self.entered),
            "wait_until": self.wait_until.isoformat() if self.wait_until else "",
        }

    @classmethod
    def from_json(cls, attempt_id: str, value: Mapping[str, Any]) -> "RefusedAnswer":
        """Read what ``as_json`` made, for the same sign-in."""
        errors = tuple(Message.from_json(error) for error in value.get("errors", ()))
        until = datetime.fromisoformat(value["wait_until"]) if value.get("wait_until") else None
        return cls(attempt_id, value.get("step", ""), value.get("facts", ""), errors, value.get("typed", {}), until)

    def at(self, now: datetime) -> "RefusedAnswer":
        """Return the same later: once the wait is over, only what was entered remains."""
        return self if self.wait_until is None or now < self.wait_until else replace(self, errors=(), wait_until=None)

    def matches(self, work: StepContext, step: Step) -> bool:
        """Check if its step is still due, and nothing was answered since."""
        return self.step == step.form_name and self.facts == _facts(work, step)


def refuse(work: StepContext, step: Step, wrong: Wrong, form: Form) -> RefusedAnswer:
    """Return an answer that was not taken, to be shown."""
    entered = {name: form[name][:254] for name in FILLED_IN_AGAIN if form.get(name)}
    until = work.case.now + timedelta(seconds=wrong.retry_after) if wrong.retry_after else None
    return RefusedAnswer(work.case.attempt_id, step.form_name, _facts(work, step), wrong.errors, entered, until)


def _facts(work: StepContext, step: Step) -> str:
    """Digest the state of a sign-in. What is prepared is left out: a new challenge changes no answer.

    The row's own JSON is taken, so that two versions of the program agree on it.
    """
    case = work.case
    person = case.person.user_id if case.person else ""
    answered = (sorted(work.attempt.answers.items()), sorted(work.attempt.findings), len(case.own_proofs))
    state = (person, step.stage_of(case), case.entered_organisation, answered)
    return crypto.b64url(crypto.digest("facts", repr(state)))


def show_step(work: StepContext, step: Step, refused: RefusedAnswer | None = None) -> Shown:
    """Return the page of a step. Raises ``Stale`` if the step is no longer due: the sign-in was dropped concurrently."""
    case = work.case
    if next_step(case) is not step:
        raise Stale
    if refused is not None:
        refused = refused.at(case.now)
        username = refused.entered.get("username") or case.entered_username
        case = replace(case, entered=refused.entered, entered_username=username)
    return Shown(step.name, step.page(case, _frame(work, step, refused)), case, brand_shown(work), refused)


STARTS_AGAIN = {
    attempts.OUT_OF_DATE: say("This page was out of date, so signing in starts again."),
    attempts.ELSEWHERE: say("This address belongs to an earlier sign-in. Signing in starts again here."),
}

SHUT_OUT = say(
    "You were signed out, because your organisation was disabled. "
    "Its administrators can ask the installation administrator to enable it."
)


def brand_shown(work: StepContext) -> Brand:
    """Return the organisation's look, if the organisation may be named (S29)."""
    return brand_of(work.organisation) if work.organisation and work.case.may_name_organisation else Brand()


def _frame(work: StepContext, step: Step, refused: RefusedAnswer | None) -> Frame:
    case, client = work.case, work.case.needs.client
    named = case.organisation if case.may_name_organisation else None
    username = case.person.username if case.person else ""
    again = case.is_reauthentication and step.is_cancellable
    return Frame(
        attempt_id=case.attempt_id,
        action=f"/sign-in/{case.attempt_id}",
        step=step.form_name,
        stage=step.stage_of(case),
        request=attempts.seal_request(work.settings, case.needs, Entered(username, case.entered_organisation)),
        client_name=client.name if client else "",
        organisation_name=named.name if named else "",
        store_url=named.store_url if named else "",
        username=username,
        purpose=Message(case.needs.purpose) if again and case.needs.purpose else None,
        cancel_to=case.needs.cancel_to if again else "",
        errors=refused.errors if refused else (),
        notices=_notices(work),
    )


def _notices(work: StepContext) -> tuple[Message, ...]:
    if not work.case.session_user_id and sessions.was_shut_out(work.visit.session):
        return (SHUT_OUT,)
    reason = work.case.answers.restart_reason
    return (STARTS_AGAIN[reason],) if reason else ()
