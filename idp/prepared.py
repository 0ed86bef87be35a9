"""A statement that is compiled once for a database: its SQL, a function that binds arguments, one that reads rows.

Both functions are generated from what SQLAlchemy's compiler says of parameters and columns, with its own converters of
types. A run is then one call of the driver: nothing is built, looked up or copied for it.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, cast

from sqlalchemy import BinaryExpression, BindParameter, ColumnElement, Delete, Dialect, Insert, Select, Table, Update
from sqlalchemy.sql import operators, visitors
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import NullType

from idp.records import Processor, columns_of, reader

Statement = Select[*tuple[Any, ...]] | Update | Delete | Insert
MARK = "_given"
"""Ends the names of parameters that stand for arguments: no column is called so."""


class Whole(NullType):
    """The type of an argument that is an integer, until a column that it meets gives it another; LIMIT gives none."""

    cache_ok = True


class Prepared:
    """A statement compiled for ``dialect``. ``names``: of the arguments, in the order in which values are given to it.

    ``has_lists``: an argument is a list for IN. ``read`` makes what is found out of a row of the driver: a record for a
    table, a value for a column, a tuple for several.
    """

    __slots__ = ("_bind", "_compiled", "has_lists", "read", "table", "text")

    def __init__(self, statement: Statement, names: Sequence[str], nullable: Collection[str], dialect: Dialect) -> None:
        _refuse_null_comparisons(statement, {name + MARK for name in nullable})
        self._compiled = statement.compile(dialect=dialect)
        self._bind, self.has_lists = _binder(self._compiled, names, dialect)
        self.text = str(self._compiled)
        self.table = table_of(statement)
        self.read = _row_reader(statement, dialect)
        if not self.has_lists and self._compiled.post_compile_params:
            state = self._compiled.construct_expanded_state(self._compiled.params)
            self.text = state.statement
            self._bind = _constant_lists(self._bind, state.parameters, state.positiontup)

    def bound(self, values: Sequence[Any]) -> tuple[str, Any]:
        """Return the SQL and its parameters, as the driver takes them."""
        if not self.has_lists:
            return self.text, self._bind(values)
        state = self._compiled.construct_expanded_state(self._bind(values))
        return state.statement, state.positional_parameters if state.positiontup is not None else state.parameters


def table_of(statement: Any) -> str:
    """Return the table that a statement is about: the first, where it reads several."""
    if isinstance(statement, Select):
        froms = statement.get_final_froms()
        found: Any = froms[0] if froms else None
        while found is not None and not isinstance(found, Table):
            found = getattr(found, "left", None)
        return str(found.name) if found is not None else ""
    return str(cast(Any, statement).table.name) if isinstance(statement, Update | Delete | Insert) else ""


def _refuse_null_comparisons(statement: Statement, nullable: Collection[str]) -> None:
    """Raise ``TypeError`` where an argument that may be None is compared by ``=``: that finds nothing, silently."""
    for node in visitors.iterate(statement) if nullable else ():
        if isinstance(node, BinaryExpression) and node.operator in (operators.eq, operators.ne):
            sides = [side.key for side in (node.left, node.right) if isinstance(side, BindParameter)]
            if wrong := nullable & set(sides) if isinstance(nullable, set) else ():
                raise TypeError(f"{', '.join(wrong).replace(MARK, '')} may be None: compare by is_not_distinct_from")


def _binder(compiled: SQLCompiler, names: Sequence[str], dialect: Dialect) -> tuple[Callable[[Sequence[Any]], Any], bool]:
    """Return a function from the arguments to the driver's parameters, and whether an argument is a list for IN."""
    scope: dict[str, Any] = {}
    parts: dict[str, str] = {}
    places = {name + MARK: at for at, name in enumerate(names)}
    has_lists = False
    for number, (parameter, rendered) in enumerate(compiled.bind_names.items()):
        process = parameter.type.dialect_impl(dialect).bind_processor(dialect)
        at = places.get(parameter.key)
        scope[f"p_{number}"] = process
        if at is None:
            if parameter.required:
                raise TypeError(f"no value for {parameter.key}: columns need values or plain defaults")
            value = parameter.effective_value
            scope[f"c_{number}"] = value if process is None or parameter.expanding else process(value)
            parts[rendered] = f"c_{number}"
            continue
        if isinstance(parameter.type, NullType) and not isinstance(parameter.type, Whole):
            raise TypeError(f"{names[at]} has no type: compare it with a column or type_coerce it")
        if parameter.expanding:
            has_lists = True
            parts[rendered] = f"list(a[{at}])" if process is None else f"[p_{number}(one) for one in a[{at}]]"
        else:
            parts[rendered] = f"a[{at}]" if process is None else f"p_{number}(a[{at}])"
    if compiled.positiontup is not None and not has_lists and not compiled.post_compile_params:
        made = f"({' '.join(parts[name] + ',' for name in compiled.positiontup)})"
    else:
        made = f"{{{', '.join(f'{name!r}: {part}' for name, part in parts.items())}}}"
    return eval(f"lambda a: {made}", scope), has_lists  # noqa: S307 — made of parameter names alone


