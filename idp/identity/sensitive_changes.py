"""Decide what a person must confirm before a change: the one rule for console, profile and every later page.

``needed`` is pure. It compares an object before and after a change, both as plain values; ``None`` means "not there".
Each function that changes such an object calls ``require`` with both values, inside the function, where the real change
is known. A page cannot forget the rule, and a form field that nobody thought of does not get around it.

What the person confirmed is a property of the request. The web layer calls ``begin`` for every request, so a new route
starts with ``NOTHING`` and can only be refused. ``authenticate`` and the password dialog raise the value with ``confirm``.
Outside a request no person acts: the command line, provisioning and the worker act as the system and need no confirmation.
"""

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date
from enum import IntEnum
from typing import Any, Literal

from idp.identity.roles import RULING_ROLES


class Confirmation(IntEnum):
    """What a change needs, and what the acting person gave. A higher value includes the lower ones.

    ``FRESH_PROOF``: the highest assurance the person has, at most ``profile_minutes`` old.
    """

    NOTHING = 0
    FRESH_PROOF = 1
    FRESH_PROOF_AND_PASSWORD = 2


NOTHING, FRESH_PROOF, FRESH_PROOF_AND_PASSWORD = Confirmation


@dataclass(frozen=True)
class PersonState:
    """A user. ``requiring_groups``: ids of their groups that a second factor depends on. ``shops``: None for all."""

    role: str
    username: str
    email: str
    email_verified: bool
    requiring_groups: frozenset[str] = frozenset()
    shops: frozenset[str] | None = None


@dataclass(frozen=True)
class PersonDetails:
    """What else is kept of a user: name, telephone, language, claims and the groups that require nothing."""

    role: str
    values: tuple[object, ...] = ()


@dataclass(frozen=True)
class GroupState:
    """A group. ``requires``: a second factor depends on it, by its own tick or by a dated rule that names it."""

    name: str
    requires: bool


@dataclass(frozen=True)
class ShopState:
    """A shop."""

    code: str
    name: str


@dataclass(frozen=True)
class RuleState:
    """A dated rule: its name, requirement, first and last day, and conditions."""

    name: str
    require: str
    starts: date
    ends: date | None
    conditions: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class ClientState:
    """A client: everything registered (redirect addresses, scopes, grants, first party, minimum) and whether it may act."""

    registered: Mapping[str, Any]
    secrets: int = 0
    """Changes with each new secret."""
    is_disabled: bool = False


@dataclass(frozen=True)
class OrganisationState:
    """An organisation: everything that can be set, with its settings, logo and owner, and whether people may sign in."""

    values: Mapping[str, Any]
    owner_id: str = ""
    is_disabled: bool = False


@dataclass(frozen=True)
class SigningKeys:
    """The keys that sign: the active ones, or the next ones after a rotation."""

    signing: Literal["active", "next"]


Kind = Literal[
    "account", "lockout", "invitation", "one_time_password", "printed_code", "second_factor", "passkey", "sessions",
    "bypass_code", "requirement", "address_change", "ownership_offer", "ownership", "owner_recovery", "operator",
]  # fmt: skip


@dataclass(frozen=True)
class Access:
    """A way to sign in, or something that blocks it: a credential, an account, a lockout, an offer of the ownership.

    ``label``: what may change while it stays, such as the name of a passkey.
    """

    kind: Kind
    holder_role: str
    label: str = ""


State = (
    PersonState | PersonDetails | GroupState | ShopState | RuleState | ClientState | OrganisationState | SigningKeys | Access
)

_GIVEN: Mapping[str, Confirmation] = {
    "account": FRESH_PROOF,
    "invitation": FRESH_PROOF,
    "address_change": FRESH_PROOF,
    "requirement": FRESH_PROOF,
}
"""What may be given with a fresh proof. Everything else needs the password too."""
_TAKEN: Mapping[str, Confirmation] = {
    "account": FRESH_PROOF,
    "lockout": FRESH_PROOF,
    "ownership_offer": FRESH_PROOF,
    "owner_recovery": FRESH_PROOF,
}
"""What may be taken away with a fresh proof. Everything else needs the password too."""
_RAISED = frozenset({"account", "invitation", "lockout"})
"""These need the password too for an administrator or owner. An intruder at an open session must neither get in as one,
nor shut out the people who could stop them. Anybody else is disabled by a fresh proof: it must not wait, and can be undone.
"""


