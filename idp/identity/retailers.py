"""Organisations, their shops and groups: made, changed and removed, each with its rule and its audit row.

Every ``change_…`` writes only what differs and returns the names of those keys, so that saying the same twice changes
nothing. All are called within the caller's transaction and ask ``authority`` who may. Users are in ``people``, dated rules
in ``dated_rules``.
"""

from collections.abc import Mapping
from typing import Any

from idp import audit, clock, crypto, normal_forms
from idp.audit import Event, Origin
from idp.db import refuse_duplicate
from idp.errors import Conflict, Forbidden, Invalid, say, say_many
from idp.identity import authority, claim_forms, details, links, sensitive_changes
from idp.identity.organisations import normal_store_url, validate_settings
from idp.identity.sensitive_changes import GroupState, OrganisationState, ShopState
from idp.store import operators
from idp.store import organisations as store
from idp.store.organisations import Group, Organisation, Shop
from idp.store.users import User

Values = Mapping[str, Any]


def create(values: Values, origin: Origin) -> Organisation:
    """Create an organisation of ``store_url``, ``name``, ``country``, ``time_zone``, ``integrations``, ``settings``.

    Raises ``Invalid``.
    """
    authority.require_operator(origin)
    store_url = _check_store_url(str(values.get("store_url", "")))
    taken = Conflict(say("There is an organisation %(store_url)s already.", store_url=store_url))
    if store.organisation_at(store_url) is not None:
        raise taken
    row = Organisation(
        id=crypto.new_id(),
        store_url=store_url,
        name=check_text("name", values.get("name", store_url), 200),
        country=_check_country(values.get("country", "")),
        time_zone=details.checked_time_zone(values.get("time_zone", "")),
        integrations=check_texts("integrations", values.get("integrations", [])),
        settings=validate_settings(values.get("settings", {})),
        created_at=clock.now(),
    )
    sensitive_changes.require(None, OrganisationState({"store_url": store_url}))
    with refuse_duplicate("store_url", taken):
        store.add_organisation(row)
    audit.record_by(origin, Event.ORGANISATION_CREATED, organisation_id=row.id)
    return row


def change(row: Organisation, values: Values, origin: Origin) -> list[str]:
    """Change ``name``, ``country``, ``time_zone``, ``integrations`` or ``settings`` (joined to those there).

    Raises ``Invalid``. The time zone is the organisation's own choice: it moves the start of a dated rule by hours.

    Country and integrations are the operators': an administrator could else step out of a dated rule (S11).
    """
    authority.require_ruler(row.id, origin)
    row = store.lock_organisation(row.id) or row  # two at once must not each join theirs to the same old settings
    wanted: dict[str, Any] = {}
    if "name" in values:
        wanted["name"] = check_text("name", values["name"], 200)
    if "country" in values:
        wanted["country"] = _check_country(values["country"])
    if "time_zone" in values:
        wanted["time_zone"] = details.checked_time_zone(values["time_zone"])
    if "integrations" in values:
        wanted["integrations"] = check_texts("integrations", values["integrations"])
    if "settings" in values:
        wanted["settings"] = {**row.settings, **validate_settings(values["settings"])}
    changes = differing(row, wanted)
    if changes.keys() & {"country", "integrations"} and not authority.runs_installation(origin):
        raise Forbidden(say("Only the installation administrator may change country and integrations."))
    present = {name: getattr(row, name) for name in changes}
    sensitive_changes.require(OrganisationState(present), OrganisationState(changes))
    if changes:
        store.change_organisation(row.id, **changes)
        audit.record_by(origin, Event.ORGANISATION_CHANGED, organisation_id=row.id, data={"keys": sorted(changes)})
    return list(changes)


def set_owner(row: Organisation, owner: User, origin: Origin) -> bool:
    """Make ``owner`` the organisation's owner; whether they were not. Raises ``Invalid``.

    An owner always has a verified address (S54): notices about people without one go there.
    """
    authority.require_operator(origin)
    if owner.role != "owner":
        raise Invalid("owner", say('%(username)s must have the role "owner".', username=owner.username))
    if not owner.email or owner.email_verified_at is None:
        raise Invalid("owner", say("%(username)s needs a verified e-mail address.", username=owner.username))
    if owner.disabled_at is not None:
        raise Invalid("owner", say("%(username)s is disabled.", username=owner.username))
    if row.owner_id == owner.id:
        return False
    sensitive_changes.require(OrganisationState({}, row.owner_id or ""), OrganisationState({}, owner.id))
    store.change_organisation(row.id, owner_id=owner.id)
    links.void_offers(row.id)
    audit.record_by(
        origin, Event.ORGANISATION_CHANGED, organisation_id=row.id, subject_id=owner.id, data={"keys": ["owner"]}
    )
    return True


