"""Find users, and see them as policy does: their groups, their factors, and what is required of them."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import chain

from idp import factors, normal_forms, zones
from idp.config import Settings
from idp.factor import Owned
from idp.identity import access
from idp.identity.organisations.settings import remembered_device_counts
from idp.identity.policy import organisation_rules
from idp.identity.policy import rules as policy_rules
from idp.identity.policy.dated_rules import rule_of
from idp.identity.policy.rules import ClientRule, DatedRule, Membership, Person
from idp.normal_forms import compared
from idp.store import dated_rules, memberships, organisations, recovery_codes, user_search, users
from idp.store.kept import Kept, KeptByKey
from idp.store.organisations import Group, Organisation
from idp.store.users import User

DATED_RULES = Kept(lambda: tuple(rule_of(row) for row in dated_rules.dated_rules()))
"""The rules of the installation, which every decision of a sign-in reads."""
OWN_RULES = KeptByKey(organisation_rules.rules_of)
"""The rules that organisations made for their own people, by organisation."""


def find(organisation_id: str, typed: str) -> User | None:
    """Return the user with this username, whatever the case and width of its letters; None for none.

    Usernames of older releases may differ in invisible characters alone: only the exact text finds them (`idp doctor`).
    """
    key, exact = compared(typed), normal_forms.compared_exactly(typed)
    found = users.user_named(organisation_id, exact) if exact != key and 0 < len(exact) <= 254 else None
    return found or (users.user_named(organisation_id, key) if 0 < len(key) <= 254 else None)


def find_to_sign_in(organisation_id: str, typed: str) -> User | None:
    """Return the user with this username, else the only user with this verified address; None for none.

    Apps often send an address as ``login_hint``. Failed attempts count for the user that was found, as by the username.
    """
    named = find(organisation_id, typed)
    if named is not None or "@" not in typed or len(typed) > 254:
        return named
    reached = users.users_reached_at(organisation_id, compared(typed))
    return reached[0] if len(reached) == 1 else None


@dataclass(frozen=True)
class Holdings:
    """What a user owns outside of their own row, as the policy weighs it."""

    groups: tuple[Membership, ...]
    factors: tuple[Owned, ...]
    codes_left: int
    shop_ids: frozenset[str] | None = None


def person_of(settings: Settings, organisation: Organisation, user: User) -> Person:
    """Return a user as policy sees them."""
    recovery_set = recovery_codes.active_recovery_set(user.organisation_id, user.id)
    held = Holdings(
        groups=tuple(map(_membership, users.groups_of(user.organisation_id, user.id))),
        factors=factors.owned_by(user.organisation_id, user.id),
        codes_left=recovery_codes.unspent_recovery_codes(user.organisation_id, recovery_set.id) if recovery_set else 0,
    )
    return _person(organisation, user, held, counts=remembered_device_counts(settings, organisation))


def persons_of(settings: Settings, organisation: Organisation, on: date) -> Iterator[Person]:
    """Yield the users of an organisation who may sign in on a day, as policy sees them.

    The number of statements does not grow with them.
    """
    counts = remembered_device_counts(settings, organisation)
    named = {group.name: _membership(group) for group in organisations.groups(organisation.id)}
    groups: dict[str, list[Membership]] = defaultdict(list)
    for user_id, name in memberships.group_names(organisation.id):
        groups[user_id].append(named[name])
    shops: dict[str, set[str]] = defaultdict(set)
    for user_id, shop_id in memberships.shop_ids(organisation.id):
        shops[user_id].add(shop_id)
    owned, codes_left = factors.owned_in(organisation.id), recovery_codes.codes_left(organisation.id)
    for user in chain.from_iterable(user_search.each(organisation.id)):
        if not access.is_over_on(user, on):
            mine = frozenset(shops.get(user.id, ()))
            held = Holdings(tuple(groups[user.id]), owned.get(user.id, ()), codes_left.get(user.id, 0), mine)
            yield _person(organisation, user, held, counts=counts)


def _person(organisation: Organisation, user: User, held: Holdings, *, counts: bool) -> Person:
    return Person(
        organisation_id=user.organisation_id,
        user_id=user.id,
        username=user.username,
        role=user.role,
        groups=held.groups,
        store_url=organisation.store_url,
        country=organisation.country,
        integrations=tuple(organisation.integrations),
        remembered_device_counts=counts,
        factors=held.factors,
        recovery_codes_left=held.codes_left,
        must_set_up=user.must_set_up_since is not None,
        must_change_password=user.must_change_password,
        disabled=access.is_over(user, organisation.zone),
        all_shops=user.all_shops,
        shop_ids=held.shop_ids,
    )


def _membership(group: Group) -> Membership:
    return Membership(group.name, group.requires_mfa, group.id)


def dated_rules_in(organisation: Organisation) -> tuple[DatedRule, ...]:
    """Return the dated rules that may apply in an organisation: the installation's, and its own."""
    own = OWN_RULES.get(organisation.id) if organisation.has_rules else ()
    return (*DATED_RULES.get(), *own)


def as_judged(person: Person, rules: Sequence[DatedRule]) -> Person:
    """Return a person with their shops, which are read only if a rule is about a shop."""
    if person.shop_ids is not None or not any(rule.shop_ids for rule in rules):
        return person
    return replace(person, shop_ids=frozenset(shop.id for shop in users.shops_of(person.organisation_id, person.user_id)))


def rules_of(
    settings: Settings,
    organisation: Organisation,
    person: Person,
    at: datetime,
    client: ClientRule | None = None,
) -> policy_rules.Rules:
    """Return what is required of a person at a moment, at a client or anywhere.

    Dated rules start and end at midnight in the organisation's time zone.
    """
    if person.organisation_id != organisation.id:
        raise LookupError("a person of another organisation")
    rules = dated_rules_in(organisation)
    judged = as_judged(person, rules)
    return policy_rules.rules_for(judged, rules, settings.acr.names, zones.today(at, organisation.zone), client)
