"""Give claims about a user: those of the granted scopes (OpenID Connect Core §5.4), and those named by a request (§5.5)."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from idp import clock
from idp.identity.user_fields import USER_FIELDS, claims_of
from idp.normal_forms import one_line
from idp.store import organisations, users
from idp.store.users import User

BESIDE_FIELDS: Mapping[str, tuple[str, ...]] = {
    "profile": ("updated_at",),
    "email": ("email_verified",),
    "phone": ("phone_number_verified",),
    "address": (),
    "organisation": ("organisation_id", "organisation", "organisation_name", "shops", "groups"),
}
"""Scope → its claims that are no field of a person by themselves."""
ORDER = (
    "name", "family_name", "given_name", "middle_name", "nickname", "preferred_username", "profile", "picture", "website",
    "gender", "birthdate", "zoneinfo", "locale", "updated_at",
    "organisation_id", "organisation", "organisation_name", "shops", "role", "groups",
)  # fmt: skip
"""The order in which apps read claims: that of OpenID Connect Core §5.1, then ours. Further ones follow."""


def _of_scope(scope: str) -> tuple[str, ...]:
    names = [*(field.claim for field in USER_FIELDS if field.claim and field.scope == scope), *BESIDE_FIELDS[scope]]
    return tuple(sorted(names, key=lambda name: ORDER.index(name) if name in ORDER else len(ORDER)))


BY_SCOPE: Mapping[str, tuple[str, ...]] = {scope: _of_scope(scope) for scope in BESIDE_FIELDS}
OF_PERSON = BY_SCOPE.keys() - {"organisation"}
PROTOCOL = ("iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "at_hash", "sid")
LONGEST_PERSON = 1_536
"""Characters of JSON about the user in an ID token."""
OMITTED = "omitted_claims"
"""The claim that names those which were too large for the ID token; userinfo has them."""
SUPPORTED = (*PROTOCOL, *(name for names in BY_SCOPE.values() for name in names))


def about(user: User, scopes: Iterable[str]) -> dict[str, Any]:
    """Return the claims of the granted scopes, without ``sub``; those that have no value are left out (§5.3.2)."""
    granted = set(scopes)
    found: dict[str, Any] = {}
    corrected = _corrected(user) if granted & OF_PERSON else {}
    for scope in granted & OF_PERSON:
        known = claims_of(user, scope) | corrected
        found |= {name: known[name] for name in BY_SCOPE[scope] if known.get(name) not in (None, "", {})}
    if "organisation" in granted:
        found |= _organisation(user)
    return found


def _corrected(user: User) -> dict[str, Any]:
    """Return the claims that are not a field's value as it is stored."""
    return {
        "name": one_line(user.name),
        "email_verified": user.email_verified_at is not None if user.email else None,
        # Nothing here checks telephone numbers, and a claim must be truthful.
        "phone_number_verified": False if user.phone_number else None,
    }


def _organisation(user: User) -> dict[str, Any]:
    """Return the claims of the scope ``organisation``, which no standard has."""
    organisation = organisations.organisation(user.organisation_id)
    named = organisations.shops(user.organisation_id) if user.all_shops else users.shops_of(user.organisation_id, user.id)
    return {
        "organisation_id": user.organisation_id,
        "organisation": organisation.store_url if organisation else "",
        "organisation_name": one_line(organisation.name) if organisation else "",
        "shops": [shop.code for shop in named],
        **claims_of(user, "organisation"),
        "groups": [group.name for group in users.groups_of(user.organisation_id, user.id)],
    }


def for_id_token(user: User, scopes: Sequence[str], requested: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Return the claims for the ID token: of the scope ``organisation``, and those that ``claims`` names there (§5.5).

    Naming a claim moves it into the ID token; it never widens what the granted scopes allow.
    """
    names = set(requested.get("id_token", ())) & set(SUPPORTED) - set(PROTOCOL)
    wanted = {scope for scope, claims in BY_SCOPE.items() if scope == "organisation" or names & set(claims)}
    found = about(user, wanted & set(scopes))
    return _bounded({name: value for name, value in found.items() if name in names or name in BY_SCOPE["organisation"]})


def _bounded(claims: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out the largest claims until the rest is short, and name them. A list is never cut: it would look whole.

    Apps must send ID tokens back as hints, also in an address; proxies commonly allow 8 KB for the whole line.
    """
    kept = dict(claims)
    while len(json.dumps(kept)) > LONGEST_PERSON:
        del kept[max(kept, key=lambda name: len(json.dumps(kept[name])))]
    omitted = [name for name in claims if name not in kept]
    return {**kept, OMITTED: omitted} if omitted else kept


def issued_now(lifetime: int) -> dict[str, int]:
    """Return ``iat`` and ``exp`` of a token that is made now and is valid for ``lifetime`` seconds."""
    now = clock.epoch_seconds(clock.now())
    return {"iat": now, "exp": now + lifetime}
