"""New rows. A row that is to be inserted is an object of its model; its defaults are set when it is.

``add`` compiles one statement for each table. ``inserting`` and ``upserting`` return statements for functions that
``statements`` decorates: something unique is claimed by one statement, also when others claim it at that moment.
"""

from collections.abc import Mapping
from typing import Any, cast

from sqlalchemy import Column, ColumnElement, Insert, Table, bindparam
from sqlalchemy.dialects import postgresql, sqlite

from idp.db import Base, unit
from idp.prepared import MARK, Prepared
from idp.records import columns_of
from idp.unit_of_work import COUNT

_inserts: dict[tuple[str, type[Base]], Prepared] = {}


class _Given:
    """What a default that depends on other columns may read."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def get_current_parameters(self) -> Mapping[str, Any]:
        """Return the values of the other columns."""
        return self._values


def add(*rows: Base) -> None:
    """Insert rows within the transaction."""
    current = unit()
    if not current.is_writing:
        raise RuntimeError("a write outside transaction()")
    for row in rows:
        table = type(row)
        prepared = _inserts.get((current.dialect.name, table))
        if prepared is None:
            names = tuple(columns_of(table).values())
            statement = _insert(table).values({name: bindparam(name + MARK) for name in names})
            prepared = _inserts[current.dialect.name, table] = Prepared(statement, names, (), current.dialect)
        values = _completed(table, vars(row))
        for name, value in values.items():
            if value is not None and name not in vars(row):
                setattr(row, name, value)
        current.run(*prepared.bound([*values.values()]), prepared.table, COUNT)


def _completed(table: type[Base], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the value of each column, by the names of the model and in its order: what is given, or the default."""
    values: dict[str, Any] = {}
    columns = cast(Table, table.__table__).columns
    for column, name in columns_of(table).items():
        value = given.get(name)
        values[name] = value if value is not None else _default(columns[column], given)
    return values


def _default(column: Column[Any], given: Mapping[str, Any]) -> Any:
    default: Any = column.default
    if default is None:
        return None
    return default.arg(_Given(given)) if default.is_callable else default.arg


def _insert(table: type[Base]) -> Any:
    return (postgresql if unit().dialect.name == "postgresql" else sqlite).insert(table)


def inserting(table: type[Base], **values: Any) -> Insert:
    """Return a statement that inserts a row unless its key is taken: the one-statement claim on something unique."""
    return cast(Insert, _insert(table).values(_completed(table, values)).on_conflict_do_nothing())


def upserting(
    table: type[Base],
    keys: tuple[str, ...],
    values: dict[str, Any],
    update: dict[str, Any],
    *,
    where: ColumnElement[bool] | None = None,
) -> Insert:
    """Return a statement that inserts ``values``, or sets ``update`` on the row whose ``keys`` are the same.

    With ``where`` the row is left as it is unless that holds of it. One statement in every case.
    """
    statement = _insert(table).values(_completed(table, values))
    return cast(Insert, statement.on_conflict_do_update(index_elements=list(keys), set_=update, where=where))
