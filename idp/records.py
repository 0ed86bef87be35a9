"""Define frozen records, which reads return and inserts take, instead of live rows.

A table is declared once, as a model. The record class of a model is made of it: a subclass with one slot for each column,
so that the methods of the model work on records, and the model is the type that callers name. SQLAlchemy knows nothing of
records (``__abstract__``): a record never changes, and nothing that is done to it reaches the database. A model that is
called makes a record too (``db.Base``), with the defaults of its columns.

What the driver gives as text (moments, JSON) is converted when it is first asked for: most of a row is never looked at.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, TypeVar, cast

from sqlalchemy import Column, inspect
from sqlalchemy.orm import DeclarativeBase, Mapper

Processor = Callable[[Any], Any]
Later = Mapping[str, tuple[int, Processor, Callable[[Any, Any], None]]]
"""By attribute: where the row has its value, what converts that, and what keeps the result in a record."""
R = TypeVar("R", bound=DeclarativeBase)
LATER, ROW = "_later", "_row"
"""The slots of a record that holds values to be converted."""


@cache
def columns_of(model: type[DeclarativeBase]) -> dict[str, str]:
    """Return the names of a table's columns, each with the name of the model's attribute for it."""
    mapper: Mapper[Any] = inspect(model)
    return {column.name: mapper.get_property_by_column(column).key for column in mapper.local_table.columns}


@cache
def record_class(model: type[DeclarativeBase]) -> type[Any]:
    """Return the record class of a model."""
    names = tuple(columns_of(model).values())
    key = tuple(inspect(model).get_property_by_column(column).key for column in inspect(model).primary_key)
    body = {
        "__abstract__": True,
        "__slots__": (*names, LATER, ROW),
        "__module__": model.__module__,
        "__doc__": model.__doc__,
        "__getattr__": _convert,
        "__setattr__": _refuse,
        "__delattr__": _refuse,
        "__eq__": lambda self, other: (
            self.__class__ is other.__class__ and all(getattr(self, name) == getattr(other, name) for name in names)
        ),
        "__hash__": lambda self: hash(tuple(getattr(self, name) for name in key)),
        "__repr__": lambda _: f"<record of {model.__name__}>",
    }
    made: type[Any] = type(model)(model.__name__, (model,), body)  # type: ignore[misc] # the metaclass of all models
    made.__init__ = _initializer(model, made)
    return made


class _Given:
    """The values that a default may read if it depends on other columns."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def get_current_parameters(self) -> Mapping[str, Any]:
        """Return the values of the other columns."""
        return self._values


Default = Callable[[Mapping[str, Any]], Any]


@cache
def _defaults_of(model: type[DeclarativeBase]) -> dict[str, Default | None]:
    """Return the default of each attribute of a model, in the order of its columns; None where there is none."""
    columns = inspect(model).local_table.columns
    return {name: _default(cast(Any, columns[column])) for column, name in columns_of(model).items()}


def _default(column: Column[Any]) -> Default | None:
    default: Any = column.default
    if default is None:
        return None
    if default.is_callable:
        return lambda given: default.arg(_Given(given))
    return lambda _: default.arg


def completed(model: type[DeclarativeBase], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the value of each column, by the names of the model and in its order: what is given, or the default."""
    values = {}
    for name, default in _defaults_of(model).items():
        value = given.get(name)
        values[name] = default(given) if value is None and default is not None else value
    return values


def _initializer(model: type[DeclarativeBase], record: type[Any]) -> Callable[..., None]:
    """Return the ``__init__`` of a record class, generated as its reader is. Omitted columns get their defaults."""
    names: dict[str, Any] = {}
    lines = [f"def initialize(self, *, {', '.join(f'{name}=None' for name in _defaults_of(model))}):"]
    lines += [" given = locals()"] if any(_defaults_of(model).values()) else []
    for at, (name, default) in enumerate(_defaults_of(model).items()):
        names[f"set_{at}"], names[f"default_{at}"] = record.__dict__[name].__set__, default
        value = name if default is None else f"default_{at}(given) if {name} is None else {name}"
        lines.append(f" set_{at}(self, {value})")
    names["keep_later"], names["later"] = record.__dict__[LATER].__set__, {}
    lines.append(" keep_later(self, later)")
    exec("\n".join(lines), names)  # noqa: S102 — made of the names of attributes alone
    made: Callable[..., None] = names["initialize"]
    return made


def _convert(record: Any, name: str) -> Any:
    """Convert a value of the row, which has not been asked for before (``__getattr__``)."""
    try:
        at, process, keep = record._later[name]
    except KeyError:
        raise AttributeError(f"{type(record).__name__} has no {name}") from None
    value = process(record._row[at])
    keep(record, value)
    return value


def _refuse(record: Any, name: str, *_: Any) -> None:
    raise AttributeError(f"{type(record).__name__} is a record: {name} is changed by a statement, not here")


def reader(model: type[DeclarativeBase], columns: Sequence[str], processors: Sequence[Processor | None]) -> Processor:
    """Return a function that makes a record of a row with these columns of the model's table.

    It is generated: one expression for each column, without a loop and without a test for each value.
    """
    record, attributes = record_class(model), columns_of(model)
    later: dict[str, Any] = {}
    names: dict[str, Any] = {"record": record, "new": object.__new__, "later": later}
    lines = ["def read(row):", " made = new(record)"]
    for at, (column, process) in enumerate(zip(columns, processors, strict=True)):
        keep = names[f"set_{at}"] = record.__dict__[attributes[column]].__set__
        if process is None:
            lines.append(f" set_{at}(made, row[{at}])")
        else:
            later[attributes[column]] = (at, process, keep)
    names["keep_later"], names["keep_row"] = (record.__dict__[name].__set__ for name in (LATER, ROW))
    lines += [" keep_later(made, later)", " keep_row(made, row)"]
    exec("\n".join([*lines, " return made"]), names)  # noqa: S102 — made of column numbers alone
    read: Processor = names["read"]
    return read


def changed(record: R, **changes: Any) -> R:
    """Return a copy of a record with some values replaced, as after a statement that set them."""
    made = object.__new__(type(record))
    type(record).__dict__[LATER].__set__(made, {})
    for name in columns_of(model_of(type(record))).values():
        type(record).__dict__[name].__set__(made, changes.pop(name) if name in changes else getattr(record, name))
    if changes:
        raise AttributeError(f"{type(record).__name__} has no {', '.join(changes)}")
    return made


@cache
def model_of(record: type[DeclarativeBase]) -> type[DeclarativeBase]:
    """Return the model of a record class."""
    return next(base for base in record.__mro__ if "__slots__" not in vars(base) and issubclass(base, DeclarativeBase))
