"""Explain what rules require of a user on a day, and find the users that dated rules would affect (S11)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from idp import clock, zones
from idp.config import Settings
from idp.identity.policy import organisation_rules
from idp.identity.policy import rules as policy_rules
from idp.identity.policy.dated_rules import rule_of
from idp.identity.policy.rules import ClientRule, DatedRule, Person, Reason
from idp.identity.users import lookup
from idp.store import dated_rules
from idp.store.clients import Client
from idp.store.organisations import Organisation
from idp.store.users import User


@dataclass(frozen=True)
class Reached:
    """A person whose required level rises because of the rules under test. ``because``: the names of those rules."""

    person: Person
    level: int
    because: tuple[str, ...]


@dataclass(frozen=True)
class Reach:
    """The people that rules would affect, ``of`` how many people in all."""

    affected: tuple[Reached, ...]
    of: int


def today(organisation: Organisation) -> date:
    """Return today's date in the organisation's time zone."""
    return zones.today(clock.now(), organisation.zone)


def day_of_access(organisation: Organisation, on: date) -> date:
    """Return the day by which people are counted who may still sign in: those whose access ends before ``on`` are gone."""
    return max(today(organisation), on)


def client_rule(settings: Settings, client: Client | None) -> ClientRule | None:
    """Return what a client requires of everyone, as policy takes it."""
    if client is None:
        return None
    name = str(client.metadata_.get("client_name") or "")
    return ClientRule(client.client_id, settings.acr.names.get(client.minimum_acr, 0), name)


def stored_rules() -> list[DatedRule]:
    """Return the stored dated rules."""
    return [rule_of(row) for row in dated_rules.dated_rules()]


def others_than(rules: Sequence[DatedRule], organisation_id: str) -> list[DatedRule]:
    """Return the stored rules of the installation and of an organisation, without those under test."""
    tested = {(rule.organisation_id, rule.name) for rule in rules}
    stored = (*stored_rules(), *organisation_rules.rules_of(organisation_id))
    return [rule for rule in stored if (rule.organisation_id, rule.name) not in tested]


def explained(
    settings: Settings,
    organisation: Organisation,
    user: User,
    on: date,
    client: Client | None = None,
    rules: Sequence[DatedRule] | None = None,
) -> list[Reason]:
    """Return every source of rules, what it requires of a user on a day, at a client or anywhere, and why (not).

    ``rules``: the dated rules that the reader may see; None for all stored ones.
    """
    looked_at = lookup.dated_rules_in(organisation) if rules is None else rules
    person = lookup.as_judged(lookup.person_of(settings, organisation, user), looked_at)
    return policy_rules.explain(person, looked_at, settings.acr.names, on, client_rule(settings, client))


def reach_of(
    settings: Settings,
    organisations: Iterable[Organisation],
    rules: Sequence[DatedRule],
    on: date,
    client: Client | None = None,
) -> Reach:
    """Return the people that ``rules`` would affect on a day, compared with all other stored rules."""
    names = {rule.name for rule in rules}
    where, levels = client_rule(settings, client), settings.acr.names
    affected, looked_at = list[Reached](), 0
    for organisation in organisations:
        others = others_than(rules, organisation.id)
        for person in lookup.persons_of(settings, organisation, day_of_access(organisation, on)):
            looked_at += 1
            before = policy_rules.rules_for(person, others, levels, on, where)
            after = policy_rules.rules_for(person, [*others, *rules], levels, on, where)
            if after.level > before.level or (after.must_own and not before.must_own):
                because = tuple(
                    reason.name for reason in after.reasons if reason.source == "policy" and reason.name in names
                )
                affected.append(Reached(person, after.level, because))
    return Reach(tuple(affected), looked_at)
