"""Check single values of a form, a file or a command.

``is_*`` answers whether a value has a type or form. ``check_*`` returns the value as it is stored, and raises ``Invalid``
with the key and a remedy. Pure.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, TypeGuard

from idp import normal_forms, zones
from idp.errors import Invalid, say, say_many

Values = Mapping[str, Any]
NOT_A_DATE = say("This must be a date, for example 2021-04-30.")
MOST_TEXTS, LONGEST_TEXT, LONGEST_REASON = 200, 200, 200
LONGEST_KEY = 254
"""Characters of a compared form that columns hold. Some letters become up to eighteen when they are compared."""


def differing(row: object, wanted: Values) -> dict[str, Any]:
    """Return the wanted columns in which a row differs."""
    return {name: value for name, value in wanted.items() if getattr(row, name) != value}


def is_text(value: Any) -> bool:
    """Return whether a value is text."""
    return isinstance(value, str)


def is_texts(value: Any) -> bool:
    """Return whether a value is a list of texts."""
    return isinstance(value, list) and all(isinstance(entry, str) for entry in value)


def is_truth(value: Any) -> bool:
    """Return whether a value is true or false."""
    return isinstance(value, bool)


def is_whole(value: Any, least: int, most: int) -> bool:
    """Return whether a value is a whole number from ``least`` to ``most``."""
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def is_day(value: Any) -> TypeGuard[date]:
    """Return whether a value is a date without a time."""
    return isinstance(value, date) and not isinstance(value, datetime)


def is_country(value: Any) -> bool:
    """Return whether a value is a country's two letters (ISO 3166-1), such as NL."""
    return isinstance(value, str) and len(value) == 2 and value.isascii() and value.isalpha() and value.isupper()


def check_text(key: str, value: Any, most: int) -> str:
    """Return one line of text of 1 to ``most`` visible characters. Raises ``Invalid``."""
    wrong = say_many(
        "This must be one line of text of at most %(num)s character.",
        "This must be one line of text of at most %(num)s characters.",
        most,
    )
    return normal_forms.name(key, value, most, wrong)


def check_key(key: str, value: Any, most: int) -> str:
    """Return the same of a name whose compared form is stored too. Raises ``Invalid``."""
    text = check_text(key, value, most)
    if len(normal_forms.compared(text)) > LONGEST_KEY:
        raise Invalid(key, say("This name is too long: some of its letters count as several. Shorten it."))
    return text


def check_line(key: str, value: Any, most: int) -> str:
    """Return one line of at most ``most`` visible characters, empty for none. Raises ``Invalid``."""
    wrong = say_many("Use at most %(num)s printable character.", "Use at most %(num)s printable characters.", most)
    is_empty = isinstance(value, str) and len(value) <= most and not normal_forms.one_line(value)
    return "" if is_empty else normal_forms.name(key, value, most, wrong)


def check_reason(reason: str) -> dict[str, str]:
    """Return the reason of an act as data of its row in the audit log, empty for none. Raises ``Invalid``."""
    line = check_line("reason", reason, LONGEST_REASON)
    return {"reason": line} if line else {}


def check_texts(key: str, value: Any) -> list[str]:
    """Return a list of short texts, each once. Raises ``Invalid``."""
    if not isinstance(value, list | tuple) or len(value) > MOST_TEXTS:
        raise Invalid(key, say("This must be a list of at most 200 texts."))
    return list(dict.fromkeys(check_text(key, entry, LONGEST_TEXT) for entry in value))


def check_truth(key: str, value: Any) -> bool:
    """Return true or false. Raises ``Invalid``."""
    if not is_truth(value):
        raise Invalid(key, say("This must be true or false."))
    return bool(value)


def check_country(key: str, value: Any) -> str:
    """Return a country's two letters, empty for none. Raises ``Invalid``."""
    if value != "" and not is_country(value):
        raise Invalid(key, say("This must be a country code of two capital letters, for example NL."))
    return str(value)


def check_time_zone(key: str, value: Any) -> str:
    """Return the name of a time zone, empty for none. Raises ``Invalid``."""
    if value != "" and not zones.is_zone(value):
        raise Invalid(key, say("This must be the name of a time zone, for example Europe/Amsterdam."))
    return str(value)
