"""``[[policies]]``: dated rules."""

from idp.cli.provision.document import Table
from idp.cli.provision.lines import CREATED, REMOVED, UNCHANGED
from idp.cli.provision.work import ORIGIN, Plan
from idp.identity.policy import dated_rules
from idp.identity.policy.dated_rules import known_now
from idp.store import dated_rules as store_dated_rules


def put_policy(work: Plan, table: Table) -> None:
    """Make or change one."""
    row = store_dated_rules.dated_rule_named(str(table.get("name")))
    with work.at(table):
        if row is None:
            dated_rules.create(work.settings, table.values, known_now(), ORIGIN)
            work.lines.note(table.kind, table.name, CREATED)
        else:
            changed = dated_rules.change(work.settings, row, table.values, known_now(), ORIGIN)
            work.lines.note_change(table.kind, table.name, changed)


def remove_policy(work: Plan, table: Table) -> None:
    """Delete one."""
    row = store_dated_rules.dated_rule_named(str(table.get("name")))
    if row is not None:
        dated_rules.remove(row, ORIGIN)
    work.lines.note(table.kind, table.name, REMOVED if row else UNCHANGED)
