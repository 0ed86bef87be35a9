"""Choose the API that an access token is for (RFC 8707 resource indicators, RFC 9068 §3).

A grant holds scopes, and each scope of an API belongs to that API alone. So a grant says by itself which APIs it is good
for: refreshing can narrow that, and nothing can widen it. A token is for one API, or for ourselves.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from idp.oauth.clients import RegisteredClient
from idp.oauth.errors import OAuthError
from idp.oauth.provider import Provider
from idp.oauth.resource_metadata import Resource, is_absolute, is_scope_of_api

OUR_ALG = "ES256"
MOST = 10


@dataclass(frozen=True)
class Target:
    """Hold the audience of an access token, how it is signed, its scopes, and the claims about a person for its reader."""

    audience: str
    alg: str
    scopes: tuple[str, ...]
    claims: tuple[str, ...] = ()
    details: tuple[Mapping[str, Any], ...] = ()


def named_in(text: str) -> tuple[str, ...]:
    """Return the values of ``resource``, each once; raises ``invalid_target`` where one is no absolute URI."""
    names = tuple(dict.fromkeys(text.split()))
    if len(names) > MOST:
        raise invalid_target(f"The request names more than {MOST} resources.")
    for name in names:
        if not is_absolute(name):
            raise invalid_target("A resource is not an absolute URI without a fragment.")
    return names


def invalid_target(description: str) -> OAuthError:
    """Return the error of RFC 8707 §2."""
    return OAuthError("invalid_target", description)


def requested_scopes(
    provider: Provider, client: RegisteredClient, resource: str, scope: str, types: Collection[str] = ()
) -> tuple[str, ...]:
    """Return those scopes of the named APIs that a request asks for and the client may have.

    Raises ``invalid_target`` for an API that is unknown, or of which the client may have no scope. RFC 8707 §2.1: the scopes
    of APIs that are not named are left out. ``types``: of the request's authorization details; they are enough for an API.
    """
    found: list[str] = []
    for name in named_in(resource):
        if name == provider.issuer:
            continue
        api = _api(provider, name)
        usable, has_details = client.usable_scopes & api.scopes.keys(), bool(api.details.keys() & set(types))
        if not usable and not has_details:
            raise invalid_target("The client is registered for no scope of the resource.")
        wanted = usable.intersection(scope.split(" "))
        if not wanted and not has_details:
            raise OAuthError("invalid_scope", "The scope names none of the resource that the client may have.")
        found += sorted(wanted)
    return tuple(dict.fromkeys(found))


def choose(provider: Provider, granted: Sequence[str], resource: str, details: Sequence[Mapping[str, Any]] = ()) -> Target:
    """Return the target of an access token: the named API, else the only one of scopes and details, else ourselves.

    Raises ``invalid_target`` where the request names several, or one that was not granted.
    """
    named = named_in(resource)
    if len(named) > 1:
        raise invalid_target("An access token is for one resource. Ask for each by a request of its own.")
    if not named and not details and not any(map(is_scope_of_api, granted)):
        return ourselves(provider, granted)
    apis = provider.clients.resources()
    of_apis = {scope for api in apis.values() for scope in api.scopes}
    ours = tuple(scope for scope in granted if scope not in of_apis)
    if named == (provider.issuer,):
        return ourselves(provider, ours)
    names = {*granted, *(detail["type"] for detail in details)}
    held = [api for api in apis.values() if names & {*api.scopes, *api.details} and named in ((), (api.identifier,))]
    if named and not held:
        raise invalid_target("The resource is unknown or was not granted.")
    if len(held) > 1:
        raise invalid_target("The grant is good for several resources. Name one of them.")
    return _target(held[0], granted, details) if held else ourselves(provider, ours)


def ourselves(provider: Provider, scopes: Sequence[str]) -> Target:
    """Return the target of a token for userinfo and for APIs that accept our own name."""
    return Target(provider.issuer, OUR_ALG, tuple(scopes))


def scope_words(provider: Provider, scopes: Collection[str]) -> dict[str, Mapping[str, str]]:
    """Return the words for those scopes that are of APIs, by language, with the name of the API."""
    if not any(map(is_scope_of_api, scopes)):
        return {}
    known = provider.clients.resources().values()
    return {
        scope: {language: f"{text} ({api.name})" for language, text in words.items()}
        for api in known
        for scope, words in api.scopes.items()
        if scope in scopes
    }


def _target(api: Resource, granted: Collection[str], details: Sequence[Mapping[str, Any]]) -> Target:
    scopes = tuple(scope for scope in granted if scope in api.scopes)
    # RFC 9396 §9.1: a resource server learns of no act at another.
    kept = tuple(detail for detail in details if detail["type"] in api.details)
    return Target(api.identifier, api.alg, scopes, api.claims, kept)


def _api(provider: Provider, identifier: str) -> Resource:
    found = provider.clients.resources().get(identifier)
    if found is None:
        raise invalid_target("No resource has this identifier.")
    return found
