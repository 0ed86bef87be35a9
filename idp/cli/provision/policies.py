"""``[[policies]]``: dated rules."""

from idp.cli.provision.document import Table
from idp.cli.provision.lines import CREATED, REMOVED, UNCHANGED
from idp.cli.provision.work import ORIGIN, Work
from idp.identity import dated_rules
from idp.identity.dated_rules import known_now
from idp.store import organisations as store


def put_policy(work: Work, table: Table) -> None:
    """Make or change one."""
    row = store.policy_named(str(table.get("name")))
    with work.at(table):
        if row is None:
            dated_rules.create(work.settings, table.values, known_now(), ORIGIN)
            work.lines.note(table.kind, table.name, CREATED)
        else:
            changed = dated_rules.change(work.settings, row, table.values, known_now(), ORIGIN)
            work.lines.note_change(table.kind, table.name, changed)


def remove_policy(work: Work, table: Table) -> None:
    """Delete one."""
    row = store.policy_named(str(table.get("name")))
    if row is not None:
        dated_rules.remove(row, ORIGIN)
    work.lines.note(table.kind, table.name, REMOVED if row else UNCHANGED)
