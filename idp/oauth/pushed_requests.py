"""Take authorization requests that apps push (RFC 9126): checked here as the authorization endpoint checks them.

What becomes of them when a browser brings them: ``request_sources``.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from idp import clock, crypto, db
from idp.oauth import authorization_request, client_auth, dpop
from idp.oauth.authorization_checks import Draft
from idp.oauth.confirmation import KEY
from idp.oauth.errors import OAuthError
from idp.oauth.provider import Provider
from idp.oauth.request_parameters import LONGEST_KEPT, Parameters
from idp.oauth.request_sources import CAME_BY, PREFIX, PUSHED, digest_of, place_of
from idp.oauth.security_profile import pushed_lifetime
from idp.oauth.token_request import TokenRequest
from idp.store import pushed_requests as store

PARAMETERS = client_auth.PARAMETERS | authorization_request.PARAMETERS


def push(provider: Provider, request: TokenRequest) -> dict[str, Any]:
    """Keep a request. Returns its ``request_uri``, and the seconds in which a browser must bring it.

    Raises ``OAuthError``.
    """
    request.parameters.insist()
    client = client_auth.authenticate(provider, request)
    sent = {
        name: request.parameters.get(name) for name in authorization_request.PARAMETERS & request.parameters.values.keys()
    }
    draft = Draft(provider, Parameters({**sent, "client_id": client.client_id}), is_pushing=True)
    carried = _bound(provider, request, authorization_request.read_request(draft).needs.carried)
    if sum(map(len, carried.values())) > LONGEST_KEPT:
        raise OAuthError("invalid_request", "The request is too long.", status=413)
    came_by = f"{carried.get(CAME_BY, '')} {PUSHED}".strip()
    lifetime = pushed_lifetime(client.metadata, timedelta(seconds=provider.settings.lifetimes.pushed_request_seconds))
    request_uri, now = PREFIX + crypto.new_secret(), clock.now()
    digest = digest_of(request_uri)
    row = store.PushedRequest(
        digest=digest,
        client_id=client.client_id,
        sealed=provider.settings.ring.seal_json({**carried, CAME_BY: came_by}, place_of(digest)),
        created_at=now,
        expires_at=now + lifetime,
    )
    with db.transaction():
        store.add_request(row)
    return {"request_uri": request_uri, "expires_in": int(lifetime.total_seconds())}


def _bound(provider: Provider, request: TokenRequest, parameters: Mapping[str, str]) -> Mapping[str, str]:
    """Return the parameters, bound to the key that the app shows with them (RFC 9449 §10.1). Raises ``OAuthError``."""
    if request.proof is None:
        return parameters
    thumbprint = dpop.prove(provider, request.proof).removeprefix(KEY)
    # "If both mechanisms are used at the same time, the authorization server MUST reject the request if the JWK
    # Thumbprint in dpop_jkt does not match the public key in the DPoP header."
    if parameters.get("dpop_jkt") not in (None, thumbprint):
        raise OAuthError("invalid_dpop_proof", "The key of the proof is not the one of dpop_jkt.")
    return {**parameters, "dpop_jkt": thumbprint}
