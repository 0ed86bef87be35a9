"""Check a client's member ``resource``: the API that it is, for which other clients get access tokens (RFC 8707, RFC 9068).

``{"identifier": "https://stock.example.com/api", "scopes": {"stock.read": "See what is in stock"}}``, and if wanted ``alg``
(RS256 or ES256) and ``claims`` (such as ``role`` and ``groups``). A text may also be a table by language.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from idp import normal_forms
from idp.errors import Invalid, say
from idp.identity.scopes import SINGLE
from idp.languages import LANGUAGES
from idp.oauth.detail_types import check_types
from idp.store.clients import Client

IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,30}:[!$&-;=?-_a-z~]{1,500}")
"""RFC 8707 §2: an absolute URI without a fragment. No quotes, no spaces, no backslash."""
NAME = re.compile(r"(?=.*[.:/])[!#-\[\]-~]{1,100}")
"""The name of an API's scope (RFC 6749 §3.3) has a dot, a colon or a slash: so it is never taken for one of ours."""
CLAIMS = ("role", "roles", "groups", "shops", "organisation", "organisation_name")
"""What of a person's work may be in the access tokens for an API."""
ALGORITHMS = ("RS256", "ES256")
NEEDED = frozenset(("identifier", "scopes"))
MEMBERS = NEEDED | {"alg", "claims", "details"}
MOST_SCOPES = 50
LONGEST_TEXT = 200


@dataclass(frozen=True)
class Resource:
    """An API. ``scopes``: the words for each, by language; the words for all others stand under the empty name."""

    identifier: str
    name: str
    scopes: Mapping[str, Mapping[str, str]]
    alg: str = "RS256"
    claims: tuple[str, ...] = ()
    details: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Its types of authorization details (``detail_types``)."""


def is_scope_of_api(scope: str) -> bool:
    """Check if a scope has the form of one of an API, whether or not there is one."""
    return NAME.fullmatch(scope) is not None and not scope.startswith(SINGLE)


def check_resource(name: str, value: Any) -> dict[str, Any]:
    """Return the member in its long form; raises ``Invalid``."""
    if not isinstance(value, Mapping) or not NEEDED <= set(value) <= MEMBERS:
        raise Invalid(name, say("This must be an object with identifier and scopes, and if needed alg and claims."))
    claims = value.get("claims", [])
    if value.get("alg", "RS256") not in ALGORITHMS:
        raise Invalid(name, say("This must be one of %(allowed)s.", allowed=", ".join(ALGORITHMS)))
    if not isinstance(claims, list | tuple) or not all(claim in CLAIMS for claim in claims):
        raise Invalid(name, say("Each entry must be one of %(allowed)s.", allowed=", ".join(CLAIMS)))
    return {
        "identifier": _identifier(name, value["identifier"]),
        "scopes": _scopes(name, value["scopes"]),
        "alg": value.get("alg", "RS256"),
        "claims": [claim for claim in CLAIMS if claim in claims],
        "details": check_types(name, value.get("details", {})),
    }


def check_identifiers(field: str, value: Any) -> list[str]:
    """Return the identifiers of APIs, each once; raises ``Invalid``. The client that is the API may be registered later."""
    if not isinstance(value, list | tuple) or len(value) > MOST_SCOPES:
        raise Invalid(field, say("This must be a list of the identifiers of APIs."))
    return list(dict.fromkeys(_identifier(field, entry) for entry in value))


def _identifier(field: str, value: Any) -> str:
    if not isinstance(value, str) or not IDENTIFIER.fullmatch(value) or not is_absolute(value):
        raise Invalid(field, say("The identifier must be an absolute address without a fragment."))
    return value


def is_absolute(text: str) -> bool:
    """Check if this is an absolute URI without a fragment (RFC 8707 §2). An address of the web has a host."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return bool(parts.scheme and "#" not in text and (parts.hostname or parts.scheme not in ("https", "http")))


def _scopes(field: str, value: Any) -> dict[str, dict[str, str]]:
    if not isinstance(value, Mapping) or not 0 < len(value) <= MOST_SCOPES:
        raise Invalid(field, say("There must be 1 to 50 scopes, each with words for people."))
    for name in value:
        if not isinstance(name, str) or not is_scope_of_api(name):
            wrong = say("The scope %(name)s needs a dot, a colon or a slash: stock.read.", name=str(name)[:100])
            raise Invalid(field, wrong)
    return {name: _words(field, words) for name, words in value.items()}


def _words(field: str, value: Any) -> dict[str, str]:
    texts = {"": value} if isinstance(value, str) else value
    if not isinstance(texts, Mapping) or not texts or not set(texts) <= {"", *LANGUAGES}:
        allowed = ", ".join(LANGUAGES)
        wrong = say("The words for a scope are a text, or a table by language: %(allowed)s.", allowed=allowed)
        raise Invalid(field, wrong)
    wrong = say("This must be text of 1 to 200 characters.")
    return {tag: normal_forms.name(field, text, LONGEST_TEXT, wrong) for tag, text in texts.items()}


def resources_of(rows: Iterable[Client]) -> dict[str, Resource]:
    """Return the APIs of clients that are not disabled, by identifier. Of two with one identifier the first one counts."""
    found: dict[str, Resource] = {}
    for row in rows:
        member = row.metadata_.get("resource")
        if member and row.disabled_at is None:
            claims, details = tuple(member["claims"]), member.get("details", {})
            api = Resource(member["identifier"], row.name, member["scopes"], member["alg"], claims, details)
            found.setdefault(api.identifier, api)
    return found
