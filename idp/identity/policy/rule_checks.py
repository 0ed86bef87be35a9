"""Check what every stored dated rule has, the installation's and an organisation's own: a free name, and its days."""

from datetime import date
from typing import Any

from idp.checks import NOT_A_DATE, is_day
from idp.errors import Invalid, say


def check_first_day(value: Any) -> date:
    """Return the first day of a rule. Raises ``Invalid``."""
    if not is_day(value):
        raise Invalid("starts", say("Enter a first day, for example 2021-04-30."))
    return value


def check_day(key: str, value: Any) -> date:
    """Return a day. Raises ``Invalid``."""
    if not is_day(value):
        raise Invalid(key, NOT_A_DATE)
    return value


def require_order(starts: date, ends: date | None) -> None:
    """Raise ``Invalid`` if the last day is before the first."""
    if ends is not None and ends < starts:
        raise Invalid("ends", say("The last day is before the first day."))


def taken(name: str) -> Invalid:
    """Return the refusal of a name that another rule has."""
    return Invalid("name", say("There is already a policy with the name “%(name)s”.", name=name))