def remove(row: Organisation, origin: Origin) -> None:
    """Delete an organisation with its people. Its audit trail stays, and ends with this."""
    authority.require_operator(origin)
    if row.kind != "retailer":
        raise Invalid("store_url", say("The operators' own organisation cannot be removed."))
    sensitive_changes.require(OrganisationState({"store_url": row.store_url}), None)
    audit.record_by(origin, Event.ORGANISATION_CHANGED, organisation_id=row.id, data={"removed": True})
    store.delete_organisation(row.id)


def create_shop(organisation_id: str, values: Values, origin: Origin) -> Shop:
    """A new shop of ``code`` and ``name``; raises ``Invalid``."""
    authority.require_ruler(organisation_id, origin)
    code = check_code(values.get("code"))
    taken = Invalid("code", say("There is a shop %(code)s already.", code=code))
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
        store.add_shop(row)
    audit.record_by(origin, Event.SHOP_CHANGED, organisation_id=organisation_id, subject_id=row.id)
    return row


def change_shop(row: Shop, values: Values, origin: Origin) -> list[str]:
    """Change a shop's ``name``; raises ``Invalid``."""
    authority.require_ruler(row.organisation_id, origin)
    wanted = {"name": check_text("name", values["name"], 200)} if "name" in values else {}
    changes = differing(row, wanted)
    sensitive_changes.require(ShopState(row.code, row.name), ShopState(row.code, changes.get("name", row.name)))
    if changes:
        store.change_shop(row.organisation_id, row.id, **changes)
        audit.record_by(origin, Event.SHOP_CHANGED, organisation_id=row.organisation_id, subject_id=row.id)
    return list(changes)


def remove_shop(row: Shop, origin: Origin) -> None:
    """Delete a shop."""
    authority.require_ruler(row.organisation_id, origin)
    sensitive_changes.require(ShopState(row.code, row.name), None)
    store.delete_shop(row.organisation_id, row.id)
    audit.record_by(
        origin, Event.SHOP_CHANGED, organisation_id=row.organisation_id, subject_id=row.id, data={"removed": True}
    )


def create_group(organisation_id: str, values: Values, origin: Origin) -> Group:
    """A new group of ``name`` and ``requires_mfa`` (S3, S4); raises ``Invalid``."""
    authority.require_ruler(organisation_id, origin)
    row = Group(
        organisation_id=organisation_id,
        id=crypto.new_id(),
        name=_free_name(organisation_id, values.get("name")),
        requires_mfa=check_truth("requires_mfa", values.get("requires_mfa", False)),
    )
    sensitive_changes.require(None, _group_state(row.name, requires_mfa=row.requires_mfa))
    with refuse_duplicate("name", _group_taken(row.name)):
        store.add_group(row)
    audit.record_by(origin, Event.GROUP_CHANGED, organisation_id=organisation_id, subject_id=row.id)
    return row


def change_group(row: Group, values: Values, origin: Origin) -> list[str]:
    """Change a group's ``name`` or whether it ``requires_mfa``; raises ``Invalid``, ``Conflict``."""
    authority.require_ruler(row.organisation_id, origin)
    wanted: dict[str, Any] = {}
    if "requires_mfa" in values:
        wanted["requires_mfa"] = check_truth("requires_mfa", values["requires_mfa"])
    if "name" in values and values["name"] != row.name:
        wanted["name"] = _free_name(row.organisation_id, values["name"], row.id)
    changes = differing(row, wanted)
    if "name" in changes:
        _require_unnamed(row, origin)
    new_name, new_requires = wanted.get("name", row.name), wanted.get("requires_mfa", row.requires_mfa)
    present = _group_state(row.name, requires_mfa=row.requires_mfa)
    sensitive_changes.require(present, _group_state(new_name, requires_mfa=new_requires))
    if changes:
        with refuse_duplicate("name", _group_taken(new_name)):
            store.change_group(row.organisation_id, row.id, **changes)
        audit.record_by(
            origin,
            Event.GROUP_CHANGED,
            organisation_id=row.organisation_id,
            subject_id=row.id,
            data={"keys": [*changes]},
        )
    return list(changes)


