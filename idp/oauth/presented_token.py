"""Take an access token from a request to a resource: as a bearer token (RFC 6750 §2) or with a proof (RFC 9449 §7.1)."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from idp.oauth import dpop
from idp.oauth.access_tokens import AccessToken, read_access_token
from idp.oauth.confirmation import KEY, NO_CERTIFICATE, ShownCertificate, to_certificate
from idp.oauth.dpop import ProofRequest
from idp.oauth.errors import OAuthError
from idp.oauth.provider import Provider
from idp.oauth.request_parameters import Parameters

BEARER, DPOP = "Bearer", "DPoP"


@dataclass(frozen=True)
class ResourceRequest:
    """What a request to a resource says. ``certificate``: that of its TLS connection."""

    authorization: str
    proof: ProofRequest
    certificate: ShownCertificate = NO_CERTIFICATE
    body: Parameters = field(default_factory=Parameters)

    @property
    def scheme(self) -> str:
        """Return how a token is presented, in the spelling of its standard."""
        return DPOP if self.authorization.partition(" ")[0].lower() == "dpop" else BEARER


class ResourceError(OAuthError):
    """An error that ``WWW-Authenticate`` tells too; a request without a token learns the schemes only (RFC 6750 §3)."""

    scheme = BEARER
    attributes: Mapping[str, str] = {}

    @property
    def challenge(self) -> str:
        """Return the scheme, with the error's attributes where there is an error."""
        members = {"error": self.error, "error_description": self.description} if self.error else {}
        algorithms = " ".join(dpop.ALGORITHMS)
        if self.scheme == DPOP:
            return _challenge(DPOP, {**members, **self.attributes, "algs": algorithms})
        bearer = _challenge(BEARER, {"realm": "userinfo", **members, **self.attributes})
        return bearer if self.error else f"{bearer}, {_challenge(DPOP, {'algs': algorithms})}"

    @property
    def body(self) -> Mapping[str, str]:
        """Return the members of the JSON answer: none where no token came."""
        return super().body if self.error else {}


def _challenge(scheme: str, attributes: Mapping[str, str]) -> str:
    return f"{scheme} " + ", ".join(f'{name}="{value}"' for name, value in attributes.items())


def error_for(scheme: str, error: OAuthError, **attributes: str) -> ResourceError:
    """Return an error as a resource tells it, in the scheme that the client uses."""
    refusal = ResourceError(error.error, error.description, status=error.status, detail=error.detail)
    refusal.scheme, refusal.attributes = scheme, attributes
    return refusal


def invalid_token(detail: str) -> OAuthError:
    """Return the error for a token that is of no use here, whatever the reason (RFC 6750 §3.1)."""
    return OAuthError("invalid_token", "The access token is invalid, expired or revoked.", status=401, detail=detail)


def take(provider: Provider, request: ResourceRequest) -> AccessToken:
    """Return the access token of a request, made for us. ``prove`` must follow. Raises ``OAuthError``."""
    token = read_access_token(provider, _text(request))
    if token is None or provider.issuer not in token.audience:
        raise invalid_token("not a token of ours, or not for us")
    return token


def prove(provider: Provider, request: ResourceRequest, token: AccessToken) -> None:
    """Check that a token is shown with its key where it is bound; this uses a proof up. Raises ``OAuthError``."""
    if request.scheme == DPOP:
        if token.bound_to != _proved(provider, replace(request.proof, access_token=_text(request))):
            raise invalid_token("bound to another key, or to none")
    # RFC 9449 §7.2: "MUST reject a DPoP-bound access token received as a bearer token".
    elif token.bound_to.startswith(KEY):
        raise error_for(DPOP, invalid_token("a bound token came without its proof"))
    # RFC 8705 §3: "If they do not match, the resource access attempt MUST be rejected with [...] invalid_token".
    elif token.bound_to not in ("", to_certificate(request.certificate)):
        raise invalid_token("bound to another certificate")


def _proved(provider: Provider, request: ProofRequest) -> str:
    """Return the binding that the proof shows. RFC 9449 §7.1 and §9: at a resource, the status is 401."""
    try:
        return dpop.prove(provider, request)
    except OAuthError as error:
        raise OAuthError(error.error, error.description, status=401) from error


def _text(request: ResourceRequest) -> str:
    """Return the token from the header or a form body (RFC 6750 §2), never from the query (OAuth 2.1 §5.1.1)."""
    if request.body.faults:
        raise OAuthError("invalid_request", "The body cannot be read.")
    scheme, _, rest = request.authorization.partition(" ")
    in_header = rest.strip() if scheme.lower() in ("bearer", "dpop") else ""
    in_body = request.body.get("access_token")
    # RFC 6750 §2: "Clients MUST NOT use more than one method to transmit the token in each request."
    if in_header and in_body:
        raise OAuthError("invalid_request", "The token came in two ways at once.")
    if not in_header and not in_body:
        raise OAuthError("", "", status=401)
    return in_header or in_body
