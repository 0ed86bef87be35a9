"""On both engines, no statement of the store reads or sorts all of a table that grows."""

import re
import types
import typing
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import is_dataclass
from datetime import UTC, date, datetime
from importlib import import_module
from inspect import Parameter, isfunction, signature, unwrap
from itertools import product
from pkgutil import iter_modules
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Connection
from sqlalchemy.exc import CompileError, SQLAlchemyError

from idp import store
from idp.clock import now
from idp.crypto import Ring
from idp.db import Base, connection, db, transaction, unit
from idp.keyset import Place
from idp.records import columns_of
from idp.statements import every_asked
from idp.store import access, grant_sweeps, sealed, user_search
from idp.store.audit import Sought
from idp.store.user_reach import Match, Reached
from idp.store.user_search import PeopleSought
from tests.drivers.statements import counted
from tests.store.plan_reasons import ORDERED_IN_MEMORY, READS_ALL, READS_ORGANISATION, SMALL

NEWEST = {"ix_outbox_created", "ix_password_resets_created", "ix_users_stale", "ix_users_ending", "ix_organisations_removed"}
NEWEST |= {"ix_sessions_unnoted", "ix_logout_notices_due", "ix_logout_notices_troubled", "ix_polled_requests_ping"}
NEWEST |= {"ix_jobs_due"}
"""Indexes that are read from one end, up to a LIMIT, or that contain only the wanted rows."""
PARTIAL = {
    str(index.name)
    for table in Base.metadata.sorted_tables
    for index in table.indexes
    if index.dialect_options["postgresql"]["where"] is not None
}
"""Indexes of a few rows. PostgreSQL may prefer them in an empty table, even without their condition."""
NOT_STATEMENTS = {"shadows", "sealed", "database_clock", "restore"}
"""Modules whose functions copy tables, read whole columns, use no table, or run while no request is served."""
ONE_FOR_EACH = {"audit_heads", "logos"}  # at most one row for each organisation
OF_ORGANISATION = re.compile(r"SEARCH \w+ USING (COVERING )?INDEX \w+ \(organisation_id=\?\)$")
RING = Ring([("new", bytes(32)), ("old", bytes(32))])
BY_NAME = (
    "user_search.search",
    "user_reach.listed",
    "organisation_lists.shops",
    "organisation_lists.groups",
    "client_lists.listed",
)  # lists by name
SOME = Match(("x",), ("x",), ("x",), must_set_up=True)
REACHED = Reached(SOME, (SOME,))
CALLS: dict[str, list[dict[str, Any]]] = {
    "audit.rows_found": [
        {"sought": Sought(event="x")},
        {"sought": Sought(events=("x", "y"), user_id="x")},
        {"sought": Sought(client_id="x")},
        {"sought": Sought(address="x", since=datetime(2026, 1, 1, tzinfo=UTC))},
        {"sought": Sought(shop_id="x", since=datetime(2026, 1, 1, tzinfo=UTC))},
        {"sought": Sought(user_id="x", since=datetime(2026, 1, 1, tzinfo=UTC))},
        {"sought": Sought(since=datetime(2026, 1, 1, tzinfo=UTC), until=datetime(2026, 2, 1, tzinfo=UTC))},
        {"sought": Sought()},
    ],
    "outbox.mails_of": [{"state": state} for state in ("", "waiting", "sent", "failed")],
    "user_reach.count": [{"reached": [REACHED], "without_factor": without} for without in (False, True)],
    "user_reach.listed": [{"reached": [REACHED]}],
    "user_search.search": [
        {"sought": PeopleSought(*asked, order=order), "place": Place((date(2026, 1, 1), "x") if order else ("x",))}
        for *asked, order in product(("", "x y"), ("", "x"), ("", "x"), ("", "x"), ((), ("no_factor",)), ("", "seen"))
    ],
}
"""Further arguments of functions whose statement depends on them."""
MADE: dict[Any, Any] = {
    str: "x", bytes: b"x" * 32, int: 5, bool: True, float: 1.0, date: date(2026, 3, 1), Any: "x", dict: {}, Mapping: {},
    Place: Place((datetime(2026, 1, 1, tzinfo=UTC), "x")),
}  # fmt: skip
NOTHING_SET = re.compile(r" SET +WHERE ")  # the function sets the columns that its caller names, and there are none here
MANY = {list, tuple, set, frozenset, Collection, Sequence, Iterable}


def functions() -> Iterator[tuple[str, Callable[..., Any]]]:
    """Yield every public function of the store with its name, and the sweep's statements for each sealed column."""
    for found in iter_modules(store.__path__):
        if found.name in NOT_STATEMENTS:
            continue
        module = import_module(f"idp.store.{found.name}")
        for name, function in vars(module).items():
            if isfunction(function) and function.__module__ == module.__name__ and not name.startswith("_"):
                yield f"{found.name}.{name}", function
    yield from ((f"sealed.{column.bound_to}", _walk_of(column)) for column in sealed.COLUMNS)


