"""``[[organisations]]``, ``[[shops]]`` and ``[[groups]]``: provision them."""

from idp import normal_forms
from idp.cli.provision.document import Table
from idp.cli.provision.work import ORIGIN, Plan
from idp.identity.organisations import groups, organisations, shops
from idp.identity.users import lookup
from idp.store import organisations as store


def put_organisation(work: Plan, table: Table) -> None:
    """Create or change an organisation."""
    row = store.organisation_at(str(table.get("store_url")))
    work.put(
        table,
        row,
        lambda: organisations.create(table.values, ORIGIN),
        lambda row: organisations.change(row, table.values, ORIGIN),
    )


def put_owner(work: Plan, table: Table) -> None:
    """Set the owner, after all users with that role were created and before a former owner gets another role."""
    row = store.organisation_at(str(table.get("store_url")))
    if not table.has("owner") or row is None:
        return
    username = str(table.get("owner"))
    owner = lookup.find(row.id, username)
    if owner is None:
        _note_missing(work, table, username)
        return
    with work.at(table):
        if organisations.set_owner(row, owner, ORIGIN):
            work.lines.note_change(table.kind, table.name, ["owner"])


def _note_missing(work: Plan, table: Table, username: str) -> None:
    """Note why the owner is missing: not in the file, or with another role there. Other faults are noted at the user."""
    wanted = (table.get("store_url"), normal_forms.compared(username))
    roles = [
        user.get("role")
        for user in work.document.of("users")
        if (user.get("organisation"), normal_forms.compared(str(user.get("username")))) == wanted
    ]
    if not roles:
        work.document.fault(table, "owner", f"there is no user {username!r}; add [[users]] with this username")
    elif "owner" not in roles:
        work.document.fault(table, "owner", f'{username} must have the role "owner".')


def remove_organisation(work: Plan, table: Table) -> None:
    """Delete an organisation with everything in it."""
    row = store.organisation_at(str(table.get("store_url")))
    work.remove(table, row, lambda row: organisations.remove(row, ORIGIN))


def put_shop(work: Plan, table: Table) -> None:
    """Create or change a shop."""
    organisation = work.organisation_of(table)
    if organisation is not None:
        work.put(
            table,
            store.shop_at(organisation.id, str(table.get("code"))),
            lambda: shops.create(organisation.id, table.values, ORIGIN),
            lambda row: shops.change(row, table.values, ORIGIN),
        )


def remove_shop(work: Plan, table: Table) -> None:
    """Delete a shop."""
    organisation = store.organisation_at(str(table.get("organisation")))
    row = store.shop_at(organisation.id, str(table.get("code"))) if organisation else None
    work.remove(table, row, lambda row: shops.remove(row, ORIGIN))


def put_group(work: Plan, table: Table) -> None:
    """Create or change a group."""
    organisation = work.organisation_of(table)
    if organisation is not None:
        work.put(
            table,
            store.group_named(organisation.id, str(table.get("name"))),
            lambda: groups.create(organisation.id, table.values, ORIGIN),
            lambda row: groups.change(row, table.values, ORIGIN),
        )


def remove_group(work: Plan, table: Table) -> None:
    """Delete a group."""
    organisation = store.organisation_at(str(table.get("organisation")))
    row = store.group_named(organisation.id, str(table.get("name"))) if organisation else None
    work.remove(table, row, lambda row: groups.remove(row, ORIGIN))
