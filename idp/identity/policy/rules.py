"""Which proof a person must give, and why. Pure: people, rules and clients come in as plain values.

A second factor is compulsory by role (S10), by group (S3, S4), by a dated rule (S11), by the client's minimum and by owning
one (S1). ``rules_for`` works it out, ``explain`` says for each source whether it speaks and why (not).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from idp.errors import Message, say
from idp.factor import Factor, Owned
from idp.factors import HARDWARE, PASSWORD, REMEMBERED, SECOND
from idp.identity.roles import RULING_ROLES

SECOND_FACTOR = "second_factor"


@dataclass(frozen=True)
class Membership:
    """A group a person is in."""

    name: str
    requires_mfa: bool
    id: str = ""


@dataclass(frozen=True)
class Person:
    """A user as policy sees them, with what of their organisation matters."""

    organisation_id: str
    user_id: str
    username: str
    role: str
    groups: tuple[Membership, ...] = ()
    store_url: str = ""
    country: str = ""
    integrations: tuple[str, ...] = ()
    remembered_device_counts: bool = True
    factors: tuple[Owned, ...] = ()
    recovery_codes_left: int = 0
    must_set_up: bool = False
    must_change_password: bool = False
    disabled: bool = False
    all_shops: bool = False
    shop_ids: frozenset[str] | None = None
    """The shops named for them; None where they were not read, because no rule is about a shop."""

    @property
    def has_factor(self) -> bool:
        """Whether they own a second factor. Recovery codes replace one and are none."""
        return bool(self.factors)

    def owns(self, factor: Factor) -> bool:
        """Check if the person owns this factor."""
        return any(owned.factor == factor.name for owned in self.factors)

    @property
    def highest_level(self) -> int:
        """The highest level that their own factors reach, or the password's."""
        return max((owned.level for owned in self.factors), default=PASSWORD)

    @property
    def is_administrator(self) -> bool:
        """Administrators include the owner."""
        return self.role in RULING_ROLES


@dataclass(frozen=True)
class DatedRule:
    """A rule of S11. Every condition that is not empty must hold; ``require``: ``second_factor`` or an acr name.

    A rule of an organisation's own names groups and shops by id.
    """

    name: str
    starts: date
    require: str = SECOND_FACTOR
    ends: date | None = None
    countries: tuple[str, ...] = ()
    integrations: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    organisations: tuple[str, ...] = ()
    clients: tuple[str, ...] = ()
    group_ids: tuple[str, ...] = ()
    shop_ids: tuple[str, ...] = ()
    organisation_id: str = ""
    """The organisation whose administrators made it; empty for a rule of the installation."""


@dataclass(frozen=True)
class ClientRule:
    """What a client asks of everyone: its ``minimum_acr`` as a level (0: nothing)."""

    client_id: str
    minimum_level: int = 0
    name: str = ""


@dataclass(frozen=True)
class Reason:
    """A source of rules, whether it speaks, and in words why or why not."""

    source: str
    """``role``, ``group``, ``policy``, ``client``, ``owned`` or ``reset``."""
    name: str
    level: int
    """The level it asks for; 0 where it is silent."""
    message: Message

    @property
    def speaks(self) -> bool:
        """Whether it asks for anything."""
        return self.level > 0


@dataclass(frozen=True)
class Rules:
    """What is asked of a person: ``level`` at least, and every reason that speaks, strongest first.

    ``must_own``: a second factor is compulsory, so one that is missing must be set up and one that is there cannot be
    switched off (S5, S7); ``compulsory_because`` says by what.
    """

    level: int
    reasons: tuple[Reason, ...]

    @property
    def compulsory_because(self) -> tuple[Reason, ...]:
        """The reasons that make owning a second factor compulsory."""
        return tuple(reason for reason in self.reasons if reason.source != "owned" and reason.level >= REMEMBERED)

    @property
    def must_own(self) -> bool:
        """Whether a second factor is compulsory."""
        return bool(self.compulsory_because)


def rules_for(
    person: Person,
    policies: Sequence[DatedRule],
    acr_levels: Mapping[str, int],
    on: date,
    client: ClientRule | None = None,
) -> Rules:
    """Return what is required of ``person`` on a day of their zone, at a client, or anywhere (None)."""
    speaking = sorted(
        (reason for reason in explain(person, policies, acr_levels, on, client) if reason.speaks),
        key=lambda reason: -reason.level,
    )
    return Rules(level=max((reason.level for reason in speaking), default=PASSWORD), reasons=tuple(speaking))


