"""The reminder for an administrator whose e-mail address is not verified (S55)."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from idp.db import release, transaction
from idp.errors import TooMany
from idp.identity.users import email_address
from idp.signin.required_level import needed_level
from idp.signin.state import Case
from idp.signin.step import Form, Frame, Outcome, Step, StepContext, StepResult, Wrong
from idp.store import users

SENT: Final = "sent"
LATER: Final = "later"


@dataclass(frozen=True)
class VerifyEmailPage:
    """The form sends ``choice``: ``sent`` mails the button (again), ``later`` goes on.

    ``days_left`` until the console closes, 0 once it has.
    """

    frame: Frame
    email: str
    days_left: int
    was_sent: bool


def due(case: Case) -> bool:
    """Return whether to remind: at each sign-in, not at each app, so only after a proof, and never silently."""
    if case.silent or not case.unverified_address or case.answers.verify_email == LATER:
        return False
    return bool(case.own_proofs) and case.level >= needed_level(case)


def page(case: Case, frame: Frame) -> VerifyEmailPage:
    """Show the address and the days that are left."""
    until = case.console_closes_at or case.now + email_address.REMINDED
    return VerifyEmailPage(frame, case.unverified_address, _days(until, case.now), case.answers.verify_email == SENT)


def _days(until: datetime, now: datetime) -> int:
    return max(0, -(-(until - now) // timedelta(days=1)))


def answer(work: StepContext, form: Form) -> Outcome:
    """Mail the button, or go on. Going on is always possible: only the console closes."""
    user = work.user
    choice = form.get("choice", "")
    if choice == SENT:
        release()
        try:
            email_address.send_verification(work.settings, user, work.origin)
        except TooMany as closed:
            return Wrong((closed.message,))
        return StepResult(answers=replace(work.case.answers, verify_email=SENT))

    def effect() -> None:
        if user.verify_since is None:
            with transaction():
                users.change_user(user.organisation_id, user.id, verify_since=work.case.now)

    if choice != LATER:
        return StepResult()
    return StepResult(answers=replace(work.case.answers, verify_email=LATER), effect=effect)


STEP = Step(
    name="verify_email",
    form_name="verify_email",
    silent_error="interaction_required",
    due=due,
    page=page,
    answer=answer,
    proves_nothing=True,
)
