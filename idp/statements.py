"""Statements: built and compiled once, or built for one occasion; either way what they read are records.

A function in ``store`` that is decorated here returns a statement; calling it runs that::

    @asks_one                          # one row, or None
    @asks_every                        # all rows
    @changes                           # how many rows were touched
    @claims                            # whether exactly one row was: what may happen once
    @takes                             # the row as it is after the change (RETURNING), or None

The function runs once for each shape of a call, with placeholders as arguments: it may only put them into the statement. The
shape is which optional keywords (``*, user_id: str | None = None``) and which columns (``**changes``) are given. An optional
keyword that is not given is None within, so an ``if`` may ask for that, and for nothing else.

None is no argument: ``= NULL`` finds nothing, silently. Where None is a value to be stored, the annotation says so.
"""

from collections.abc import Callable, Sequence
from functools import wraps
from inspect import Parameter, signature
from types import NoneType, UnionType
from typing import Any, ParamSpec, TypeVar, TypeVarTuple, cast, get_args, overload

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    CursorResult,
    Delete,
    Insert,
    Select,
    Table,
    Update,
    bindparam,
    delete,
    select,
    tuple_,
)
from sqlalchemy.sql.dml import ReturningInsert, ReturningUpdate

from idp.db import Base, unit
from idp.prepared import MARK, Prepared, Statement, Whole, reader_of
from idp.unit_of_work import COUNT, ROWS, UnitOfWork

P = ParamSpec("P")
T = TypeVar("T")
Ts = TypeVarTuple("Ts")
_UNKNOWN = object()
Run = Callable[[UnitOfWork, Prepared, tuple[Any, ...]], Any]


class Asked:
    """A function that returns a statement, with what was compiled of it: for each database and shape of a call."""

    def __init__(self, build: Callable[..., Statement]) -> None:
        self.build, self.name = build, build.__qualname__
        self.plain: tuple[str, ...] = ()
        self.optional: tuple[str, ...] = ()
        self.takes_columns = False
        self._nullable: set[str] = set()
        self._whole: set[str] = set()
        self._prepared: dict[Any, Prepared] = {}
        for parameter in signature(build).parameters.values():
            self._sort(parameter)

    def _sort(self, parameter: Parameter) -> None:
        if parameter.kind is Parameter.VAR_KEYWORD:
            self.takes_columns = True
        elif parameter.kind is Parameter.KEYWORD_ONLY and parameter.default is None:
            self.optional += (parameter.name,)
        elif parameter.default is Parameter.empty and parameter.kind is not Parameter.VAR_POSITIONAL:
            self.plain += (parameter.name,)
            if isinstance(parameter.annotation, UnionType) and NoneType in get_args(parameter.annotation):
                self._nullable.add(parameter.name)
            if parameter.annotation is int:
                self._whole.add(parameter.name)
        else:
            raise TypeError(f"{self.name}: {parameter.name} may have no default but None, as a keyword")

    def prepared(self, current: UnitOfWork, given: tuple[str, ...]) -> Prepared:
        """Return the compiled statement for a call that gives these optional keywords and columns."""
        found = self._prepared.get((current.dialect.name, given))
        if found is None:
            names = (*self.plain, *given)
            arguments: dict[str, Any] = {**dict.fromkeys(self.optional), **{name: self._placeholder(name) for name in names}}
            nullable = self._nullable | (set(given) - set(self.optional))
            found = Prepared(self.build(**arguments), names, nullable, current.dialect)
            self._prepared[current.dialect.name, given] = found
        return found

    def _placeholder(self, name: str) -> BindParameter[Any]:
        return bindparam(name + MARK, type_=Whole() if name in self._whole else None)

    def values(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[str, ...], tuple[Any, ...]]:
        """Return the shape of a call, and its values in the order of the placeholders."""
        if not kwargs and len(args) == len(self.plain) and None not in args:
            return (), args
        held = {**dict(zip(self.plain, args, strict=False)), **kwargs}
        given = tuple(name for name in held if name not in self.plain)
        if self.optional:
            given = tuple(name for name in given if held[name] is not None or name not in self.optional)
        self._check(held, len(args) + len(kwargs) - len(held))
        return given, tuple([held[name] for name in (*self.plain, *given)])

    def _check(self, held: dict[str, Any], doubled: int) -> None:
        missing = [name for name in self.plain if name not in held]
        unknown = [] if self.takes_columns else [name for name in held if name not in (*self.plain, *self.optional)]
        if missing or unknown or doubled:
            raise TypeError(f"{self.name} takes {', '.join(self.plain)}; missing: {missing}, unknown: {unknown}")
        for name in self.plain:
            if held[name] is None and name not in self._nullable:
                raise TypeError(f"{self.name}: {name} is None, which finds nothing")


_asked_by: dict[Callable[..., Any], Asked] = {}
every_asked: list[Asked] = []
"""All decorated functions: tests compile them, and look at their plans."""


def _decorated(build: Callable[P, Any], execute: Run, *, keeps: bool = False) -> Callable[P, Any]:
    asked = Asked(build)
    every_asked.append(asked)

    @wraps(build)
    def call(*args: P.args, **kwargs: P.kwargs) -> Any:
        given, values = asked.values(args, kwargs)
        current = unit()
        prepared = asked.prepared(current, given)
        if not keeps or current.reads is None or current.is_writing or prepared.has_lists:
            return execute(current, prepared, values)
        question = (prepared, values)
        answer = current.reads.get(question, _UNKNOWN)
        if answer is _UNKNOWN:
            answer = current.reads[question] = execute(current, prepared, values)
        return answer

    _asked_by[call] = asked
    return call


