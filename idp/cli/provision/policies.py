"""``[[policies]]``: provision dated rules."""

from idp.cli.provision.document import Table
from idp.cli.provision.work import ORIGIN, Plan
from idp.identity.policy import dated_rules
from idp.identity.policy.dated_rules import known_now
from idp.store import dated_rules as store


def put_policy(work: Plan, table: Table) -> None:
    """Create or change a dated rule."""
    work.put(
        table,
        store.dated_rule_named(str(table.get("name"))),
        lambda: dated_rules.create(work.settings, table.values, known_now(), ORIGIN),
        lambda row: dated_rules.change(work.settings, row, table.values, known_now(), ORIGIN),
    )


def remove_policy(work: Plan, table: Table) -> None:
    """Delete a dated rule."""
    work.remove(table, store.dated_rule_named(str(table.get("name"))), lambda row: dated_rules.remove(row, ORIGIN))
