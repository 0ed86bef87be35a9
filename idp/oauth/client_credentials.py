"""The client credentials grant (RFC 6749 §4.4): an access token for the client itself, with no user behind it.

Nothing is stored: the token is judged by the client's registration each time (``active_grant.find_active_client``).
"""

from typing import Any

from idp.oauth.active_grant import scopes_of_client
from idp.oauth.clients import RegisteredClient
from idp.oauth.errors import OAuthError
from idp.oauth.provider import Provider
from idp.oauth.resource_indicators import choose
from idp.oauth.token_request import TokenRequest
from idp.oauth.tokens import mint_for_client


def exchange(provider: Provider, client: RegisteredClient, request: TokenRequest) -> dict[str, Any]:
    """Return the token response for a client; raises ``OAuthError``. No refresh token comes with it (RFC 6749 §4.4.3)."""
    # RFC 6749 §4.4: "The client credentials grant type MUST only be used by confidential clients."
    if client.is_public:
        raise OAuthError("unauthorized_client", "A client without a secret cannot act for itself.")
    requested = request.parameters.get("scope").split()
    scopes = [scope for scope in scopes_of_client(client) if not requested or scope in requested]
    if requested and not scopes:
        raise OAuthError("invalid_scope", "The client may have none of these scopes without a user.")
    target = choose(provider, scopes, request.parameters.get("resource"))
    return mint_for_client(provider, client, target, request.bound_to)
