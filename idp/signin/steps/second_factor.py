"""The second factor: the app's present code (S34), a passkey or security key, or a recovery code (S41, S42)."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

from idp import crypto, db, factors
from idp.audit import Event
from idp.errors import Message, Unreadable, say, say_many
from idp.factors import SECOND
from idp.identity.assurance import Proof
from idp.identity.credentials import bypass_codes, recovery_codes, remembered_devices, totp
from idp.identity.email_links import Opened
from idp.identity.hashing import hashing_outside_transaction
from idp.identity.lockout.rate_limits import Admitted
from idp.mail.messages import notify
from idp.signin.answers import LastCode
from idp.signin.prepared import Prepared
from idp.signin.required_level import highest_owned, needed_level
from idp.signin.state import Case
from idp.signin.step import Form, Frame, Outcome, Stale, Step, StepContext, StepResult, Wrong
from idp.signin.steps import rate_limit, use_passkey
from idp.signin.steps.use_passkey import PasskeyAsk
from idp.store import recovery_codes as code_rows
from idp.store import totp as store_totp

APP: Final = "app"
PASSKEY: Final = "passkey"
RECOVERY: Final = "recovery"
PLACE = "factor"
WRONG_RECOVERY = say("That recovery code is not right, or it was used before. Try another one from your list.")
ALREADY_USED = say("That code was used already. Wait for the next code in your app and enter that one.")
WRONG_CODE = say("That code is not right. Wait for the next code, or close your authenticator app and open it again.")
NOT_CHECKED = say(
    "Codes of your authenticator app cannot be checked at the moment. Use a recovery code, or ask an administrator to reset "
    "your second factor."
)
SCAN_AGAIN = say(
    "Your second factor was set up again or reset recently. Delete the old entry in your app and scan the new QR code."
)


@dataclass(frozen=True)
class FactorPage:
    """``mode``: ``app`` asks for ``code``, ``passkey`` for a passkey only, ``recovery`` for ``recovery_code``. The buttons
    ``use_recovery`` and ``use_app`` change the mode. ``remember_device`` is offered for ``remember_days``, unless 0.

    ``passkey``: for the script, if the person has one. ``has_codes``: recovery codes are left.
    ``only_passkey``: a code of the app does not reach the level. ``is_new``: the passkey was added a moment ago.
    """

    frame: Frame
    mode: str
    remember_days: int
    passkey: PasskeyAsk | None = None
    has_codes: bool = True
    only_passkey: bool = False
    is_new: bool = False
    remember_ticked: bool = False


def due(case: Case) -> bool:
    """Return whether an owned factor raises the level towards the needed one. The last recovery code makes it pointless."""
    if case.person is None or case.findings.last_code:
        return False
    return case.level < min(needed_level(case), highest_owned(case))


def mode_of(case: Case) -> str:
    """Return the mode: the app's code if it suffices, since it works without a script, else the passkey."""
    if case.answers.factor_mode == RECOVERY:
        return RECOVERY
    return APP if _code_suffices(case) else PASSKEY


def _code_suffices(case: Case) -> bool:
    has_app = case.person is not None and case.person.owns(factors.APP)
    return has_app and case.level < SECOND and min(needed_level(case), highest_owned(case)) <= SECOND


def page(case: Case, frame: Frame) -> FactorPage:
    """Show the mode's field or button, and the tick for this device."""
    return FactorPage(
        frame,
        mode=mode_of(case),
        remember_days=_remember_days(case),
        passkey=use_passkey.ask_of(case, PLACE),
        has_codes=case.person is not None and case.person.recovery_codes_left > 0,
        only_passkey=not _code_suffices(case),
        is_new=bool(case.answers.passkey_added_at),
        remember_ticked="remember_device" in case.entered,
    )


def _remember_days(case: Case) -> int:
    """Return for how many days this device can be remembered, 0 for not at all: the client may turn it off (S39)."""
    client = case.needs.client
    # Trust in a device is for signing in. It must never confirm a change of sign-in details.
    if case.organisation is None or case.is_reauthentication or (client is not None and not client.remember_device):
        return 0
    return case.organisation.remember_device_days


def prepare(work: StepContext) -> Prepared | None:
    """Make the challenge for the person's own passkeys. They are listed only after the right password."""
    user = work.user
    if work.case.person is None or not work.case.person.owns(factors.PASSKEY):
        return None
    return use_passkey.prepared(work, PLACE, user)


