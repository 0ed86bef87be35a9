"""Choosing a new password: asked for (profile, leaked notice) or forced (one-time password, S50)."""

from dataclasses import dataclass, replace

from idp.errors import Invalid
from idp.identity.credentials import new_passwords, passwords
from idp.identity.credentials.passwords import NewPassword
from idp.identity.users.status import Kept
from idp.signin import attempts
from idp.signin.required_level import highest_owned, wants_new_password
from idp.signin.state import Case
from idp.signin.step import Form, Frame, Outcome, Step, StepContext, StepResult, Wrong


@dataclass(frozen=True)
class NewPasswordPage:
    """Fields ``new_password`` and ``new_password_again``; ``min_length`` in characters. ``is_forced``: it cannot be left."""

    frame: Frame
    username: str
    min_length: int
    is_forced: bool


def due(case: Case) -> bool:
    """Return whether it is wanted, at the person's highest level: a thief of the password must not change it (S32)."""
    return wants_new_password(case) and case.level >= highest_owned(case)


def page(case: Case, frame: Frame) -> NewPasswordPage:
    """Show the two fields."""
    username = case.person.username if case.person else ""
    return NewPasswordPage(frame, username, min_length=case.password_min_length, is_forced=_is_forced(case))


def _is_forced(case: Case) -> bool:
    return case.person is not None and case.person.must_change_password


def answer(work: StepContext, form: Form) -> Outcome:
    """Take a password that is long enough, not known to be leaked (S33), and not the present one."""
    organisation, _, user = work.person()
    given = work.case.answers
    if "not_now" in form:
        return StepResult() if _is_forced(work.case) else StepResult(answers=replace(given, new_password="not_now"))
    chosen = form.get("new_password", "")
    has_factor = work.case.person is not None and work.case.person.has_factor
    try:
        new_passwords.require_same(chosen, form.get("new_password_again", ""))
        hashed = new_passwords.hashed(work.settings, organisation, user, chosen, work.origin, has_factor=has_factor)
    except Invalid as refused:
        return Wrong((refused.message,))

    def effect() -> None:
        kept = Kept(work.case.session_id, attempts.key(work.case.attempt_id))
        passwords.put(work.settings, user, NewPassword(hashed), work.origin, kept)

    # The leaked password is gone, so its notice is not shown again.
    return StepResult(
        answers=replace(given, new_password="changed"), findings=replace(work.case.findings, leaked=""), effect=effect
    )


STEP = Step(
    name="new_password",
    form_name="new_password",
    silent_error="interaction_required",
    due=due,
    page=page,
    answer=answer,
)
