"""The token endpoint (RFC 6749 §3.2): it authenticates the client and hands the request to the grant that is asked for.

A new grant is one function and one row in ``GRANTS``. Not here: HTTP (``web.oauth_api``).
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from idp import metrics
from idp.oauth import (
    backchannel_authentication,
    client_auth,
    client_credentials,
    code_grant,
    device_grant,
    dpop,
    refresh_grant,
    rich_requests,
    token_exchange,
)
from idp.oauth.client_encryption import require_keys
from idp.oauth.client_metadata import CIBA, DEVICE_CODE, OF_PEOPLE, TOKEN_EXCHANGE
from idp.oauth.clients import RegisteredClient
from idp.oauth.confirmation import to_certificate
from idp.oauth.errors import OAuthError, invalid_request
from idp.oauth.provider import Provider
from idp.oauth.token_request import TokenRequest

PARAMETERS = client_auth.PARAMETERS | token_exchange.PARAMETERS | {
    "grant_type", "code", "redirect_uri", "code_verifier", "refresh_token", "scope", "resource", "authorization_details",
    "device_code", "auth_req_id",
}  # fmt: skip
Grant = Callable[[Provider, RegisteredClient, TokenRequest], dict[str, Any]]
GRANTS: Mapping[str, Grant] = {
    "authorization_code": code_grant.exchange,
    "refresh_token": refresh_grant.exchange,
    "client_credentials": client_credentials.exchange,
    DEVICE_CODE: device_grant.exchange,
    TOKEN_EXCHANGE: token_exchange.exchange,
    CIBA: backchannel_authentication.exchange,
}
"""By ``grant_type``: what makes the token response (RFC 6749 §5.1) for a client that may use it; raises ``OAuthError``."""
OF_DETAILS = OF_PEOPLE | {"refresh_token"}
"""The grant types of tokens that can have authorization details (RFC 9396 §6)."""


def answer(provider: Provider, request: TokenRequest) -> dict[str, Any]:
    """Return the token response to a request; raises ``OAuthError``.

    The form is checked before anything is looked up, and the client before its grant.
    """
    request.parameters.insist()
    grant_type = request.parameters.get("grant_type")
    if not grant_type:
        raise invalid_request("The grant_type is missing.")
    if grant_type not in GRANTS:
        raise OAuthError("unsupported_grant_type", "The grant_type is not supported.")
    client = client_auth.authenticate(provider, request)
    if not client.check_grant_type(grant_type):
        raise OAuthError("unauthorized_client", f"The client is not registered for {grant_type}.")
    if request.parameters.get("authorization_details") and grant_type not in OF_DETAILS:
        raise rich_requests.refusal("No person allows anything by this grant type.")
    require_keys(provider, client, "id_token")
    response = GRANTS[grant_type](provider, client, _bound(provider, client, request))
    metrics.count_tokens(grant_type)
    return response


def _bound(provider: Provider, client: RegisteredClient, request: TokenRequest) -> TokenRequest:
    """Return the request with the key that it proves to hold: by DPoP, else by TLS if the client is registered for that.

    A proof of DPoP is used up before the grant (RFC 9449 §5).
    """
    if request.proof is not None:
        return replace(request, bound_to=dpop.prove(provider, request.proof))
    if client.metadata.get("dpop_bound_access_tokens"):
        raise OAuthError("invalid_dpop_proof", "The client is registered for bound tokens: a DPoP proof is needed.")
    if not client.metadata.get("tls_client_certificate_bound_access_tokens"):
        return request
    bound_to = to_certificate(request.certificate)
    if not bound_to:
        raise invalid_request("The client is registered for tokens bound to its TLS certificate, and showed none.")
    return replace(request, bound_to=bound_to)
