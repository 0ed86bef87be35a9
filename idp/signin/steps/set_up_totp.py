"""Setting up an authenticator app (S14–S20), from the start page to its first right code. The codes come next.

Nothing takes effect before the tick of S22: the secret and the codes lie sealed in the attempt until then.
"""

from dataclasses import dataclass, replace

from idp.errors import Message, say
from idp.identity.assurance import Proof
from idp.identity.credentials import totp
from idp.identity.credentials.authenticator_names import normal_name
from idp.signin.prepared import NOTHING_PREPARED, SetUp
from idp.signin.state import Case
from idp.signin.step import Form, Frame, Outcome, Step, StepContext, StepResult, Wrong
from idp.signin.steps import password, set_up
from idp.signin.steps.add_passkey import INSTEAD
from idp.signin.steps.second_factor import WRONG_CODE, count_guess, wrong_code
from idp.signin.steps.set_up import APPS, CODES, PASSWORD, SCAN, START
from idp.store import totp as totp_rows

LAST_CODE = say("That was your last recovery code. Set up your second factor again to sign in and to get twelve new codes.")
NO_PLACE = say("Your authenticator apps were changed a moment ago. Cancel this, and look at the list of your apps.")
COUNTED = "set_up"
"""Wrong codes are counted apart from those of the app that is replaced: its lockout must not bar the way to a new one."""


@dataclass(frozen=True)
class SetUpPage:
    """One of four stages. Buttons: ``next``; ``not_now`` leaves, where ``may_leave``; ``back`` goes from scan to apps;
    ``use_passkey`` at the start adds a passkey instead.

    ``start``: ``reasons`` say why it is compulsory (empty: offered). ``password``: field ``password``. ``scan``: ``uri`` of
    the QR code, ``key`` in groups of four, field ``code``.
    """

    frame: Frame
    stage: str
    may_leave: bool
    is_again: bool
    only_codes: bool
    is_further: bool = False
    keeps_codes: bool = False
    replaces_all: bool = False
    name: str = ""
    may_use_passkey: bool = False
    reasons: tuple[Message, ...] = ()
    uri: str = ""
    key: str = ""


def due(case: Case) -> bool:
    """Return whether the app's first code is missing. New codes alone need only the start page and the password."""
    return set_up.is_due(case) and set_up.stage_of(case) != CODES


def page(case: Case, frame: Frame) -> SetUpPage:
    """Show the stage's page."""
    place, compulsory = set_up.stage_of(case), set_up.is_compulsory(case)
    shown = SetUpPage(
        frame=frame,
        stage=place,
        may_leave=not compulsory,
        is_again=set_up.is_again(case),
        only_codes=set_up.only_codes(case),
        is_further=set_up.is_further(case),
        keeps_codes=set_up.keeps_codes(case),
        name=case.entered.get("name", ""),
        may_use_passkey=set_up.may_use_passkey(case),
        reasons=_reasons(case) if compulsory else (),
    )
    if place != SCAN:
        return shown
    held = set_up.secrets_of(case)
    uri, key = totp.uri(held.secret, held.issuer, held.label), totp.grouped(held.secret)
    return replace(shown, uri=uri, key=key, replaces_all=shown.is_again and held.number == 0)


def _reasons(case: Case) -> tuple[Message, ...]:
    """Return what makes it compulsory: the last recovery code that was just used (S44), and the rules."""
    rules = tuple(reason.message for reason in case.rules.compulsory_because) if case.rules else ()
    return (LAST_CODE, *rules) if case.findings.last_code else rules


def answer(work: StepContext, form: Form) -> Outcome:
    """Take the answer to the stage's page."""
    if "not_now" in form:
        return set_up.leave(work)
    place, given, held = set_up.stage_of(work.case), work.case.answers, work.case.prepared.set_up
    if place == START and "use_passkey" in form and set_up.may_use_passkey(work.case):
        return StepResult(answers=replace(given, set_up_kind=INSTEAD))
    if place == START:
        return StepResult(answers=replace(given, set_up_started="yes"))
    if place == PASSWORD:
        return password.check(work, work.user, work.user.username, form.get("password", ""))
    if place == APPS:
        return StepResult(answers=replace(given, apps_page="seen"))
    if held is None:
        return StepResult()  # sealed with a key that is gone: the page prepares another
    if "back" in form:
        return StepResult(answers=replace(given, apps_page="again"))
    if held.number == set_up.NO_PLACE:
        return Wrong((NO_PLACE,))
    return _confirm(work, held, form.get("code", ""), form.get("name", ""))


def _confirm(work: StepContext, held: SetUp, code: str, name: str) -> Outcome:
    """Check the 6-digit code, which must be right before anything becomes active (S20). It is spent as any other code."""
    user, now = work.user, work.case.now
    guess = count_guess(work, COUNTED)
    spent = totp.spent_around(user.organisation_id, {held.totp_id: 0}, now)
    result = totp.check(held.secret, code, now, spent[held.totp_id])
    if not isinstance(result, totp.Right):
        return wrong_code(work, held.totp_id, result)

    def effect() -> Wrong | None:
        if not totp_rows.use_step(user.organisation_id, held.totp_id, result.step, now):
            return Wrong((WRONG_CODE,))
        guess.succeeded()
        if set_up.keeps_codes(work.case):
            set_up.activate(work, held, name)
            work.end_other_attempts()
        return None

    if set_up.keeps_codes(work.case):
        proofs = (Proof("totp", at=now, credential=held.totp_id),)
        answers = replace(work.case.answers, set_up_done_at=now.isoformat())
        return StepResult(proofs=proofs, answers=answers, prepared=NOTHING_PREPARED, effect=effect)
    # No proof yet: before the tick the new factor opens nothing (S5), whatever level the app asks for.
    confirmed = replace(held, step=result.step, confirmed_at=now, name=normal_name(name))
    return StepResult(prepared=replace(work.case.prepared, set_up=confirmed), effect=effect)


def stage(case: Case) -> str:
    """Return the page's stage; the QR code's with the secret that it shows."""
    place = set_up.stage_of(case)
    return set_up.stage_with_secret(case, place) if place == SCAN else place


STEP = Step(
    name="set_up_totp",
    form_name=set_up.FORM_NAME,
    silent_error="interaction_required",
    due=due,
    page=page,
    answer=answer,
    prepare=set_up.prepare,
    stage=stage,
)
