"""Consent: which of the person's data a third-party app may see."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from idp.audit import Event
from idp.identity.scopes import is_allowed
from idp.signin.required_level import needed_level
from idp.signin.state import Case
from idp.signin.step import Form, Frame, Outcome, Step, StepContext, StepResult
from idp.store import consents


@dataclass(frozen=True)
class ConsentPage:
    """The form sends ``choice``: ``allow`` or ``deny``. ``scopes``: scopes and single claims; a macro has words for them.

    ``scope_words``: the words for the scopes of APIs, by language. ``details``: those for acts that are allowed once.
    ``keeps_offline_access``: the app keeps that scope also after the person signs out. ``registered_itself``: no operator
    has looked at the app. ``redirect_host``: empty for a device or an approval, after which nobody continues elsewhere.
    ``managed_by``: the organisation whose administrators connected it; empty for operators.
    """

    frame: Frame
    scopes: tuple[str, ...]
    redirect_host: str
    policy_uri: str
    tos_uri: str
    scope_words: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    keeps_offline_access: bool = False
    registered_itself: bool = False
    managed_by: str = ""
    all_hosts: str = ""
    details: tuple[Mapping[str, str], ...] = ()


def due(case: Case) -> bool:
    """Return whether the request asks for it, or a third-party app asks for more than was allowed before.

    An act (RFC 9396), such as a refund, is allowed each time, also to an app of the organisation's own.
    """
    if case.needs.client is None or case.level < needed_level(case):
        return False  # never ask to allow what cannot be granted
    # The app may gain scopes during a sign-in: an answer covers those that the page named.
    answers, scopes = case.answers, set(case.needs.scopes)
    if answers.consent and (answers.consent_to is None or scopes <= set(answers.consent_to)):
        return False
    if "consent" in case.needs.prompt or case.needs.details:
        return True
    return not case.needs.client.first_party and not all(is_allowed(name, case.consented_scopes) for name in scopes)


def page(case: Case, frame: Frame) -> ConsentPage:
    """Show the scopes and the app."""
    client = case.needs.client
    if client is None:
        raise LookupError("consent is asked without a client")
    return ConsentPage(
        frame,
        scopes=case.needs.scopes if _is_about_data(case) else (),
        redirect_host=client.redirect_host,
        policy_uri=client.policy_uri,
        tos_uri=client.tos_uri,
        scope_words=client.scope_words,
        keeps_offline_access=client.keeps_offline_access,
        registered_itself=client.registered_itself,
        managed_by=case.organisation.name if client.is_managed and case.organisation else "",
        all_hosts=client.all_hosts,
        details=client.detail_words,
    )


def _is_about_data(case: Case) -> bool:
    """Return whether the person is asked about their data, too: apps of the organisation's own need not ask."""
    client = case.needs.client
    return client is None or not client.first_party or "consent" in case.needs.prompt


def answer(work: StepContext, form: Form) -> Outcome:
    """Take ``allow`` or ``deny``, and nothing else. Allowed scopes are added to those allowed before."""
    choice, client = form.get("choice", ""), work.case.needs.client
    user = work.user
    if client is None or choice not in ("allow", "deny"):
        return StepResult()
    if choice == "deny":
        return StepResult(answers=replace(work.case.answers, consent="denied"))

    def effect() -> None:
        scopes: list[str] = []
        if _is_about_data(work.case):
            scopes = sorted(set(work.case.needs.scopes) | work.case.consented_scopes)
            consents.give_consent(user.organisation_id, user.id, client.client_id, scopes, work.case.now)
        types = [str(detail["type"]) for detail in work.case.needs.details]
        given: dict[str, Any] = {"scopes": scopes, **({"details": types} if types else {})}
        work.record(Event.CONSENT_GIVEN, **given)

    allowed = replace(work.case.answers, consent="allowed", consent_to=tuple(sorted(work.case.needs.scopes)))
    return StepResult(answers=allowed, effect=effect)


STEP = Step(
    name="consent",
    form_name="consent",
    silent_error="consent_required",
    due=due,
    page=page,
    answer=answer,
    proves_nothing=True,
)
