"""Create, change and remove organisations, within the caller's transaction, each change with its audit row.

``change`` writes only the values that differ and returns their names, so that the same change twice does nothing.
Not here: shops and groups (beside this), users (``accounts``), dated rules (``policy.dated_rules``).
"""

from typing import Any

from idp import audit, clock, crypto
from idp.audit import Event, Origin
from idp.checks import Values, check_country, check_text, check_texts, check_time_zone, differing
from idp.db import refuse_duplicate
from idp.errors import Conflict, Forbidden, Invalid, say
from idp.identity import email_links, permissions, sensitive_changes
from idp.identity.organisations.settings import normal_store_url, validate_settings
from idp.identity.owner import has_owner_role, make_owner
from idp.identity.sensitive_changes import OrganisationState
from idp.store import names, operators, removals
from idp.store import organisations as store
from idp.store.organisations import Organisation
from idp.store.users import User

RESERVED = ("administrators_connect_apps",)
"""Settings that only operators change: they let administrators do more."""


def create(values: Values, origin: Origin) -> Organisation:
    """Create an organisation of ``store_url``, ``name``, ``country``, ``time_zone``, ``integrations``, ``settings``.

    Raises ``Invalid``.
    """
    permissions.require_operator(origin)
    store_url = _check_store_url(str(values.get("store_url", "")))
    taken = Conflict(say("There is already an organisation with the store URL %(store_url)s.", store_url=store_url))
    if store.organisation_at(store_url) is not None:
        raise taken
    row = Organisation(
        id=crypto.new_id(),
        store_url=store_url,
        name=check_text("name", values.get("name", store_url), 200),
        country=check_country("country", values.get("country", "")),
        time_zone=check_time_zone("time_zone", values.get("time_zone", "")),
        integrations=check_texts("integrations", values.get("integrations", [])),
        settings=validate_settings(values.get("settings", {})),
        created_at=clock.now(),
    )
    sensitive_changes.require(None, OrganisationState({"store_url": store_url}))
    with refuse_duplicate("store_url", taken):
        names.add_organisation(row)
    audit.record(origin, Event.ORGANISATION_CREATED, organisation_id=row.id)
    return row


def change(row: Organisation, values: Values, origin: Origin) -> list[str]:
    """Change ``name``, ``country``, ``time_zone``, ``integrations`` or ``settings`` (joined to those there).

    Raises ``Invalid``, and ``Forbidden`` for country and integrations unless an operator acts: an administrator could leave
    a dated rule that way (S11). The time zone may be chosen: it moves the start of a dated rule by hours only.
    """
    permissions.require_ruler(row.id, origin)
    row = store.lock_organisation(row.id) or row  # concurrent changes must not join the same old settings
    wanted: dict[str, Any] = {}
    if "name" in values:
        wanted["name"] = check_text("name", values["name"], 200)
    if "country" in values:
        wanted["country"] = check_country("country", values["country"])
    if "time_zone" in values:
        wanted["time_zone"] = check_time_zone("time_zone", values["time_zone"])
    if "integrations" in values:
        wanted["integrations"] = check_texts("integrations", values["integrations"])
    if "settings" in values:
        wanted["settings"] = {**row.settings, **validate_settings(values["settings"])}
    _require_reserved(row, wanted.get("settings", row.settings), origin)
    changes = differing(row, wanted)
    if changes.keys() & {"country", "integrations"} and not permissions.runs_installation(origin):
        raise Forbidden(say("Only the installation administrator may change country and integrations."))
    present = {name: getattr(row, name) for name in changes}
    sensitive_changes.require(OrganisationState(present), OrganisationState(changes))
    if changes:
        names.change_organisation(row.id, **changes)
        audit.record(origin, Event.ORGANISATION_CHANGED, organisation_id=row.id, data={"keys": sorted(changes)})
    return list(changes)


def _require_reserved(row: Organisation, wanted: Values, origin: Origin) -> None:
    """Raise ``Forbidden`` if an administrator would change a setting that is for operators."""
    changed = {name for name in RESERVED if wanted.get(name, False) != row.settings.get(name, False)}
    if changed and not permissions.runs_installation(origin):
        raise Forbidden(say("Only the installation administrator may change this."))


def set_owner(row: Organisation, owner: User, origin: Origin) -> bool:
    """Make ``owner`` the organisation's owner. Returns False if that was so already. Raises ``Invalid``.

    An owner always has a verified address (S54): it gets the notices about users without one.
    """
    permissions.require_operator(origin)
    if not has_owner_role(owner):
        raise Invalid("owner", say('%(username)s must have the role "owner".', username=owner.username))
    if not owner.email or owner.email_verified_at is None:
        raise Invalid("owner", say("%(username)s needs a verified e-mail address.", username=owner.username))
    if owner.disabled_at is not None:
        raise Invalid("owner", say("%(username)s is disabled.", username=owner.username))
    if owner.valid_until is not None:
        raise Invalid("owner", say("The access of %(username)s has a last day. Remove it first.", username=owner.username))
    if row.owner_id == owner.id:
        return False
    sensitive_changes.require(OrganisationState({}, row.owner_id or ""), OrganisationState({}, owner.id))
    make_owner(row.id, owner.id)
    email_links.void_offers(row.id)
    audit.record(origin, Event.ORGANISATION_CHANGED, organisation_id=row.id, subject_id=owner.id, data={"keys": ["owner"]})
    return True


def remove(row: Organisation, origin: Origin) -> None:
    """Remove an organisation with its users. Its audit log stays, and ends with this event.

    It is closed at once. The worker deletes the rows in batches, because one statement for all would block other writers.
    """
    permissions.require_operator(origin)
    if row.kind != "retailer":
        raise Invalid("store_url", say("The organisation of the installation administrators cannot be removed."))
    sensitive_changes.require(OrganisationState({"store_url": row.store_url}), None)
    audit.record(origin, Event.ORGANISATION_CHANGED, organisation_id=row.id, data={"removed": True})
    removals.close_organisation(row.id, f"~{row.id}")  # no store URL begins so


def _check_store_url(typed: str) -> str:
    normal = normal_store_url(typed)
    if not normal or normal != typed:
        near = normal or "example-shoes"
        raise Invalid("store_url", say("Use small letters, digits and hyphens, for example %(near)s.", near=near))
    if normal == operators.STORE_URL:
        raise Invalid(
            "store_url", say("The organisation %(store_url)s is that of the installation administrators.", store_url=normal)
        )
    return normal
