"""Check the types of authorization details (RFC 9396) that an API registers: what an app may ask a person to allow once.

``{"refund": {"fields": {"amount": "amount", "receipt": "text"}, "words": "Refund {amount} euro for receipt {receipt}"}}``.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from idp import normal_forms
from idp.errors import Invalid, say
from idp.languages import LANGUAGES

NAME = re.compile(r"[!#-\[\]-~]{1,100}")
FIELD = re.compile(r"[a-z_][a-z0-9_]{0,40}")
PLACE = re.compile(r"\{([^{}]*)\}")
AMOUNT = re.compile(r"(0|[1-9][0-9]{0,8})(\.[0-9]{1,2})?")
COMMON = frozenset(("type", "locations", "actions", "datatypes", "identifier", "privileges"))
"""RFC 9396 §2.2: names with a meaning of their own. No field of a type has one."""
MOST = 20
LONGEST = 200


def _is_text(value: Any) -> bool:
    return (
        isinstance(value, str)
        and 0 < len(value) <= LONGEST
        and normal_forms.one_line(value) == value
        and normal_forms.is_plain(value)
    )


KINDS: Mapping[str, Callable[[Any], bool]] = {
    "text": _is_text,
    "number": lambda value: isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**53,
    "amount": lambda value: isinstance(value, str) and AMOUNT.fullmatch(value) is not None,
}
"""Kind of a field → whether a value has it. An amount is text, as in RFC 9396 §2: no program rounds it."""


def check_types(field: str, value: Any) -> dict[str, Any]:
    """Return the types in their long form; raises ``Invalid``."""
    if not isinstance(value, Mapping) or len(value) > MOST or not all(NAME.fullmatch(str(name)) for name in value):
        raise Invalid(field, say("The details must be a table of types: at most 20."))
    return {str(name): _type(field, str(name), entry) for name, entry in value.items()}


def _type(field: str, name: str, entry: Any) -> dict[str, Any]:
    if not isinstance(entry, Mapping) or set(entry) != {"fields", "words"} or not isinstance(entry["fields"], Mapping):
        raise Invalid(field, say("The type %(name)s needs fields and words.", name=name))
    fields = dict(entry["fields"])
    is_right = all(isinstance(key, str) and FIELD.fullmatch(key) and key not in COMMON for key in fields)
    if not is_right or len(fields) > MOST or not all(isinstance(kind, str) and kind in KINDS for kind in fields.values()):
        raise Invalid(field, say("Each field of %(name)s is one of %(allowed)s.", name=name, allowed=", ".join(KINDS)))
    texts = {"": entry["words"]} if isinstance(entry["words"], str) else entry["words"]
    if not isinstance(texts, Mapping) or not texts or not set(texts) <= {"", *LANGUAGES}:
        allowed = ", ".join(LANGUAGES)
        wrong = say("The words for %(name)s are a text, or a table by language: %(allowed)s.", name=name, allowed=allowed)
        raise Invalid(field, wrong)
    return {"fields": fields, "words": {tag: _words(field, text, set(fields)) for tag, text in texts.items()}}


def _words(field: str, text: Any, fields: set[str]) -> str:
    """Return the words, in which each field has its place: people allow nothing that they do not see."""
    kept = normal_forms.name(field, text, LONGEST, say("This must be text of 1 to 200 characters."))
    if set(PLACE.findall(kept)) != fields:
        raise Invalid(field, say("The words must have a place for each field: {amount}."))
    return kept


def fill(words: str, detail: Mapping[str, Any]) -> str:
    """Return the words with the values of a request's detail in their places."""
    return PLACE.sub(lambda place: str(detail[place[1]]), words)
