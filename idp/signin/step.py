"""What a step is, what it is given, and what it returns."""

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
"""A posted form: each field once, not trimmed."""


@dataclass(frozen=True)
class Frame:
    """What every sign-in page shows around its step, and what its forms must carry.

    ``step`` and ``stage``: see ``Step``. ``request``: the sealed needs, so that a stale form can open a new sign-in (S60).
    ``organisation_name`` is empty unless the client or this device named the organisation (S29).
    """

    attempt_id: str
    action: str
    step: str
    request: str
    stage: str = ""
    client_name: str = ""
    organisation_name: str = ""
    store_url: str = ""
    username: str = ""
    purpose: Message | None = None
    """What a reauthentication is for; None at a sign-in."""
    cancel_to: str = ""
    """The page that leaves a reauthentication with nothing changed."""
    errors: tuple[Message, ...] = ()
    notices: tuple[Message, ...] = ()


@dataclass(frozen=True)
class StepContext:
    """The rows behind a case, for steps that have effects. ``known_user``: the person signing in, once that is known."""

    settings: Settings
    visit: BrowserContext
    case: Case
    attempt: Attempt
    organisation: Organisation | None = None
    terms: OrganisationSettings | None = None
    known_user: User | None = None
    session: UserSession | None = None

    @property
    def user(self) -> User:
        """The person signing in, for steps that come after the password."""
        if self.known_user is None:
            raise LookupError("a step after the password ran without a person")
        return self.known_user

    def person(self) -> tuple[Organisation, OrganisationSettings, User]:
        """Return that person with their organisation and its settings."""
        if self.organisation is None or self.terms is None:
            raise LookupError("a step after the password ran without an organisation")
        return self.organisation, self.terms, self.user

    @property
    def origin(self) -> Origin:
        """The acting person and their browser, for the audit log."""
        return self.origin_of(self.known_user)

    def origin_of(self, user: User | None) -> Origin:
        """Return the origin of what ``user`` does here, who is about to be the person signing in."""
        client = self.case.needs.client
        return self.visit.origin(user.id if user else "", client.client_id if client else "")

    def record(self, event: Event, *, outcome: str = "success", user: User | None = None, **data: object) -> None:
        """Record an audit event about the person signing in, within the transaction of what it reports."""
        about = user or self.known_user
        audit.record(
            self.origin_of(about),
            event,
            organisation_id=about.organisation_id if about else (self.organisation.id if self.organisation else ""),
            subject_id=about.id if about else "",
            outcome=outcome,
            data=data,
        )

    def bound(self, result: "StepResult") -> "StepResult":
        """Return the same result, which also binds the attempt to its person where only a session named them.

        Else a thief of a password could show their own second factor, sign out, and go on as the password's owner.
        """
        user = self.known_user
        if user is None or self.attempt.user_id is not None or "user_id" in result.columns:
            return result
        theirs = {"user_id": user.id, "organisation_id": user.organisation_id}
        return replace(result, columns={**theirs, **result.columns})

    def end_other_attempts(self) -> None:
        """Drop the person's other open sign-ins, within the transaction in which a factor takes effect.

        A set-up that waits for its tick in another browser must not replace this newer one.
        """
        attempts.drop_attempts_of(self.user.organisation_id, self.user.id, but_not=self.attempt.digest)


@dataclass(frozen=True)
class StepResult:
    """A right answer: what changes in the attempt. ``proofs`` are added; None keeps what is there; ``columns`` win.

    ``effect`` runs in the transaction that keeps all this. It returns ``Wrong`` if another request was first (the code was
    spent): then everything is rolled back. ``ends_session`` ends the browser's session.
    """

    proofs: tuple[Proof, ...] = ()
    answers: Answers | None = None
    findings: Findings | None = None
    prepared: Prepared | None = None
    columns: Mapping[str, Any] = field(default_factory=dict)
    device_cookie: str = ""
    ends_session: bool = False
    effect: "Callable[[], Wrong | None] | None" = None


@dataclass(frozen=True)
class Wrong:
    """An answer that was not taken: what the page says. ``retry_after``: seconds until the next one is looked at.

    ``prepared`` replaces what was prepared (a challenge is spent); None keeps it. It is the one way in which a step refuses
    an answer. ``TooMany`` from a rate limit becomes one in ``authenticate``, and ``Stale`` says that nobody's answer was
    looked at.
    """

    errors: tuple[Message, ...]
    prepared: Prepared | None = None
    retry_after: int = 0


Outcome = StepResult | Wrong


class Stale(Exception):
    """The attempt was changed by another tab or server while a step ran. Nothing was done; the step now due is shown."""


@dataclass(frozen=True)
class Step:
    """One step. ``due``, ``page`` and ``stage`` are pure; ``prepare`` is idempotent; ``answer`` has the effects.

    ``name``: of its module and its template. ``form_name``: the field ``step`` of its forms. It never changes: a page that
    lies open during an upgrade is understood after it. ``silent_error``: OAuth's error if it is due under ``prompt=none``.

    ``stage``: which of the step's pages is shown, and for which prepared secret. A form names its stage, and an answer to
    another stage is ignored: a second tab, a button pressed twice or an old page must not answer what it did not show.

    ``proves_nothing``: the session begins before it. ``is_cancellable``: a reauthentication can be cancelled there as a
    whole; later steps have their own way out.
    """

    name: str
    form_name: str
    silent_error: str
    due: Callable[[Case], bool]
    page: Callable[[Case, Frame], object]
    answer: Callable[[StepContext, Form], Outcome]
    prepare: Callable[[StepContext], Prepared | None] | None = None
    stage: Callable[[Case], str] | None = None
    proves_nothing: bool = False
    is_cancellable: bool = False

    def is_shown_by(self, form: Form, case: Case) -> bool:
        """Check if a form is of this step and of the stage that it is at."""
        return form.get("step", "") == self.form_name and form.get("stage", "") == self.stage_of(case)

    def stage_of(self, case: Case) -> str:
        """Return the stage that a form must name: the step's own, and the person of its page."""
        own, person = self.stage(case) if self.stage else "", case.person.user_id if case.person else ""
        return f"{own}~{person}"
