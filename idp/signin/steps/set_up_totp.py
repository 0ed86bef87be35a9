"""Setting up a second factor (S14–S28): start, password, apps, scan, codes. One step, whose stage follows from the facts.

Nothing takes effect before the tick of S22: the secret and the codes lie sealed in the attempt until then.
"""

import re
from dataclasses import dataclass, replace

from idp import crypto, db, factors
from idp.audit import Event
from idp.errors import Message, say
from idp.factors import SECOND
from idp.identity.assurance import Proof
from idp.identity.credentials import recovery_codes, totp
from idp.identity.credentials.authenticator_entry import LONGEST_LABEL, AppEntry, entry_of, without_colons
from idp.identity.users import email_address
from idp.mail.messages import notify
from idp.signin.prepared import NOTHING_PREPARED, Prepared, SetUp
from idp.signin.state import ENROL, NEW_CODES, Case
from idp.signin.step import Form, Frame, Outcome, Stale, Step, StepContext, StepResult, Wrong
from idp.signin.steps import password
from idp.signin.steps.add_passkey import INSTEAD
from idp.signin.steps.required_level import needed_level, password_is_recent, wants_new_password
from idp.signin.steps.second_factor import WRONG_CODE, gate, wrong_code
from idp.store import totp as store_totp
from idp.store import users

START, PASSWORD, APPS, SCAN, CODES = "start", "password", "apps", "scan", "codes"
LAST_CODE = say("That was your last recovery code. Set up your second factor again to sign in and to get twelve new codes.")
COUNTED = "set_up"
"""Wrong codes are counted apart from those of the app that is replaced: its hard stop must not bar the way to a new one."""


@dataclass(frozen=True)
class EnrolPage:
    """One of five stages. Buttons: ``next``; ``not_now`` leaves, where ``may_leave``; ``back`` goes from scan to apps;
    ``use_passkey`` at the start adds a passkey instead.

    ``start``: ``reasons`` say why it is compulsory (empty: offered). ``password``: field ``password``. ``scan``: ``uri`` of
    the QR code, ``key`` in groups of four, field ``code``. ``codes``: twelve ``codes``, tick ``noted``, ``file_name`` and
    the address ``download`` of the text file.
    """

    frame: Frame
    stage: str
    may_leave: bool
    is_again: bool
    only_codes: bool
    may_use_passkey: bool = False
    reasons: tuple[Message, ...] = ()
    uri: str = ""
    key: str = ""
    codes: tuple[str, ...] = ()
    file_name: str = ""
    download: str = ""


def is_compulsory(case: Case) -> bool:
    """Whether there is no way round: by policy, by what is asked, or by the last recovery code (S5, S44)."""
    if case.person is None or case.answers.set_up_done_at:
        return False
    if case.findings.last_code:
        return True
    lacks = not case.person.has_factor
    by_rule = case.rules is not None and case.rules.must_own
    # An app's code would not reach more than level 3: for that there is the passkey.
    return lacks and (by_rule or case.level < needed_level(case) <= SECOND)


def is_wanted(case: Case) -> bool:
    """Whether the person asked for it: in the profile, or after a recovery code (S8, S45)."""
    if case.answers.set_up_done_at or case.answers.set_up == "not_now":
        return False
    tasks = {ENROL, NEW_CODES} & set(case.needs.tasks)
    return bool(tasks) or case.answers.after_recovery_code == "again" or owes_codes(case)


def owes_codes(case: Case) -> bool:
    """Whether a passkey was just added by somebody without recovery codes: a lost one would lock them out (S21)."""
    return bool(case.answers.passkey_added_at) and case.person is not None and case.person.recovery_codes_left == 0


def is_offered(case: Case) -> bool:
    """Whether to propose it after a typed password (S16): once, unless the organisation turned that off.

    A new password that is wanted or due comes before any offer: "change now" leads to it at once (S32).
    """
    if wants_new_password(case):
        return False
    if case.person is None or case.person.has_factor or case.answers.set_up_done_at or case.offer_declined:
        return False
    offers = case.organisation is not None and case.organisation.offer_set_up
    typed = any(proof.method == "password" for proof in case.own_proofs)
    return offers and typed and not case.silent and case.answers.set_up != "not_now"


def due(case: Case) -> bool:
    """Compulsory, asked for, or offered. A factor that is owned is always shown before: ``second_factor`` comes earlier."""
    return case.person is not None and (is_compulsory(case) or is_wanted(case) or is_offered(case))