def remembers() -> bool:
    """Check if results of reads are cached now."""
    current = unit()
    return current.reads is not None and not current.is_writing


def remember(read: Callable[P, T | None], answer: T | None, *args: P.args, **kwargs: P.kwargs) -> None:
    """Cache the result of a read that another statement included, as if the read had run."""
    asked, current = _asked_by[read], unit()
    given, values = asked.values(args, kwargs)
    if current.reads is not None:
        current.reads[asked.prepared(current, given), values] = answer


def _one(current: UnitOfWork, prepared: Prepared, values: tuple[Any, ...]) -> Any:
    rows = current.run(*prepared.bound(values), prepared.table, ROWS)
    if len(rows) > 1:
        raise LookupError("several rows where one at most was expected")
    return prepared.read(rows[0]) if rows else None


def _every(current: UnitOfWork, prepared: Prepared, values: tuple[Any, ...]) -> Any:
    return [*map(prepared.read, current.run(*prepared.bound(values), prepared.table, ROWS))]


def _changed(current: UnitOfWork, prepared: Prepared, values: tuple[Any, ...]) -> int:
    if not current.is_writing:
        raise RuntimeError("a write outside transaction()")
    return int(current.run(*prepared.bound(values), prepared.table, COUNT))


def _claimed(current: UnitOfWork, prepared: Prepared, values: tuple[Any, ...]) -> bool:
    return _changed(current, prepared, values) == 1


def _taken(current: UnitOfWork, prepared: Prepared, values: tuple[Any, ...]) -> Any:
    if not current.is_writing:
        raise RuntimeError("a write outside transaction()")
    return _one(current, prepared, values)


@overload
def asks_one(build: Callable[P, Select[T]]) -> Callable[P, T | None]: ...
@overload
def asks_one(build: Callable[P, Select[*Ts]]) -> Callable[P, tuple[*Ts] | None]: ...
def asks_one(build: Callable[P, Any]) -> Callable[P, Any]:
    """Make a function that reads the one row, or None. Raises ``LookupError`` where there are several."""
    return _decorated(build, _one, keeps=True)


@overload
def asks_every(build: Callable[P, Select[T]]) -> Callable[P, Sequence[T]]: ...
@overload
def asks_every(build: Callable[P, Select[*Ts]]) -> Callable[P, Sequence[tuple[*Ts]]]: ...
def asks_every(build: Callable[P, Any]) -> Callable[P, Any]:
    """Make a function that reads all rows."""
    return _decorated(build, _every, keeps=True)


def changes(build: Callable[P, Update | Delete | Insert]) -> Callable[P, int]:
    """Make a function that writes, and returns how many rows it touched."""
    return _decorated(build, _changed)


def claims(build: Callable[P, Update | Delete | Insert]) -> Callable[P, bool]:
    """Make a function that writes, and returns whether it touched one row: of two at the same moment one is told so."""
    return _decorated(build, _claimed)


def takes(build: Callable[P, ReturningUpdate[T] | ReturningInsert[T]]) -> Callable[P, T | None]:
    """Make a function that changes one row at most and returns it, as it then is; None where there was none."""
    return _decorated(build, _taken)


# Built for one occasion: what is chosen on a page of the console, sweeps. SQLAlchemy keeps what it compiled of them.


def one(statement: Select[T]) -> T | None:
    """Return the only row, or None. Raises ``LookupError`` where there are several."""
    found = every(statement)
    if len(found) > 1:
        raise LookupError("several rows where one at most was expected")
    return found[0] if found else None


def every(statement: Select[T]) -> list[T]:
    """Return all rows: records, or values of a single column."""
    columns = list(statement.selected_columns)
    entities = tuple(each["expr"] for each in statement.column_descriptions)
    read = reader_of(entities, columns, [None] * len(columns))  # SQLAlchemy has converted the values
    return [*map(read, unit().connection.execute(statement))]


def values(statement: Select[*tuple[Any, ...]]) -> list[Any]:
    """Return all rows as plain tuples."""
    return [tuple(row) for row in unit().connection.execute(statement)]


def write(statement: Update | Delete | Insert) -> int:
    """Run an INSERT, UPDATE or DELETE within the transaction; the number of rows it touched."""
    current = unit()
    if not current.is_writing:
        raise RuntimeError("a write outside transaction()")
    # An INSERT's count is forgotten unless asked for (-1 with psycopg); every claim on something unique rests on it.
    result = current.connection.execute(statement, execution_options={"preserve_rowcount": True})
    return cast("CursorResult[Any]", result).rowcount


def delete_some(table: type[Base], condition: ColumnElement[bool], most: int) -> int:
    """Delete at most ``most`` rows of which ``condition`` holds. Returns how many. Sweeps wait for no locked row."""
    return write(delete(table).where(some_of(table, condition, most)))


def some_of(table: type[Base], condition: ColumnElement[bool], most: int) -> ColumnElement[bool]:
    """Match at most ``most`` of the rows of which ``condition`` holds, without those that somebody has locked."""
    key = cast(Table, table.__table__).primary_key.columns
    return tuple_(*key).in_(select(*key).where(condition).limit(most).with_for_update(skip_locked=True))
