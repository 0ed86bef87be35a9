"""The end of a set-up (S21–S25, S28): twelve recovery codes, and the tick with which everything takes effect."""

from dataclasses import dataclass, replace
from datetime import datetime

from idp.audit import Event
from idp.errors import say
from idp.identity.assurance import Proof
from idp.identity.credentials import recovery_codes
from idp.identity.hashing import hashing_outside_transaction
from idp.identity.users import email_address
from idp.mail.messages import notify
from idp.signin.prepared import NOTHING_PREPARED, SetUp
from idp.signin.state import Case
from idp.signin.step import Form, Frame, Outcome, Stale, Step, StepContext, StepResult, Wrong
from idp.signin.steps import set_up
from idp.signin.steps.set_up import CODES


@dataclass(frozen=True)
class RecoveryCodesPage:
    """Twelve ``codes``, tick ``noted``, ``file_name`` and the address ``download`` of the text file.

    ``made_at`` is for the paper. Buttons: ``next``; ``not_now`` leaves, where ``may_leave``. ``only_codes``: no app was set
    up before.
    """

    frame: Frame
    codes: tuple[str, ...]
    file_name: str
    download: str
    made_at: datetime
    only_codes: bool
    may_leave: bool


def due(case: Case) -> bool:
    """Return whether the app's first code was right, or only codes are made."""
    return set_up.is_due(case) and set_up.stage_of(case) == CODES


def page(case: Case, frame: Frame) -> RecoveryCodesPage:
    """Show the codes, the same ones at every reload."""
    held = set_up.secrets_of(case)
    return RecoveryCodesPage(
        frame=frame,
        codes=held.codes,
        file_name=held.file_name,
        download=f"{frame.action}/recovery-codes.txt",
        made_at=case.now,
        only_codes=set_up.only_codes(case),
        may_leave=not set_up.is_compulsory(case),
    )


def answer(work: StepContext, form: Form) -> Outcome:
    """Take the tick."""
    held = work.case.prepared.set_up
    if "not_now" in form:
        return set_up.leave(work)
    if held is None:
        return StepResult()  # sealed with a key that is gone: the page prepares another
    return _take_effect(work, held) if form.get("noted") else Wrong((say("Save the codes first, then tick the box."),))


def _take_effect(work: StepContext, held: SetUp) -> Outcome:
    """Put app and codes to use together (S22); what they replace ends in the same transaction (S28, S40)."""
    user, now, is_new = work.user, work.case.now, not set_up.only_codes(work.case)
    salt = recovery_codes.new_salt()
    with hashing_outside_transaction(work.settings):
        digests = recovery_codes.stretch_all(work.settings, held.codes, salt)

    def effect() -> Wrong | None:
        if not _spend_last_code(work):
            raise Stale("the code was spent, or its set was replaced")
        recovery_codes.put(user.organisation_id, user.id, salt, digests, now)
        if is_new:
            set_up.activate(work, held, held.name)
        else:
            work.record(Event.RECOVERY_CODES_MADE)
            email_address.tell_of_factor(work.settings, user, "recovery_codes_made")
        work.end_other_attempts()
        return None

    # The code that was right counts as this sign-in's code (S20), from when it was entered.
    proofs = (Proof("totp", at=held.confirmed_at or now, credential=held.totp_id),) if is_new else ()
    return StepResult(
        proofs=proofs,
        answers=replace(work.case.answers, set_up_done_at=now.isoformat()),
        findings=replace(work.case.findings, last_code=None),
        prepared=NOTHING_PREPARED,
        effect=effect,
    )


def _spend_last_code(work: StepContext) -> bool:
    """Spend the recovery code that led here (S44), and report it as any other (S53). Returns False if it was spent."""
    held, user = work.case.findings.last_code, work.user
    if held is None:
        return True
    if not recovery_codes.burn(user.organisation_id, held.set_id, held.digest, work.case.now):
        return False
    work.record(Event.RECOVERY_CODE_USED, left=0)
    notify(work.settings, user.organisation_id, user.id, "recovery_code_used")
    return True


def stage(case: Case) -> str:
    """Return the stage that the former single step had, with the secret of the codes."""
    return set_up.stage_with_secret(case, CODES)


STEP = Step(
    name="show_recovery_codes",
    form_name=set_up.FORM_NAME,
    silent_error="interaction_required",
    due=due,
    page=page,
    answer=answer,
    prepare=set_up.prepare,
    stage=stage,
)
