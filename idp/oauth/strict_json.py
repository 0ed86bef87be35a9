"""Read JSON that came from outside: no member twice, no half characters, no NUL, and only what RFC 8259 knows."""

import json
import math
import re
from typing import Any, NoReturn

LONGEST_ID = 256
NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


def read(text: str | bytes) -> Any:
    """Return the value. Raises ``ValueError`` for anything else."""
    plain = text if isinstance(text, str) else text.decode()
    try:
        value = json.loads(plain, object_pairs_hook=_each_once, parse_constant=_no_number, parse_float=_finite)
        if "\\u" in plain:
            require_text(value)
    except RecursionError as error:
        raise ValueError("too deep") from error
    return value


def is_number(value: Any) -> bool:
    """Check if a value is a JSON number, as every NumericDate is (RFC 7519 §2). In Python, booleans are numbers too."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_id(value: Any) -> bool:
    """Check if a value can be the id of a JWT (``jti``, RFC 7519 §4.1.7) that is used up."""
    return isinstance(value, str) and 0 < len(value) <= LONGEST_ID


def require_text(value: Any) -> None:
    """Refuse texts that no database and no digest can hold. Raises ``ValueError``.

    An escape can be half of a surrogate pair (RFC 8259 §8.2), which UTF-8 cannot write, or NUL, which PostgreSQL refuses.
    """
    text = json.dumps(value, ensure_ascii=False)
    text.encode()
    if NUL.search(text):
        raise ValueError("NUL")


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a member that is there twice: parsers differ in which of the two they take (RFC 8259 §4)."""
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a member is there twice")
    return dict(pairs)


def _finite(digits: str) -> float:
    """Refuse what only infinity can stand for, since no JSON can be written of that."""
    value = float(digits)
    if math.isinf(value):
        raise ValueError(f"{digits[:20]} is too large")
    return value


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
