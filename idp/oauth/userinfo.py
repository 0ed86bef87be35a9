"""The userinfo endpoint (OpenID Connect Core §5.3), with bearer tokens as RFC 6750 says."""

from typing import Any

from idp import clock
from idp.oauth import claims
from idp.oauth.active_grant import pass_gate
from idp.oauth.errors import OAuthError
from idp.oauth.provider import Provider
from idp.oauth.request_parameters import Parameters
from idp.oauth.tokens import read_access_token

PARAMETERS = frozenset(("access_token",))


class BearerFault(OAuthError):
    """RFC 6750 §3: the error stands in ``WWW-Authenticate`` too; a request without a token is told of the scheme only."""

    def get_headers(self) -> list[tuple[str, str]]:
        """One challenge, with the error's attributes once."""
        headers = [pair for pair in super().get_headers() if pair[0] != "WWW-Authenticate"]
        says = f', error="{self.error}", error_description="{self.description}"' if self.error else ""
        return [*headers, ("WWW-Authenticate", f'Bearer realm="userinfo"{says}')]

    def get_body(self) -> list[tuple[str, str]]:
        """Empty where no token came."""
        return list(super().get_body()) if self.error else []


def userinfo(provider: Provider, header: str, body: Parameters) -> dict[str, Any]:
    """The claims for the access token of a request; raises ``BearerFault``."""
    token = _bearer(header, body)
    known = read_access_token(provider, token)
    standing = pass_gate(provider, known.organisation_id, known.grant_id, clock.now()) if known else "not a token of ours"
    if known is None or isinstance(standing, str) or standing.grant.user_id != known.subject:
        detail = standing if isinstance(standing, str) else "the token is for somebody else"
        raise BearerFault("invalid_token", "The access token is invalid, expired or revoked.", status=401, detail=detail)
    # The token says what was granted when it was made; what was withdrawn since then is not given.
    scopes = set(known.scopes) & set(standing.scopes)
    if "openid" not in scopes:
        raise BearerFault("insufficient_scope", "The scope openid is needed.", status=403)
    return {"sub": known.subject, **claims.about(standing.user, scopes)}


def _bearer(header: str, body: Parameters) -> str:
    """The token from the header or a form body (RFC 6750 §2), never from the query (OAuth 2.1 §5.1.1)."""
    if body.faults:
        raise BearerFault("invalid_request", "The body cannot be read.")
    scheme, _, token = header.partition(" ")
    in_header = token.strip() if scheme.lower() == "bearer" else ""
    in_body = body.get("access_token")
    # RFC 6750 §2: "Clients MUST NOT use more than one method to transmit the token in each request."
    if in_header and in_body:
        raise BearerFault("invalid_request", "The token came in two ways at once.")
    if not in_header and not in_body:
        raise BearerFault("", "", status=401)
    return in_header or in_body
