"""Choose how the answer to a request travels (OAuth 2.0 Multiple Response Type Encoding Practices §2.1, JARM).

A mode is a place, and ``.jwt`` after it if the answer is a signed JWT; ``jwt`` alone has the default place.
"""

from collections.abc import Mapping
from urllib.parse import urlsplit

from idp.oauth.errors import invalid_request

QUERY, FRAGMENT, FORM_POST = PLACES = ("query", "fragment", "form_post")
JWT = ".jwt"
RESPONSE_MODES = (*PLACES, "jwt", *(place + JWT for place in PLACES))


def mode_of(parameters: Mapping[str, str], redirect_uri: str) -> str:
    """Return how to answer a request, also where its ``response_mode`` itself is wrong: errors travel like answers."""
    sent, place = parameters.get("response_mode", ""), _default_place(parameters)
    if not sent or _fault_of(parameters, redirect_uri):
        return place
    return place + JWT if sent == "jwt" else sent


def check_mode(parameters: Mapping[str, str], redirect_uri: str) -> None:
    """Refuse a response mode that is unknown or cannot reach the address; raises ``invalid_request``."""
    fault = _fault_of(parameters, redirect_uri)
    if fault:
        raise invalid_request(fault)


def is_posted(parameters: Mapping[str, str]) -> bool:
    """Return whether the browser posts the answer: that takes a page of ours."""
    return parameters.get("response_mode", "").removesuffix(JWT) == FORM_POST


def _default_place(parameters: Mapping[str, str]) -> str:
    """Return the place for an answer whose mode is not named: a token must not come into the logs of the app's server."""
    return FRAGMENT if {"id_token", "token"} & set(parameters.get("response_type", "").split(" ")) else QUERY


def _fault_of(parameters: Mapping[str, str], redirect_uri: str) -> str:
    sent = parameters.get("response_mode", "")
    if sent and sent not in RESPONSE_MODES:
        return f"The response_mode must be one of {', '.join(RESPONSE_MODES)}."
    if sent.startswith(FORM_POST) and urlsplit(redirect_uri).scheme not in ("https", "http"):
        return "The response_mode form_post needs an http or https address."
    if sent.startswith(QUERY) and _default_place(parameters) == FRAGMENT:
        return "An answer with a token must not travel in the query."
    return ""
