"""Node.js libraries sign people in from exactly what `idp client guide` prints, unchanged."""

import json
import os
from pathlib import Path

import pytest

from tests.conftest import Live
from tests.drivers import node
from tests.drivers.client_key import ClientKey
from tests.outside.printed import EMAIL, NAME, Guided, assert_signs_in_and_out, prepare, running

HERE = Path(__file__).parent
pytestmark = pytest.mark.node_apps


def _ready(live: Live, folder: Path, stack: str, **client: object) -> Guided:
    packages = node.installed(HERE)
    guided = prepare(live, folder / "app", stack, **client)
    (guided.folder / "node_modules").symlink_to(packages / "node_modules")
    return guided


@pytest.mark.parametrize(
    "client",
    [
        {},
        {"token_endpoint_auth_method": "client_secret_post", "id_token_signed_response_alg": "ES256", "require_pkce": True},
        {"public": True},
    ],
    ids=["plain", "post", "public"],
)
@pytest.mark.parametrize("stack", ["openid-client", "oauth4webapi"])
def test_openid_client_and_oauth4webapi_sign_in_and_out(
    live: Live, tmp_path: Path, stack: str, client: dict[str, object]
) -> None:
    """Code flow with PKCE, state and nonce, userinfo and sign-out, for each kind of client."""
    guided = _ready(live, tmp_path, stack, **client)
    with running(guided, ["node", "app.mjs"], os.environ) as visitor:
        assert_signs_in_and_out(visitor)


@pytest.mark.parametrize("stack", ["openid-client", "oauth4webapi"])
def test_an_app_signs_by_a_key_and_binds_tokens_to_another(live: Live, tmp_path: Path, stack: str) -> None:
    """Private_key_jwt (RFC 7523) and DPoP (RFC 9449), with the nonces that the provider demands."""
    key = ClientKey()
    registered = {"token_endpoint_auth_method": "private_key_jwt", "jwks": key.jwks, "dpop_bound_access_tokens": True}
    guided = _ready(live, tmp_path, stack, **registered)
    private = json.dumps({**key.key.as_dict(private=True), "kid": key.kid})
    with running(guided, ["node", "app.mjs"], {**os.environ, "OIDC_PRIVATE_KEY": private}) as visitor:
        assert_signs_in_and_out(visitor)


def test_passport_signs_in_without_pkce(live: Live, tmp_path: Path) -> None:
    """Passport-openidconnect cannot do PKCE; its nonce is enough for a client with a secret."""
    guided = _ready(live, tmp_path, "passport")
    with running(guided, ["node", "app.mjs"], os.environ) as visitor:
        assert_signs_in_and_out(visitor)


@pytest.mark.parametrize("id_token_claims", [False, True])
def test_auth_js_reads_the_claims_from_either_place(live: Live, tmp_path: Path, id_token_claims: bool) -> None:
    """Auth.js reads the claims from userinfo or, where the client asks for that, from the ID token alone."""
    callback = "/auth/callback/sleutel"
    guided = _ready(live, tmp_path, "authjs", callback=callback, id_token_claims=id_token_claims)
    environment = {**os.environ, "AUTH_SECRET": "x" * 32}
    with running(guided, ["node", "app.mjs"], environment) as visitor:
        token = visitor.open("/auth/csrf").json()["csrfToken"]
        shown = visitor.open("/auth/signin/sleutel", csrfToken=token, callbackUrl=guided.origin).json()
        assert shown == {"id": guided.person.id, "name": NAME, "email": EMAIL}
        assert visitor.open("/").json() == shown
