"""On SQLite, statements use narrow indexes although the planner knows of one organisation with a million rows."""

import re

from flask import Flask
from sqlalchemy import Connection, text

from idp.db import Base, db
from tests.drivers.query_plans import NEWEST, PARTIAL, reads_organisation, scanned, sqlite_plan
from tests.drivers.store_functions import asked_by_store
from tests.store.plan_reasons import ORDERED_IN_MEMORY, READS_ALL, READS_ORGANISATION, SMALL

ROWS = 1_000_000
"""Rows of each table, all of one organisation."""
OF_ONE_PERSON = 10
"""Rows that the further columns of an index leave, where it is not unique."""
LATER = re.compile(
    r"^SEARCH (?!organisations)\w+ USING (COVERING )?INDEX (?!ix_\w+_unnoted)\w+ \((ANY\(\w+\) AND )?\w+_(at|until)>\?\)"
)
"""A search of all rows that end, or are due, after some moment: nearly all of them."""
FEW = {"shops", "groups", "organisations"}
"""Tables of which nobody has a million rows. The planner guesses about them, and about indexes that contain a few rows."""


def write_statistics(connection: Connection) -> None:
    """Write what ANALYZE would find in a database with one organisation that has a million rows of everything."""
    connection.execute(text("ANALYZE"))
    connection.execute(text("DELETE FROM sqlite_stat1"))
    for table in Base.metadata.sorted_tables:
        if "organisation_id" not in table.c or table.name in {*FEW, *SMALL}:
            continue
        listed = connection.exec_driver_sql(f"SELECT name, \"unique\" FROM pragma_index_list('{table.name}')").all()
        for index, unique in listed:
            columns = connection.exec_driver_sql(f"SELECT name FROM pragma_index_info('{index}')").scalars().all()
            wide = [ROWS] * (columns[0] == "organisation_id")
            each = [*wide, *[OF_ONE_PERSON] * (len(columns) - len(wide))]
            each[-1] = 1 if unique else each[-1]
            row = {"table": table.name, "index": index, "stat": " ".join(map(str, (ROWS, *each)))}
            if index not in NEWEST and (wide or index not in PARTIAL):
                connection.execute(text("INSERT INTO sqlite_stat1 VALUES (:table, :index, :stat)"), row)


def test_no_statement_reads_all_of_a_big_organisation(app: Flask) -> None:
    """A planner that knew one organisation with a million sessions read all of them each second, by the time they end."""
    with app.app_context():
        asked = asked_by_store(app)
        with db.engine.begin() as writing:
            write_statistics(writing)
        db.engine.dispose()  # a connection reads the statistics when it opens
        with db.engine.connect() as reading:
            plans = [(name, one, sqlite_plan(reading, one)) for name, one in asked]
    reasons = {**READS_ALL, **READS_ORGANISATION, **ORDERED_IN_MEMORY}
    faults = [f"{name}: {one}\n  {plan}" for name, one, plan in plans if name not in reasons and reads_much(plan)]
    assert not faults, "\n".join(faults)


def reads_much(plan: list[str]) -> bool:
    """Return whether a plan reads a whole table that grows, or all of its rows of one organisation."""
    many = [line for line in plan if line.split()[1] not in FEW]
    return bool(scanned(many)) or reads_organisation(many) or any(LATER.search(line) for line in many)
