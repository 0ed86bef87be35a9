"""Claims about a person: those of the granted scopes (OpenID Connect Core §5.4), and the ``claims`` parameter (§5.5)."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from idp import clock
from idp.oauth.faults import invalid_request
from idp.store import organisations, users
from idp.store.users import User

PROFILE = (
    "name", "family_name", "given_name", "middle_name", "nickname", "preferred_username", "profile", "picture", "website",
    "gender", "birthdate", "zoneinfo", "locale", "updated_at",
)  # fmt: skip
BY_SCOPE: Mapping[str, tuple[str, ...]] = {
    "profile": PROFILE,
    "email": ("email", "email_verified"),
    "phone": ("phone_number", "phone_number_verified"),
    "address": ("address",),
    "organisation": ("organisation_id", "organisation", "organisation_name", "shops", "role", "groups"),
}
PROTOCOL = ("iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "at_hash", "sid")
SUPPORTED = (*PROTOCOL, *(name for names in BY_SCOPE.values() for name in names))


def about(user: User, scopes: Iterable[str]) -> dict[str, Any]:
    """The claims of the granted scopes, without ``sub``; those that have no value are left out (§5.3.2)."""
    granted = set(scopes)
    found: dict[str, Any] = {}
    if granted & {"profile", "email", "phone", "address"}:
        known = _person(user)
        for scope in granted & {"profile", "email", "phone", "address"}:
            found |= {name: known[name] for name in BY_SCOPE[scope] if known.get(name) not in (None, "", {})}
    if "organisation" in granted:
        found |= _organisation(user)
    return found


def _person(user: User) -> dict[str, Any]:
    standard = {name: user.claims.get(name) for names in BY_SCOPE.values() for name in names if name in user.claims}
    own = {
        "name": user.name,
        "preferred_username": user.username,
        "locale": user.locale,
        "email": user.email,
        "email_verified": user.email_verified_at is not None if user.email else None,
        "phone_number": user.phone_number,
        # Nothing here checks telephone numbers, and a claim must be truthful.
        "phone_number_verified": False if user.phone_number else None,
    }
    return {**standard, **own}


def _organisation(user: User) -> dict[str, Any]:
    """design.md, "Claims of scope organisation"."""
    organisation = organisations.organisation(user.organisation_id)
    named = organisations.shops(user.organisation_id) if user.all_shops else users.shops_of(user.organisation_id, user.id)
    return {
        "organisation_id": user.organisation_id,
        "organisation": organisation.store_url if organisation else "",
        "organisation_name": organisation.name if organisation else "",
        "shops": [shop.code for shop in named],
        "role": user.role,
        "groups": [group.name for group in users.groups_of(user.organisation_id, user.id)],
    }


def for_id_token(user: User, scopes: Sequence[str], asked: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """What of a person stands in the ID token: the scope ``organisation``, and what ``claims`` names there (§5.5).

    Naming a claim moves it into the ID token; it never widens what the granted scopes allow.
    """
    names = set(asked.get("id_token", ())) & set(SUPPORTED) - set(PROTOCOL)
    wanted = {scope for scope, claims in BY_SCOPE.items() if scope == "organisation" or names & set(claims)}
    found = about(user, wanted & set(scopes))
    return {name: value for name, value in found.items() if name in names or name in BY_SCOPE["organisation"]}


@dataclass(frozen=True)
class ClaimsAsked:
    """The ``claims`` parameter, read. ``names``: by section, those that we know; whatever else stood there is dropped.

    ``acr_essential``: None where the acr is no essential claim.
    """

    names: Mapping[str, list[str]]
    acr: tuple[str, ...] = ()
    acr_essential: tuple[str, ...] | None = None
    subject: str = ""


def read_claims(text: str) -> ClaimsAsked:
    """The ``claims`` parameter (§5.5); raises ``invalid_request``."""
    if not text:
        return ClaimsAsked({})
    try:
        raw = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise invalid_request("The parameter claims is not JSON.") from error
    if not isinstance(raw, dict) or not all(_is_section(raw.get(name)) for name in ("id_token", "userinfo")):
        raise invalid_request("The parameter claims is not shaped as OpenID Connect Core 5.5 says.")
    sections = {name: raw.get(name) or {} for name in ("id_token", "userinfo")}
    member = sections["id_token"].get("acr")
    acr = _texts(member)
    essential = acr if acr and isinstance(member, dict) and member.get("essential") is True else None
    subjects = {value for section in sections.values() for value in _texts(section.get("sub"))}
    if len(subjects) > 1:
        raise invalid_request("The parameter claims names more than one sub.")
    names = {section: [name for name in SUPPORTED if name in asked] for section, asked in sections.items()}
    return ClaimsAsked(names, acr, essential, next(iter(subjects), ""))


def _is_section(section: Any) -> bool:
    """An object whose members are null or objects."""
    if section is None:
        return True
    return isinstance(section, dict) and all(member is None or isinstance(member, dict) for member in section.values())


def _texts(member: Any) -> tuple[str, ...]:
    """``value`` or ``values`` of a requested claim."""
    if not isinstance(member, dict):
        return ()
    values = member.get("values", [])
    listed = [member.get("value"), *(values if isinstance(values, list) else [])]
    return tuple(value for value in listed if isinstance(value, str) and value and value.isascii() and len(value) <= 255)


def issued_now(lifetime: int) -> dict[str, int]:
    """``iat`` and ``exp`` of a token that is made now and lives ``lifetime`` seconds."""
    now = clock.epoch_seconds(clock.now())
    return {"iat": now, "exp": now + lifetime}
