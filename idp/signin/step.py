"""What a step is, and what passes between a step and the machine that runs it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from idp import audit
from idp.audit import Event, Origin
from idp.config import Settings
from idp.errors import Message
from idp.identity.assurance import Proof
from idp.identity.organisations.settings import OrganisationSettings
from idp.signin.answers import Answers, Findings
from idp.signin.prepared import Prepared
from idp.signin.state import BrowserContext, Case
from idp.store import attempts
from idp.store.attempts import Attempt
from idp.store.organisations import Organisation
from idp.store.sessions import UserSession
from idp.store.users import User

Form = Mapping[str, str]
"""A posted form, each field once, trimmed of nothing."""


@dataclass(frozen=True)
class Frame:
    """What every sign-in page shows around its step, and what its form must carry.

    ``stage``: see ``Step``. ``request``: the sealed needs, so that a stale form can open a new sign-in (S60).
    ``organisation_name`` is empty unless the client or this device had named the organisation (S29).
    """

    attempt_id: str
    action: str
    step: str
    request: str
    stage: str = ""
    client_name: str = ""
    client_logo: str = ""
    organisation_name: str = ""
    store_url: str = ""
    username: str = ""
    purpose: Message | None = None
    """What the person proves again who they are for; None where they sign in."""
    cancel_to: str = ""
    """Where they go instead, with nothing changed."""
    errors: tuple[Message, ...] = ()
    notices: tuple[Message, ...] = ()


@dataclass(frozen=True)
class StepContext:
    """The rows behind a case, for steps that have effects."""

    settings: Settings
    visit: BrowserContext
    case: Case
    attempt: Attempt
    organisation: Organisation | None = None
    terms: OrganisationSettings | None = None
    user: User | None = None
    login: UserSession | None = None

    @property
    def origin(self) -> Origin:
        """Who does this, from where, for the audit trail."""
        return self.origin_of(self.user)

    def origin_of(self, user: User | None) -> Origin:
        """The same for somebody who is about to be the person of this work."""
        client = self.case.needs.client
        return self.visit.origin(user.id if user else "", client.client_id if client else "")

    def record(self, event: Event, *, outcome: str = "success", user: User | None = None, **data: object) -> None:
        """An audit row about the person of this work; within the transaction of what it tells."""
        about = user or self.user
        audit.record(
            self.origin_of(about),
            event,
            organisation_id=about.organisation_id if about else (self.organisation.id if self.organisation else ""),
            subject_id=about.id if about else "",
            outcome=outcome,
            data=data,
        )

    def bound(self, noted: "StepResult") -> "StepResult":
        """The same answer, by which this sign-in is its person's from now on, also where it was a login that told who.

        Else whoever knows another's password shows a second factor of their own, signs out, and goes on as the other.
        """
        if self.user is None or self.attempt.user_id is not None or "user_id" in noted.columns:
            return noted
        theirs = {"user_id": self.user.id, "organisation_id": self.user.organisation_id}
        return replace(noted, columns={**theirs, **noted.columns})

    def end_other_attempts(self) -> None:
        """Drop the person's other open sign-ins, within the transaction in which a factor takes effect.

        A set-up that waits for its tick in another browser must not replace this newer one.
        """
        _, _, user = self.person()
        attempts.drop_attempts_of(user.organisation_id, user.id, but_not=self.attempt.digest)

    def person(self) -> tuple[Organisation, OrganisationSettings, User]:
        """The rows of the person signing in, for steps that come after the password."""
        if self.organisation is None or self.terms is None or self.user is None:
            raise LookupError("a step after the password ran without a person")
        return self.organisation, self.terms, self.user


@dataclass(frozen=True)
class StepResult:
    """A right answer: what changes in the attempt. ``proofs`` are added; None keeps what is there; ``columns`` win.

    ``effect`` runs in the one transaction in which all this is kept; where it finds that somebody was first (a code spent
    meanwhile) it answers ``Wrong``, and everything is rolled back.
    """

    proofs: tuple[Proof, ...] = ()
    answers: Answers | None = None
    findings: Findings | None = None
    prepared: Prepared | None = None
    columns: Mapping[str, Any] = field(default_factory=dict)
    device_cookie: str = ""
    ends_login: bool = False
    effect: "Callable[[], Wrong | None] | None" = None


@dataclass(frozen=True)
class Wrong:
    """A wrong answer: what the page says. ``prepared`` replaces what was prepared (a challenge is spent); None keeps it."""

    errors: tuple[Message, ...]
    prepared: Prepared | None = None


Outcome = StepResult | Wrong


class Stale(Exception):
    """The attempt changed under a step's hands (two tabs, two servers): nothing was done, the true step is shown."""


@dataclass(frozen=True)
class Step:
    """One step. ``due``, ``page`` and ``stage`` are pure; ``prepare`` is idempotent; ``answer`` has the effects.

    ``silent_error``: OAuth's word when it is due under ``prompt=none``. ``stage``: which of the step's pages is shown, and
    for which prepared secret. A form names its stage, and an answer to another stage is not looked at: two tabs, a button
    pressed twice and a page from before a change must not answer a question that they did not show.
    """

    name: str
    silent_error: str
    due: Callable[[Case], bool]
    page: Callable[[Case, Frame], object]
    answer: Callable[[StepContext, Form], Outcome]
    prepare: Callable[[StepContext], Prepared | None] | None = None
    stage: Callable[[Case], str] | None = None

    def stage_of(self, case: Case) -> str:
        """Return the stage that a form must name: the step's own, and the person whom its page is about."""
        own, person = self.stage(case) if self.stage else "", case.person.user_id if case.person else ""
        return f"{own}~{person}"
