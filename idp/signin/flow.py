"""Decide which step of a sign-in is due. Pure, and decided again on every request."""

from idp.signin.required_level import needed_level
from idp.signin.state import Case, Unmet
from idp.signin.step import Step
from idp.signin.steps import SEQUENCE


def next_step(case: Case) -> Step | Unmet | None:
    """Return the first step that is due, ``Unmet`` if the needs cannot be met, or None if they are met.

    Under ``prompt=none`` a step that is due becomes its OAuth error (OpenID Connect Core §3.1.2.6).
    """
    if case.answers.consent == "denied":
        return Unmet("access_denied", "the person refused")
    for step in SEQUENCE:
        if step.due(case):
            return Unmet(step.silent_error, f"{step.name} is due") if case.silent else step
    if case.person is None or case.person.disabled:
        return Unmet("login_required", "nobody is signed in")
    if case.needs.subject and case.needs.subject != case.person.user_id:
        return Unmet("login_required", "another person than id_token_hint names")
    if case.level < needed_level(case):
        return Unmet("unmet_authentication_requirements", f"reached {case.level}, needed {needed_level(case)}")
    return None


def is_authenticated(case: Case) -> bool:
    """Check if only steps that prove nothing remain: then the session may begin."""
    step = next_step(case)
    return step is None or (isinstance(step, Step) and step.proves_nothing)
