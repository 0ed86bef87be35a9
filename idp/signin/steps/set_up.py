"""What the two steps of a set-up share (S14–S28): whether it is due, how far it is, its secrets, and how it is left.

No step: ``set_up_totp`` ends with the app's first right code, ``show_recovery_codes`` with the tick.
"""

import re
from dataclasses import replace

from idp import crypto, factors
from idp.audit import Event
from idp.factors import SECOND
from idp.identity.credentials import authenticator_apps, recovery_codes, totp
from idp.identity.credentials.authenticator_entry import LONGEST_LABEL, AppEntry, entry_of, without_colons
from idp.identity.credentials.authenticator_names import normal_name
from idp.identity.users import email_address
from idp.signin.prepared import NOTHING_PREPARED, Prepared, SetUp
from idp.signin.required_level import needed_level, password_is_recent, wants_new_password
from idp.signin.state import ADD_APP, ENROL, NEW_CODES, Case
from idp.signin.step import Outcome, Stale, StepContext, StepResult
from idp.store import users

FORM_NAME = "enrol"
START, PASSWORD, APPS, SCAN, CODES = "start", "password", "apps", "scan", "codes"
NO_PLACE = -1
"""The number of an app that cannot take effect: five others are there, or the one that it replaces was removed."""


def is_due(case: Case) -> bool:
    """Check if a set-up is compulsory, asked for, or offered. A factor that is owned is shown before: see ``SEQUENCE``."""
    return case.person is not None and (is_compulsory(case) or is_wanted(case) or is_offered(case))


def is_compulsory(case: Case) -> bool:
    """Check if there is no way round: by policy, by the level asked for, or by the last recovery code (S5, S44)."""
    if case.person is None or case.answers.set_up_done_at:
        return False
    if case.findings.last_code:
        return True
    lacks = not case.person.has_factor
    by_rule = case.rules is not None and case.rules.must_own
    # An app's code reaches level 3 at most: above that only a passkey helps.
    return lacks and (by_rule or case.level < needed_level(case) <= SECOND)


def is_wanted(case: Case) -> bool:
    """Check if the person asked for it: in the profile, or after a recovery code (S8, S45)."""
    if case.answers.set_up_done_at or case.answers.set_up == "not_now":
        return False
    tasks = {ENROL, NEW_CODES, ADD_APP} & set(case.needs.tasks)
    return bool(tasks) or case.answers.after_recovery_code == "again" or owes_codes(case)


def owes_codes(case: Case) -> bool:
    """Check if a passkey was just added by a person without recovery codes: losing it would lock them out (S21)."""
    return bool(case.answers.passkey_added_at) and case.person is not None and case.person.recovery_codes_left == 0


def is_offered(case: Case) -> bool:
    """Check if a set-up is proposed after a typed password (S16): once, unless the organisation turned that off.

    A new password that is wanted or due comes before any offer: "change now" leads to it at once (S32).
    """
    if wants_new_password(case):
        return False
    if case.person is None or case.person.has_factor or case.answers.set_up_done_at or case.offer_declined:
        return False
    offers = case.organisation is not None and case.organisation.offer_set_up
    typed = any(proof.method == "password" for proof in case.own_proofs)
    return offers and typed and not case.silent and case.answers.set_up != "not_now"


def only_codes(case: Case) -> bool:
    """Check if only new recovery codes are made, for a factor that stays."""
    wants = NEW_CODES in case.needs.tasks and case.person is not None and case.person.has_factor
    return (wants or owes_codes(case)) and not case.findings.last_code


def is_again(case: Case) -> bool:
    """Check if the set-up replaces an authenticator app."""
    return case.person is not None and case.person.owns(factors.APP) and not is_further(case)


def is_further(case: Case) -> bool:
    """Check if an app is added beside those that the person has. After the last code, one is replaced (S44)."""
    owns = case.person is not None and case.person.owns(factors.APP)
    return ADD_APP in case.needs.tasks and owns and not case.findings.last_code


def keeps_codes(case: Case) -> bool:
    """Check if the set-up ends with the app's first right code: the recovery codes stay, as they are the person's."""
    return is_further(case) and case.person is not None and case.person.recovery_codes_left > 0


def may_use_passkey(case: Case) -> bool:
    """Check if a passkey may be added instead: by anyone without a factor (NIST SP 800-63B-4 §2.2.2).

    The last recovery code opens only the app's set-up.
    """
    return case.person is not None and not case.person.has_factor and not case.findings.last_code