def _walk_of(column: sealed.SealedColumn) -> Callable[[], None]:
    key = tuple(made(one.type.python_type) for one in column.column.class_.__table__.primary_key)

    def walk() -> None:
        column.span_end(key, 5)
        column.has_old(RING, key, key)
        column.reseal(RING, key, key)

    return walk


def direct(dialect: str) -> Iterator[tuple[str, str]]:
    """Yield each prepared statement that is no INSERT, in all the shapes that were used, and in the plainest one."""
    for asked in every_asked:
        module, returns = asked.build.__module__, signature(asked.build).return_annotation
        if not module.startswith("idp.store.") or "Insert" in str(returns):
            continue
        tables = [table for table in Base.registry.mappers if table.class_.__module__ == module]
        settable = [one.key for table in tables for one in table.columns if one.key not in asked.plain]
        with suppress(CompileError):  # the column is of another table of the module: then a call has prepared it
            asked.prepared(unit(), (settable[-1],) if asked.takes_columns else ())
        shapes = [one for (name, _), one in asked._prepared.items() if name == dialect]
        assert shapes, f"{asked.name} was never called"
        yield from ((f"{module.removeprefix('idp.store.')}.{asked.name}", one.text) for one in shapes if not one.has_lists)


def made(hint: Any) -> Any:
    """Return an invented value of a type."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if hint in (datetime, object):  # the type of a `Moment`
        return now()
    if origin in (typing.Union, types.UnionType):
        return made(next(one for one in inner if one is not type(None)))
    if origin in MANY:
        one = made(inner[0])
        return [one, one] if len(inner) < 2 or inner[1] is ... else tuple(made(each) for each in inner)
    if isinstance(hint, type) and issubclass(hint, Base):
        return hint(**{name: made(hint.__table__.c[key].type.python_type) for key, name in columns_of(hint).items()})
    if is_dataclass(hint) and hint not in MADE:
        return hint(**{name: made(one) for name, one in typing.get_type_hints(hint).items()})
    return MADE[origin or hint]


def calls(name: str, function: Callable[..., Any]) -> Iterator[dict[str, Any]]:
    """Yield arguments for calls: without those that have a default, with all of them, and as ``CALLS`` says."""
    hints = typing.get_type_hints(unwrap(function))
    parameters = signature(unwrap(function)).parameters.values()
    plain = [one for one in parameters if one.kind is not Parameter.VAR_KEYWORD]
    if parameters and not plain:
        return  # it inserts the columns that its caller names
    needed = [one.name for one in plain if one.default is Parameter.empty]
    for names in (needed, [one.name for one in plain]):
        whole = {one: Place(("x",)) if one == "place" and name in BY_NAME else made(hints[one]) for one in names}
        yield from ({**whole, **more} for more in CALLS.get(name, [{}]))


class Undone(Exception):
    """Rolls back a transaction."""


def call_and_undo(function: Callable[..., Any], arguments: dict[str, Any]) -> None:
    """Call a function within a transaction that is rolled back."""
    with transaction():
        try:
            result = function(**arguments)
            list(result) if isinstance(result, Iterator) else None
        except (LookupError, TypeError, AttributeError, SQLAlchemyError):
            pass  # the invented values match no row; the statements before the error count
        raise Undone


def statements_of(app: Flask, name: str, function: Callable[..., Any]) -> set[str]:
    """Return the statements of a function. Its changes are rolled back."""
    with counted(app) as seen:
        for arguments in calls(name, function):
            with suppress(Undone):
                call_and_undo(function, arguments)
    return {one for one in seen if re.match(r"(SELECT|UPDATE|DELETE|WITH)\b", one) and not NOTHING_SET.search(one)}


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


@pytest.mark.both_engines
@pytest.mark.parametrize("many", [1000, 0], ids=["few found", "many found"])
def test_no_statement_of_the_store_reads_a_whole_table(
    engine: str, app: Flask, many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Issue 9, growth: statements of sweeps, lists, throttles and requests find their rows by an index, in its order.

    It calls every public function and compiles every statement. A new one needs a plan, or a reason above.
    """
    monkeypatch.setattr(user_search, "MANY", many)
    faults: list[str] = []
    with app.app_context():
        asked = {(name, one) for name, function in functions() for one in statements_of(app, name, function)}
        asked |= {*direct(db.engine.dialect.name)}
        with db.engine.connect() as reading:
            read = sqlite_plan if engine == "sqlite" else postgresql_plan
            plans = [(name, one, read(reading, one)) for name, one in sorted(asked) if not NOTHING_SET.search(one)]
    for name, one, plan in plans:
        tables = scanned(plan) if name not in READS_ALL else set()
        is_sorted = sorts_much(plan) and name not in {**READS_ALL, **ORDERED_IN_MEMORY}
        is_wide = reads_organisation(plan) and name not in {**READS_ALL, **READS_ORGANISATION, **ORDERED_IN_MEMORY}
        faults += [f"{name}: {one}\n  " + "\n  ".join(plan)] if tables or is_sorted or is_wide else []
    assert len(plans) > 250
    assert not faults, "\n".join(faults)


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
