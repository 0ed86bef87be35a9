"""Which organisation? The store URL (S29)."""

from dataclasses import dataclass

from idp.errors import say
from idp.identity.organisations import normal_store_url
from idp.signin.case import Case
from idp.signin.step import Form, Frame, Noted, Outcome, Step, Work, Wrong

ASK = "ask"


@dataclass(frozen=True)
class OrganisationPage:
    """Asks for ``organisation``; ``typed`` fills the field."""

    frame: Frame
    typed: str


def due(case: Case) -> bool:
    """Asked unless request, client, device or installation tell, or it was typed already."""
    if case.person is not None or case.typed_organisation:
        return False
    return case.organisation is None or case.answered("organisation") == ASK


def page(case: Case, frame: Frame) -> OrganisationPage:
    """The field."""
    return OrganisationPage(frame, case.typed_organisation)


def answer(work: Work, form: Form) -> Outcome:
    """Taken as typed, known or not: an unknown one fails at the password, so that nobody can list which ones exist."""
    name = normal_store_url(form.get("organisation", ""))
    if not name:
        return Wrong((say("Enter your store URL, for example “example-shoes”."),))
    return Noted(answers={"organisation": "typed"}, columns={"typed_organisation": name, "organisation_id": None})


STEP = Step("organisation", "login_required", due, page, answer)
