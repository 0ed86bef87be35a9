"""Answer userinfo requests (OpenID Connect Core §5.3). How a token is presented: ``presented_token``."""

from typing import Any

from idp import clock
from idp.identity.scopes import SINGLE
from idp.oauth import claims
from idp.oauth.access_tokens import active_behind, scopes_now
from idp.oauth.active_grant import ActiveClient, TooWeak
from idp.oauth.errors import OAuthError
from idp.oauth.presented_token import ResourceError, ResourceRequest, error_for, invalid_token, take
from idp.oauth.provider import Provider

PARAMETERS = frozenset(("access_token",))


def userinfo(provider: Provider, request: ResourceRequest) -> dict[str, Any]:
    """Return the claims for the access token of a request; raises ``ResourceError``."""
    try:
        return _claims(provider, request)
    except ResourceError:
        raise
    except OAuthError as error:
        raise error_for(request.scheme, error) from error


def _claims(provider: Provider, request: ResourceRequest) -> dict[str, Any]:
    token = take(provider, request)
    active = active_behind(provider, token, clock.now())
    if isinstance(active, TooWeak):
        # RFC 9470 §3: the user can sign in again, as the challenge says; a new token by the refresh token would not help.
        error = OAuthError("insufficient_user_authentication", "A stronger sign-in is needed.", status=401, detail=active)
        raise error_for(request.scheme, error, acr_values=active.acr)
    if isinstance(active, str):
        raise invalid_token(active)
    # The token says what was granted when it was made; what was withdrawn since then is not given.
    scopes = scopes_now(token, active)
    if isinstance(active, ActiveClient) or "openid" not in scopes:
        raise OAuthError("insufficient_scope", "The scope openid is needed.", status=403)
    granted = (*scopes, *(name for name in active.scopes if name.startswith(SINGLE)))
    person = claims.about(active.user, granted) | claims.added(active.user, active.client, granted, "userinfo")
    return {"sub": token.subject, **person}
