"""The statements of the store: calls every public function with invented values, and notes what it asks the database."""

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

from flask import Flask
from sqlalchemy.exc import CompileError, SQLAlchemyError

from idp import store
from idp.clock import now
from idp.crypto import Ring
from idp.db import Base, db, transaction, unit
from idp.keyset import Found, Place
from idp.records import columns_of
from idp.statements import every_asked
from idp.store import sealed
from idp.store.audit import Sought
from idp.store.organisation_lists import GROUP_ORDERS, ORGANISATION_ORDERS, SHOP_ORDERS, NameSought, Orders
from idp.store.user_reach import Match, Reached
from idp.store.user_search import PeopleSought
from tests.drivers.statements import counted

NOT_STATEMENTS = {"shadows", "sealed", "database_clock", "restore"}
"""Modules whose functions copy tables, read whole columns, use no table, or run while no request is served."""
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


def named(orders: Orders, *requires: bool | None) -> list[dict[str, Any]]:
    """Return searches of a list of names, in each of its orders."""
    return [{"sought": NameSought(typed, order, one)} for typed in ("", "x y") for order in orders for one in requires]


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
    "organisation_lists.find_shops": named(SHOP_ORDERS, None),
    "organisation_lists.find_groups": named(GROUP_ORDERS, None, True),
    "organisation_lists.find_organisations": named(ORGANISATION_ORDERS, None),
    "organisation_lists.place_of_shop": [{"order": ""}],
    "organisation_lists.place_of_group": [{"order": ""}],
    "organisation_lists.place_of_organisation": [{"order": ""}],
    "outbox.mails_of": [{"state": state} for state in ("", "waiting", "sent", "failed")],
    "user_reach.count": [{"reached": [REACHED], "without_factor": without} for without in (False, True)],
    "user_reach.listed": [{"reached": [REACHED]}],
    "user_search.find": [
        {"sought": PeopleSought(*asked, order=order)}
        for *asked, order in product(("", "x y"), ("", "x"), ("", "x"), ("", "x"), ((), ("no_factor",)), ("", "seen"))
    ],
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


def asked_by_store(app: Flask) -> list[tuple[str, str]]:
    """Return every statement of the store, by the name of its function, in order. An application context is needed."""
    asked = {(name, one) for name, function in functions() for one in statements_of(app, name, function)}
    return sorted(one for one in asked | {*direct(db.engine.dialect.name)} if not NOTHING_SET.search(one[1]))


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
            if isinstance(result, Found):
                result.count()
                result.page(Place(tuple(made(one.type.python_type) for one in result.order.columns)), 5)
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