def _constant_lists(
    bind: Callable[[Sequence[Any]], Any], expanded: Mapping[str, Any], order: Sequence[str] | None
) -> Callable[[Sequence[Any]], Any]:
    """Add the members of lists that the statement itself contains to what ``bind`` gives."""
    if order is None:
        return lambda values: {**expanded, **bind(values)}
    names = tuple(order)

    def bind_in_order(values: Sequence[Any]) -> tuple[Any, ...]:
        given = bind(values)
        return tuple(given[name] if name in given else expanded[name] for name in names)

    return bind_in_order


def processors_of(columns: Sequence[ColumnElement[Any]], dialect: Dialect) -> list[Processor | None]:
    """Return what makes Python's values of the driver's, for each column."""
    return [column.type.dialect_impl(dialect).result_processor(dialect, None) for column in columns]


def _row_reader(statement: Any, dialect: Dialect) -> Processor:
    columns: list[Any] = []
    if isinstance(statement, Select):
        columns = list(statement.selected_columns)
        entities = [one["expr"] for one in statement.column_descriptions]
    else:
        columns = list(statement.exported_columns)
        model = statement.entity_description.get("entity")
        entities = [model] if model is not None and len(columns) == len(columns_of(model)) else columns
    return reader_of(entities, columns, processors_of(columns, dialect)) if columns else _read_nothing


def _read_nothing(_: Any) -> Any:
    raise LookupError("a statement without columns gives no rows")


def reader_of(entities: Sequence[Any], columns: Sequence[Any], processors: Sequence[Processor | None]) -> Processor:
    """Return a function from a row to a record or a value for each entity: alone, or as a tuple where there are several."""
    parts: list[str] = []
    scope: dict[str, Any] = {}
    at = 0
    for entity in entities:
        count = len(columns_of(entity)) if isinstance(entity, type) else 1
        end = at + count
        if isinstance(entity, type):
            scope[f"read_{at}"] = reader(entity, [column.name for column in columns[at:end]], processors[at:end])
            keys = [place for place in range(at, end) if columns[place].primary_key]
            slice_ = f"row[{at}:{end}]" if len(entities) > 1 else "row"
            made = f"read_{at}({slice_})"
            # the row of an outer join that found nothing: its key is null
            parts.append(made if at == 0 else f"({made} if row[{keys[0]}] is not None else None)")
        else:
            scope[f"p_{at}"] = processors[at]
            parts.append(f"row[{at}]" if processors[at] is None else f"p_{at}(row[{at}])")
        at = end
    made = parts[0] if len(parts) == 1 else f"({', '.join(parts)})"
    return cast(Processor, eval(f"lambda row: {made}", scope))  # noqa: S307 — made of column numbers alone
