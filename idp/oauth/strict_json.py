"""Read JSON that came from outside: no member twice, no half characters, and only what RFC 8259 knows."""

import json
from typing import Any, NoReturn


def read(text: str | bytes) -> Any:
    """Return the value. Raises ``ValueError`` for anything else."""
    plain = text if isinstance(text, str) else text.decode()
    try:
        value = json.loads(plain, object_pairs_hook=_each_once, parse_constant=_no_number)
        if "\\u" in plain:
            # An escape can be half of a surrogate pair (RFC 8259 §8.2): neither UTF-8 nor a digest can be made of it.
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError as error:
        raise ValueError("too deep") from error
    return value


def is_number(value: Any) -> bool:
    """Check if a value is a JSON number, as every NumericDate is (RFC 7519 §2). In Python, booleans are numbers too."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a member that is there twice: parsers differ in which of the two they take (RFC 8259 §4)."""
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a member is there twice")
    return dict(pairs)


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