def answer(work: StepContext, form: Form) -> Outcome:
    """Take a code, a passkey or a recovery code, or a change of mode."""
    if "use_recovery" in form:
        return StepResult(answers=replace(work.case.answers, factor_mode=RECOVERY))
    if "use_app" in form:
        return StepResult(answers=replace(work.case.answers, factor_mode=APP))
    if "recovery_code" in form:
        return _recovery_code(work, form["recovery_code"])
    if "passkey" in form:
        outcome = use_passkey.second_factor(work, PLACE, form["passkey"])
    else:
        outcome = _app_code(work, form.get("code", ""))
    return _remembering(work, outcome) if "remember_device" in form and isinstance(outcome, StepResult) else outcome


def count_guess(work: StepContext, authenticator: str) -> Admitted:
    """Count a guess of the person signing in; raises ``TooMany`` if they must wait."""
    return rate_limit.admit(work, work.user, authenticator, after_password=True)


def _app_code(work: StepContext, code: str) -> Outcome:
    """Take a code of any of the person's apps. A wrong one counts once, however many apps there are."""
    user, now = work.user, work.case.now
    rows = {row.id: row for row in store_totp.active_totps(user.organisation_id, user.id)}
    if not rows:
        return StepResult()
    secrets = _readable(work, rows.values())
    if not secrets:
        return Wrong((NOT_CHECKED,))  # the sealing key is gone: no guess is counted
    guess = count_guess(work, "totp")
    spent = totp.spent_around(user.organisation_id, {at: rows[at].spent_until for at in secrets}, now)
    totp_id, result = totp.check_each(secrets, code, now, spent)
    if not isinstance(result, totp.Right):
        wrong = wrong_code(work, totp_id, result)
        return Wrong((NOT_CHECKED,)) if len(secrets) < len(rows) and isinstance(result, totp.Wrong) else wrong

    def effect() -> Wrong | None:
        if not totp.accept(user.organisation_id, totp_id, result.step, now):
            return Wrong((ALREADY_USED,))
        guess.succeeded()
        totp.move_to_current_key(work.settings, rows[totp_id])
        return None

    return StepResult(proofs=(Proof("totp", at=now, credential=totp_id),), effect=effect)


def _readable(work: StepContext, rows: Iterable[store_totp.Totp]) -> dict[str, str]:
    """Return the secrets that can be opened, by the ids of their apps."""
    found = {}
    for row in rows:
        with suppress(Unreadable):
            found[row.id] = totp.open_secret(work.settings, row)
    return found


def _remembering(work: StepContext, result: StepResult) -> StepResult:
    """Return the same right answer, which also remembers this device, if that may be."""
    if not result.proofs or not _remember_days(work.case):
        return result
    device = crypto.new_secret()  # never the value that was sent: it may be stolen, revoked or planted

    def effect() -> Wrong | None:
        lost = result.effect() if result.effect else None
        if lost is None:
            _remember(work, device)
        return lost

    return replace(result, device_cookie=device, effect=effect)


def _remember(work: StepContext, device: str) -> None:
    """Trust this device for this user (S36), from now, with a fixed end (S38)."""
    _, terms, user = work.person()
    remembered_devices.replace_cookie(user.organisation_id, user.id, work.visit.device, device, work.case.now)
    remembered_devices.remember(work.settings, terms, user, device, work.visit.label, work.case.now)
    work.record(Event.DEVICE_REMEMBERED)


def wrong_code(work: StepContext, totp_id: str, result: totp.Check) -> Wrong:
    """Return what to say about a wrong code (S56–S59). A code of another time step is spent: its step was revealed."""
    user = work.user
    with db.transaction():
        if isinstance(result, totp.Elsewhere):
            totp.spend_named(user.organisation_id, totp_id, result.step, work.case.now)
        work.record(Event.CODE_WRONG, outcome="failure", kind=type(result).__name__)
    if isinstance(result, totp.AlreadyUsed):
        return Wrong((ALREADY_USED,))
    errors = _clock_errors(result.seconds) if isinstance(result, totp.Elsewhere) else (WRONG_CODE,)
    return Wrong((*errors, SCAN_AGAIN) if work.case.factor_changed_recently else errors)


