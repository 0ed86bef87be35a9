"""The authorization server: Authlib's, with our grants, our reading of requests and our answers. Here Flask is met."""

import json
from typing import Any

from authlib.oauth2.rfc6749 import AuthorizationServer
from flask import Flask, Response

from idp.config import Settings
from idp.oauth import discovery
from idp.oauth.clients import RegisteredClient
from idp.oauth.code_grant import CodeGrant
from idp.oauth.errors import OAuthError, invalid_request
from idp.oauth.provider import Provider, make_provider
from idp.oauth.refresh_grant import RefreshGrant
from idp.oauth.request_parameters import ProtocolRequest

TOKEN_PARAMETERS = frozenset(
    ("grant_type", "code", "redirect_uri", "code_verifier", "refresh_token", "scope", "client_id", "client_secret")
)


class SleutelServer(AuthorizationServer):  # type: ignore[misc]  # Authlib is untyped
    """Authlib's server on our own models. It keeps nothing of a request."""

    def __init__(self, provider: Provider) -> None:
        super().__init__()
        self.provider = provider
        self.metadata = discovery.ready_bytes(provider)
        self.register_grant(CodeGrant)
        self.register_grant(RefreshGrant)

    def query_client(self, client_id: str) -> RegisteredClient | None:
        """A client that may act."""
        return self.provider.clients.get(client_id)

    def create_oauth2_request(self, request: ProtocolRequest) -> ProtocolRequest:
        """Requests are read strictly before they come here (``parameters``); a resumed one has no HTTP request at all."""
        return request

    def create_token_response(self, request: ProtocolRequest) -> Response:
        """The token endpoint's answer; raises faults, which the endpoint logs with their detail and answers as JSON.

        What is wrong with the form is said before anything is looked up.
        """
        request.parameters.insist()
        grant = self.get_token_grant(request)
        grant.validate_token_request()
        return self.handle_response(*grant.create_token_response())

    def handle_response(self, status: int, body: Any, headers: list[tuple[str, str]]) -> Response:
        """JSON, never cached."""
        return Response(json.dumps(body), status=status, headers=headers)

    def get_token_grant(self, request: ProtocolRequest) -> CodeGrant | RefreshGrant:
        """The grant that is asked for; Authlib's own error would quote the request (RFC 6749 §5.2 bounds the characters)."""
        for grant in (CodeGrant, RefreshGrant):
            if request.parameters.get("grant_type") == grant.GRANT_TYPE:
                return grant(request, self)
        if not request.parameters.get("grant_type"):
            raise invalid_request("The grant_type is missing.")
        raise OAuthError("unsupported_grant_type", "The grant_type is not supported.")

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Nobody listens: what must follow is done in the same transaction, not by a signal."""


def setup_oauth(app: Flask, settings: Settings) -> SleutelServer:
    """The server of an application; keys and clients are read when first needed."""
    server = SleutelServer(make_provider(settings))
    app.extensions["sleutel.oauth"] = server
    return server
