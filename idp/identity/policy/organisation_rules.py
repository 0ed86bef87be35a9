"""Dated rules that administrators make for the people of their own organisation: create, change, end and remove them.

Each requires a second factor. It can only add to the rules of the installation (``dated_rules``), which nobody changes
here. Not here: which people a rule reaches (``policy_reach``).
"""

from collections.abc import Callable, Collection, Mapping
from datetime import date
from types import MappingProxyType
from typing import Any

from idp import audit, crypto
from idp.audit import Event, Origin
from idp.checks import Values, check_key, check_texts, differing
from idp.db import refuse_duplicate
from idp.errors import Conflict, Invalid, say, say_many
from idp.identity import permissions, sensitive_changes
from idp.identity.policy.rule_checks import check_day, check_first_day, require_order, taken
from idp.identity.policy.rules import SECOND_FACTOR, DatedRule
from idp.identity.roles import ROLES
from idp.identity.sensitive_changes import RuleState
from idp.normal_forms import compared
from idp.store import clients, names, organisation_lists, organisation_rules, organisations
from idp.store.organisation_rules import OrganisationRule
from idp.store.organisations import Organisation

CONDITIONS = ("roles", "groups", "shops", "clients")
MOST = 50
"""The most rules of one organisation: each sign-in judges by all of them."""


def rules_of(organisation_id: str) -> tuple[DatedRule, ...]:
    """Return an organisation's own rules as ``policy.rules_for`` takes them."""
    return tuple(rule_of(row) for row in organisation_rules.rules_of(organisation_id))


def rule_of(row: OrganisationRule) -> DatedRule:
    """Return a rule as ``policy.rules_for`` takes it."""
    return DatedRule(
        name=row.name,
        starts=row.starts,
        ends=row.ends,
        roles=tuple(row.roles),
        group_ids=tuple(row.groups),
        shop_ids=tuple(row.shops),
        clients=tuple(row.clients),
        organisation_id=row.organisation_id,
    )


def draft(organisation: Organisation, values: Values, row: OrganisationRule | None = None) -> OrganisationRule:
    """Return a rule as it would be stored, new or changed. Raises ``Invalid``."""
    wanted = _checked(organisation.id, values)
    name = check_key("name", values.get("name"), 100)
    named = {one.name_key: one.id for one in organisation_rules.rules_of(organisation.id)}
    if named.get(compared(name), row.id if row else "") != (row.id if row else ""):
        raise taken(name)
    require_order(wanted["starts"], wanted["ends"])
    rule_id = row.id if row else crypto.new_id()
    return OrganisationRule(organisation_id=organisation.id, id=rule_id, name=name, **wanted)


def create(organisation: Organisation, values: Values, origin: Origin) -> OrganisationRule:
    """Create a rule, within the caller's transaction. Raises ``Invalid``, and ``Conflict`` if there are ``MOST`` already."""
    permissions.require_ruler(organisation.id, origin)
    organisations.lock_organisation(organisation.id)
    row = draft(organisation, values)
    if len(organisation_rules.rules_of(organisation.id)) >= MOST:
        raise Conflict(say_many("There is %(num)s policy already.", "There are %(num)s policies already.", MOST))
    sensitive_changes.require(None, _state(row))
    with refuse_duplicate("name", taken(row.name)):
        organisation_rules.add_rule(row)
    names.change_organisation(organisation.id, has_rules=True)
    _record(row, origin)
    return row


def change(organisation: Organisation, row: OrganisationRule, values: Values, origin: Origin) -> list[str]:
    """Change a rule, within the caller's transaction. Returns the keys that differed. Raises ``Invalid``."""
    permissions.require_ruler(organisation.id, origin)
    organisations.lock_organisation(organisation.id)  # what the rule names may be deleted at this moment
    wanted = draft(organisation, values, row)
    columns = ("name", "starts", "ends", *CONDITIONS)
    changes = differing(row, {name: getattr(wanted, name) for name in columns})
    sensitive_changes.require(_state(row), _state(row, changes))
    if changes:
        with refuse_duplicate("name", taken(wanted.name)):
            organisation_rules.change_rule(row.organisation_id, row.id, **changes)
        _record(row, origin, keys=sorted(changes))
    return list(changes)


def end(row: OrganisationRule, today: date, origin: Origin) -> None:
    """Make today a rule's last day, within the caller's transaction. Raises ``Conflict`` if it is not in force."""
    permissions.require_ruler(row.organisation_id, origin)
    if not may_end(row, today):
        raise Conflict(say("This policy is not in force."))
    sensitive_changes.require(_state(row), _state(row, {"ends": today}))
    organisation_rules.change_rule(row.organisation_id, row.id, ends=today)
    _record(row, origin, keys=["ends"])


def may_end(row: OrganisationRule, today: date) -> bool:
    """Return whether a rule is in force and its last day is later than today."""
    return row.starts <= today and (row.ends is None or row.ends > today)


def remove(row: OrganisationRule, origin: Origin) -> None:
    """Delete a rule, within the caller's transaction."""
    permissions.require_ruler(row.organisation_id, origin)
    sensitive_changes.require(_state(row), None)
    organisations.lock_organisation(row.organisation_id)
    organisation_rules.delete_rule(row.organisation_id, row.id)
    if not organisation_rules.rules_of(row.organisation_id):
        names.change_organisation(row.organisation_id, has_rules=False)
    _record(row, origin, removed=True, name=row.name)


def _record(row: OrganisationRule, origin: Origin, **data: Any) -> None:
    audit.record(origin, Event.POLICY_CHANGED, organisation_id=row.organisation_id, subject_id=row.id, data=data)


def _state(row: OrganisationRule, changes: Values = MappingProxyType({})) -> RuleState:
    now = {name: getattr(row, name) for name in ("name", "starts", "ends", *CONDITIONS)} | dict(changes)
    conditions = tuple(tuple(now.pop(name)) for name in CONDITIONS)
    return RuleState(**now, require=SECOND_FACTOR, conditions=conditions)


def _checked(organisation_id: str, values: Values) -> dict[str, Any]:
    starts, ends = check_first_day(values.get("starts")), values.get("ends")
    if ends is not None:
        check_day("ends", ends)
    found = {key: check_texts(key, values.get(key, [])) for key in CONDITIONS}
    for key, known in _known(organisation_id).items():
        if found[key] and not set(found[key]) <= set(known(found[key])):
            raise Invalid(key, say("One of these is no longer there. Choose again."))
    return {"starts": starts, "ends": ends, **found}


def _known(organisation_id: str) -> Mapping[str, Callable[[list[str]], Collection[str]]]:
    """Return for each condition what of the entered values exists in this organisation."""
    return {
        "roles": lambda _: ROLES,
        "groups": lambda ids: {group.id for group in organisation_lists.groups_with(organisation_id, ids)},
        "shops": lambda ids: {shop.id for shop in organisation_lists.shops_with(organisation_id, ids)},
        "clients": lambda ids: {row.client_id for row in clients.some(ids) if row.serves(organisation_id)},
    }
