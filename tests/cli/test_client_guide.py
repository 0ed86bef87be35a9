"""`idp client guide` prints settings for the library that a client is built with. `tests/outside` runs what it prints."""

import json
import re
from typing import Any

import pytest

from idp.identity.roles import ROLES
from idp.oauth import guides
from tests.cli.conftest import SECRET, Idp

ADDRESSES = ["https://till.example.com/callback"]
KINDS: dict[str, dict[str, Any]] = {
    "confidential": {"client_secret": SECRET},
    "post": {"client_secret": SECRET, "token_endpoint_auth_method": "client_secret_post", "require_pkce": True},
    "key": {"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": "https://app.example.com/jwks"},
    "signing": {"client_secret": SECRET, "token_endpoint_auth_method": "client_secret_jwt"},
    "certificate": {
        "token_endpoint_auth_method": "client_secret_basic", "client_secret": SECRET,
        "tls_client_certificate_bound_access_tokens": True,
    },
    "proof": {"client_secret": SECRET, "dpop_bound_access_tokens": True},
    "public": {"token_endpoint_auth_method": "none", "grant_types": ["authorization_code", "refresh_token"]},
    "short-tokens": {"client_secret": SECRET, "id_token_signed_response_alg": "ES256", "id_token_claims": True},
    "native": {
        "token_endpoint_auth_method": "none", "application_type": "native", "redirect_uris": ["com.example.till:/callback"],
    },
    "machine": {"client_secret": SECRET, "grant_types": ["client_credentials"], "redirect_uris": []},
    "api": {"client_secret": SECRET, "grant_types": [], "redirect_uris": [], "resource": {
        "identifier": "https://stock.example.com", "scopes": {"stock:see": "See the stock"}, "alg": "ES256"}},
}  # fmt: skip


@pytest.fixture
def clients(idp: Idp) -> Idp:
    """Make a client of each kind."""
    for client_id, members in KINDS.items():
        given = {"client_id": client_id, "redirect_uris": ADDRESSES, **members}
        idp("client", "create", "-", stdin=json.dumps(given))
    return idp


def test_each_stack_has_a_text_for_each_kind_of_client(clients: Idp) -> None:
    """It names the issuer and the client, or the API that tokens are for, and never has the secret."""
    for stack, known in guides.STACKS.items():
        for client_id in KINDS:
            text = clients("client", "guide", client_id, "--for", stack).stdout
            assert text.startswith(f"# {known.title} for {client_id}\n")
            assert "https://id.example.com" in text
            audience = "https://stock.example.com" if client_id == "api" else guides.EXAMPLE_API["identifier"]
            named = audience if known.is_api else client_id
            assert f'"{named}"' in text or f"'{named}'" in text or f"client_id = {named}\n" in text
            assert SECRET not in text
            assert text.count("```") % 2 == 0
            assert set(re.findall(r"role == '(\w+)'", text)) <= set(ROLES), stack


def test_the_page_in_php_does_not_ask_again_after_a_refusal(clients: Idp) -> None:
    """RFC 6749 §4.1.2.1: an answer without a code may be an error. Asking again would go round without end."""
    text = clients("client", "guide", "confidential", "--for", "league").stdout
    assert text.index("isset($_GET['error'])") < text.index("getAuthorizationUrl()")
    assert "Content-Type: text/plain" in text, "the description would be shown as HTML"


def test_without_a_stack_their_names_are_listed(clients: Idp) -> None:
    """The list has every stack that it names."""
    listed = clients("client", "guide", "public").stdout
    assert [line.split()[0] for line in listed.splitlines()] == list(guides.STACKS)
    assert "'nothing' is not one of" in clients("client", "guide", "public", "--for", "nothing", code=2).stderr
    assert "there is no client 'x'" in clients("client", "guide", "x", "--for", "authlib", code=1).stderr


@pytest.mark.parametrize(
    ("client_id", "stack", "remedy"),
    [
        ("confidential", "mozilla-django-oidc", "* Register this redirect address first: https://till.example.com/oidc/callback/"),
        ("confidential", "authlib", "* For signing out, register this address first: https://till.example.com/"),
        ("confidential", "aspnet", "* For signing out, register this address first: https://till.example.com/signout-callback-oidc"),
        ("confidential", "oidc-client-ts", "* This keeps no secret: "),
        ("public", "grafana", "* This needs an app with a secret. Your app is public."),
        ("key", "authlib", "* These settings send a secret. Your app has a key of its own: give the library that key"),
        ("signing", "authlib", "* These settings send the secret. Your app signs with it: set the library to "),
        ("certificate", "authlib", "* Have the library connect with the TLS certificate of the app: "),
        ("proof", "authlib", "* The app is set to bind its tokens to a key (DPoP), and these settings cannot do that."),
        ("post", "passport", "* This cannot do PKCE, which the app is set to need."),
        ("native", "authlib", "* Register this redirect address first: https://app.example.com/callback"),
        ("machine", "authlib", "* Add authorization_code to the app's grant types first."),
        ("public", "pyjwt", "* This checks access tokens at an API. Your app is not an API."),
    ],
)  # fmt: skip
def test_what_must_change_at_the_client_first_is_said(clients: Idp, client_id: str, stack: str, remedy: str) -> None:
    """The settings work as printed, or the text says what is missing."""
    assert remedy in clients("client", "guide", client_id, "--for", stack).stdout


def test_settings_follow_the_registration(clients: Idp) -> None:
    """The method, the signature's algorithm, refreshing and the place of the claims are those of the client."""
    printed = {
        (client_id, stack): clients("client", "guide", client_id, "--for", stack).stdout
        for client_id, stack in [
            ("post", "authlib"), ("public", "authlib"), ("short-tokens", "mozilla-django-oidc"), ("short-tokens", "authjs"),
            ("confidential", "authjs"), ("native", "appauth"), ("key", "openid-client"), ("proof", "openid-client"),
            ("api", "pyjwt"), ("api", "aspnet-api"),
        ]
    }  # fmt: skip
    assert '"token_endpoint_auth_method": "client_secret_post"' in printed["post", "authlib"]
    assert "OIDC_CLIENT_SECRET" not in printed["public", "authlib"]
    assert "offline_access" in printed["public", "authlib"]
    assert "offline_access" not in printed["post", "authlib"]
    assert 'OIDC_RP_SIGN_ALGO = "ES256"' in printed["short-tokens", "mozilla-django-oidc"]
    assert "idToken: true" in printed["short-tokens", "authjs"]
    assert "idToken: false" in printed["confidential", "authjs"]
    assert "oidc.PrivateKeyJwt({ key, kid })" in printed["key", "openid-client"]
    assert "{ name: 'ECDSA', namedCurve: 'P-256' }" in printed["key", "openid-client"]
    assert "\n* These" not in printed["key", "openid-client"]
    assert "getDPoPHandle" not in printed["key", "openid-client"]
    assert "getDPoPHandle" in printed["proof", "openid-client"]
    assert 'appAuthRedirectScheme: "com.example.till"' in printed["native", "appauth"]
    assert '@needs("stock:see")' in printed["api", "pyjwt"]
    assert 'algorithms=["ES256"]' in printed["api", "pyjwt"]
    assert "\n* " not in printed["api", "pyjwt"]
    assert 'claim.Type == "cnf"' in printed["api", "aspnet-api"]
