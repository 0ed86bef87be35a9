"""``[[organisations]]``, ``[[shops]]`` and ``[[groups]]``."""

from idp import normal_forms
from idp.cli.provision.document import Table
from idp.cli.provision.lines import CREATED, REMOVED, UNCHANGED
from idp.cli.provision.work import ORIGIN, Plan
from idp.identity.organisations import groups, organisations, shops
from idp.identity.users import lookup
from idp.store import organisations as store


def put_organisation(work: Plan, table: Table) -> None:
    """Make or change one."""
    row = store.organisation_at(str(table.get("store_url")))
    with work.at(table):
        if row is None:
            organisations.create(table.values, ORIGIN)
            work.lines.note(table.kind, table.name, CREATED)
        else:
            work.lines.note_change(table.kind, table.name, organisations.change(row, table.values, ORIGIN))


def put_owner(work: Plan, table: Table) -> None:
    """Set the owner, once everybody with that role is there, and before a former one steps down."""
    row = store.organisation_at(str(table.get("store_url")))
    if not table.has("owner") or row is None:
        return
    username = str(table.get("owner"))
    owner = lookup.find(row.id, username)
    if owner is None:
        _say_why_not(work, table, username)
        return
    with work.at(table):
        if organisations.set_owner(row, owner, ORIGIN):
            work.lines.note_change(table.kind, table.name, ["owner"])


def _say_why_not(work: Plan, table: Table, username: str) -> None:
    """The owner is not there: not in the file either, or there with another role. Else the fault is told at the user."""
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
    """Delete one with all that is in it."""
    row = store.organisation_at(str(table.get("store_url")))
    if row is None:
        work.lines.note(table.kind, table.name, UNCHANGED)
        return
    with work.at(table):
        organisations.remove(row, ORIGIN)
        work.lines.note(table.kind, table.name, REMOVED)


def put_shop(work: Plan, table: Table) -> None:
    """Make or change one."""
    organisation = work.organisation_of(table)
    if organisation is None:
        return
    row = store.shop_at(organisation.id, str(table.get("code")))
    with work.at(table):
        if row is None:
            shops.create(organisation.id, table.values, ORIGIN)
            work.lines.note(table.kind, table.name, CREATED)
        else:
            work.lines.note_change(table.kind, table.name, shops.change(row, table.values, ORIGIN))


def remove_shop(work: Plan, table: Table) -> None:
    """Delete one."""
    organisation = store.organisation_at(str(table.get("organisation")))
    row = store.shop_at(organisation.id, str(table.get("code"))) if organisation else None
    if row is not None:
        shops.remove(row, ORIGIN)
    work.lines.note(table.kind, table.name, REMOVED if row else UNCHANGED)


def put_group(work: Plan, table: Table) -> None:
    """Make or change one."""
    organisation = work.organisation_of(table)
    if organisation is None:
        return
    row = store.group_named(organisation.id, str(table.get("name")))
    with work.at(table):
        if row is None:
            groups.create(organisation.id, table.values, ORIGIN)
            work.lines.note(table.kind, table.name, CREATED)
        else:
            work.lines.note_change(table.kind, table.name, groups.change(row, table.values, ORIGIN))


def remove_group(work: Plan, table: Table) -> None:
    """Delete one."""
    organisation = store.organisation_at(str(table.get("organisation")))
    row = store.group_named(organisation.id, str(table.get("name"))) if organisation else None
    if row is not None:
        groups.remove(row, ORIGIN)
    work.lines.note(table.kind, table.name, REMOVED if row else UNCHANGED)
