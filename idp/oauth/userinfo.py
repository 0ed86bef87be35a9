"""Answer userinfo requests (OpenID Connect Core §5.3), with bearer tokens as RFC 6750 says."""

from collections.abc import Mapping
from typing import Any

from idp import clock
from idp.identity.scopes import SINGLE
from idp.oauth import claims
from idp.oauth.access_tokens import active_behind, read_access_token, scopes_now
from idp.oauth.active_grant import ActiveClient
from idp.oauth.errors import OAuthError
from idp.oauth.provider import Provider
from idp.oauth.request_parameters import Parameters

PARAMETERS = frozenset(("access_token",))


class BearerError(OAuthError):
    """An error that ``WWW-Authenticate`` tells too; a request without a token learns the scheme only (RFC 6750 §3)."""

    @property
    def challenge(self) -> str:
        """Return the scheme, with the error's attributes where there is an error."""
        told = f', error="{self.error}", error_description="{self.description}"' if self.error else ""
        return f'Bearer realm="userinfo"{told}'

    @property
    def body(self) -> Mapping[str, str]:
        """Return the members of the JSON answer: none where no token came."""
        return super().body if self.error else {}


def userinfo(provider: Provider, header: str, body: Parameters) -> dict[str, Any]:
    """Return the claims for the access token of a request; raises ``BearerError``."""
    token = read_access_token(provider, _bearer(header, body))
    if token is None or provider.issuer not in token.audience:
        raise _invalid("not a token of ours, or not for us")
    active = active_behind(provider, token, clock.now())
    if isinstance(active, str):
        raise _invalid(active)
    # The token says what was granted when it was made; what was withdrawn since then is not given.
    scopes = scopes_now(token, active)
    if isinstance(active, ActiveClient) or "openid" not in scopes:
        raise BearerError("insufficient_scope", "The scope openid is needed.", status=403)
    granted = (*scopes, *(name for name in active.scopes if name.startswith(SINGLE)))
    person = claims.about(active.user, granted) | claims.added(active.user, active.client, granted, "userinfo")
    return {"sub": token.subject, **person}


def _invalid(detail: str) -> BearerError:
    return BearerError("invalid_token", "The access token is invalid, expired or revoked.", status=401, detail=detail)


def _bearer(header: str, body: Parameters) -> str:
    """Return the token from the header or a form body (RFC 6750 §2), never from the query (OAuth 2.1 §5.1.1)."""
    if body.faults:
        raise BearerError("invalid_request", "The body cannot be read.")
    scheme, _, token = header.partition(" ")
    in_header = token.strip() if scheme.lower() == "bearer" else ""
    in_body = body.get("access_token")
    # RFC 6750 §2: "Clients MUST NOT use more than one method to transmit the token in each request."
    if in_header and in_body:
        raise BearerError("invalid_request", "The token came in two ways at once.")
    if not in_header and not in_body:
        raise BearerError("", "", status=401)
    return in_header or in_body
