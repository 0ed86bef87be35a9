"""Read the request of a machine (``oauth_api``): from the WSGI environment, without Flask."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header

from idp.config import Settings
from idp.oauth import request_parameters, strict_json
from idp.oauth.confirmation import ShownCertificate
from idp.oauth.dpop import ProofRequest
from idp.oauth.errors import OAuthError, invalid_request
from idp.oauth.provider import Provider
from idp.oauth.request_parameters import Parameters
from idp.oauth.token_request import TokenRequest
from idp.web.browser_request import address_of
from idp.web.client_certificates import certificate_of
from idp.web.oauth_provider import OAuth

FORM, JSON = "application/x-www-form-urlencoded", "application/json"


@dataclass(frozen=True)
class Reply:
    """Hold a complete answer."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass(frozen=True)
class Call:
    """Hold a request of a machine."""

    environ: Mapping[str, Any]
    oauth: OAuth
    settings: Settings
    request_id: str

    @property
    def provider(self) -> Provider:
        """Return the provider of this application."""
        return self.oauth.provider

    @property
    def authorization(self) -> str:
        """Return the value of the Authorization header; empty if there is none."""
        return str(self.environ.get("HTTP_AUTHORIZATION", ""))

    @property
    def address(self) -> str:
        """The client's address, as ``address_of`` tells it."""
        return address_of(self.settings, self.environ)

    def prefers(self, media_type: str) -> bool:
        """Check if the request names this media type and likes plain JSON no better (RFC 9110 §12.5.1)."""
        header = self.environ.get("HTTP_ACCEPT", "")
        if media_type not in header:
            return False
        accepted = parse_accept_header(header, MIMEAccept)
        return bool(accepted.quality(media_type) >= max(accepted.quality("application/json"), 0.001))

    @property
    def has_form(self) -> bool:
        """Check if the body is a form."""
        return self.media_type == FORM

    @property
    def media_type(self) -> str:
        """Return the media type of the body, without its parameters."""
        return str(self.environ.get("CONTENT_TYPE", "")).partition(";")[0].strip().lower()

    def form(self, known: frozenset[str]) -> Parameters:
        """Read the body's parameters. A query is refused: a secret in it would be in every log."""
        if self.environ.get("QUERY_STRING"):
            raise invalid_request("Parameters belong in the body, not in the query.")
        if not self.has_form:
            raise invalid_request(f"The body must be {FORM}.")
        return request_parameters.read(self._body(), known)

    def json(self) -> Any:
        """Read a body of JSON. A query is refused, as with a form."""
        if self.environ.get("QUERY_STRING") and self.environ["REQUEST_METHOD"] == "POST":
            raise invalid_request("Parameters belong in the body, not in the query.")
        if self.media_type != JSON:
            raise invalid_request(f"The body must be {JSON}.")
        try:
            return strict_json.read(self._body())
        except ValueError as error:
            raise invalid_request("The body is not JSON, or has a member twice.") from error

    def _body(self) -> bytes:
        length = self.environ.get("CONTENT_LENGTH") or "0"
        if not length.isascii() or not length.isdigit():
            raise unreadable(400)
        if int(length) > self.settings.server.max_body_bytes:
            raise unreadable(413)
        return cast(bytes, self.environ["wsgi.input"].read(int(length)))

    def of_client(self, known: frozenset[str]) -> TokenRequest:
        """Read a request that a client sends with its authentication."""
        return TokenRequest(
            self.form(known),
            self.authorization,
            self.address,
            self.request_id,
            self.proof if "HTTP_DPOP" in self.environ else None,
            self.certificate,
        )

    @property
    def certificate(self) -> ShownCertificate:
        """Return the certificate of the app's TLS connection."""
        return certificate_of(self.settings, self.environ)

    @property
    def proof(self) -> ProofRequest:
        """Return the DPoP header with what its proof must be for; an absent header is an empty proof."""
        environ = self.environ
        return ProofRequest(str(environ.get("HTTP_DPOP", "")), environ["REQUEST_METHOD"], environ["PATH_INFO"])


def unreadable(status: int) -> OAuthError:
    """Return the error for a request that HTTP itself refuses."""
    return OAuthError("invalid_request", "The request cannot be taken.", status=status)
