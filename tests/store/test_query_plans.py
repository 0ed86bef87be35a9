"""On both engines, no statement of the store reads or sorts all of a table that grows."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from idp.db import Base, connection, db, transaction
from idp.store import access, clients, grant_sweeps, organisation_lists, user_search
from tests.drivers.query_plans import PARTIAL, postgresql_plan, reads_organisation, scanned, sorts_much, sqlite_plan
from tests.drivers.store_functions import asked_by_store, statements_of
from tests.store.plan_reasons import ORDERED_IN_MEMORY, READS_ALL, READS_ORGANISATION


@pytest.mark.both_engines
@pytest.mark.parametrize(
    ("many", "wide"), [(1000, 1000), (0, 0), (0, 1000)], ids=["few found", "many found", "few found together"]
)
def test_no_statement_of_the_store_reads_a_whole_table(
    engine: str, app: Flask, many: int, wide: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """growth: statements of sweeps, lists, throttles and requests find their rows by an index, in its order.

    It calls every public function and compiles every statement. A new one needs a plan, or a reason above.
    """
    monkeypatch.setattr(user_search, "MANY", many)
    monkeypatch.setattr(organisation_lists, "MANY", many)
    monkeypatch.setattr(user_search, "WIDE", wide)
    faults: list[str] = []
    with app.app_context():
        asked = asked_by_store(app)
        with db.engine.connect() as reading:
            read = sqlite_plan if engine == "sqlite" else postgresql_plan
            plans = [(name, one, read(reading, one)) for name, one in asked]
    for name, one, plan in plans:
        tables = scanned(plan) if name not in READS_ALL else set()
        is_sorted = sorts_much(plan) and name not in {**READS_ALL, **ORDERED_IN_MEMORY}
        is_wide = reads_organisation(plan) and name not in {**READS_ALL, **READS_ORGANISATION, **ORDERED_IN_MEMORY}
        faults += [f"{name}: {one}\n  " + "\n  ".join(plan)] if tables or is_sorted or is_wide else []
    assert len(plans) > 250
    assert not faults, "\n".join(faults)


@pytest.mark.both_engines
def test_the_apps_of_other_organisations_are_not_read(engine: str, app: Flask) -> None:
    """Administrators connect apps, so that clients grow with organisations. Each reads its own and the operators'."""
    read = sqlite_plan if engine == "sqlite" else postgresql_plan
    with app.app_context(), db.engine.connect() as reading:
        plans = [read(reading, one) for one in statements_of(app, "", clients.serving)]
    assert plans
    assert all("ix_clients_managed" in " ".join(plan) for plan in plans), plans


@pytest.mark.parametrize(
    ("index", "function"),
    [("ix_grants_ends", grant_sweeps.sweep_grants), ("ix_users_role", access.active_with_roles)],
)
def test_the_check_finds_a_missing_index(app: Flask, index: str, function: Callable[..., Any]) -> None:
    """Without its index a statement reads a whole table, or all rows of an organisation."""
    with app.app_context():
        with transaction():
            connection().exec_driver_sql(f"DROP INDEX {index}")
        with db.engine.connect() as reading:
            plans = [sqlite_plan(reading, one) for one in statements_of(app, "", function)]
    assert any(scanned(plan) or sorts_much(plan) or reads_organisation(plan) for plan in plans)


def test_every_foreign_key_has_an_index() -> None:
    """A deleted row is looked up in every table that refers to it. Without an index that reads the whole table."""
    bare = []
    for table in Base.metadata.sorted_tables:
        whole = [one for one in table.indexes if str(one.name) not in PARTIAL]
        keys = [[column.name for column in table.primary_key.columns]]
        keys += [[column.name for column in index.columns] for index in whole]
        for reference in table.foreign_key_constraints:
            columns = set(reference.column_keys)
            if not any(set(key[: len(columns)]) == columns for key in keys):
                bare.append(f"{table.name} {sorted(columns)}")
    assert not bare
