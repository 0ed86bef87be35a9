"""Revoke tokens (RFC 7009).

A token is found by its form, so ``token_type_hint`` is not needed: RFC 7009 §2.1 lets a server ignore it.
"""

import structlog

from idp import clock, crypto, db
from idp.audit import Event, record
from idp.oauth import client_auth
from idp.oauth.access_tokens import AccessToken, read_access_token
from idp.oauth.errors import OAuthError, invalid_grant, invalid_request
from idp.oauth.provider import Provider
from idp.oauth.token_request import TokenRequest
from idp.store import grants
from idp.store.grants import Grant

log = structlog.get_logger("oauth")
PARAMETERS = client_auth.PARAMETERS | {"token", "token_type_hint"}


def revoke(provider: Provider, request: TokenRequest) -> None:
    """Revoke the grant of a client's token, so that its refresh and access tokens end together; raises ``OAuthError``.

    RFC 7009 §2.1 allows it for access tokens too. Ours carry no state but their grant, and an app that revokes one signs its
    user out. A token that is unknown or has expired needs nothing more (§2.2).
    """
    request.parameters.insist()
    client = client_auth.authenticate(provider, request)
    token = request.parameters.get("token")
    if not token:
        raise invalid_request("The token is missing.")
    access = read_access_token(provider, token)
    if access is not None and not access.grant_id:
        # RFC 7009 §2.2.1. Nothing is stored of such a token; it ends with the client's registration, or in minutes.
        raise OAuthError("unsupported_token_type", "A token without a user ends by itself.")
    grant = _grant_of(access, token)
    if grant is None:
        log.info("revoked_nothing", client_id=client.client_id)
        return
    # RFC 7009 §2.1: if the token was not issued to this client, "the request is refused and the client is informed".
    if grant.client_id != client.client_id:
        raise invalid_grant("another client's token")
    with db.transaction():
        if grants.revoke_grant(grant.organisation_id, grant.id, clock.now(), "revoked_by_client"):
            record(
                request.origin(client.client_id),
                Event.GRANT_REVOKED,
                organisation_id=grant.organisation_id,
                subject_id=grant.user_id,
                data={"grant": grant.id, "why": "revoked_by_client"},
            )


def _grant_of(access: AccessToken | None, token: str) -> Grant | None:
    """Return the grant of an access token that is valid, or of a refresh token, used or not."""
    if access is not None:
        return grants.grant(access.organisation_id, access.grant_id)
    organisation_id = crypto.organisation_id_of(token)
    digest = crypto.digest("refresh_token", token)
    refresh = grants.refresh_token_of(organisation_id, digest) if organisation_id else None
    return grants.grant(organisation_id, refresh.grant_id) if refresh else None
