"""The account chooser: the people known to this browser (S35)."""

from dataclasses import dataclass, replace

from idp.signin.answers import OTHER, Answers, Findings
from idp.signin.prepared import NOTHING_PREPARED
from idp.signin.state import Case, KnownPerson
from idp.signin.step import Form, Frame, Outcome, Step, StepContext, StepResult


@dataclass(frozen=True)
class AccountPage:
    """People to choose from; the form sends ``choice``: a ``user_id``, or ``other``."""

    frame: Frame
    people: tuple[KnownPerson, ...]


def due(case: Case) -> bool:
    """Return whether to ask: always at a shared till, elsewhere if the app asks and there is a person to choose."""
    if case.answers.account or any(proof.method in ("password", "passkey") for proof in case.own_proofs):
        return False
    shared = case.needs.client is not None and case.needs.client.shared_device
    if case.silent:
        # No page may be shown. A choice is missing only if a person is signed in and no hint names them.
        return shared and bool(case.session_user_id) and not case.session_is_hinted
    return bool(case.known) and (shared or "select_account" in case.needs.prompt)


def page(case: Case, frame: Frame) -> AccountPage:
    """Show the chooser."""
    return AccountPage(frame, case.known)


def answer(work: StepContext, form: Form) -> Outcome:
    """Take the choice. The signed-in person goes on; any other choice ends that session and asks for a password."""
    choice = form.get("choice", "")
    if choice == OTHER:
        return somebody_else()
    chosen = next((person for person in work.case.known if person.user_id == choice), None)
    if chosen is None:
        return StepResult()  # not one of the page's answers: the chooser is shown again, and no session ends
    if chosen.is_signed_in:
        return StepResult(answers=replace(work.case.answers, account=chosen.user_id))
    return somebody_else(chosen)


def somebody_else(chosen: KnownPerson | None = None) -> StepResult:
    """Restart at the password, for ``chosen`` if given. The session ends, and no proof is kept."""
    columns: dict[str, object] = {"user_id": None, "proofs": [], "typed_username": ""}
    if chosen is not None:
        columns |= {"organisation_id": chosen.organisation_id, "typed_username": chosen.username}
    answers = Answers(account=chosen.user_id if chosen else OTHER)
    return StepResult(answers=answers, findings=Findings(), prepared=NOTHING_PREPARED, columns=columns, ends_session=True)


STEP = Step(
    name="choose_account",
    form_name="account",
    silent_error="account_selection_required",
    due=due,
    page=page,
    answer=answer,
)