def stage_of(case: Case) -> str:
    """Return the stage of a set-up that is due, from the facts alone."""
    if not case.answers.set_up_started and not owes_codes(case):
        return START
    is_confirmed = case.prepared.set_up is not None and case.prepared.set_up.confirmed_at is not None
    if not password_is_recent(case) and not is_confirmed:
        return PASSWORD
    if only_codes(case) or is_confirmed:
        return CODES
    return SCAN if case.answers.apps_page == "seen" else APPS


def stage_with_secret(case: Case, stage: str) -> str:
    """Return the stage with the secret that its page shows: a tick must not confirm codes that another tab shows."""
    return f"{stage}-{case.prepared.set_up.totp_id if case.prepared.set_up else ''}"


def secrets_of(case: Case) -> SetUp:
    """Return what was prepared for a page that shows it; raises LookupError if nothing was."""
    if case.prepared.set_up is None:
        raise LookupError("a page of a set-up is shown before its secrets are prepared")
    return case.prepared.set_up


def prepare(work: StepContext) -> Prepared | None:
    """Make a secret and codes, once, to be sealed in the attempt (S21); None if they are there or not needed yet."""
    if work.case.prepared.set_up or stage_of(work.case) in (START, PASSWORD):
        return None
    organisation, _, user = work.person()
    number, replaces = _place_of(work)
    entry = entry_of(work.settings, organisation, user, number or 1)
    made = SetUp(
        totp_id=crypto.new_id(),
        secret=totp.new_secret(),
        codes=tuple(recovery_codes.new_codes()),
        # Issuer and label stay the same when set up again, so that the app overwrites its entry (S26).
        issuer=entry.issuer,
        label=entry.label,
        file_name=re.sub(r"[^a-z0-9]+", "-", f"{organisation.store_url}-{user.username_key}")[:100].strip("-"),
        number=number,
        replaces=replaces,
    )
    return Prepared(set_up=made)


def _place_of(work: StepContext) -> tuple[int, str]:
    """Return the number of the app that is set up, and the id of the one that it replaces (see ``totp.NewApp``)."""
    if is_further(work.case):
        return authenticator_apps.free_number(work.user) or NO_PLACE, ""
    rows = authenticator_apps.apps_of(work.user)
    wanted = work.case.needs.app if not work.case.findings.last_code else ""
    found = [row for row in rows if row.id == wanted] if wanted else rows
    if len(found) == 1:
        return found[0].number, found[0].id
    return (NO_PLACE if wanted and rows else 0), ""  # one that was removed a moment ago replaces no other one


def activate(work: StepContext, held: SetUp, name: str = "") -> None:
    """Put the app to use, record it and send the mail (S22, S53), within the transaction."""
    user, now, again = work.user, work.case.now, is_again(work.case)
    entry = AppEntry(held.issuer, without_colons(held.label)[:LONGEST_LABEL])
    kept = [row.name for row in authenticator_apps.apps_of(user) if row.id == held.replaces]
    new = totp.NewApp(held.totp_id, held.secret, entry, held.number, held.replaces, normal_name(name) or "".join(kept))
    if not totp.activate(work.settings, user, new, now):
        raise Stale("another app was added or removed a moment ago")
    # An old entry may be in the app: a wrong code then says to delete it (S59).
    if user.factor_changed_at is not None or again:
        users.change_user(user.organisation_id, user.id, factor_changed_at=now)
    work.record(Event.FACTOR_SET_UP_AGAIN if again else Event.FACTOR_SET_UP, authenticator_app=held.totp_id)
    values = {"name": new.name, "number": new.number, "is_further": is_further(work.case)}
    email_address.tell_of_factor(work.settings, user, "factor_set_up_again" if again else "factor_set_up", values)


def leave(work: StepContext) -> Outcome:
    """Take "not now". If the set-up has become compulsory since the page was shown, the button does nothing."""
    if is_compulsory(work.case):
        return StepResult()
    user = work.user

    def effect() -> None:
        if not is_wanted(work.case):
            users.change_user(user.organisation_id, user.id, offer_declined_at=work.case.now)
            work.record(Event.FACTOR_OFFER_DECLINED)

    answers = replace(work.case.answers, set_up="not_now")
    return StepResult(answers=answers, prepared=NOTHING_PREPARED, effect=effect)
