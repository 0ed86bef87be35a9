"""The store URL of the organisation (S29)."""

from dataclasses import dataclass, replace

from idp.errors import say
from idp.identity.organisations.settings import normal_store_url
from idp.signin.prepared import Prepared
from idp.signin.state import Case
from idp.signin.step import Form, Frame, Outcome, Step, StepContext, StepResult, Wrong
from idp.signin.steps import use_passkey
from idp.signin.steps.use_passkey import PasskeyAsk

PLACE = "organisation"


@dataclass(frozen=True)
class OrganisationPage:
    """Asks for ``organisation``, filled with ``entered``, or for a ``passkey``, which names its organisation."""

    frame: Frame
    entered: str
    passkey: PasskeyAsk | None = None


def due(case: Case) -> bool:
    """Return whether neither request, client, device nor installation names it, and it was not entered."""
    if case.person is not None or case.entered_organisation:
        return False
    return case.organisation is None or case.answers.organisation == "ask"


def page(case: Case, frame: Frame) -> OrganisationPage:
    """Show the field."""
    entered = case.entered.get("organisation") or case.entered_organisation or case.former_organisation
    return OrganisationPage(frame, entered, use_passkey.ask_of(case, PLACE))


def prepare(work: StepContext) -> Prepared | None:
    """Make the challenge for a passkey."""
    return use_passkey.prepared(work, PLACE)


def answer(work: StepContext, form: Form) -> Outcome:
    """Take any store URL. An unknown one fails at the password, so that existing ones cannot be probed."""
    if "passkey" in form:
        return use_passkey.sign_in(work, PLACE, form["passkey"])
    name = normal_store_url(form.get("organisation", ""))
    if not name:
        return Wrong((say("Enter your store URL, for example “example-shoes”."),))
    answers = replace(work.case.answers, organisation="typed")
    return StepResult(answers=answers, columns={"typed_organisation": name, "organisation_id": None})


STEP = Step(
    name="organisation",
    form_name="organisation",
    silent_error="login_required",
    due=due,
    page=page,
    answer=answer,
    prepare=prepare,
)
