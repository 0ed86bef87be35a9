"""The question after a recovery code, whether the phone is still there (S45), and the notice before the last code (S43)."""

from dataclasses import dataclass, replace

from idp.signin.state import Case
from idp.signin.step import Form, Frame, Outcome, Step, StepContext, StepResult


@dataclass(frozen=True)
class RecoveredPage:
    """The form sends ``choice``: ``carry_on`` or ``again``. ``codes_left`` of 1 is the notice of S43."""

    frame: Frame
    codes_left: int


def due(case: Case) -> bool:
    """Return whether a recovery code was used in this sign-in, until it is answered or the factor is set up again."""
    used = any(proof.method == "recovery" for proof in case.own_proofs)
    return used and not case.answers.after_recovery_code and not case.answers.set_up_done_at


def page(case: Case, frame: Frame) -> RecoveredPage:
    """Show the two choices."""
    return RecoveredPage(frame, codes_left=case.person.recovery_codes_left if case.person else 0)


def answer(work: StepContext, form: Form) -> Outcome:
    """Take the choice: carry on, or set up again."""
    choice = form.get("choice", "")
    if choice == "carry_on":
        return StepResult(answers=replace(work.case.answers, after_recovery_code="carry_on"))
    return StepResult(answers=replace(work.case.answers, after_recovery_code="again")) if choice == "again" else StepResult()


STEP = Step(
    name="after_recovery_code",
    form_name="recovered",
    silent_error="interaction_required",
    due=due,
    page=page,
    answer=answer,
)
