"""From a case to the page of a step: what stands around it, what was wrong with an answer, and what was typed."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from math import ceil
from typing import Any

from idp import crypto
from idp.branding import Brand, brand_of
from idp.errors import Message, say
from idp.signin import attempts
from idp.signin.attempts import Typed
from idp.signin.flow import next_step
from idp.signin.state import Case
from idp.signin.step import Form, Frame, Stale, Step, StepContext, Wrong

TYPED_AGAIN = ("username", "organisation", "remember_device")
"""Fields that come back filled in after a wrong answer. Never a password or a code."""


@dataclass(frozen=True)
class Shown:
    """A page to show: the step's dataclass, for the template of the step's name. ``told``: what was wrong, if anything.

    ``brand``: how the organisation looks, where that may be shown (S29).
    """

    step: str
    page: Any
    case: Case
    brand: Brand
    told: "Told | None" = None

    @property
    def retry_after(self) -> int:
        """Seconds to wait, else 0."""
        until = self.told.wait_until if self.told else None
        return ceil((until - self.case.now).total_seconds()) if until else 0


@dataclass(frozen=True)
class Told:
    """What was wrong with an answer to a step, and what was typed. It is shown as long as the sign-in stands as it did then.

    ``facts``: a digest of where the sign-in stood. ``wait_until``: when the next answer is looked at, None: at once.
    """

    attempt_id: str
    step: str
    facts: str
    errors: tuple[Message, ...]
    typed: Mapping[str, str] = field(default_factory=dict)
    wait_until: datetime | None = None

    def as_json(self) -> dict[str, Any]:
        """To be kept, sealed, until the browser comes for it."""
        return {
            "step": self.step,
            "facts": self.facts,
            "errors": [error.as_json() for error in self.errors],
            "typed": dict(self.typed),
            "wait_until": self.wait_until.isoformat() if self.wait_until else "",
        }

    @classmethod
    def from_json(cls, attempt_id: str, value: Mapping[str, Any]) -> "Told":
        """What ``as_json`` made, of the same sign-in."""
        errors = tuple(Message.from_json(error) for error in value["errors"])
        until = datetime.fromisoformat(value["wait_until"]) if value["wait_until"] else None
        return cls(attempt_id, value["step"], value["facts"], errors, value["typed"], until)

    def at(self, now: datetime) -> "Told":
        """The same later: once the wait is over, there is nothing to say but what was typed."""
        return self if self.wait_until is None or now < self.wait_until else replace(self, errors=(), wait_until=None)

    def fits(self, work: StepContext, step: Step) -> bool:
        """Whether the step that it is about is due, and nothing was answered since."""
        return self.step == step.form_name and self.facts == _facts(work, step)


def told(work: StepContext, step: Step, wrong: Wrong, form: Form) -> Told:
    """What to tell about an answer that was not taken."""
    typed = {name: form[name][:254] for name in TYPED_AGAIN if form.get(name)}
    until = work.case.now + timedelta(seconds=wrong.retry_after) if wrong.retry_after else None
    return Told(work.case.attempt_id, step.form_name, _facts(work, step), wrong.errors, typed, until)


def _facts(work: StepContext, step: Step) -> str:
    """Where the sign-in stands. What a page has prepared is left out: a new challenge changes no answer."""
    case = work.case
    person = case.person.user_id if case.person else ""
    answered = (sorted(work.attempt.answers.items()), sorted(work.attempt.findings), len(case.own_proofs))
    stands = (person, step.stage_of(case), case.typed_organisation, answered)
    return crypto.b64url(crypto.digest("facts", repr(stands)))


def shown(work: StepContext, step: Step, told: Told | None = None) -> Shown:
    """The page of a step. Raises ``Stale`` where the step is not due any more: the sign-in was dropped under its hands."""
    case = work.case
    if next_step(case) is not step:
        raise Stale
    if told is not None:
        told = told.at(case.now)
        case = replace(case, typed=told.typed, typed_username=told.typed.get("username") or case.typed_username)
    return Shown(step.name, step.page(case, _frame(work, step, told)), case, brand_shown(work), told)


STARTS_AGAIN = {
    attempts.OUT_OF_DATE: say("This page was out of date, so signing in starts again."),
    attempts.ELSEWHERE: say("This address belongs to an earlier sign-in. Signing in starts again here."),
}


def brand_shown(work: StepContext) -> Brand:
    """The organisation's look, where the organisation may be named (S29)."""
    return brand_of(work.organisation) if work.organisation and work.case.may_name_organisation else Brand()


def _frame(work: StepContext, step: Step, told: Told | None) -> Frame:
    case, client = work.case, work.case.needs.client
    named = case.organisation if case.may_name_organisation else None
    username = case.person.username if case.person else ""
    again = case.is_reauthentication and step.is_cancellable
    return Frame(
        attempt_id=case.attempt_id,
        action=f"/sign-in/{case.attempt_id}",
        step=step.form_name,
        stage=step.stage_of(case),
        request=attempts.seal_request(work.settings, case.needs, Typed(username, case.typed_organisation)),
        client_name=client.name if client else "",
        client_logo=client.logo_uri if client else "",
        organisation_name=named.name if named else "",
        store_url=named.store_url if named else "",
        username=username,
        purpose=Message(case.needs.purpose) if again and case.needs.purpose else None,
        cancel_to=case.needs.cancel_to if again else "",
        errors=told.errors if told else (),
        notices=_notices(case),
    )


def _notices(case: Case) -> tuple[Message, ...]:
    reason = case.answers.restart_reason
    return (STARTS_AGAIN[reason],) if reason else ()
