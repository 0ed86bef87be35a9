"""Define the form of claims, so that apps may split, compare and store them (README, "What apps get"). Pure.

Shop codes: 1 to 63 of ``A-Za-z0-9._-``. Group names: one line of 1 to 100 visible characters without a comma, single blanks
inside. Both keep their case, and no two of an organisation differ in case alone. Roles and store URLs: lower-case ASCII.
"""

import re

from idp import normal_forms
from idp.checks import LONGEST_KEY

_SHOP_CODE = re.compile(r"[A-Za-z0-9._-]{1,63}")
LONGEST_GROUP_NAME = 100


def is_shop_code(text: str) -> bool:
    """Return whether a text may be a shop's code."""
    return _SHOP_CODE.fullmatch(text) is not None


def is_group_name(text: str) -> bool:
    """Return whether a text may be a group's name."""
    is_line = normal_forms.one_line(text) == text and normal_forms.is_plain(text)
    is_short = 0 < len(text) <= LONGEST_GROUP_NAME and len(normal_forms.compared(text)) <= LONGEST_KEY
    return is_line and is_short and "," not in text
