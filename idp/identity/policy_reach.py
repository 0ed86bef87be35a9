"""Count and list the people of one organisation that dated rules reach on a day. The database counts them.

``policy.rules`` decides for one person. This module puts its conditions into statements; a test compares both.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from idp.config import Settings
from idp.factors import REMEMBERED, SECOND
from idp.identity import policy_dry_run
from idp.identity.organisations.settings import remembered_device_counts
from idp.identity.policy import rules as policy_rules
from idp.identity.policy.rules import DatedRule, Membership, Person
from idp.identity.roles import RULING_ROLES
from idp.keyset import Place
from idp.store import memberships, organisations, user_reach
from idp.store.organisations import Group, Organisation
from idp.store.user_reach import Match, Reached
from idp.store.users import User


@dataclass(frozen=True)
class Preview:
    """Hold to how many people a rule applies on a day, ``of`` all who may sign in then.

    ``new``: nothing else requires it of them. ``without_factor``: those who have none yet.
    """

    on: date
    applies: int
    new: int
    without_factor: int
    of: int


@dataclass(frozen=True)
class Affected:
    """Hold a person whose requirements rise. ``because``: the names of the rules."""

    user_id: str
    username: str
    level: int
    because: tuple[str, ...]
    has_factor: bool


@dataclass(frozen=True)
class _Scene:
    """Hold an organisation on a day. ``at``: what all of its people share. ``second``: the level of a second factor."""

    at: Person
    groups: tuple[Group, ...]
    second: int
    levels: Mapping[str, int]
    on: date

    def speaking(self, rules: Iterable[DatedRule]) -> list[tuple[DatedRule, Match, int]]:
        """Return the rules that may apply to a person here on the day, with their conditions and levels."""
        found = []
        for rule in rules:
            level, match = policy_rules.level_of(rule, self.levels, self.second), self._match(rule)
            if level >= REMEMBERED and match is not None and policy_rules.silent_in(self.at, rule, self.on) is None:
                found.append((rule, match, level))
        return found

    def _match(self, rule: DatedRule) -> Match | None:
        """Return the conditions of a rule about a person; None if they hold for nobody here."""
        named = tuple(group.id for group in self.groups if group.name in rule.groups)
        if rule.groups and rule.group_ids:
            named = tuple(set(named) & set(rule.group_ids))
        ids = named if rule.groups else rule.group_ids
        return None if rule.groups and not ids else Match(rule.roles, ids, rule.shop_ids)

    def covered(self, level: int, others: Iterable[tuple[DatedRule, Match, int]]) -> tuple[Match, ...]:
        """Return the people who need at least this level already, for another reason."""
        found = [match for _, match, theirs in others if theirs >= level]
        if self.second >= level:
            found += [Match(roles=tuple(RULING_ROLES)), Match(must_set_up=True)]
            requiring = tuple(group.id for group in self.groups if group.requires_mfa)
            found += [Match(group_ids=requiring)] if requiring else []
        return tuple(found)


def preview(settings: Settings, organisation: Organisation, rule: DatedRule, on: date) -> Preview:
    """Return how many people a rule would reach on a day. Apps are left out: it counts people who use them."""
    scene, day = _scene(settings, organisation, on), policy_dry_run.day_of_access(organisation, on)
    plain = replace(rule, clients=())
    speaking = scene.speaking([plain])
    reached = [Reached(match) for _, match, _ in speaking]
    return Preview(
        on=on,
        applies=user_reach.count(organisation.id, day, reached),
        new=user_reach.count(organisation.id, day, _newly(scene, organisation, [plain])),
        without_factor=user_reach.count(organisation.id, day, reached, without_factor=True),
        of=user_reach.count_enabled(organisation.id, day),
    )


def count_affected(settings: Settings, organisation: Organisation, rules: Sequence[DatedRule], on: date) -> int:
    """Return how many people the rules would affect on a day, compared with all other rules."""
    scene, day = _scene(settings, organisation, on), policy_dry_run.day_of_access(organisation, on)
    return user_reach.count(organisation.id, day, _newly(scene, organisation, rules))


def affected(
    settings: Settings, organisation: Organisation, rules: Sequence[DatedRule], on: date, place: Place | None, most: int
) -> list[Affected]:
    """Return a page of the people that the rules would affect on a day, by username."""
    scene, day = _scene(settings, organisation, on), policy_dry_run.day_of_access(organisation, on)
    rows = user_reach.listed(organisation.id, day, _newly(scene, organisation, rules), place, most)
    return _described(scene, organisation, rules, rows)


def _newly(scene: _Scene, organisation: Organisation, rules: Sequence[DatedRule]) -> list[Reached]:
    others = scene.speaking(policy_dry_run.others_than(rules, organisation.id))
    return [Reached(match, scene.covered(level, others)) for _, match, level in scene.speaking(rules)]


def _scene(settings: Settings, organisation: Organisation, on: date) -> _Scene:
    counts = remembered_device_counts(settings, organisation)
    at = Person(
        organisation.id,
        "",
        "",
        "",
        store_url=organisation.store_url,
        country=organisation.country,
        integrations=tuple(organisation.integrations),
        remembered_device_counts=counts,
    )
    groups = tuple(organisations.groups(organisation.id))
    return _Scene(at, groups, REMEMBERED if counts else SECOND, settings.acr.names, on)


def _described(
    scene: _Scene, organisation: Organisation, rules: Sequence[DatedRule], rows: Sequence[User]
) -> list[Affected]:
    """Return people with what is required of them, by a number of statements that does not grow with theirs."""
    ids = [row.id for row in rows]
    if not ids:
        return []
    named = {group.id: Membership(group.name, group.requires_mfa, group.id) for group in scene.groups}
    groups, shops = defaultdict[str, list[Membership]](list), memberships.shops_of_users(organisation.id, ids)
    for user_id, group_id in memberships.groups_among(organisation.id, ids, named):
        groups[user_id].append(named[group_id])
    owners = user_reach.owners_among(organisation.id, ids)
    everything = [*policy_dry_run.others_than(rules, organisation.id), *rules]
    names, found = {rule.name for rule in rules}, []
    for row in rows:
        person = replace(
            scene.at,
            user_id=row.id,
            role=row.role,
            groups=tuple(groups[row.id]),
            must_set_up=row.must_set_up_since is not None,
            all_shops=row.all_shops,
            shop_ids=frozenset(shops.get(row.id, ())),
        )
        after = policy_rules.rules_for(person, everything, scene.levels, scene.on)
        because = tuple(reason.name for reason in after.reasons if reason.source == "policy" and reason.name in names)
        found.append(Affected(row.id, row.username, after.level, because, row.id in owners))
    return found