def only_codes(case: Case) -> bool:
    """Whether only fresh recovery codes are made, for an app that stays."""
    wants = NEW_CODES in case.needs.tasks and case.person is not None and case.person.has_factor
    return (wants or owes_codes(case)) and not case.findings.last_code


def stage_of(case: Case) -> str:
    """The stage, from the facts alone."""
    if not case.answers.set_up_started and not owes_codes(case):
        return START
    is_confirmed = case.prepared.set_up is not None and case.prepared.set_up.confirmed_at is not None
    if not password_is_recent(case) and not is_confirmed:
        return PASSWORD
    if only_codes(case) or is_confirmed:
        return CODES
    return SCAN if case.answers.apps_page == "seen" else APPS


def page(case: Case, frame: Frame) -> EnrolPage:
    """The stage's page."""
    stage, held = stage_of(case), case.prepared.set_up
    compulsory = is_compulsory(case)
    shown = EnrolPage(
        frame=frame,
        stage=stage,
        may_leave=not compulsory,
        is_again=case.person is not None and case.person.owns(factors.APP),
        only_codes=only_codes(case),
        may_use_passkey=_may_use_passkey(case),
        reasons=_reasons(case) if compulsory else (),
    )
    if stage == SCAN and held:
        return replace(shown, uri=totp.uri(held.secret, held.issuer, held.label), key=totp.grouped(held.secret))
    if stage == CODES and held:
        download = f"{frame.action}/recovery-codes.txt"
        return replace(shown, codes=held.codes, file_name=held.file_name, download=download)
    return shown


def _reasons(case: Case) -> tuple[Message, ...]:
    """What makes it compulsory: the last recovery code that was just used (S44), and the rules."""
    rules = tuple(reason.message for reason in case.rules.compulsory_because) if case.rules else ()
    return (LAST_CODE, *rules) if case.findings.last_code else rules


def _may_use_passkey(case: Case) -> bool:
    """Offered to all (NIST SP 800-63B-4 §2.2.2) who have no factor; the last recovery code opens only the app's set-up."""
    return case.person is not None and not case.person.has_factor and not case.findings.last_code


def prepare(work: StepContext) -> Prepared | None:
    """A secret and codes, once, sealed in the attempt (S21); None where all there is to prepare is there."""
    if work.case.prepared.set_up or stage_of(work.case) in (START, PASSWORD):
        return None
    organisation, _, user = work.person()
    entry = entry_of(work.settings, organisation, user)
    made = SetUp(
        totp_id=crypto.new_id(),
        secret=totp.new_secret(),
        codes=tuple(recovery_codes.new_codes()),
        # Issuer and label stay the same when set up again, so that the app overwrites its entry (S26).
        issuer=entry.issuer,
        label=entry.label,
        file_name=re.sub(r"[^a-z0-9]+", "-", f"{organisation.store_url}-{user.username_key}")[:100].strip("-"),
    )
    return replace(NOTHING_PREPARED, set_up=made)


def answer(work: StepContext, form: Form) -> Outcome:
    """What the stage's form says."""
    if "not_now" in form:  # where it has become compulsory since, the button does nothing
        return StepResult() if is_compulsory(work.case) else _not_now(work)
    stage, given, held = stage_of(work.case), work.case.answers, work.case.prepared.set_up
    if stage == START and "use_passkey" in form and _may_use_passkey(work.case):
        return StepResult(answers=replace(given, set_up_kind=INSTEAD))
    if stage == START:
        return StepResult(answers=replace(given, set_up_started="yes"))
    if stage == PASSWORD:
        _, _, user = work.person()
        return password.check(work, user, user.username, form.get("password", ""))
    if stage == APPS:
        return StepResult(answers=replace(given, apps_page="seen"))
    if held is None:
        return StepResult()  # sealed with a key that is gone: the page prepares another
    if stage == SCAN and "back" in form:
        return StepResult(answers=replace(given, apps_page="again"))
    if stage == SCAN:
        return _confirm(work, held, form.get("code", ""))
    return _take_effect(work, held) if form.get("noted") else Wrong((say("Save the codes first, then tick the box."),))


def _not_now(work: StepContext) -> Outcome:
    _, _, user = work.person()

    def effect() -> None:
        if not is_wanted(work.case):
            users.change_user(user.organisation_id, user.id, offer_declined_at=work.case.now)
            work.record(Event.FACTOR_OFFER_DECLINED)

    answers = replace(work.case.answers, set_up="not_now")
    return StepResult(answers=answers, prepared=NOTHING_PREPARED, effect=effect)


