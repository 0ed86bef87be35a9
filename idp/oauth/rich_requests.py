"""Read ``authorization_details`` (RFC 9396): acts that a person allows once, such as a refund up to an amount.

Their types are registered by APIs (``detail_types``). A person is shown each detail and asked each time, whatever they
allowed before.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from idp.oauth import strict_json
from idp.oauth.active_grant import ActiveGrant
from idp.oauth.clients import RegisteredClient
from idp.oauth.detail_types import KINDS, fill
from idp.oauth.errors import OAuthError
from idp.oauth.provider import Provider
from idp.oauth.resource_indicators import Target, choose
from idp.oauth.resource_metadata import Resource
from idp.oauth.token_request import TokenRequest

MOST = 5

Detail = Mapping[str, Any]


def read_details(provider: Provider, client: RegisteredClient, text: str) -> tuple[Detail, ...]:
    """Return the details of a request; raises ``invalid_authorization_details`` (§5)."""
    if not text:
        return ()
    found = _listed(text)
    for detail in found:
        _check(provider, client, detail)
    return tuple(found)


def _listed(text: str) -> list[Detail]:
    try:
        found = strict_json.read(text)
    except ValueError as error:
        raise refusal("The authorization_details are not JSON, or have a member twice.") from error
    if not isinstance(found, list) or not 0 < len(found) <= MOST or not all(isinstance(one, dict) for one in found):
        raise refusal(f"The authorization_details must be a list of 1 to {MOST} objects.")
    return found


def narrow(granted: Sequence[Detail], text: str) -> tuple[Detail, ...]:
    """Return the granted details that a token request asks for (§6), all of them if it names none.

    Raises ``invalid_authorization_details`` for one that was not granted, exactly as it was: a person allowed no part of it.
    """
    if not text:
        return tuple(granted)
    asked = {_compared(detail) for detail in _listed(text)}
    if not asked <= {_compared(detail) for detail in granted}:
        raise refusal("The authorization_details are more than what was granted.")
    return tuple(detail for detail in granted if _compared(detail) in asked)


def _compared(detail: Detail) -> str:
    return json.dumps(detail, sort_keys=True)  # in Python, 1 equals True; in JSON it does not


def choose_target(provider: Provider, active: ActiveGrant, scopes: Sequence[str], request: TokenRequest) -> Target:
    """Return what the access token of a token request is for. Raises ``OAuthError``."""
    details = narrow(active.details, request.parameters.get("authorization_details"))
    return choose(provider, scopes, request.parameters.get("resource"), details)


def refusal(description: str) -> OAuthError:
    """Return the error of RFC 9396 §5."""
    return OAuthError("invalid_authorization_details", description)


def _check(provider: Provider, client: RegisteredClient, detail: Detail) -> None:
    """Refuse an unknown type, one that the client is not registered for, and fields that its type does not have (§5)."""
    name = detail.get("type")
    api = _api_of(provider, name) if isinstance(name, str) and name in client.detail_types else None
    if api is None:
        raise refusal("The client may have no authorization details of this type.")
    if detail.get("locations", [api.identifier]) != [api.identifier]:
        raise refusal("The locations are not the one of the type.")
    fields = api.details[str(name)]["fields"]
    if detail.keys() - {"type", "locations"} != fields.keys():
        raise refusal("The authorization details do not have exactly the fields of their type.")
    if not all(KINDS[kind](detail[field]) for field, kind in fields.items()):
        raise refusal("The authorization details have a value that its field does not allow.")


def _api_of(provider: Provider, name: str) -> Resource | None:
    return next((api for api in provider.clients.resources().values() if name in api.details), None)


def in_words(provider: Provider, details: Sequence[Detail]) -> tuple[dict[str, str], ...]:
    """Return each detail as people read it, by language."""
    sentences = []
    for detail in details:
        api = _api_of(provider, detail["type"])
        words = api.details[detail["type"]]["words"] if api else {}
        sentences.append({language: f"{fill(text, detail)} ({api.name})" for language, text in words.items() if api})
    return tuple(sentences)
