"""Find the groups and shops that a person is to have, and keep them until the transaction ends."""

from collections.abc import Collection, Mapping, Sequence

from idp.errors import Invalid, say
from idp.normal_forms import compared
from idp.store import memberships, organisations
from idp.store.organisations import Organisation

MISSING = {
    "groups": say("There is no group “%(name)s” in this organisation. Correct the name, or add the group first."),
    "shops": say("There is no shop “%(name)s” in this organisation. Correct it, or add the shop first."),
}
DELETED = say("A group or shop that you chose has just been deleted. Choose again.")


def group_ids(organisation: Organisation, names: Sequence[str]) -> list[str]:
    """Return the ids of groups by name; raises ``Invalid`` naming one that does not exist."""
    return _ids("groups", {group.name: group.id for group in organisations.groups_named(organisation.id, names)}, names)


def shop_ids(organisation: Organisation, codes: Sequence[str]) -> list[str]:
    """Return the ids of shops by code; raises ``Invalid`` naming one that does not exist."""
    return _ids("shops", {shop.code: shop.id for shop in organisations.shops_coded(organisation.id, codes)}, codes)


def _ids(key: str, known: Mapping[str, str], names: Sequence[str]) -> list[str]:
    by_key = {compared(name): row_id for name, row_id in known.items()}
    for name in names:
        if name not in known and compared(name) not in by_key:
            raise Invalid(key, MISSING[key].about(name=name))
    return [known.get(name) or by_key[compared(name)] for name in names]


def hold(organisation_id: str, groups: Collection[str], shops: Collection[str]) -> None:
    """Keep these groups and shops from being deleted until the transaction ends; raises ``Invalid`` if one is gone.

    Called before anybody is put into them, or taken out: who deletes one waits for its members.
    """
    if groups and set(memberships.hold_groups(organisation_id, groups)) != set(groups):
        raise Invalid("groups", DELETED)
    if shops and set(memberships.hold_shops(organisation_id, shops)) != set(shops):
        raise Invalid("shops", DELETED)
