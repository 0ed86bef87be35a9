"""Check a client's member ``claims``: claims that the app gets under names of its own, made of what we hold.

``{"roles": "role"}``, or with the places ``{"store": {"from": "shops", "in": ["access_token"]}}``.
"""

import re
from collections.abc import Mapping
from typing import Any

from idp.errors import Invalid, say
from idp.identity.scopes import CLAIMS

PLACES = ("id_token", "userinfo", "access_token")
DEFAULT_PLACES = ("id_token", "userinfo")
MOST = 50
NAME = re.compile(r"[!-~]{1,100}")
"""A name of the app's own: apps also use addresses, such as ``https://shop.example/roles``."""
OF_THE_PROTOCOL = frozenset(
    (
        "iss", "sub", "aud", "azp", "exp", "nbf", "iat", "jti", "auth_time", "nonce", "acr", "amr", "sid", "scope",
        "client_id", "at_hash", "c_hash", "s_hash", "cnf", "act", "may_act", "events", "active", "token_type",
        "authorization_details", "email_verified", "phone_number_verified",
        "organisation_id", "omitted_claims", "_claim_names", "_claim_sources",
    )
)  # fmt: skip
"""Claims about the issue of a token, and what we vouch for. An app relies on them, so no member replaces them."""


def check_added_claims(field: str, value: Any) -> dict[str, Any]:
    """Return the member in its long form; raises ``Invalid``."""
    if not isinstance(value, Mapping) or len(value) > MOST:
        raise Invalid(field, say('This must be an object, for example {"roles": "role"}, of at most 50 claims.'))
    return {str(name): _entry(field, str(name), entry) for name, entry in value.items()}


def _entry(field: str, name: str, entry: Any) -> dict[str, Any]:
    stated = {"from": entry} if isinstance(entry, str) else entry
    if not isinstance(stated, Mapping) or not set(stated) <= {"from", "in"}:
        raise Invalid(field, say('The claim %(name)s needs a text, or an object with "from" and "in".', name=name[:100]))
    if not NAME.fullmatch(name) or name in OF_THE_PROTOCOL:
        raise Invalid(field, say("The name %(name)s cannot be given to a claim.", name=name[:100]))
    if stated.get("from") not in CLAIMS:
        allowed = ", ".join(CLAIMS)
        raise Invalid(field, say("The claim %(name)s must come from one of %(allowed)s.", name=name, allowed=allowed))
    places = stated.get("in", DEFAULT_PLACES)
    if not isinstance(places, list | tuple) or not places or not set(places) <= set(PLACES):
        raise Invalid(field, say("The claim %(name)s may be in %(allowed)s.", name=name, allowed=", ".join(PLACES)))
    return {"from": stated["from"], "in": [place for place in PLACES if place in places]}