def needed(before: State | None, after: State | None) -> Confirmation:
    """Return what a person must confirm before an object changes from ``before`` to ``after``. Pure."""
    if before == after:
        return NOTHING
    match before or after:
        case Access():
            return _for_access(before, after)
        case PersonDetails(role=role):
            return FRESH_PROOF if role in RULING_ROLES else NOTHING
        case PersonState():
            return _for_person(before, after)
        case GroupState():
            return _for_group(before, after)
        case ShopState():
            return NOTHING if after is not None else FRESH_PROOF_AND_PASSWORD
        case ClientState():
            return _for_client(before, after)
        case RuleState():
            return FRESH_PROOF if after is not None else FRESH_PROOF_AND_PASSWORD
        case OrganisationState():
            return _for_organisation(before, after)
    return FRESH_PROOF_AND_PASSWORD


def _for_access(before: State | None, after: State | None) -> Confirmation:
    held = before or after
    if not isinstance(held, Access):
        return FRESH_PROOF_AND_PASSWORD
    if before is not None and after is not None:
        return FRESH_PROOF
    if held.kind in _RAISED and held.holder_role in RULING_ROLES:
        return FRESH_PROOF_AND_PASSWORD
    return (_TAKEN if after is None else _GIVEN).get(held.kind, FRESH_PROOF_AND_PASSWORD)


def _for_person(before: State | None, after: State | None) -> Confirmation:
    """Ask for a proof where a change identifies: an address leads to a new password, a username to an account at an app.

    Ask for the password where somebody becomes an administrator: an intruder may have added them, and have their code. Ask
    for it where one is demoted: that shuts them out as disabling does. Ask for it where one gets another address: an account
    without a second factor opens to who reads its mail.
    """
    rules = [one.role in RULING_ROLES for one in (before, after) if isinstance(one, PersonState)]
    if not isinstance(before, PersonState) or not isinstance(after, PersonState):
        return FRESH_PROOF_AND_PASSWORD if any(rules) else FRESH_PROOF
    reached = [(one.email, one.email_verified) for one in (before, after)]
    if any(rules):
        is_same = all(rules) and reached[0] == reached[1]
        return FRESH_PROOF if is_same else FRESH_PROOF_AND_PASSWORD
    identifies = [(one.role, one.username, one.email, one.email_verified, one.requiring_groups) for one in (before, after)]
    return FRESH_PROOF if identifies[0] != identifies[1] else NOTHING


def _for_group(before: State | None, after: State | None) -> Confirmation:
    """Ask for a proof where a requirement changes or is renamed, and for the password where a group is deleted."""
    if after is None:
        return FRESH_PROOF_AND_PASSWORD
    requires = [one.requires for one in (before, after) if isinstance(one, GroupState)]
    return FRESH_PROOF if any(requires) else NOTHING


def _for_client(before: State | None, after: State | None) -> Confirmation:
    """Ask for a proof, since registered data decides where codes go. Secrets, disabling and deleting need the password."""
    if not isinstance(after, ClientState):
        return FRESH_PROOF_AND_PASSWORD
    if isinstance(before, ClientState) and (before.secrets, before.is_disabled) != (after.secrets, after.is_disabled):
        return FRESH_PROOF_AND_PASSWORD
    return FRESH_PROOF


def _for_organisation(before: State | None, after: State | None) -> Confirmation:
    if not isinstance(before, OrganisationState) or not isinstance(after, OrganisationState):
        return FRESH_PROOF_AND_PASSWORD
    is_same = (before.owner_id, before.is_disabled) == (after.owner_id, after.is_disabled)
    return FRESH_PROOF if is_same else FRESH_PROOF_AND_PASSWORD


class ConfirmationRequired(Exception):
    """The acting person must confirm the change first; nothing was done. The web layer answers with the way to do so.

    No ``Refusal``: a form that shows refusals must not show this one.
    """

    def __init__(self, confirmation: Confirmation) -> None:
        super().__init__(confirmation.name)
        self.confirmation = confirmation


_given: ContextVar[Confirmation | None] = ContextVar("confirmation", default=None)


def begin() -> None:
    """Start a request: a person may act in it, and has confirmed nothing yet."""
    _given.set(NOTHING)


def end() -> None:
    """End the request."""
    _given.set(None)


def confirm(confirmation: Confirmation) -> None:
    """Note what the acting person confirmed. It never lowers an earlier confirmation."""
    _given.set(max(given(), confirmation))


def given() -> Confirmation:
    """Return what the acting person of this request confirmed."""
    return _given.get() or NOTHING


def require(before: State | None, after: State | None) -> None:
    """Raise ``ConfirmationRequired`` unless the acting person confirmed what this change needs."""
    found = _given.get()
    wanted = needed(before, after)
    if found is not None and found < wanted:
        raise ConfirmationRequired(wanted)
