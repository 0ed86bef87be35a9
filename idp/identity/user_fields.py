"""The fields of a person, one entry each: its check, its claim, and where it can be read and changed. Pure.

``USER_FIELDS`` is the one list. Claims, the export, the forms of console and profile, ``idp apply``, ``idp user show`` and
the rule on sensitive changes are made from it. A new field needs a column with its migration, an entry here, and its place
in a template. Not here: what a person belongs to (groups, shops) and how they sign in (``credentials``).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from idp import normal_forms
from idp.checks import LONGEST_KEY, NOT_A_DATE, check_line, check_time_zone, check_truth, is_day
from idp.errors import Invalid, say
from idp.identity.roles import ROLES, Role
from idp.normal_forms import compared
from idp.on_use import OnUse
from idp.store.users import User

if TYPE_CHECKING:
    import email_validator
else:
    email_validator = OnUse("email_validator")

LONGEST_USERNAME = 254
LONGEST_CLAIM, LONGEST_PAGE, LONGEST_ADDRESS_LINE = 200, 500, 200
ADDRESS = ("formatted", "street_address", "locality", "region", "postal_code", "country")
MULTI_LINE = ("formatted", "street_address")
"""The parts of an address that may have several lines (OpenID Connect Core §5.1.1)."""
CLAIMS_COLUMN = "claims"
"""The JSON column of the standard claims that have no column of their own."""

Check = Callable[[str, Any], Any]
"""Returns the value of the named field as it is stored; raises ``Invalid``."""


def check_username(key: str, value: Any) -> str:
    """Return a username as it is shown; raises ``Invalid``. All letters are of one alphabet, against look-alikes."""
    username = check_line(key, value, LONGEST_USERNAME)
    if not compared(username) or len(compared(username)) > LONGEST_USERNAME:
        raise Invalid(key, say("Enter a username."))
    normal_forms.require_one_alphabet(key, username, "".join(filter(str.isalpha, username)))
    return username


def check_email(key: str, value: Any) -> str | None:
    """Return an e-mail address, None for none; raises ``Invalid``. It may still be somebody else's."""
    text = normal_forms.one_line(check_line(key, value or "", LONGEST_USERNAME))
    if not text:
        return None
    try:
        address = email_validator.validate_email(text, check_deliverability=False).normalized
        if len(compared(address)) > LONGEST_KEY:
            raise ValueError("too long when it is compared")
        return address
    except ValueError as error:
        raise Invalid(key, say("This is not an e-mail address."), detail=str(error)) from error


def check_role(key: str, value: Any) -> str:
    """Return a role; raises ``Invalid``."""
    if value not in ROLES:
        raise Invalid(key, say("The role must be one of: %(roles)s.", roles=", ".join(ROLES)))
    return str(value)


def _check_locale(key: str, value: Any) -> str:
    """Return a language tag (BCP 47), empty for none; raises ``Invalid``."""
    text = check_line(key, value, 10)
    if text and not re.fullmatch(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*", text):
        raise Invalid(key, say("Choose one of the languages."))
    return text


def _check_phone_number(key: str, value: Any) -> str | None:
    """Return a telephone number, None for none; raises ``Invalid``."""
    text = check_line(key, value or "", 32)
    if text and not re.fullmatch(r"\+?[0-9 ()./-]{3,31}", text):
        raise Invalid(key, say("This is not a telephone number."))
    return text or None


def _check_page(key: str, value: Any) -> str:
    """Return the address of a web page, empty for none; raises ``Invalid``."""
    text = check_line(key, value, LONGEST_PAGE)
    if text and not re.fullmatch(r"https?://[!-~]+", text):
        raise Invalid(key, say("This must be an address that begins with https://."))
    return text


def _check_birthdate(key: str, value: Any) -> str:
    """Return a date or a year alone, empty for none; raises ``Invalid``. The year 0000 withholds it (Core §5.1)."""
    text = check_line(key, value, LONGEST_CLAIM)
    if text and not _is_birthdate(text):
        raise Invalid(key, NOT_A_DATE)
    return text


def _is_birthdate(text: str) -> bool:
    if not re.fullmatch(r"[0-9]{4}(-[0-9]{2}-[0-9]{2})?", text):
        return False
    year, day = text[:4], text[4:]
    try:
        date.fromisoformat(("2000" if year == "0000" else year) + (day or "-01-01"))
    except ValueError:
        return False
    return True


def _check_address(key: str, value: Any) -> dict[str, str]:
    """Return the members of a postal address (Core §5.1.1); raises ``Invalid``."""
    if not isinstance(value, Mapping) or not set(value) <= set(ADDRESS):
        raise Invalid(key, say("An address has these parts: %(parts)s.", parts=", ".join(ADDRESS)))
    found = {}
    for part, text in value.items():
        lines = str(text).splitlines() if part in MULTI_LINE else [text]
        found[part] = "\n".join(check_line(key, line, LONGEST_ADDRESS_LINE) for line in lines)
    return found


def _check_day(key: str, value: Any) -> date | None:
    """Return a date, None for none; raises ``Invalid``."""
    if value in (None, "") or is_day(value):
        return value or None
    if not isinstance(value, str) or not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value.strip()):
        raise Invalid(key, NOT_A_DATE)
    try:
        return date.fromisoformat(value.strip())
    except ValueError as error:
        raise Invalid(key, NOT_A_DATE) from error


