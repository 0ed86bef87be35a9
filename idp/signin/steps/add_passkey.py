"""Adding a passkey or security key: asked for in the profile, chosen at a set-up, or needed for the level asked for.

A new passkey proves nothing yet: without attestation nothing was signed. If the level needs it, it is asked for next.
"""

from dataclasses import dataclass, replace
from typing import Final

from idp.errors import Invalid, say
from idp.factors import HARDWARE, PHISHING_RESISTANT
from idp.identity.credentials import passkeys
from idp.signin.prepared import Prepared
from idp.signin.required_level import JUST_NOW, highest_owned, needed_level, password_is_recent
from idp.signin.state import ADD_PASSKEY, Case
from idp.signin.step import Form, Frame, Outcome, Step, StepContext, StepResult, Wrong
from idp.signin.steps import password, use_passkey
from idp.signin.steps.use_passkey import PasskeyAsk

PLACE = "passkey"
MAKE, PASSWORD = "make", "password"
INSTEAD: Final = "passkey"
"""The answer at the start of a set-up that chooses a passkey."""
NOT_MADE = say("The passkey could not be added. Please try again.")
KNOWN = say("This passkey has already been added.")
NO_HARDWARE = say(
    "The app asks for a hardware security key from a recognised manufacturer. This is not one of those. Try another one."
)


@dataclass(frozen=True)
class PasskeyPage:
    """Stage ``password``: field ``password``. Stage ``make``: field ``name``, and ``passkey`` for the script.

    ``not_now`` leaves. ``is_needed``: the app asks for it. ``instead``: chosen at a set-up; ``not_now`` goes back there.
    """

    frame: Frame
    stage: str
    is_needed: bool
    instead: bool
    wants_hardware: bool
    passkey: PasskeyAsk | None = None


def is_needed(case: Case) -> bool:
    """Check if the needed level is above all that the person owns, and a new passkey would reach it."""
    needed = needed_level(case)
    return case.level < needed and needed >= PHISHING_RESISTANT and (needed < HARDWARE or case.attests)


def is_wanted(case: Case) -> bool:
    """Check if the person chose it: in the profile, or at the start of a set-up."""
    chosen = ADD_PASSKEY in case.needs.tasks or is_instead(case)
    return chosen and not case.answers.passkey_added_at


def is_instead(case: Case) -> bool:
    """Check if it was chosen instead of an authenticator app."""
    return case.answers.set_up_kind == INSTEAD


def due(case: Case) -> bool:
    """Return whether it was chosen or is needed: never before an owned factor was shown, never after the last code (S44)."""
    if case.person is None or case.findings.last_code or case.level < highest_owned(case):
        return False
    return case.answers.add_passkey != "not_now" and (is_wanted(case) or is_needed(case))


def _stage_of(case: Case) -> str:
    """Return the password's stage, unless it was entered or a passkey shown a moment ago in this sign-in (S17)."""
    shown = any(proof.user_verified and proof.at >= case.now - JUST_NOW for proof in case.own_proofs)
    return MAKE if shown or password_is_recent(case) else PASSWORD


def page(case: Case, frame: Frame) -> PasskeyPage:
    """Show the stage's page."""
    return PasskeyPage(
        frame,
        stage=_stage_of(case),
        is_needed=is_needed(case) and not is_wanted(case),
        instead=is_instead(case),
        wants_hardware=_wants_hardware(case),
        passkey=use_passkey.ask_of(case, PLACE),
    )


def _wants_hardware(case: Case) -> bool:
    return needed_level(case) == HARDWARE and is_needed(case)


def prepare(work: StepContext) -> Prepared | None:
    """Make the challenge, which lists the passkeys that the person has."""
    if _stage_of(work.case) == PASSWORD or use_passkey.is_held(work.case, PLACE):
        return None
    user = work.user
    return use_passkey.holding(work.case, passkeys.make(work.settings, PLACE, work.case.now, user))


def answer(work: StepContext, form: Form) -> Outcome:
    """Take the answer to the stage's page."""
    if "not_now" in form:
        given = work.case.answers
        left = replace(given, set_up_kind="") if is_instead(work.case) else replace(given, add_passkey="not_now")
        return StepResult(answers=left, prepared=use_passkey.spent(work.case))
    user = work.user
    if _stage_of(work.case) == PASSWORD:
        return password.check(work, user, user.username, form.get("password", ""))
    return _add(work, form.get("passkey", ""), form.get("name", ""))


def _add(work: StepContext, text: str, name: str) -> Outcome:
    user = work.user
    ceremony, spent = use_passkey.ceremony_of(work.case, PLACE), use_passkey.spent(work.case)
    made = passkeys.read_made(work.settings, ceremony, text, work.case.now) if ceremony else None
    if made is None:
        return Wrong((NOT_MADE,), prepared=spent)
    if _wants_hardware(work.case) and not made.hardware:
        return Wrong((NO_HARDWARE,), prepared=spent)

    def effect() -> Wrong | None:
        try:
            added = passkeys.add(work.settings, user, made, name, work.origin, work.case.now)
        except Invalid as refusal:
            return Wrong((refusal.message,))
        if not added:
            return Wrong((KNOWN,))
        work.end_other_attempts()
        return None

    answers = replace(work.case.answers, passkey_added_at=work.case.now.isoformat())
    return StepResult(answers=answers, prepared=spent, effect=effect)


def stage(case: Case) -> str:
    """Return the page's stage, and whether "not now" leads back to the start of a set-up."""
    return f"{_stage_of(case)}-{INSTEAD if is_instead(case) else ADD_PASSKEY}"


STEP = Step(
    name="add_passkey",
    form_name="passkey",
    silent_error="interaction_required",
    due=due,
    page=page,
    answer=answer,
    prepare=prepare,
    stage=stage,
)