def _confirm(work: StepContext, held: SetUp, code: str) -> Outcome:
    """The 6-digit code must be right before anything becomes active (S20); it is spent, and is this sign-in's code."""
    _, _, user = work.person()
    guess = gate(work, COUNTED)
    spent = totp.spent_around(user.organisation_id, held.totp_id, work.case.now)
    result = totp.check(held.secret, code, work.case.now, spent)
    if not isinstance(result, totp.Right):
        return wrong_code(work, held.totp_id, result)

    def effect() -> Wrong | None:
        if not store_totp.use_step(user.organisation_id, held.totp_id, result.step, work.case.now):
            return Wrong((WRONG_CODE,))
        guess.succeeded()
        return None

    # No proof yet: before the tick the new factor opens nothing (S5), however much the app that asks would like it.
    confirmed = replace(held, step=result.step, confirmed_at=work.case.now)
    return StepResult(prepared=replace(work.case.prepared, set_up=confirmed), effect=effect)


def _take_effect(work: StepContext, held: SetUp) -> Outcome:
    """The tick: everything together (S22), and what it replaces dies with it (S28, S40)."""
    _, _, user = work.person()
    now, is_new = work.case.now, not only_codes(work.case)
    salt = recovery_codes.new_salt()
    db.release()
    with work.settings.hasher.slot():
        digests = recovery_codes.stretch_all(work.settings, held.codes, salt)

    def effect() -> Wrong | None:
        if not _spend_last_code(work):
            raise Stale("the code was spent, or its set was replaced")
        recovery_codes.put(user.organisation_id, user.id, salt, digests, now)
        if is_new:
            totp.activate(
                work.settings,
                user.organisation_id,
                user.id,
                held.totp_id,
                held.secret,
                now,
                AppEntry(held.issuer, without_colons(held.label)[:LONGEST_LABEL]),
            )
            if _had_one(work):
                users.change_user(user.organisation_id, user.id, factor_changed_at=now)
        work.end_other_attempts()
        _tell(work, is_new=is_new)
        return None

    # The code that was right counts as this sign-in's code (S20), from when it was typed.
    typed_at = held.confirmed_at or now
    proofs = (Proof("totp", at=typed_at, credential=held.totp_id),) if is_new else ()
    return StepResult(
        proofs=proofs,
        answers=replace(work.case.answers, set_up_done_at=now.isoformat()),
        findings=replace(work.case.findings, last_code=None),
        prepared=NOTHING_PREPARED,
        effect=effect,
    )


def _spend_last_code(work: StepContext) -> bool:
    """Spend it where it led here (S44), and tell as of any other (S53); False where it was spent meanwhile."""
    held = work.case.findings.last_code
    if held is None:
        return True
    _, _, user = work.person()
    if not recovery_codes.burn(user.organisation_id, held.set_id, held.digest, work.case.now):
        return False
    work.record(Event.RECOVERY_CODE_USED, left=0)
    notify(work.settings, user.organisation_id, user.id, "recovery_code_used")
    return True


def _had_one(work: StepContext) -> bool:
    """Whether an old entry may be in the app, which a wrong code then tells to delete (S59)."""
    _, _, user = work.person()
    return user.factor_changed_at is not None or (work.case.person is not None and work.case.person.owns(factors.APP))


def _tell(work: StepContext, *, is_new: bool) -> None:
    """Audit and mail (S53)."""
    _, _, user = work.person()
    again = work.case.person is not None and work.case.person.owns(factors.APP)
    event = (Event.FACTOR_SET_UP_AGAIN if again else Event.FACTOR_SET_UP) if is_new else Event.RECOVERY_CODES_MADE
    template = ("factor_set_up_again" if again else "factor_set_up") if is_new else "recovery_codes_made"
    work.record(event)
    email_address.tell_of_factor(work.settings, user, template)


def stage(case: Case) -> str:
    """The page's stage, with the secret that it shows: a tick must not confirm codes that another tab shows."""
    place = stage_of(case)
    totp_id = case.prepared.set_up.totp_id if case.prepared.set_up else ""
    return f"{place}-{totp_id}" if place in (SCAN, CODES) else place


STEP = Step("enrol", "interaction_required", due, page, answer, prepare, stage)
