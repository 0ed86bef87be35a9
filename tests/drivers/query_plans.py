"""Plans of statements, as both engines tell them: what they read as a whole, and what they sort."""

import re

from sqlalchemy import Connection

from idp.db import Base
from tests.store.plan_reasons import SMALL

NEWEST = {"ix_outbox_created", "ix_password_resets_created", "ix_users_stale", "ix_users_ending", "ix_organisations_removed"}
NEWEST |= {"ix_sessions_unnoted", "ix_logout_notices_due", "ix_logout_notices_troubled", "ix_polled_requests_ping"}
NEWEST |= {"ix_jobs_due", "ix_organisations_stale", "ix_shops_stale", "ix_groups_stale"}
"""Indexes that are read from one end, up to a LIMIT, or that contain only the wanted rows."""
PARTIAL = {
    str(index.name)
    for table in Base.metadata.sorted_tables
    for index in table.indexes
    if index.dialect_options["postgresql"]["where"] is not None
}
"""Indexes of a few rows. PostgreSQL may prefer them in an empty table, even without their condition."""
ONE_FOR_EACH = {"audit_heads", "logos"}  # at most one row for each organisation
OF_ORGANISATION = re.compile(r"SEARCH \w+ USING (COVERING )?INDEX \w+ \(organisation_id=\?\)$")


def sqlite_plan(connection: Connection, statement: str) -> list[str]:
    """Return the lines of SQLite's plan."""
    nothing = (None,) * statement.count("?")
    return [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", nothing)]


def postgresql_plan(connection: Connection, statement: str) -> list[str]:
    """Return the lines of PostgreSQL's plan for any values, where it avoids every sequential scan that it can avoid."""
    names: list[str] = []

    def number(found: re.Match[str]) -> str:
        names.append(found[0])
        return f"${len(names)}"

    numbered = re.sub(r"%\(\w+\)s", number, statement).replace("%%", "%")
    connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
    connection.exec_driver_sql("SET LOCAL plan_cache_mode = force_generic_plan")
    connection.exec_driver_sql(f"PREPARE asked AS {numbered}".replace("%", "%%"))
    nothing = f"({', '.join(['NULL'] * len(names))})" if names else ""
    plan = [row[0] for row in connection.exec_driver_sql(f"EXPLAIN EXECUTE asked{nothing}")]
    connection.exec_driver_sql("DEALLOCATE asked")
    return plan


def scanned(plan: list[str]) -> set[str]:
    """Return the growing tables that a plan reads as a whole, by an index or without."""
    lines = "\n".join(plan)
    found = re.findall(r"^SCAN (\w+)(?: USING (?:COVERING )?INDEX (\w+))?", lines, re.MULTILINE)
    found += [(table, "") for table in re.findall(r"Seq Scan on (\w+)", lines)]
    for index, table, first in re.findall(r"Scan (?:Backward )?using (\w+) on (\w+).*\n *([\w ]*)", lines + "\n"):
        found += [(table, index)] if first != "Index Cond" and index not in PARTIAL else []
    return {table for table, index in found if index not in NEWEST} & set(Base.metadata.tables) - SMALL.keys()


def sorts_much(plan: list[str]) -> bool:
    """Return whether a plan sorts all rows of an organisation (read on SQLite)."""
    lines = "\n".join(plan)
    is_wide = re.search(r"^SEARCH \w+ USING (COVERING )?INDEX \w+ \(organisation_id=\?\)", lines, re.MULTILINE)
    return "USE TEMP B-TREE FOR ORDER BY" in lines and is_wide is not None


def reads_organisation(plan: list[str]) -> bool:
    """Return whether a plan reads all rows of an organisation (read on SQLite: PostgreSQL sees an empty table)."""
    return any(OF_ORGANISATION.match(one) and not {*ONE_FOR_EACH, *NEWEST}.intersection(one.split()) for one in plan)
