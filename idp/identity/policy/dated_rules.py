"""Dated rules (S11): create, change, remove and read them, and build one to try on a date."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from idp import audit
from idp.audit import Event, Origin
from idp.checks import check_text, check_texts, differing, is_country
from idp.config import Settings
from idp.db import refuse_duplicate
from idp.errors import Invalid, Message, say
from idp.identity import permissions, sensitive_changes
from idp.identity.policy import organisation_rules
from idp.identity.policy.rule_checks import check_day, check_first_day, require_order, taken
from idp.identity.policy.rules import SECOND_FACTOR, DatedRule
from idp.identity.roles import ROLES
from idp.identity.sensitive_changes import RuleState
from idp.store import clients, dated_rules
from idp.store import organisations as store
from idp.store.dated_rules import StoredRule
from idp.store.organisations import Organisation

Values = Mapping[str, Any]
CONDITIONS = ("countries", "integrations", "roles", "groups", "organisations", "clients")


@dataclass(frozen=True)
class Known:
    """What a rule may refer to, as questions: a misspelt name must not make a rule that never speaks."""

    organisation: Callable[[str], bool]
    group: Callable[[str], bool]
    client: Callable[[str], bool]


def known_now() -> Known:
    """Return what exists now, for a rule to refer to."""
    return Known(
        organisation=lambda name: store.organisation_at(name) is not None,
        group=lambda name: store.group_of_any(name) is not None,
        client=lambda client_id: clients.client(client_id) is not None,
    )


def touches(row: StoredRule, organisation: Organisation) -> bool:
    """Check if a rule can apply to anybody in an organisation."""
    return (
        (not row.countries or organisation.country in row.countries)
        and (not row.integrations or bool(set(row.integrations) & set(organisation.integrations)))
        and (not row.organisations or organisation.store_url in row.organisations)
    )


def readable(organisation: Organisation, origin: Origin) -> list[DatedRule]:
    """Return the rules that the caller may read: all for operators, those about their organisation for administrators."""
    rows = dated_rules.dated_rules()
    if permissions.runs_installation(origin):
        return [rule_of(row) for row in rows]
    about = [row for row in rows if touches(row, organisation)]
    named = clients.some({client_id for row in about for client_id in row.clients})
    own = {
        "organisations": {organisation.store_url},
        "groups": {group.name for group in store.groups(organisation.id)},
        "clients": {client.client_id for client in named if client.serves(organisation.id)},
    }
    return [rule for row in about if (rule := _narrowed(row, own)) is not None]


def readable_here(organisation: Organisation, origin: Origin) -> list[DatedRule]:
    """Return the rules that the caller may read of those that judge people of an organisation: also its own."""
    return [*readable(organisation, origin), *organisation_rules.rules_of(organisation.id)]


def _narrowed(row: StoredRule, own: Mapping[str, Collection[str]]) -> DatedRule | None:
    """Return a rule without the organisations, groups and apps that are not ``own``; None if it is about those alone."""
    rule = rule_of(row)
    kept: dict[str, Any] = {name: tuple(one for one in getattr(rule, name) if one in known) for name, known in own.items()}
    is_about_others = any(getattr(rule, name) and not kept[name] for name in own)
    return None if is_about_others else replace(rule, **kept)


def rule_of(row: StoredRule) -> DatedRule:
    """Return a stored rule as ``policy.rules_for`` takes it."""
    conditions: dict[str, Any] = {name: tuple(getattr(row, name)) for name in CONDITIONS}
    return DatedRule(row.name, row.starts, row.require, row.ends, **conditions)


def draft(settings: Settings, values: Values, known: Known) -> DatedRule:
    """Build a rule that is not stored, to see the people it would affect. Raises ``Invalid``."""
    return rule_of(_row(settings, values, known))


def create(settings: Settings, values: Values, known: Known, origin: Origin) -> StoredRule:
    """Create a rule, within the caller's transaction. Raises ``Invalid``."""
    permissions.require_operator(origin)
    row = _row(settings, values, known)
    if dated_rules.dated_rule_named(row.name) is not None:
        raise taken(row.name)
    sensitive_changes.require(None, _state(row))
    with refuse_duplicate("name", taken(row.name)):
        dated_rules.add_dated_rule(row)
    audit.record(origin, Event.POLICY_CHANGED, data={"policy": row.name})
    return row


