"""Read JSON that came from outside: no member twice, and only what RFC 8259 knows."""

import json
from typing import Any, NoReturn


def read(text: str | bytes) -> Any:
    """Return the value. Raises ``ValueError`` for anything else."""
    try:
        return json.loads(text, object_pairs_hook=_each_once, parse_constant=_no_number)
    except RecursionError as error:
        raise ValueError("too deep") from error


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a member that is there twice: parsers differ in which of the two they take (RFC 8259 §4)."""
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a member is there twice")
    return dict(pairs)


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
