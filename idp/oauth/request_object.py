"""Request objects (RFC 9101, OpenID Connect Core §6) and registration in the request (§7.2.1): refused by their errors."""

from idp.oauth.errors import OAuthError
from idp.oauth.request_parameters import Parameters

PARAMETERS = ("request", "request_uri", "registration")


def refuse(parameters: Parameters) -> None:
    """Core §6.1: "the OP MUST return the request_not_supported error"; it is never fetched, parsed or ignored."""
    for name in PARAMETERS:
        if parameters.get(name):
            raise OAuthError(f"{name}_not_supported", f"The parameter {name} is not supported.")
