"""The facts of a sign-in, as plain values. Pure: ``load_state`` makes a ``Case`` from rows, ``flow`` decides on it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from idp import actors
from idp.audit import Origin
from idp.identity.assurance import Proof, counting, level
from idp.identity.policy.rules import Person, Rules
from idp.identity.sensitive_changes import Confirmation
from idp.signin.answers import NO_ANSWERS, NO_FINDINGS, Answers, Findings
from idp.signin.prepared import NOTHING_PREPARED, Prepared
from idp.signin.requirements import Needs

ENROL, NEW_CODES, NEW_PASSWORD, ADD_PASSKEY = "enrol", "new_codes", "new_password", "add_passkey"


@dataclass(frozen=True)
class OrganisationFacts:
    """What a sign-in knows of the organisation. ``is_named``: client or device named it, so its name may be shown (S29)."""

    id: str
    store_url: str
    name: str
    is_named: bool
    offer_set_up: bool = True
    remember_device_days: int = 30


@dataclass(frozen=True)
class KnownPerson:
    """Someone in the chooser (S35)."""

    organisation_id: str
    user_id: str
    username: str
    organisation_name: str
    is_signed_in: bool = False


@dataclass(frozen=True)
class Case:
    """Everything ``next_step`` looks at.

    ``proofs`` are all there are for the person: this attempt's, the live login's (where it is theirs) and a valid trust in
    this device. ``person`` is None until the password was right (or a login is there). ``attempt_id`` is empty where no
    attempt exists (a silent request). ``prepared``: opened from the seal.
    """

    now: datetime
    asked_at: datetime
    needs: Needs
    acr_levels: Mapping[str, int]
    attempt_id: str = ""
    person: Person | None = None
    rules: Rules | None = None
    organisation: OrganisationFacts | None = None
    typed_organisation: str = ""
    typed_username: str = ""
    former_organisation: str = ""
    """The store URL that was typed before somebody chose to change it."""
    typed: Mapping[str, str] = field(default_factory=dict)
    """What was typed in the last answer, where that was wrong: to be filled in again."""
    proofs: tuple[Proof, ...] = ()
    own_proofs: tuple[Proof, ...] = ()
    """Those made in this attempt."""
    login_id: str = ""
    """The live login, where it is the person's."""
    login_user_id: str = ""
    """Whose live login this browser holds, whoever is signing in."""
    login_is_hinted: bool = False
    """Whether ``id_token_hint`` or ``login_hint`` names the user of that login."""
    known: tuple[KnownPerson, ...] = ()
    findings: Findings = NO_FINDINGS
    answers: Answers = NO_ANSWERS
    prepared: Prepared = NOTHING_PREPARED
    leaked_notice_due: bool = False
    leaked_found: bool = False
    """Whether the person's present password was found leaked at an earlier entry (S31)."""
    offer_declined: bool = False
    consented_scopes: frozenset[str] = frozenset()
    factor_changed_lately: bool = False
    password_min_length: int = 12
    password_is_spent: bool = False
    """Whether it was a one-time password, which fits no more (S49)."""
    attests: bool = False
    """Whether there are makers whose attestation is believed: without any, nobody reaches level 5."""
    locale: str = ""
    """The person's own choice of language."""
    unverified_address: str = ""
    """The address that an administrator must verify (S55); empty where there is nothing to remind of."""
    console_closes_at: datetime | None = None

    @cached_property
    def counting(self) -> tuple[Proof, ...]:
        """The proofs that are fresh enough for what is asked."""
        afresh = "login" in self.needs.prompt
        return counting(self.proofs, asked_at=self._since, now=self.now, afresh=afresh, max_age=self.needs.max_age)

    @property
    def _since(self) -> datetime:
        """From when on proofs count whatever their age: the request; yet no page for a new password may lie open long."""
        if NEW_PASSWORD not in self.needs.tasks or self.needs.max_age is None:
            return self.asked_at
        return max(self.asked_at, self.now - timedelta(seconds=self.needs.max_age))

    @cached_property
    def level(self) -> int:
        """The level that those reach."""
        return level(self.counting)

    @property
    def may_name_organisation(self) -> bool:
        """Whether pages may tell it: client or device named it, or its person proved who they are (S29)."""
        return self.organisation is not None and (self.organisation.is_named or self.person is not None)

    @property
    def is_reauthentication(self) -> bool:
        """Whether somebody who is signed in proves again who they are, for a page of ours."""
        return self.needs.client is None and not self.needs.resumes and bool(self.login_id)

    @property
    def silent(self) -> bool:
        """Whether nothing may be shown (``prompt=none``)."""
        return "none" in self.needs.prompt

    def with_person(self, **values: Any) -> "Case":
        """The same case, knowing who it is about."""
        return replace(self, **values)


@dataclass(frozen=True)
class BrowserContext:
    """What a request says about itself, apart from what it asks: no HTTP object, and nothing of it is proof.

    ``browser_id``: this browser's row, found by ``browser_digest``, its cookie's digest; ``new_browser`` is that digest
    where the row is yet to be made. ``is_embedded``: a page of another site made the request (a frame, an image), so this
    browser's cookies were not sent and no page can be shown. ``login`` and ``device`` are the bearer values of those
    cookies, empty where absent. ``label``: the browser in words. ``locale``: the language pages are shown in.
    """

    browser_id: str = ""
    browser_digest: bytes = b""
    new_browser: bytes = b""
    is_embedded: bool = False
    organisation_id: str = ""
    """Where this browser signed in last; empty where nowhere."""
    login: str = ""
    device: str = ""
    address: str = ""
    label: str = ""
    locale: str = "en"
    request_id: str = ""

    def origin(self, user_id: str = "", client_id: str = "") -> Origin:
        """Return who does something in this request, and from where. An empty ``user_id``: nobody is signed in."""
        actor = actors.of_user(user_id)
        return Origin(actor, address=self.address, request_id=self.request_id, client_id=client_id, label=self.label)


@dataclass(frozen=True)
class SignedIn:
    """The needs are met: who, by which login, on which proofs, and the scopes allowed.

    ``confirmed``: what the person has confirmed for a sensitive change, as the proofs show now.
    """

    organisation_id: str
    user_id: str
    login_id: str
    proofs: tuple[Proof, ...]
    scopes: tuple[str, ...]
    attempt_id: str = ""
    confirmed: Confirmation = Confirmation.NOTHING


@dataclass(frozen=True)
class Continue:
    """Something must be asked: the browser goes to ``/sign-in/<attempt_id>``."""

    attempt_id: str


@dataclass(frozen=True)
class Unmet:
    """The needs cannot be met (or not silently). ``error`` is OAuth's word for it, ``why`` is only logged."""

    error: str
    why: str = ""


Settlement = SignedIn | Continue | Unmet