@dataclass(frozen=True)
class UserField:
    """One field of a person. ``name``: the column, and the key in forms, files and the export."""

    name: str
    check: Check
    claim: str = ""
    """The claim that carries it; empty for none."""
    scope: str = "profile"
    """The scope that gives the claim."""
    in_console: bool = False
    """Administrators edit it in the console's form."""
    in_profile: bool = False
    """People change it themselves, without a fresh proof."""
    in_file: bool = True
    """``idp apply`` sets it."""
    in_export: bool = False
    """It is a column of the CSV file."""
    type: Literal["text", "truth", "table", "day"] = "text"
    synonym: str = ""
    """Another key for it in a provisioning document."""
    is_claim_only: bool = False
    """It has no column of its own, and is kept in ``CLAIMS_COLUMN``."""
    has_key: bool = False
    """It is kept in compared form too, in the column ``name_key``."""
    is_detail: bool = True
    """It identifies nobody: a change needs a confirmation only for administrators (``PersonDetails``)."""
    default: Any = ""
    derived: Callable[[User], Any] | None = None
    """Reads it where no column holds it as it is; ``accounts`` then writes it."""

    def value_of(self, user: User) -> Any:
        """Return the field's value of a user; None where a claim was never given."""
        if self.derived is not None:
            return self.derived(user)
        return user.claims.get(self.name) if self.is_claim_only else getattr(user, self.name)

    def columns(self, value: Any) -> dict[str, Any]:
        """Return the columns that a value sets; raises ``Invalid``."""
        checked = self.check(self.name, value)
        keys = {f"{self.name}_key": compared(checked) if checked else None} if self.has_key else {}
        return {self.name: checked, **keys}


def _line(most: int) -> Check:
    return partial(check_line, most=most)


def _claim(name: str, check: Check, scope: str = "profile", **settings: Any) -> UserField:
    """Return a standard claim (Core §5.1) that only provisioning sets."""
    return UserField(name, check, claim=name, scope=scope, is_claim_only=True, **settings)


def _is_verified(user: User) -> bool:
    return user.email_verified_at is not None


_TEXT = _line(LONGEST_CLAIM)

