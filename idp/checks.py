"""Check single values of a form, a file or a command. Each raises ``Invalid`` with the key and a remedy. Pure."""

from collections.abc import Mapping
from typing import Any

from idp import normal_forms
from idp.errors import Invalid, say, say_many

Values = Mapping[str, Any]
NOT_A_DATE = say("This must be a date, for example 2021-04-30.")


def differing(row: object, wanted: Values) -> dict[str, Any]:
    """Return the wanted columns in which a row differs."""
    return {name: value for name, value in wanted.items() if getattr(row, name) != value}


def check_text(key: str, value: Any, most: int) -> str:
    """Return one line of text of 1 to ``most`` visible characters. Raises ``Invalid``."""
    wrong = say_many(
        "This must be one line of text of at most %(num)s character.",
        "This must be one line of text of at most %(num)s characters.",
        most,
    )
    return normal_forms.name(key, value, most, wrong)


def check_texts(key: str, value: Any) -> list[str]:
    """Return a list of short texts without duplicates. Raises ``Invalid``."""
    if not isinstance(value, list | tuple) or len(value) > 200:
        raise Invalid(key, say("This must be a list of at most 200 texts."))
    return list(dict.fromkeys(check_text(key, entry, 200) for entry in value))


def check_truth(key: str, value: Any) -> bool:
    """Return True or False. Raises ``Invalid``."""
    if not isinstance(value, bool):
        raise Invalid(key, say("This must be true or false."))
    return value


def is_country(value: Any) -> bool:
    """Check if ``text`` is a country's two letters (ISO 3166-1), such as NL."""
    return isinstance(value, str) and len(value) == 2 and value.isascii() and value.isalpha() and value.isupper()
