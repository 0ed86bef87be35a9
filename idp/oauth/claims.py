"""Give claims about a user: those of the granted scopes (OpenID Connect Core §5.4), and those named by a request (§5.5)."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from idp import clock
from idp.identity.scopes import BY_SCOPE, CLAIMS, SCOPES_OF, SINGLE, is_there, singles
from idp.identity.user_fields import claims_of
from idp.normal_forms import one_line
from idp.oauth.clients import RegisteredClient
from idp.store import organisations, users
from idp.store.users import User

OF_WORK = frozenset(("organisation", "groups", "roles"))
"""The scopes about a person's work, which no standard has. Their claims are always in the ID token."""
OF_PERSON = BY_SCOPE.keys() - OF_WORK
PROTOCOL = ("iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "at_hash", "sid")
LONGEST_PERSON = 1_536
"""Characters of JSON about the user in an ID token."""
OMITTED = "omitted_claims"
"""The claim that names those which were too large for the ID token; userinfo has them."""
SUPPORTED = (*PROTOCOL, *CLAIMS)


def about(user: User, granted: Iterable[str]) -> dict[str, Any]:
    """Return the claims of the granted scopes and the granted single claims, without ``sub``; only those with a value."""
    names = set(granted)
    single = set(singles(names))
    scopes = names & BY_SCOPE.keys() | {SCOPES_OF[claim][0] for claim in single if claim in SCOPES_OF}
    given = single.union(*(BY_SCOPE[scope] for scope in names & BY_SCOPE.keys()))
    found: dict[str, Any] = {}
    corrected = _corrected(user) if scopes & OF_PERSON else {}
    for scope in scopes & OF_PERSON:
        known = claims_of(user, scope) | corrected
        found |= {name: known[name] for name in BY_SCOPE[scope] if name in given and is_there(known.get(name))}
    if scopes & OF_WORK:
        found |= {name: value for name, value in _work(user, scopes).items() if name in given}
    return found


def _corrected(user: User) -> dict[str, Any]:
    """Return the claims that are not a field's value as it is stored."""
    return {
        "name": one_line(user.name),
        "email_verified": user.email_verified_at is not None if user.email else None,
        # Nothing here checks telephone numbers, and a claim must be truthful.
        "phone_number_verified": False if user.phone_number else None,
    }


def _work(user: User, scopes: Collection[str]) -> dict[str, Any]:
    """Return the claims about a person's work that these scopes have."""
    found: dict[str, Any] = {"roles": [user.role]} if "roles" in scopes else {}
    if "organisation" in scopes:
        organisation = organisations.organisation(user.organisation_id)
        named = (
            organisations.shops(user.organisation_id) if user.all_shops else users.shops_of(user.organisation_id, user.id)
        )
        found |= {
            "organisation_id": user.organisation_id,
            "organisation": organisation.store_url if organisation else "",
            "organisation_name": one_line(organisation.name) if organisation else "",
            "shops": [shop.code for shop in named],
            **claims_of(user, "organisation"),
        }
    if {"organisation", "groups"} & set(scopes):
        found["groups"] = [group.name for group in users.groups_of(user.organisation_id, user.id)]
    return found


def for_id_token(
    user: User, client: RegisteredClient, granted: Sequence[str], requested: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    """Return the claims for the ID token: about the person's work, those that ``claims`` names there (§5.5), and added ones.

    A client with ``id_token_claims`` gets the claims of all granted scopes: many libraries read nothing but the ID token.
    """
    names = {name for name in requested.get("id_token", ()) if name in SCOPES_OF}
    is_whole = bool(client.metadata.get("id_token_claims"))
    wanted = [
        name for name in _asked_in("id_token", granted, requested) if is_whole or name in OF_WORK or names & _claims_in(name)
    ]
    found = about(user, wanted) if wanted else {}
    if found and not is_whole:
        always = {claim for scope in OF_WORK.intersection(granted) for claim in BY_SCOPE[scope]}
        found = {name: value for name, value in found.items() if name in names or name in always}
    return _bounded(found | added(user, client, granted, "id_token"))


def for_userinfo(
    user: User, client: RegisteredClient, granted: Sequence[str], requested: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    """Return the claims for userinfo: of the granted scopes, those that ``claims`` names there (§5.5), and added ones."""
    return about(user, _asked_in("userinfo", granted, requested)) | added(user, client, granted, "userinfo")


def _asked_in(place: str, granted: Sequence[str], requested: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the granted scopes, and those granted single claims that the request names for this place."""
    names = requested.get(place, ())
    return [name for name in granted if not name.startswith(SINGLE) or name.removeprefix(SINGLE) in names]


def _claims_in(name: str) -> set[str]:
    """Return the claims of a scope, or the single claim of this name."""
    return set(BY_SCOPE.get(name) or singles((name,)))


def added(user: User, client: RegisteredClient, granted: Sequence[str], place: str) -> dict[str, Any]:
    """Return the claims that a client gets under names of its own in a place (its member ``claims``).

    They are made of what the granted scopes give: a name of the app's own widens nothing.
    """
    wanted = {name: entry["from"] for name, entry in client.metadata.get("claims", {}).items() if place in entry["in"]}
    known = about(user, granted) if wanted else {}
    return {name: known[source] for name, source in wanted.items() if source in known}


def for_access_token(
    user: User, client: RegisteredClient, granted: Sequence[str], read_by_api: Collection[str]
) -> dict[str, Any]:
    """Return the claims for an access token: added ones, and those that its API reads.

    The API's registration decides about the latter, not the scopes: the API may read what its client may not.
    """
    for_api = about(user, [SINGLE + name for name in read_by_api]) if read_by_api else {}
    return _bounded(added(user, client, granted, "access_token") | for_api)


def _bounded(claims: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out the largest claims until the rest is short, and name them. A list is never cut: it would look whole.

    Apps must send ID tokens back as hints, also in an address; proxies commonly allow 8 KB for the whole line.
    """
    kept = dict(claims)
    while kept and len(json.dumps(kept)) > LONGEST_PERSON:
        del kept[max(kept, key=lambda name: len(json.dumps(kept[name])))]
    omitted = [name for name in claims if name not in kept]
    return {**kept, OMITTED: omitted} if omitted else kept


def issued_now(lifetime: int) -> dict[str, int]:
    """Return ``iat`` and ``exp`` of a token that is made now and is valid for ``lifetime`` seconds."""
    now = clock.epoch_seconds(clock.now())
    return {"iat": now, "exp": now + lifetime}