def explain(
    person: Person,
    policies: Sequence[DatedRule],
    acr_levels: Mapping[str, int],
    on: date,
    client: ClientRule | None = None,
) -> list[Reason]:
    """Return every source of rules with what it requires of ``person`` and why, or why it does not apply."""
    second = REMEMBERED if person.remembered_device_counts else SECOND
    reasons = [_by_role(person, second), _by_reset(person, second), _by_owning(person)]
    reasons += [_by_group(group, second) for group in person.groups]
    reasons += [_by_policy(person, policy, acr_levels, second, on, client) for policy in policies]
    if client is not None:
        reasons.append(_by_client(client))
    return reasons


def _by_role(person: Person, second: int) -> Reason:
    if person.is_administrator:
        return Reason("role", person.role, second, say("Required for administrators and owners."))
    return Reason("role", person.role, 0, say("The role does not require it."))


def _by_reset(person: Person, second: int) -> Reason:
    if person.must_set_up:
        return Reason(
            "reset", "", second, say("An administrator asks for a second factor: it must be set up at the next sign-in.")
        )
    return Reason("reset", "", 0, say("No administrator has reset the second factor."))


def _by_owning(person: Person) -> Reason:
    if person.has_factor:
        return Reason("owned", "", REMEMBERED, say("A second factor is set up, so it is asked for."))
    return Reason("owned", "", 0, say("No second factor is set up."))


def _by_group(group: Membership, second: int) -> Reason:
    if group.requires_mfa:
        return Reason("group", group.name, second, say("Required by the group %(group)s", group=group.name))
    return Reason("group", group.name, 0, say("The group %(group)s does not require it.", group=group.name))


def _by_client(client: ClientRule) -> Reason:
    if client.minimum_level > PASSWORD:
        message = say("Required by the app %(app)s", app=client.name or client.client_id)
        return Reason("client", client.client_id, client.minimum_level, message)
    message = say("The app %(app)s does not require it.", app=client.name or client.client_id)
    return Reason("client", client.client_id, 0, message)


def _by_policy(
    person: Person,
    policy: DatedRule,
    acr_levels: Mapping[str, int],
    second: int,
    on: date,
    client: ClientRule | None,
) -> Reason:
    silent = _silent_because(person, policy, on, client)
    if silent is not None:
        return Reason("policy", policy.name, 0, silent)
    needed = level_of(policy, acr_levels, second)
    message = say("Required by the policy %(policy)s since %(date)s.", policy=policy.name, date=policy.starts)
    return Reason("policy", policy.name, needed, message)


def level_of(policy: DatedRule, acr_levels: Mapping[str, int], second: int) -> int:
    """Return the level that a policy asks for. ``second``: what a second factor is worth in the organisation."""
    return second if policy.require == SECOND_FACTOR else acr_levels.get(policy.require, HARDWARE)


def _silent_because(person: Person, policy: DatedRule, on: date, client: ClientRule | None) -> Message | None:
    """Return the first condition of a policy that does not hold; None if all hold."""
    return silent_in(person, policy, on, client) or _silent_about(person, policy)


def silent_in(person: Person, policy: DatedRule, on: date, client: ClientRule | None = None) -> Message | None:
    """Return the first condition that is the same for all people of an organisation and does not hold; None if all hold."""
    name = policy.name
    if on < policy.starts:
        return say("The policy %(policy)s starts on %(date)s.", policy=name, date=policy.starts)
    if policy.ends is not None and on > policy.ends:
        return say("The policy %(policy)s ended on %(date)s.", policy=name, date=policy.ends)
    if policy.countries and person.country not in policy.countries:
        return say("The policy %(policy)s is for other countries.", policy=name)
    if policy.integrations and not set(policy.integrations) & set(person.integrations):
        return say("The policy %(policy)s is for other integrations.", policy=name)
    if policy.organisations and person.store_url not in policy.organisations:
        return say("The policy %(policy)s is for other organisations.", policy=name)
    if policy.clients and (client is None or client.client_id not in policy.clients):
        return say("The policy %(policy)s is for other apps.", policy=name)
    return None


def _silent_about(person: Person, policy: DatedRule) -> Message | None:
    """Return the first condition about the person themselves that does not hold; None if all hold."""
    name = policy.name
    if policy.roles and person.role not in policy.roles:
        return say("The policy %(policy)s is for other roles.", policy=name)
    if policy.groups and not set(policy.groups) & {group.name for group in person.groups}:
        return say("The policy %(policy)s is for other groups.", policy=name)
    if policy.group_ids and not set(policy.group_ids) & {group.id for group in person.groups}:
        return say("The policy %(policy)s is for other groups.", policy=name)
    if policy.shop_ids and not (person.all_shops or set(policy.shop_ids) & (person.shop_ids or frozenset())):
        return say("The policy %(policy)s is for other shops.", policy=name)
    return None