def remove_group(row: Group, origin: Origin) -> None:
    """Delete a group; its members keep their second factors (S9). Raises ``Conflict``."""
    authority.require_ruler(row.organisation_id, origin)
    _require_unnamed(row, origin)
    sensitive_changes.require(_group_state(row.name, requires_mfa=row.requires_mfa), None)
    store.delete_group(row.organisation_id, row.id)
    audit.record_by(
        origin, Event.GROUP_CHANGED, organisation_id=row.organisation_id, subject_id=row.id, data={"removed": True}
    )


def requires_factor(name: str, *, requires_mfa: bool) -> bool:
    """Return whether a second factor depends on a group: by its own tick, or by a dated rule that names it."""
    return requires_mfa or any(name in policy.groups for policy in store.policies())


def _group_state(name: str, *, requires_mfa: bool) -> GroupState:
    return GroupState(name, requires=requires_factor(name, requires_mfa=requires_mfa))


def _free_name(organisation_id: str, typed: Any, own_id: str = "") -> str:
    """A group's name as apps get it in the claim ``groups``, unlike all others here whatever their case."""
    name = check_text("name", typed, 100)
    if not claim_forms.is_group_name(name):
        raise Invalid("name", say("A group's name has no comma: apps take one for the end of a name."))
    named = store.group_named(organisation_id, name)
    if named is not None and named.id != own_id:
        raise _group_taken(name)
    return name


def _group_taken(name: str) -> Invalid:
    return Invalid("name", say("There is a group %(name)s already.", name=name))


def _require_unnamed(row: Group, origin: Origin) -> None:
    """A dated rule that names a group falls silent with it: only who made the rule may do that."""
    naming = next((policy.name for policy in store.policies() if row.name in policy.groups), None)
    if naming is not None and not authority.runs_installation(origin):
        words = say("The policy %(policy)s names this group. Ask the installation administrator.", policy=naming)
        raise Conflict(words, detail="a dated rule names the group")


def differing(row: object, wanted: Values) -> dict[str, Any]:
    """Of the wanted columns, those that a row has otherwise."""
    return {name: value for name, value in wanted.items() if getattr(row, name) != value}


def check_text(key: str, value: Any, most: int) -> str:
    """One line of text of 1 to ``most`` visible characters; raises ``Invalid``."""
    wrong = say_many(
        "This must be one line of text of at most %(num)s character.",
        "This must be one line of text of at most %(num)s characters.",
        most,
    )
    return normal_forms.name(key, value, most, wrong)


def check_code(value: Any) -> str:
    """The code of a shop as apps get it in the claim ``shops``; raises ``Invalid``."""
    code = normal_forms.one_line(value) if isinstance(value, str) else ""
    if not claim_forms.is_shop_code(code):
        raise Invalid("code", say("Use 1 to 63 letters (a–z), digits, hyphens, dots and underscores, without spaces."))
    return code


def check_texts(key: str, value: Any) -> list[str]:
    """A list of short texts, each once; raises ``Invalid``."""
    if not isinstance(value, list | tuple) or len(value) > 200:
        raise Invalid(key, say("This must be a list of at most 200 texts."))
    return list(dict.fromkeys(check_text(key, entry, 200) for entry in value))


def check_truth(key: str, value: Any) -> bool:
    """True or false; raises ``Invalid``."""
    if not isinstance(value, bool):
        raise Invalid(key, say("This must be true or false."))
    return value


def is_country(value: Any) -> bool:
    """Whether this is a country's two letters (ISO 3166-1), as NL."""
    return isinstance(value, str) and len(value) == 2 and value.isascii() and value.isalpha() and value.isupper()


def _check_country(value: Any) -> str:
    if value != "" and not is_country(value):
        raise Invalid("country", say("This must be a country's two capitals, for example NL."))
    return str(value)


def _check_store_url(typed: str) -> str:
    normal = normal_store_url(typed)
    if not normal or normal != typed:
        near = normal or "example-shoes"
        raise Invalid("store_url", say("This must be small letters, digits and hyphens, as %(near)s.", near=near))
    if normal == operators.STORE_URL:
        raise Invalid("store_url", say("%(store_url)s is the operators' own.", store_url=normal))
    return normal
