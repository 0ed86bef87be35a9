"""Create, change and remove the groups of an organisation. The caller's transaction holds each change."""

from typing import Any

from idp import audit, crypto
from idp.audit import Event, Origin
from idp.checks import Values, check_key, check_truth, differing
from idp.db import refuse_duplicate
from idp.errors import Conflict, Invalid, say
from idp.identity import claim_forms, permissions, sensitive_changes
from idp.identity.sensitive_changes import GroupState
from idp.records import changed
from idp.store import dated_rules, names, organisation_rules
from idp.store import organisations as store
from idp.store.organisations import Group


def create(organisation_id: str, values: Values, origin: Origin) -> Group:
    """Create a group of ``name`` and ``requires_mfa`` (S3, S4); raises ``Invalid``."""
    permissions.require_ruler(organisation_id, origin)
    row = Group(
        organisation_id=organisation_id,
        id=crypto.new_id(),
        name=_free_name(organisation_id, values.get("name")),
        requires_mfa=check_truth("requires_mfa", values.get("requires_mfa", False)),
    )
    sensitive_changes.require(None, _group_state(row))
    with refuse_duplicate("name", _group_taken(row.name)):
        names.add_group(row)
    audit.record(origin, Event.GROUP_CHANGED, organisation_id=organisation_id, subject_id=row.id)
    return row


def change(row: Group, values: Values, origin: Origin) -> list[str]:
    """Change a group's ``name`` or whether it ``requires_mfa``; raises ``Invalid``, ``Conflict``."""
    permissions.require_ruler(row.organisation_id, origin)
    wanted: dict[str, Any] = {}
    if "requires_mfa" in values:
        wanted["requires_mfa"] = check_truth("requires_mfa", values["requires_mfa"])
    if "name" in values and values["name"] != row.name:
        wanted["name"] = _free_name(row.organisation_id, values["name"], row.id)
    changes = differing(row, wanted)
    if "name" in changes:
        _require_unnamed(row, origin)
    wanted_row = changed(row, **changes)
    sensitive_changes.require(_group_state(row), _group_state(wanted_row))
    if changes:
        with refuse_duplicate("name", _group_taken(wanted_row.name)):
            names.change_group(row.organisation_id, row.id, **changes)
        audit.record(
            origin,
            Event.GROUP_CHANGED,
            organisation_id=row.organisation_id,
            subject_id=row.id,
            data={"keys": [*changes]},
        )
    return list(changes)


def remove(row: Group, origin: Origin) -> None:
    """Delete a group; its members keep their second factors (S9). Raises ``Conflict``."""
    permissions.require_ruler(row.organisation_id, origin)
    store.lock_organisation(row.organisation_id)  # a policy that names the group may be stored at this moment
    _require_unnamed(row, origin)
    if policy := organisation_rules.naming(row.organisation_id, "groups", row.id):
        raise Conflict(say("The policy %(policy)s names this group. Change or delete that policy first.", policy=policy))
    sensitive_changes.require(_group_state(row), None)
    store.delete_group(row.organisation_id, row.id)
    data = {"removed": True, "name": row.name}
    audit.record(origin, Event.GROUP_CHANGED, organisation_id=row.organisation_id, subject_id=row.id, data=data)


def requires_factor(row: Group) -> bool:
    """Return whether a second factor depends on a group: by its own tick, or by a dated rule that names it."""
    if row.requires_mfa or organisation_rules.naming(row.organisation_id, "groups", row.id):
        return True
    return any(row.name in policy.groups for policy in dated_rules.dated_rules())


def _group_state(row: Group) -> GroupState:
    return GroupState(row.name, requires=requires_factor(row))


def _free_name(organisation_id: str, typed: Any, own_id: str = "") -> str:
    """Return a group's name as apps get it in the claim ``groups``; no two of an organisation differ in case alone."""
    name = check_key("name", typed, 100)
    if not claim_forms.is_group_name(name):
        raise Invalid("name", say("A group's name cannot contain a comma: apps read a comma as the end of a name."))
    named = store.group_named(organisation_id, name)
    if named is not None and named.id != own_id:
        raise _group_taken(name)
    return name


def _group_taken(name: str) -> Invalid:
    return Invalid("name", say("There is already a group with the name “%(name)s”.", name=name))


def _require_unnamed(row: Group, origin: Origin) -> None:
    """Raise ``Conflict`` if a dated rule names the group, unless an operator acts: the rule would lose its effect."""
    naming = next((policy.name for policy in dated_rules.dated_rules() if row.name in policy.groups), None)
    if naming is not None and not permissions.runs_installation(origin):
        words = say(
            "The policy %(policy)s names this group. Ask the installation administrator to change it.", policy=naming
        )
        raise Conflict(words, detail="a dated rule names the group")
