"""Define frozen records, which reads return and inserts take, instead of live rows.

A table is declared once, as a model. The record class of a model is made of it: a subclass with one slot for each column,
so that the methods of the model work on records, and the model is the type that callers name. SQLAlchemy knows nothing of
records (``__abstract__``): a record never changes, and nothing that is done to it reaches the database. A model that is
called makes a record too (``db.Base``), with the defaults of its columns.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, TypeVar, cast

from sqlalchemy import Column, inspect
from sqlalchemy.orm import DeclarativeBase, Mapper

Processor = Callable[[Any], Any]
R = TypeVar("R", bound=DeclarativeBase)


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
        "__slots__": names,
        "__module__": model.__module__,
        "__doc__": model.__doc__,
        "__init__": _initialize,
        "__setattr__": _refuse,
        "__delattr__": _refuse,
        "__eq__": lambda self, other: (
            self.__class__ is other.__class__ and all(getattr(self, name) == getattr(other, name) for name in names)
        ),
        "__hash__": lambda self: hash(tuple(getattr(self, name) for name in key)),
        "__repr__": lambda _: f"<record of {model.__name__}>",
    }
    made: type[Any] = type(model)(model.__name__, (model,), body)  # type: ignore[misc] # the metaclass of all models
    return made


class _Given:
    """The values that a default may read if it depends on other columns."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def get_current_parameters(self) -> Mapping[str, Any]:
        """Return the values of the other columns."""
        return self._values


@cache
def _defaults_of(model: type[DeclarativeBase]) -> tuple[tuple[str, Callable[[Mapping[str, Any]], Any]], ...]:
    """Return the attributes of a model in the order of its columns, each with its default."""
    columns = inspect(model).local_table.columns
    return tuple((name, _default(cast(Any, columns[column]))) for column, name in columns_of(model).items())


def _default(column: Column[Any]) -> Callable[[Mapping[str, Any]], Any]:
    default: Any = column.default
    if default is None:
        return lambda _: None
    if default.is_callable:
        return lambda given: default.arg(_Given(given))
    return lambda _: default.arg


def completed(model: type[DeclarativeBase], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the value of each column, by the names of the model and in its order: what is given, or the default."""
    values = {}
    for name, default in _defaults_of(model):
        value = given.get(name)
        values[name] = default(given) if value is None else value
    return values


def _initialize(record: Any, **given: Any) -> None:
    made: type[DeclarativeBase] = type(record)
    values = completed(model_of(made), given)
    for name, value in values.items():
        made.__dict__[name].__set__(record, value)
    if unknown := given.keys() - values.keys():
        raise TypeError(f"{made.__name__} has no {', '.join(sorted(unknown))}")


def _refuse(record: Any, name: str, *_: Any) -> None:
    raise AttributeError(f"{type(record).__name__} is a record: {name} is changed by a statement, not here")


def reader(model: type[DeclarativeBase], columns: Sequence[str], processors: Sequence[Processor | None]) -> Processor:
    """Return a function that makes a record of a row with these columns of the model's table.

    It is generated: one expression for each column, without a loop and without a test for each value.
    """
    record, attributes = record_class(model), columns_of(model)
    names: dict[str, Any] = {"record": record, "new": object.__new__}
    lines = ["def read(row):", " made = new(record)"]
    for at, (column, process) in enumerate(zip(columns, processors, strict=True)):
        names[f"set_{at}"], names[f"process_{at}"] = record.__dict__[attributes[column]].__set__, process
        value = f"row[{at}]" if process is None else f"process_{at}(row[{at}])"
        lines.append(f" set_{at}(made, {value})")
    exec("\n".join([*lines, " return made"]), names)  # noqa: S102 — made of column numbers alone
    read: Processor = names["read"]
    return read


def changed(record: R, **changes: Any) -> R:
    """Return a copy of a record with some values replaced, as after a statement that set them."""
    made = object.__new__(type(record))
    for name in columns_of(model_of(type(record))).values():
        type(record).__dict__[name].__set__(made, changes.pop(name) if name in changes else getattr(record, name))
    if changes:
        raise AttributeError(f"{type(record).__name__} has no {', '.join(changes)}")
    return made


@cache
def model_of(record: type[DeclarativeBase]) -> type[DeclarativeBase]:
    """Return the model of a record class."""
    return next(base for base in record.__mro__ if "__slots__" not in vars(base) and issubclass(base, DeclarativeBase))
