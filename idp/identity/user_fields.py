"""A person's details as they are typed or provisioned: checked once, here, for every skin. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from email_validator import EmailNotValidError, validate_email

from idp import normal_forms, zones
from idp.checks import NOT_A_DATE
from idp.errors import Invalid, say, say_many
from idp.identity.roles import ROLES
from idp.normal_forms import compared

LONGEST_USERNAME = 254
CLAIMS = (
    "given_name", "family_name", "middle_name", "nickname", "preferred_username", "profile", "picture", "website",
    "gender", "birthdate", "address",
)  # fmt: skip
"""Standard claims (OpenID Connect Core §5.1) that are kept beside those with a column of their own."""
PAGES = ("profile", "picture", "website")
ADDRESS = ("formatted", "street_address", "locality", "region", "postal_code", "country")
LONGEST_CLAIM, LONGEST_ADDRESS = 200, 500


@dataclass(frozen=True)
class PersonDraft:
    """Somebody to be created. ``groups`` by name, ``shops`` by code (None: all of them).

    Credentials are optional: ``password`` or ``password_hash``, ``totp_secret`` (base32), ``recovery_codes``.
    """

    username: str
    role: str = "employee"
    name: str = ""
    email: str = ""
    email_verified: bool = False
    phone_number: str = ""
    locale: str = ""
    time_zone: str = ""
    claims: Mapping[str, Any] = field(default_factory=dict)
    groups: tuple[str, ...] = ()
    shops: tuple[str, ...] | None = None
    password: str = ""
    password_hash: str = ""
    totp_secret: str = ""
    recovery_codes: tuple[str, ...] = ()


def _plain(key: str, value: Any, longest: int) -> str:
    """One line of visible characters, empty for none."""
    wrong = say_many("Use at most %(num)s printable character.", "Use at most %(num)s printable characters.", longest)
    is_empty = isinstance(value, str) and len(value) <= longest and not normal_forms.one_line(value)
    return "" if is_empty else normal_forms.name(key, value, longest, wrong)


def checked_username(value: Any) -> str:
    """A username as it is shown; raises ``Invalid``. All its letters are of one alphabet: nobody can look like another."""
    username = _plain("username", value, LONGEST_USERNAME)
    if not compared(username) or len(compared(username)) > LONGEST_USERNAME:
        raise Invalid("username", say("A username is needed."))
    normal_forms.require_one_alphabet("username", username, "".join(filter(str.isalpha, username)))
    return username


def checked_email(value: Any) -> str | None:
    """An address, None for none; raises ``Invalid``. Whether it is theirs is another matter."""
    text = normal_forms.one_line(_plain("email", value or "", LONGEST_USERNAME))
    if not text:
        return None
    try:
        return validate_email(text, check_deliverability=False).normalized
    except EmailNotValidError as error:
        raise Invalid("email", say("This is not an e-mail address."), detail=str(error)) from error


def _checked_locale(value: Any) -> str:
    """A language's tag (BCP 47), empty for none."""
    text = _plain("locale", value, 10)
    if text and not re.fullmatch(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*", text):
        raise Invalid("locale", say("Choose one of the languages."))
    return text


def checked_time_zone(value: Any) -> str:
    """A time zone's name, empty for none; raises ``Invalid``."""
    if value != "" and not zones.is_zone(value):
        raise Invalid("time_zone", say("This must be the name of a time zone, for example Europe/Amsterdam."))
    return str(value)


def checked_role(value: Any) -> str:
    """A role; raises ``Invalid``."""
    if value not in ROLES:
        raise Invalid("role", say("The role must be one of: %(roles)s.", roles=", ".join(ROLES)))
    return str(value)


def checked_phone_number(value: Any) -> str | None:
    """A telephone number, None for none; raises ``Invalid``."""
    text = _plain("phone_number", value or "", 32)
    if text and not re.fullmatch(r"\+?[0-9 ()./-]{3,31}", text):
        raise Invalid("phone_number", say("This is not a telephone number."))
    return text or None


def checked_claims(value: Any) -> dict[str, Any]:
    """Further standard claims in the form that OpenID Connect Core §5.1 gives them; raises ``Invalid`` naming one."""
    unknown = [key for key in value if key not in CLAIMS]
    if unknown:
        raise Invalid(unknown[0], say("%(claim)s is not a claim that is kept.", claim=unknown[0]))
    return {key: _checked_claim(key, entry) for key, entry in value.items()}


def _checked_claim(key: str, value: Any) -> Any:
    if key == "address":
        return _checked_address(value)
    text = _plain(key, value, LONGEST_ADDRESS if key in PAGES else LONGEST_CLAIM)
    if key in PAGES and text and not re.fullmatch(r"https?://[!-~]+", text):
        raise Invalid(key, say("This must be an address that begins with https://."))
    if key == "birthdate" and text and not _is_birthdate(text):
        raise Invalid(key, NOT_A_DATE)
    return text


def _is_birthdate(text: str) -> bool:
    """Whether this is a date, or a year alone; the year 0000 says that it is withheld (OpenID Connect Core §5.1)."""
    if not re.fullmatch(r"[0-9]{4}(-[0-9]{2}-[0-9]{2})?", text):
        return False
    year, day = text[:4], text[4:]
    try:
        date.fromisoformat(("2000" if year == "0000" else year) + (day or "-01-01"))
    except ValueError:
        return False
    return True


def _checked_address(value: Any) -> dict[str, str]:
    """The members of §5.1.1; ``formatted`` and ``street_address`` may have several lines."""
    if not isinstance(value, Mapping) or not set(value) <= set(ADDRESS):
        raise Invalid("address", say("An address has these parts: %(parts)s.", parts=", ".join(ADDRESS)))
    found = {}
    for part, text in value.items():
        lines = str(text).splitlines() if part in ADDRESS[:2] else [text]
        found[part] = "\n".join(_plain("address", line, LONGEST_CLAIM) for line in lines)
    return found


def columns_of(changes: Mapping[str, Any]) -> dict[str, Any]:
    """The columns that the changes of simple details set; raises ``Invalid`` for the first that cannot be taken."""
    columns: dict[str, Any] = {}
    if "username" in changes:
        columns["username"] = checked_username(changes["username"])
        columns["username_key"] = compared(columns["username"])
    if "email" in changes:
        columns["email"] = checked_email(changes["email"])
        columns["email_key"] = compared(columns["email"]) if columns["email"] else None
    if "name" in changes:
        columns["name"] = _plain("name", changes["name"], 200)
    if "locale" in changes:
        columns["locale"] = _checked_locale(changes["locale"])
    if "time_zone" in changes:
        columns["time_zone"] = checked_time_zone(changes["time_zone"])
    if "phone_number" in changes:
        columns["phone_number"] = checked_phone_number(changes["phone_number"])
    if "claims" in changes:
        columns["claims"] = checked_claims(changes["claims"])
    if "role" in changes:
        columns["role"] = checked_role(changes["role"])
    return columns
