"""New rows. A row that is to be inserted is a record of its model, which has the defaults of its columns.

``add`` compiles one statement for each table. ``inserting`` and ``upserting`` return statements for functions that
``statements`` decorates: something unique is claimed by one statement, also when others claim it at that moment.
"""

from collections.abc import Callable
from typing import Any, cast

from sqlalchemy import ColumnElement, Insert, bindparam
from sqlalchemy.dialects import postgresql, sqlite

from idp.db import Base, unit
from idp.normal_forms import compared
from idp.prepared import MARK, Prepared
from idp.records import columns_of, completed, model_of
from idp.unit_of_work import COUNT

_inserts: dict[tuple[str, type[Base]], Prepared] = {}


def compared_of(column: str) -> Callable[[Any], str]:
    """Return the default of a column that holds the compared form of another one (``normal_forms``)."""
    return lambda row: compared(row.get_current_parameters()[column])


def add(*rows: Base) -> None:
    """Insert rows within the transaction."""
    current = unit()
    if not current.is_writing:
        raise RuntimeError("a write outside transaction()")
    for row in rows:
        table = cast("type[Base]", model_of(type(row)))
        prepared = _inserts.get((current.dialect.name, table))
        if prepared is None:
            names = tuple(columns_of(table).values())
            statement = _insert(table).values({name: bindparam(name + MARK) for name in names})
            prepared = _inserts[current.dialect.name, table] = Prepared(statement, names, (), current.dialect)
        current.run(*prepared.bound([getattr(row, name) for name in columns_of(table).values()]), prepared.table, COUNT)


def _insert(table: type[Base]) -> Any:
    return (postgresql if unit().dialect.name == "postgresql" else sqlite).insert(table)


def inserting(table: type[Base], **values: Any) -> Insert:
    """Return a statement that inserts a row unless its key is taken: the one-statement claim on something unique."""
    return cast(Insert, _insert(table).values(completed(table, values)).on_conflict_do_nothing())


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
    statement = _insert(table).values(completed(table, values))
    return cast(Insert, statement.on_conflict_do_update(index_elements=list(keys), set_=update, where=where))
