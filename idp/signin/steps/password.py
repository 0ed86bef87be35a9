"""Username and password (S30), with the look-up among leaked passwords at every entry (S31)."""

from dataclasses import dataclass, replace
from typing import Literal

from idp import db, normal_forms
from idp.audit import Event
from idp.errors import Message, say
from idp.identity import access
from idp.identity.assurance import Proof, as_json
from idp.identity.credentials import password_check, passwords
from idp.identity.credentials.reauthentication import WRONG_PASSWORD
from idp.identity.lockout.rate_limits import Guess
from idp.identity.organisations.settings import normal_store_url
from idp.identity.users import lookup
from idp.signin.prepared import Prepared
from idp.signin.state import Case
from idp.signin.step import Form, Frame, Outcome, Step, StepContext, StepResult, Wrong
from idp.signin.steps import use_passkey
from idp.signin.steps.choose_account import somebody_else
from idp.signin.steps.use_passkey import PasskeyAsk
from idp.store.users import User

PLACE = "password"
MISMATCH = say("That username and password don't match. Check both and try again.")
MISMATCH_OF_THREE = say("That store URL, username and password don't match. Check all three and try again.")


@dataclass(frozen=True)
class PasswordPage:
    """Asks for ``username`` (unless ``username_is_fixed``) and ``password``.

    ``can_change_organisation``: a button ``other_organisation`` goes back to the store URL. ``can_change_person``: a button
    ``other_person`` clears the fixed username. ``passkey``: a passkey may be used instead. ``stay_days``: for how long the
    tick ``stay_signed_in`` keeps the person signed in on this device; 0: it is not offered.
    """

    frame: Frame
    username: str
    username_is_fixed: bool
    store_url: str
    can_change_organisation: bool
    can_change_person: bool
    passkey: PasskeyAsk | None = None
    stay_days: int = 0
    stay_ticked: bool = False


def due(case: Case) -> bool:
    """Return whether no password, and no passkey with user verification, proves the person freshly enough."""
    return case.person is None or not any(
        proof.method == "password" or (proof.method == "passkey" and proof.user_verified) for proof in case.counting
    )


def page(case: Case, frame: Frame) -> PasswordPage:
    """Show the two fields; the username is fixed if a session names the person."""
    fixed = case.person.username if case.person else ""
    return PasswordPage(
        frame=frame,
        username=fixed or case.entered_username or case.needs.hinted_username,
        username_is_fixed=bool(fixed),
        store_url=_shown_store_url(case),
        can_change_organisation=_can_change_organisation(case),
        can_change_person=bool(fixed) and not case.needs.subject,
        passkey=use_passkey.ask_of(case, PLACE),
        stay_days=case.days_to_stay,
        stay_ticked="stay_signed_in" in case.entered,
    )


def _shown_store_url(case: Case) -> str:
    """Return the organisation that the page names. It is the stage: a password must not be tried at another one."""
    organisation = case.organisation.store_url if case.organisation else ""
    named = case.organisation is not None and case.organisation.is_named
    return case.entered_organisation or (organisation if named else case.needs.organisation)


def prepare(work: StepContext) -> Prepared | None:
    """Make the challenge for a passkey. It is identical for every user, so it reveals nothing."""
    return use_passkey.prepared(work, PLACE)


def answer(work: StepContext, form: Form) -> Outcome:
    """Take a password, a passkey, or a change of organisation or person."""
    if "other_organisation" in form and _can_change_organisation(work.case):
        return StepResult(answers=replace(work.case.answers, organisation="ask"), columns={"organisation_id": None})
    if "other_person" in form:
        return somebody_else()
    outcome = use_passkey.sign_in(work, PLACE, form["passkey"]) if "passkey" in form else _by_password(work, form)
    if isinstance(outcome, Wrong):
        return outcome
    stays: Literal["", "yes"] = "yes" if form.get("stay_signed_in") == "yes" else ""
    return replace(outcome, answers=replace(outcome.answers or work.case.answers, stay_signed_in=stays))


def _by_password(work: StepContext, form: Form) -> Outcome:
    username = work.known_user.username if work.known_user else form.get("username", "")[:254]
    user = work.known_user or (lookup.find_to_sign_in(work.organisation.id, username) if work.organisation else None)
    checked = check(work, user, username, form.get("password", ""), wrong=_mismatch(work.case))
    if isinstance(checked, Wrong):
        return checked
    if user is None or work.organisation is None:
        return Wrong((_mismatch(work.case),))
    if work.case.needs.subject not in ("", user.id):
        return Wrong((say("Please sign in as the person that this request is for."),))
    columns: dict[str, object] = {
        "user_id": user.id,
        "organisation_id": user.organisation_id,
        "typed_username": user.username,
    }
    if work.attempt.user_id not in (None, user.id):
        # Proofs of another person in this attempt must never count for this one.
        columns |= {"proofs": as_json(checked.proofs), "sealed": ""}
    return replace(checked, columns=columns)


def _can_change_organisation(case: Case) -> bool:
    """Check if another store URL may be entered: not if the app named one, or serves one organisation only."""
    serves_one = case.needs.client is not None and len(case.needs.client.organisations) == 1
    return case.person is None and not case.needs.organisation and not serves_one


def _mismatch(case: Case) -> Message:
    """Name all that may be wrong on the page: the store URL too, whether or not an organisation has it (S29)."""
    if case.person is not None:
        return WRONG_PASSWORD
    return MISMATCH_OF_THREE if _shown_store_url(case) and _can_change_organisation(case) else MISMATCH


def check(
    work: StepContext, user: User | None, username: str, password: str, wrong: Message = WRONG_PASSWORD
) -> StepResult | Wrong:
    """Verify an entered password. It is throttled, takes the same work for unknown names, and is looked up when right.

    Used here, and again before a set-up (S17), where the password alone is asked. ``wrong``: what a wrong one is told.
    """
    if not username or not password or len(password) > passwords.MAX_LENGTH:
        return Wrong((wrong,))
    right = password_check.check(work.settings, user, password, _guess(work, user, username), work.case.now)
    if user is None or right is None:
        with db.transaction():
            work.record(Event.PASSWORD_WRONG, outcome="failure", user=user)
        return Wrong((wrong,))

    told = access.refusal(work.organisation, user) if work.organisation else None
    if told is not None:
        with db.transaction():
            right.accept(work.origin_of(user), work.case.now)
        return Wrong((told,))

    def effect() -> Wrong | None:
        if not right.accept(work.origin_of(user), work.case.now):
            return Wrong((wrong,))
        return None if passwords.spend_one_time(user, work.case.now) else Wrong((wrong,))

    proof = Proof("password", at=work.case.now, credential=user.id)
    noticed = replace(work.case.findings, leaked=right.leaked.source) if right.leaked.hit else None
    return StepResult(proofs=(proof,), findings=noticed, effect=effect)


def _guess(work: StepContext, user: User | None, username: str) -> Guess:
    # In its normal form, or the counters would reveal which names exist.
    unknown_organisation = "" if work.organisation else normal_store_url(work.case.entered_organisation)
    return Guess(
        authenticator=password_check.AUTHENTICATOR,
        organisation_id=work.organisation.id if work.organisation else "",
        user_id=user.id if user else "",
        browser_id=work.visit.browser_id,
        address=work.visit.address,
        entered=f"{unknown_organisation}\0{normal_forms.compared(username)}",
    )


STEP = Step(
    name="password",
    form_name="password",
    silent_error="login_required",
    due=due,
    page=page,
    answer=answer,
    prepare=prepare,
    stage=_shown_store_url,
    is_cancellable=True,
)