def _row(settings: Settings, values: Values, known: Known) -> StoredRule:
    name = check_text("name", values.get("name"), 100)
    check_first_day(values.get("starts"))
    wanted = {"ends": None, "require": SECOND_FACTOR, **_none(), **_checked(settings, values, known)}
    require_order(wanted["starts"], wanted["ends"])
    return StoredRule(name=name, **wanted)


def _none() -> dict[str, list[str]]:
    return {name: [] for name in CONDITIONS}


def change(settings: Settings, row: StoredRule, values: Values, known: Known, origin: Origin) -> list[str]:
    """Change a rule; the keys that differed. Raises ``Invalid``. Within the caller's transaction."""
    permissions.require_operator(origin)
    changes = differing(row, _checked(settings, values, known))
    require_order(changes.get("starts", row.starts), changes.get("ends", row.ends))
    sensitive_changes.require(_state(row), _state(row, changes))
    if changes:
        dated_rules.change_dated_rule(row.name, **changes)
        audit.record(origin, Event.POLICY_CHANGED, data={"policy": row.name, "keys": sorted(changes)})
    return list(changes)


def remove(row: StoredRule, origin: Origin) -> None:
    """Delete a rule. Within the caller's transaction."""
    permissions.require_operator(origin)
    sensitive_changes.require(_state(row), None)
    dated_rules.delete_dated_rule(row.name)
    audit.record(origin, Event.POLICY_CHANGED, data={"policy": row.name, "removed": True})


def _state(row: StoredRule, changes: Values = MappingProxyType({})) -> RuleState:
    now = {name: getattr(row, name) for name in ("name", "require", "starts", "ends", *CONDITIONS)} | dict(changes)
    conditions = tuple(tuple(now.pop(name)) for name in CONDITIONS)
    return RuleState(**now, conditions=conditions)


def _checked(settings: Settings, values: Values, known: Known) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key in ("starts", "ends"):
        if key in values:
            never_ends = key == "ends" and values[key] is None
            found[key] = None if never_ends else check_day(key, values[key])
    if "require" in values:
        found["require"] = _check_require(settings, values["require"])
    for key in CONDITIONS:
        if key in values:
            found[key] = _check_condition(key, check_texts(key, values[key]), known)
    return found


def _check_require(settings: Settings, value: Any) -> str:
    allowed = (SECOND_FACTOR, *settings.acr.names)
    if value not in allowed:
        raise Invalid("require", say("This must be one of %(allowed)s.", allowed=", ".join(allowed)))
    return str(value)


def _check_condition(key: str, entries: list[str], known: Known) -> list[str]:
    tests: Mapping[str, tuple[Callable[[str], bool], Message | str]] = {
        "countries": (is_country, say("a code of two capital letters, for example NL")),
        "integrations": (lambda _: True, ""),
        "roles": (lambda entry: entry in ROLES, ", ".join(ROLES)),
        "groups": (known.group, say("the name of a group")),
        "organisations": (known.organisation, say("the store URL of an organisation")),
        "clients": (known.client, say("the ID of an app (client_id)")),
    }
    fits, allowed = tests[key]
    for wrong in _failing(entries, fits):
        raise Invalid(key, say("%(entry)s is not known. Expected: %(allowed)s.", entry=wrong, allowed=allowed))
    return entries


def _failing(entries: list[str], fits: Callable[[str], bool]) -> Iterator[str]:
    return (entry for entry in entries if not fits(entry))
