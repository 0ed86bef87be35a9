"""A person's details as they are typed or provisioned: checked once, here, for every skin. Pure."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from email_validator import EmailNotValidError, validate_email

from idp import zones
from idp.errors import Invalid, say
from idp.identity.policy import ROLES

LONGEST_USERNAME = 254
CLAIMS = (
    "given_name", "family_name", "middle_name", "nickname", "preferred_username", "profile", "picture", "website",
    "gender", "birthdate", "address",
)  # fmt: skip
"""Standard claims (OpenID Connect Core §5.1) that are kept as they are, beside those with a column of their own."""


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


def compared(text: str) -> str:
    """The form in which usernames and e-mail addresses are compared: NFKC, case folded, without spaces around."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return unicodedata.normalize("NFKC", folded).strip()


def _plain(key: str, value: Any, longest: int) -> str:
    if not isinstance(value, str) or len(value) > longest or any(unicodedata.category(c) in ("Cc", "Cs") for c in value):
        raise Invalid(key, say("Use at most %(count)s printable characters.", count=longest))
    return value.strip()


def checked_username(value: Any) -> str:
    """A username as it is shown; raises ``Invalid``."""
    username = _plain("username", value, LONGEST_USERNAME)
    if not compared(username) or len(compared(username)) > LONGEST_USERNAME:
        raise Invalid("username", say("A username is needed."))
    return username


def checked_email(value: Any) -> str | None:
    """An address, None for none; raises ``Invalid``. Whether it is theirs is another matter."""
    text = _plain("email", value or "", LONGEST_USERNAME)
    if not text:
        return None
    try:
        return validate_email(text, check_deliverability=False).normalized
    except EmailNotValidError as error:
        raise Invalid("email", say("This is not an e-mail address."), detail=str(error)) from error


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
    """Further standard claims; raises ``Invalid`` naming one that is unknown."""
    unknown = [key for key in value if key not in CLAIMS]
    if unknown:
        raise Invalid(unknown[0], say("%(claim)s is not a claim that is kept.", claim=unknown[0]))
    return dict(value)


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
        columns["locale"] = _plain("locale", changes["locale"], 10)
    if "time_zone" in changes:
        columns["time_zone"] = checked_time_zone(changes["time_zone"])
    if "phone_number" in changes:
        columns["phone_number"] = checked_phone_number(changes["phone_number"])
    if "claims" in changes:
        columns["claims"] = checked_claims(changes["claims"])
    if "role" in changes:
        columns["role"] = checked_role(changes["role"])
    return columns
