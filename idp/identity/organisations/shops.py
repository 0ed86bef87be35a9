"""Create, change and remove the shops of an organisation. The caller's transaction holds each change."""

from typing import Any

from idp import audit, crypto, normal_forms
from idp.audit import Event, Origin
from idp.checks import Values, check_text, differing
from idp.db import refuse_duplicate
from idp.errors import Conflict, Invalid, NotFound, say
from idp.identity import claim_forms, permissions, sensitive_changes
from idp.identity.sensitive_changes import ShopState
from idp.store import memberships, names, organisation_rules
from idp.store import organisations as store
from idp.store.organisations import Shop

NO_OTHER = say("Choose another shop: this one no longer exists.")


def create(organisation_id: str, values: Values, origin: Origin) -> Shop:
    """Create a shop of ``code`` and ``name``; raises ``Invalid``."""
    permissions.require_ruler(organisation_id, origin)
    code = check_code(values.get("code"))
    taken = Invalid("code", say("There is already a shop with the code %(code)s.", code=code))
    if store.shop_at(organisation_id, code) is not None:
        raise taken
    row = Shop(
        organisation_id=organisation_id,
        id=crypto.new_id(),
        code=code,
        name=check_text("name", values.get("name", code), 200),
    )
    sensitive_changes.require(None, ShopState(row.code, row.name))
    with refuse_duplicate("code", taken):
        names.add_shop(row)
    audit.record(origin, Event.SHOP_CHANGED, organisation_id=organisation_id, subject_id=row.id)
    return row


def change(row: Shop, values: Values, origin: Origin) -> list[str]:
    """Change a shop's ``name``; raises ``Invalid``."""
    permissions.require_ruler(row.organisation_id, origin)
    wanted = {"name": check_text("name", values["name"], 200)} if "name" in values else {}
    changes = differing(row, wanted)
    sensitive_changes.require(ShopState(row.code, row.name), ShopState(row.code, changes.get("name", row.name)))
    if changes:
        names.change_shop(row.organisation_id, row.id, **changes)
        audit.record(origin, Event.SHOP_CHANGED, organisation_id=row.organisation_id, subject_id=row.id)
    return list(changes)


def remove(row: Shop, origin: Origin, *, move_to: str = "") -> int:
    """Close a shop: its people are moved to the shop with the id ``move_to``, or lose it, and it is deleted.

    Returns how many people had it by name. Raises ``Invalid`` if the other shop is gone, ``NotFound`` if this one is,
    and ``Conflict`` if a dated rule of the organisation names it: the rule would lose its effect.
    """
    permissions.require_ruler(row.organisation_id, origin)
    store.lock_organisation(row.organisation_id)  # a policy that names the shop may be stored at this moment
    if policy := organisation_rules.naming(row.organisation_id, "shops", row.id):
        raise Conflict(say("The policy %(policy)s names this shop. Change or delete that policy first.", policy=policy))
    sensitive_changes.require(ShopState(row.code, row.name), None)
    there = {shop.id for shop in memberships.lock_shops(row.organisation_id, [one for one in (row.id, move_to) if one])}
    if row.id not in there:
        raise NotFound(detail="the shop was deleted")
    if move_to and (move_to not in there or move_to == row.id):
        raise Invalid("move_to", NO_OTHER)
    people = memberships.count_people(row.organisation_id, row.id)
    if move_to:
        memberships.add_people(row.organisation_id, row.id, move_to)
    store.delete_shop(row.organisation_id, row.id)
    data = {"removed": True, "name": row.name, "people": people, **({"moved_to": move_to} if move_to else {})}
    audit.record(origin, Event.SHOP_CHANGED, organisation_id=row.organisation_id, subject_id=row.id, data=data)
    return people


def check_code(value: Any) -> str:
    """Return the code of a shop as apps get it in the claim ``shops``; raises ``Invalid``."""
    code = normal_forms.one_line(value) if isinstance(value, str) else ""
    if not claim_forms.is_shop_code(code):
        raise Invalid("code", say("Use 1 to 63 letters (a–z), digits, hyphens, dots and underscores, without spaces."))
    return code