USER_FIELDS = (
    UserField(
        "username", check_username, claim="preferred_username", has_key=True, is_detail=False,
        in_console=True, in_file=False, in_export=True,
    ),
    UserField("name", _line(200), claim="name", in_console=True, in_profile=True, in_export=True),
    UserField(
        "email", check_email, claim="email", scope="email", has_key=True, is_detail=False, in_console=True, in_export=True
    ),
    UserField(
        "email_verified", check_truth, type="truth", default=False, derived=_is_verified, is_detail=False, in_export=True
    ),
    UserField("phone_number", _check_phone_number, claim="phone_number", scope="phone", in_console=True, in_export=True),
    UserField("locale", _check_locale, claim="locale", in_console=True, in_profile=True),
    UserField("time_zone", check_time_zone, claim="zoneinfo", synonym="zoneinfo", in_console=True, in_profile=True),
    _claim("given_name", _TEXT),
    _claim("family_name", _TEXT),
    _claim("middle_name", _TEXT),
    _claim("nickname", _TEXT),
    UserField("preferred_username", _TEXT, is_claim_only=True),  # accepted and kept; the claim carries the username
    _claim("profile", _check_page),
    _claim("picture", _check_page),
    _claim("website", _check_page),
    _claim("gender", _TEXT),
    _claim("birthdate", _check_birthdate),
    _claim("address", _check_address, scope="address", type="table"),
    UserField(
        "role", check_role, claim="role", scope="organisation", default=Role.EMPLOYEE, is_detail=False,
        in_console=True, in_export=True,
    ),
    UserField(
        "valid_until", _check_day, type="day", default=None, is_detail=False, in_console=True, in_export=True
    ),
)  # fmt: skip
BY_NAME: Mapping[str, UserField] = {entry.name: entry for entry in USER_FIELDS}
OF_SCOPE: Mapping[str, tuple[UserField, ...]] = {
    scope: tuple(entry for entry in USER_FIELDS if entry.claim and entry.scope == scope)
    for scope in {entry.scope for entry in USER_FIELDS}
}
"""The fields that are claims, by their scope."""
DETAIL_COLUMNS = tuple(
    {CLAIMS_COLUMN if entry.is_claim_only else entry.name: None for entry in USER_FIELDS if entry.is_detail}
)
"""The columns whose change needs a confirmation only for administrators."""


def claims_of(user: User, scope: str) -> dict[str, Any]:
    """Return the claims that the table gives for a scope, those without a value too."""
    return {entry.claim: entry.value_of(user) for entry in OF_SCOPE.get(scope, ())}


def columns_of(changes: Mapping[str, Any], claims: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the columns that changes of fields set. ``claims``: the present ones, which the changed ones join.

    Raises ``Invalid`` for the first field that is unknown or has a wrong value.
    """
    unknown = [name for name in changes if name not in BY_NAME]
    if unknown:
        raise Invalid(unknown[0], say("The claim %(claim)s is not supported.", claim=unknown[0]))
    columns: dict[str, Any] = {}
    changed_claims: dict[str, Any] = {}
    for entry in USER_FIELDS:
        if entry.name in changes and entry.derived is None:
            (changed_claims if entry.is_claim_only else columns).update(entry.columns(changes[entry.name]))
    return columns | ({CLAIMS_COLUMN: {**(claims or {}), **changed_claims}} if changed_claims else {})


def changed_fields(user: User, columns: Mapping[str, Any]) -> set[str]:
    """Return the names of the fields whose value new columns change."""
    claims = columns.get(CLAIMS_COLUMN, user.claims)
    changed = {name for name in claims if name not in user.claims or user.claims[name] != claims[name]}
    changed |= {name for name, value in columns.items() if name in BY_NAME and getattr(user, name) != value}
    return changed | ({"email_verified"} if "email_verified_at" in columns else set())


@dataclass(frozen=True)
class PersonDraft:
    """A person to be created: ``values`` of fields by name, ``groups`` by name, ``shops`` by code (None: all of them).

    Credentials are optional: ``password`` or ``password_hash``, ``totp_secret`` (base32), ``recovery_codes``.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    groups: tuple[str, ...] = ()
    shops: tuple[str, ...] | None = None
    password: str = ""
    password_hash: str = ""
    totp_secret: str = ""
    recovery_codes: tuple[str, ...] = ()

    @classmethod
    def of(cls, **given: Any) -> "PersonDraft":
        """Make a draft of fields, groups, shops and credentials by name."""
        own = {member.name for member in fields(cls)} & set(given)
        return cls({name: value for name, value in given.items() if name not in own}, **{name: given[name] for name in own})

    def get(self, name: str) -> Any:
        """Return the value of a field, or its default."""
        return self.values.get(name, BY_NAME[name].default)

    def columns(self) -> dict[str, Any]:
        """Return the columns of the new user; raises ``Invalid``."""
        defaults = {entry.name: entry.default for entry in USER_FIELDS if not entry.is_claim_only}
        return {CLAIMS_COLUMN: {}} | columns_of({**defaults, **self.values})
