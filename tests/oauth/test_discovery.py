"""OpenID Connect Discovery 1.0 and RFC 8414: metadata and key set."""

import pytest

from idp.oauth.discovery import document
from idp.oauth.provider import make_provider

BOTH = ("/.well-known/openid-configuration", "/.well-known/oauth-authorization-server")
PRIVATE = {"d", "p", "q", "dp", "dq", "qi", "k", "oth"}


@pytest.mark.parametrize("path", BOTH)
def test_both_metadata_addresses_name_our_issuer_for_every_host(ask, settings, path):
    """R97-13, OC-19, V10.5.3: the Host header does not change the issuer."""
    answer = ask("GET", path, headers={"Host": "evil.example", "X-Forwarded-Host": "evil.example"})
    assert answer.status_code == 200
    assert answer.json["issuer"] == settings.issuer
    endpoints = [value for name, value in answer.json.items() if name.endswith(("_endpoint", "_uri"))]
    assert len(endpoints) >= 7
    assert all(endpoint.startswith(settings.issuer + "/") for endpoint in endpoints)


@pytest.mark.parametrize("issuer", ["http://localhost:8000", "http://127.0.0.1:8000", "http://[::1]:8000"])
def test_a_loopback_issuer_may_use_plain_http(configure, issuer):
    """Authlib requires https everywhere. We check the issuer when the configuration is read."""
    from idp.app import create_app
    from tests.drivers.applications import close

    made = create_app(configure(issuer=issuer))
    client = made.test_client(use_cookies=False)
    assert client.get(BOTH[0], base_url=issuer).json["token_endpoint"] == f"{issuer}/oauth/token"
    asked = client.post("/oauth/token", base_url=issuer, data={"grant_type": "refresh_token", "client_id": "x"})
    assert asked.json["error"] == "invalid_client"
    close(made)


def test_metadata_lists_only_supported_features(ask):
    """R97-05, R97-06, R97-11, V9.1.2: the list has S256 and the code flow, and no password grant or unsigned token."""
    found = ask("GET", BOTH[0]).json
    assert found["code_challenge_methods_supported"] == ["S256"]
    assert found["response_types_supported"] == ["code", "code id_token"]
    assert found["id_token_signing_alg_values_supported"] == ["RS256", "ES256"]
    assert found["authorization_response_iss_parameter_supported"] is True
    assert found["claims_parameter_supported"] is True
    assert found["request_uri_parameter_supported"] is True
    assert found["require_request_uri_registration"] is True
    assert found["acr_values_supported"] == ["pwd", "mfa-remembered", "mfa", "phr"], "phrh needs attestation roots"


def test_the_highest_level_is_listed_once_it_can_be_reached(settings):
    """It needs the root certificates of makers of hardware keys."""
    vars(settings)["attestation_roots"] = (b"a certificate",)
    assert document(make_provider(settings))["acr_values_supported"][-1] == "phrh"


def test_metadata_lists_the_claims_in_the_order_of_the_standard(ask):
    """OpenID Connect Core §5.1: its claims come first, then those of the scope ``organisation``."""
    assert " ".join(ask("GET", BOTH[0]).json["claims_supported"]) == (
        "iss sub aud exp iat auth_time nonce acr amr at_hash sid "
        "name family_name given_name middle_name nickname preferred_username profile picture website gender birthdate "
        "zoneinfo locale email email_verified phone_number phone_number_verified address "
        "organisation_id organisation organisation_name shops role groups roles"
    )


def test_the_key_set_has_public_es256_and_3072_bit_rs256_keys(ask):
    """OC-19, V11.2.3: the keys have no private members."""
    keys = ask("GET", "/oauth/jwks").json["keys"]
    assert {key["alg"] for key in keys} == {"ES256", "RS256"}
    assert all(key["use"] == "sig" and key["kid"] for key in keys)
    assert not any(PRIVATE & set(key) for key in keys)
    rsa = next(key for key in keys if key["alg"] == "RS256")
    assert len(rsa["n"]) == 512  # 384 bytes


@pytest.mark.parametrize("path", [*BOTH, "/oauth/jwks"])
def test_every_origin_may_read_the_documents_without_cookies(ask, path):
    """R97-16: CORS allows every origin without credentials. Machine endpoints set no cookie."""
    answer = ask("GET", path, headers={"Origin": "https://app.example"})
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in answer.headers
    assert "Set-Cookie" not in answer.headers
    assert ask("GET", path, headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304


def test_the_authorization_endpoint_has_no_cors(ask):
    """R97-16: browsers navigate to this endpoint and never fetch it."""
    for method in ("GET", "OPTIONS"):
        answer = ask(method, "/oauth/authorize", headers={"Origin": "https://app.example"})
        assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize("path", ["/oauth/token", "/oauth/revoke", "/oauth/introspect", "/oauth/userinfo"])
def test_apps_in_browsers_may_call_the_machine_endpoints(ask, path):
    """The endpoints answer the preflight of Fetch. Apps can read errors too."""
    headers = {"Origin": "https://app.example", "Access-Control-Request-Method": "POST"}
    preflight = ask("OPTIONS", path, headers=headers)
    assert preflight.status_code == 200
    assert "Authorization" in preflight.headers["Access-Control-Allow-Headers"]
    assert ask("POST", path, headers=headers).headers["Access-Control-Allow-Origin"] == "*"


def test_metadata_lists_exactly_the_supported_grants(ask):
    """RFC 8414 §2: the list equals the table of the token endpoint."""
    from idp.oauth import token_endpoint

    assert ask("GET", BOTH[0]).json["grant_types_supported"] == list(token_endpoint.GRANTS)
