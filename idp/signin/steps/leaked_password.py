"""The notice that the password is on a list of leaked ones: change it now, or not now (S32, S33)."""

from dataclasses import dataclass, replace
from typing import Final

from idp.audit import Event
from idp.signin.state import Case
from idp.signin.step import Form, Frame, Outcome, Step, StepContext, StepResult
from idp.store import users

CHANGE: Final = "change"
LATER: Final = "later"


@dataclass(frozen=True)
class LeakedPage:
    """The form sends ``choice``: ``change`` or ``later``."""

    frame: Frame


def due(case: Case) -> bool:
    """Return whether the password is leaked and "not now" was not chosen less than the interval ago.

    It was found in this attempt or earlier; if earlier, the notice also follows a passkey.
    """
    found = bool(case.findings.leaked) or (case.leaked_found and bool(case.own_proofs))
    return found and case.leaked_notice_due and not case.answers.leaked_password and case.answers.new_password != "changed"


def page(case: Case, frame: Frame) -> LeakedPage:
    """Show the two choices."""
    return LeakedPage(frame)


def answer(work: StepContext, form: Form) -> Outcome:
    """Take the choice. Only an explicit one postpones the notice; the change comes after the second factor (S32)."""
    user = work.user
    choice = form.get("choice", "")
    if choice == CHANGE:
        answers = replace(work.case.answers, leaked_password=CHANGE)
    elif choice == LATER:
        answers = replace(work.case.answers, leaked_password=LATER)
    else:
        return StepResult()

    def effect() -> None:
        if choice == LATER:
            users.change_user(user.organisation_id, user.id, leaked_notice_at=work.case.now)
        work.record(Event.LEAKED_NOTICE_ANSWERED, choice=choice)

    return StepResult(answers=answers, effect=effect)


STEP = Step(
    name="leaked_password",
    form_name="leaked",
    silent_error="interaction_required",
    due=due,
    page=page,
    answer=answer,
)
