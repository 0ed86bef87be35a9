"""Reads that many requests make: the statement is built once, and a request can remember the answers.

Reads by ``asks_one`` and ``asks_every`` are fresh, in a command and in the worker always. The web opens a cache for each
request (``open_cache``): a question that was asked is then answered from memory, so that all of a page is of one moment.
"""

from collections.abc import Callable, Sequence
from functools import wraps
from inspect import Parameter, signature
from typing import Any, ParamSpec, TypeVar, cast

from sqlalchemy import ScalarResult, Select, bindparam

from idp.db import READS, session

P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R")


def open_cache() -> None:
    """Remember the answers until ``close_cache``. ``transaction()`` and ``release()`` forget them."""
    session().info[READS] = {}


def close_cache() -> None:
    """Forget the answers, and remember none."""
    session().info.pop(READS, None)


def asks_one(build: Callable[P, Select[T]]) -> Callable[P, T | None]:
    """Turn ``build`` into a function that reads one row or None.

    ``build`` runs once, when it is decorated, with a placeholder for each parameter. It may only put them into the
    statement: an ``if`` on one, or a default, is an error at the import. None as an argument is an error too, as
    ``= NULL`` finds nothing.
    """
    return _asking(build, lambda found: found.one_or_none())


def asks_every(build: Callable[P, Select[T]]) -> Callable[P, Sequence[T]]:
    """Turn ``build`` into a function that reads all rows. See ``asks_one``."""
    return _asking(build, lambda found: found.all())


def _asking(build: Callable[P, Select[T]], take: Callable[[ScalarResult[T]], R]) -> Callable[P, R]:
    parameters = signature(build).parameters
    if any(one.default is not Parameter.empty or one.kind is not one.POSITIONAL_OR_KEYWORD for one in parameters.values()):
        raise TypeError(f"{build.__name__}: a read that is built once takes plain parameters without defaults")
    statement = cast(Any, build)(**{name: bindparam(name) for name in parameters})

    @wraps(build)
    def ask(*args: P.args, **kwargs: P.kwargs) -> R:
        bound = _bound(build.__name__, tuple(parameters), args, kwargs)
        info, question = session().info, (build, *bound.values())
        kept = info.get(READS, {}) if not info.get("in_transaction") else {}
        if question not in kept:
            kept[question] = take(session().scalars(statement, bound, execution_options={"populate_existing": True}))
        return cast(R, kept[question])

    return ask


def _bound(name: str, names: tuple[str, ...], args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments by name, in the order of the parameters."""
    given = {**dict(zip(names, args, strict=False)), **kwargs}
    bound = {parameter: given.get(parameter) for parameter in names}
    missing = [parameter for parameter, value in bound.items() if value is None]
    if missing or len(args) + len(kwargs) != len(names):
        raise TypeError(f"{name} takes one value for each of {', '.join(names)}; None is no value ({', '.join(missing)})")
    return bound