def _clock_errors(seconds: int) -> tuple[Message, ...]:
    """Say by how much the phone's clock is off, and how to correct it (S58)."""
    hours, minutes = round(abs(seconds) / 3600), max(1, round(abs(seconds) / 60))
    if minutes >= 60 and seconds > 0:
        off = say_many("Your phone's clock is %(num)s hour ahead.", "Your phone's clock is %(num)s hours ahead.", hours)
    elif minutes >= 60:
        off = say_many("Your phone's clock is %(num)s hour behind.", "Your phone's clock is %(num)s hours behind.", hours)
    elif seconds > 0:
        off = say_many(
            "Your phone's clock is %(num)s minute ahead.", "Your phone's clock is %(num)s minutes ahead.", minutes
        )
    else:
        off = say_many(
            "Your phone's clock is %(num)s minute behind.", "Your phone's clock is %(num)s minutes behind.", minutes
        )
    advice = say(
        "Set date, time and time zone to automatic in your phone's settings (Google Authenticator has its own setting for "
        "time correction), and enter a new code."
    )
    return (off, advice)


def _recovery_code(work: StepContext, entered: str) -> Outcome:
    """Take any unused recovery code, once (S42), or the code that an administrator issued for today.

    The last recovery code only opens the set-up, and is spent with it (S44).
    """
    user = work.user
    row, issued = code_rows.active_recovery_set(user.organisation_id, user.id), bypass_codes.open_for(work.settings, user)
    if not recovery_codes.CODE.read(entered) or (row is None and issued is None):
        return Wrong((WRONG_RECOVERY,))
    with hashing_outside_transaction(work.settings):
        guess = count_guess(work, "recovery")
        db.release()
        is_issued = issued is not None and bypass_codes.fits(work.settings, issued, entered)
        digest = None if is_issued else recovery_codes.digest_of(work.settings, row, entered)
    if issued is not None and is_issued:
        return _bypass(work, issued, guess)
    if row is None or digest is None or not code_rows.known_recovery_code(row.organisation_id, row.id, digest):
        with db.transaction():
            work.record(Event.RECOVERY_CODE_WRONG, outcome="failure")
        return Wrong((WRONG_RECOVERY,))
    if code_rows.unspent_recovery_codes(row.organisation_id, row.id) == 1:
        return _last_code(work, row.id, digest, guess)

    def effect() -> Wrong | None:
        left = recovery_codes.left_locked(row.organisation_id, row.id)
        if not recovery_codes.burn(row.organisation_id, row.id, digest, work.case.now):
            return Wrong((WRONG_RECOVERY,))
        if left == 1:
            raise Stale("this has become the last code")
        guess.succeeded()
        work.record(Event.RECOVERY_CODE_USED, left=left - 1)
        notify(work.settings, user.organisation_id, user.id, "recovery_code_used", {"left": left - 1})
        return None

    return StepResult(proofs=(Proof("recovery", at=work.case.now, credential=row.id),), effect=effect)


def _bypass(work: StepContext, issued: Opened, guess: Admitted) -> Outcome:
    """Take the code that an administrator issued for today, once. It never remembers the device."""

    def effect() -> Wrong | None:
        if not bypass_codes.spend(issued):
            return Wrong((WRONG_RECOVERY,))
        guess.succeeded()
        work.record(Event.BYPASS_CODE_USED)
        notify(work.settings, issued.user.organisation_id, issued.user.id, "bypass_code_used")
        return None

    return StepResult(proofs=(Proof("bypass", at=work.case.now),), effect=effect)


def _last_code(work: StepContext, set_id: str, digest: bytes, guess: Admitted) -> Outcome:
    """Hold the last code without spending it: a closed browser must not lock the person out (S44)."""

    def effect() -> None:
        guess.succeeded()
        work.record(Event.LAST_RECOVERY_CODE_SHOWN)

    held = LastCode(set_id, digest, work.case.now.isoformat())
    return StepResult(findings=replace(work.case.findings, last_code=held), effect=effect)


STEP = Step(
    name="second_factor",
    form_name="factor",
    silent_error="interaction_required",
    due=due,
    page=page,
    answer=answer,
    prepare=prepare,
    stage=mode_of,
    is_cancellable=True,
)
