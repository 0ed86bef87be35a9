"""The facts of a sign-in as plain values, and its outcomes. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from idp import actors
from idp.audit import Origin
from idp.identity.assurance import Proof, counting, level
from idp.identity.policy.rules import Person, Rules
from idp.identity.sensitive_changes import Confirmation
from idp.languages import SOURCE
from idp.signin.answers import NO_ANSWERS, NO_FINDINGS, Answers, Findings
from idp.signin.prepared import NOTHING_PREPARED, Prepared
from idp.signin.requirements import Needs

ENROL, NEW_CODES, NEW_PASSWORD, ADD_PASSKEY, ADD_APP = "enrol", "new_codes", "new_password", "add_passkey", "add_app"


@dataclass(frozen=True)
class OrganisationFacts:
    """An organisation. ``is_named``: the client or the device named it, so pages may show its name (S29)."""

    id: str
    store_url: str
    name: str
    is_named: bool
    offer_set_up: bool = True
    remember_device_days: int = 30
    stay_signed_in_days: int = 0


@dataclass(frozen=True)
class KnownPerson:
    """A person in the account chooser (S35). ``name``: as colleagues know them; it may be empty."""

    organisation_id: str
    user_id: str
    username: str
    organisation_name: str
    is_signed_in: bool = False
    name: str = ""


@dataclass(frozen=True)
class Case:
    """All facts that ``next_step`` decides on.

    ``person`` is None until a password or passkey was right, or a session names them. ``proofs``: all that the person has:
    this attempt's, those of their live session, and valid trust in this device. ``attempt_id`` is empty if there is no
    attempt, as for a silent request.
    """

    now: datetime
    asked_at: datetime
    needs: Needs
    acr_levels: Mapping[str, int]
    attempt_id: str = ""
    person: Person | None = None
    rules: Rules | None = None
    organisation: OrganisationFacts | None = None
    entered_organisation: str = ""
    entered_username: str = ""
    former_organisation: str = ""
    """The store URL that was entered before the person chose to change it."""
    entered: Mapping[str, str] = field(default_factory=dict)
    """Fields of the last answer, if it was wrong, to be filled in again."""
    proofs: tuple[Proof, ...] = ()
    own_proofs: tuple[Proof, ...] = ()
    """The proofs made in this attempt."""
    session_id: str = ""
    """The live session, if it is the person's."""
    session_user_id: str = ""
    """The user of this browser's live session, who need not be the person signing in."""
    session_is_hinted: bool = False
    """Whether ``id_token_hint`` or ``login_hint`` names the user of that session."""
    known: tuple[KnownPerson, ...] = ()
    findings: Findings = NO_FINDINGS
    answers: Answers = NO_ANSWERS
    prepared: Prepared = NOTHING_PREPARED
    leaked_notice_due: bool = False
    leaked_found: bool = False
    """Whether the person's present password was found leaked earlier (S31)."""
    offer_declined: bool = False
    consented_scopes: frozenset[str] = frozenset()
    factor_changed_recently: bool = False
    password_min_length: int = 12
    password_is_spent: bool = False
    """Whether it was a one-time password and has been used (S49)."""
    attests: bool = False
    """Whether any maker's attestation is trusted: without one, level 5 cannot be reached."""
    locale: str = ""
    """The language that the person chose."""
    unverified_address: str = ""
    """The address that an administrator must verify (S55); empty if there is none."""
    console_closes_at: datetime | None = None

    @cached_property
    def counting(self) -> tuple[Proof, ...]:
        """The proofs that are fresh enough for the needs."""
        afresh = "login" in self.needs.prompt
        return counting(self.proofs, asked_at=self._since, now=self.now, afresh=afresh, max_age=self.needs.max_age)

    @property
    def _since(self) -> datetime:
        """The moment from which proofs count at any age: the request's. A page for a new password must not lie open long."""
        if NEW_PASSWORD not in self.needs.tasks or self.needs.max_age is None:
            return self.asked_at
        return max(self.asked_at, self.now - timedelta(seconds=self.needs.max_age))

    @cached_property
    def level(self) -> int:
        """The level that the counting proofs reach."""
        return level(self.counting)

    @property
    def may_name_organisation(self) -> bool:
        """Whether pages may name it: the client or device did, or the person has proved who they are (S29)."""
        return self.organisation is not None and (self.organisation.is_named or self.person is not None)

    @property
    def days_to_stay(self) -> int:
        """For how many days the person may stay signed in on this device; 0: this is not offered.

        An app on a shared device never offers it. Nor does a page on which the person typed the store URL: the offer would
        reveal that the organisation exists (S29).
        """
        is_shared = self.needs.client is not None and self.needs.client.shared_device
        if self.organisation is None or not self.organisation.is_named or self.session_id or is_shared:
            return 0
        return self.organisation.stay_signed_in_days

    @property
    def is_reauthentication(self) -> bool:
        """Whether a signed-in person proves again who they are, for a page of ours."""
        return self.needs.client is None and not self.needs.resumes and bool(self.session_id)

    @property
    def silent(self) -> bool:
        """Whether no page may be shown (``prompt=none``)."""
        return "none" in self.needs.prompt


@dataclass(frozen=True)
class BrowserContext:
    """What a request says about its browser. It is no HTTP object, and proves nothing.

    ``browser_id``: this browser's row, found by ``browser_digest``, the digest of its cookie; ``new_browser`` is that digest
    if the row does not exist yet. ``is_embedded``: a page of another site made the request (a frame, an image), so this
    browser's cookies were not sent and no page can be shown. ``is_background``: a script reads a page by itself, so it does
    not show that somebody is there. ``session`` and ``device``: the bearer values of those cookies, empty if absent.
    ``label``: the browser in words. ``locale``: the language of pages.
    """

    browser_id: str = ""
    browser_digest: bytes = b""
    new_browser: bytes = b""
    is_embedded: bool = False
    is_background: bool = False
    organisation_id: str = ""
    """The organisation at which this browser signed in last; empty if there is none."""
    session: str = ""
    device: str = ""
    address: str = ""
    label: str = ""
    locale: str = SOURCE
    request_id: str = ""

    def origin(self, user_id: str = "", client_id: str = "") -> Origin:
        """Return the acting user and this browser as an audit origin. An empty ``user_id``: nobody is signed in."""
        actor = actors.of_user(user_id)
        return Origin(actor, address=self.address, request_id=self.request_id, client_id=client_id, label=self.label)


@dataclass(frozen=True)
class SignedIn:
    """The needs are met: the person, their session, the proofs that count, and the scopes and acts allowed.

    ``confirmed``: what the person has confirmed for a sensitive change, by the proofs at this moment.
    """

    organisation_id: str
    user_id: str
    session_id: str
    proofs: tuple[Proof, ...]
    scopes: tuple[str, ...]
    details: tuple[Mapping[str, Any], ...] = ()
    attempt_id: str = ""
    confirmed: Confirmation = Confirmation.NOTHING


@dataclass(frozen=True)
class Continue:
    """A step is due: the browser goes to ``/sign-in/<attempt_id>``."""

    attempt_id: str


@dataclass(frozen=True)
class Unmet:
    """The needs cannot be met, or not silently. ``error``: OAuth's error code. ``why``: for the log only."""

    error: str
    why: str = ""


Decision = SignedIn | Continue | Unmet
