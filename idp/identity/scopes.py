"""Scopes, the claims in each (OpenID Connect Core §5.4), and single claims without their scope (§5.5). Pure.

What an app may see of a person is a set of names: of scopes, and of single claims as ``claim:email``. Requests, consents and
grants hold such names, and one rule says what is allowed. Not here: the values of claims (``oauth.claims``).
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from idp.identity.user_fields import USER_FIELDS

SINGLE = "claim:"
"""Begins the name of a single claim. No scope does: a colon is refused in requests for scopes that are not registered."""
BESIDE_FIELDS: Mapping[str, tuple[str, ...]] = {
    "profile": (),
    "email": ("email_verified",),
    "phone": ("phone_number_verified",),
    "address": (),
    "organisation": ("organisation_id", "organisation", "organisation_name", "shops", "groups"),
    "groups": ("groups",),
    "roles": ("roles",),
}
"""Scope → its claims that are no field of a person by themselves."""
ORDER = (
    "name", "family_name", "given_name", "middle_name", "nickname", "preferred_username", "profile", "picture", "website",
    "gender", "birthdate", "zoneinfo", "locale",
    "organisation_id", "organisation", "organisation_name", "shops", "role", "groups",
)  # fmt: skip
"""The order in which apps read claims: that of OpenID Connect Core §5.1, then ours. Further ones follow."""


def _of_scope(scope: str) -> tuple[str, ...]:
    names = [*(field.claim for field in USER_FIELDS if field.claim and field.scope == scope), *BESIDE_FIELDS[scope]]
    return tuple(sorted(names, key=lambda name: ORDER.index(name) if name in ORDER else len(ORDER)))


BY_SCOPE: Mapping[str, tuple[str, ...]] = {scope: _of_scope(scope) for scope in BESIDE_FIELDS}
"""Scope → its claims."""
CLAIMS = tuple(dict.fromkeys(name for names in BY_SCOPE.values() for name in names))
"""Every claim about a person."""
SCOPES_OF: Mapping[str, tuple[str, ...]] = {
    claim: tuple(scope for scope, names in BY_SCOPE.items() if claim in names) for claim in CLAIMS
}
"""Claim → the scopes that give it."""


def singles(granted: Iterable[str]) -> tuple[str, ...]:
    """Return the claims that are granted without their scope."""
    return tuple(name.removeprefix(SINGLE) for name in granted if name.startswith(SINGLE))


def only_scopes(granted: Iterable[str]) -> tuple[str, ...]:
    """Return the scopes among what is granted: apps read and send only these."""
    return tuple(name for name in granted if not name.startswith(SINGLE))


def is_allowed(name: str, allowed: Collection[str]) -> bool:
    """Check if a scope or a single claim is among what is allowed. A scope allows each of its claims."""
    if name in allowed:
        return True
    return name.startswith(SINGLE) and any(scope in allowed for scope in SCOPES_OF.get(name.removeprefix(SINGLE), ()))


def beyond(scopes: Collection[str], claims: Collection[str], allowed: Collection[str]) -> tuple[str, ...]:
    """Return the names of the requested ``claims`` that ``scopes`` do not give, where a scope in ``allowed`` has them."""
    wanted = [SINGLE + claim for claim in CLAIMS if claim in claims]
    return tuple(name for name in wanted if is_allowed(name, allowed) and not is_allowed(name, scopes))


def is_there(value: Any) -> bool:
    """Check if a claim has a value; one without is left out (OpenID Connect Core §5.3.2)."""
    return value not in (None, "", {})
