"""The FAPI 2.0 Security Profile (Final) of a client. Its walk through the conformance plan: ``tests/conformance``."""

import pytest

from idp.errors import Invalid
from idp.oauth.client_metadata import OURS_IN_METADATA, validate_metadata
from tests.conformance.fapi import Fapi, FapiClient, error_of
from tests.drivers.client_key import ClientKey
from tests.drivers.dpop import url_of

GIVEN = {"security_profile": "fapi-2.0", "redirect_uris": ["https://shop.example/cb"], "jwks": ClientKey().jwks}
REFUSED = {
    "a secret (§5.3.2.1, 6)": ({"token_endpoint_auth_method": "client_secret_basic"}, "token_endpoint_auth_method"),
    "a public client (§5.3.2.1, 3)": ({"token_endpoint_auth_method": "none"}, "token_endpoint_auth_method"),
    "no PKCE (§5.3.2.2, 5)": ({"require_pkce": False}, "require_pkce"),
    "hybrid (§5.3.2.2)": ({"response_types": ["code", "code id_token"]}, "response_types"),
    "no keys": ({"jwks": None}, "jwks"),
    "another profile": ({"security_profile": "fapi-1.0"}, "security_profile"),
    **{
        f"RS256 of {name} (§5.4.1)": ({name: "RS256"}, name)
        for name in ("id_token_signed_response_alg", "token_endpoint_auth_signing_alg", "request_object_signing_alg")
    },
}


@pytest.fixture
def settings(configure):
    """Let codes and pushed requests last as long as the configuration allows."""
    return configure(lifetimes={"code_seconds": 600, "pushed_request_seconds": 600})


@pytest.fixture
def plan(scene) -> Fapi:
    """Return the clients of the conformance plan."""
    return Fapi(scene)


def test_one_member_sets_the_others(settings):
    """§5.3.2.1 (4), (6), §5.3.2.2 (3), (5), §5.4.1. A token may be bound by TLS instead."""
    found = validate_metadata({**GIVEN, "require_pushed_authorization_requests": False}, settings)
    assert found["token_endpoint_auth_method"] == "private_key_jwt"
    for name in ("require_pkce", "require_pushed_authorization_requests", "dpop_bound_access_tokens"):
        assert found[name] is True, name
    assert found["id_token_signed_response_alg"] == found["authorization_signed_response_alg"] == "ES256"
    by_tls = validate_metadata({**GIVEN, "tls_client_certificate_bound_access_tokens": True}, settings)
    assert "dpop_bound_access_tokens" not in by_tls
    assert validate_metadata(found, settings) == found, "the stored form is valid again"
    assert "security_profile" in OURS_IN_METADATA


@pytest.mark.parametrize(("over", "field"), REFUSED.values(), ids=REFUSED.keys())
def test_what_contradicts_the_profile_is_refused(settings, over, field):
    """The refusal names the member."""
    with pytest.raises(Invalid) as refused:
        validate_metadata({**GIVEN, **over}, settings)
    assert refused.value.field == field


@pytest.mark.parametrize("where", ["token_endpoint", "pushed_authorization_request_endpoint", "list"])
def test_an_assertion_is_for_the_issuer_alone(plan, where, capsys):
    """§5.3.2.1 (8): as a string. A client without the profile may name an endpoint (Core §9). The log says what is right."""
    usual = FapiClient(plan.scene, "usual", security_profile=None, token_endpoint_auth_method="private_key_jwt")
    for client, status in ((plan.client, 401), (usual, 201)):
        audience = [client.party.issuer] if where == "list" else url_of(client.party, where)
        assert client.push(client.assertion(audience)).status_code == status
    assert '"why": "aud must be the issuer"' in capsys.readouterr().err


def test_only_strong_algorithms_sign(plan):
    """§5.4.1: RSA with PKCS#1 padding is not allowed, also not with the registered key."""
    client = FapiClient(plan.scene, "rsa", "PS256")
    assert client.push().status_code == 201
    client.signer.alg = "RS256"
    assert error_of(client.push()) == (401, "invalid_client")


def test_codes_and_references_are_short(plan, turned):
    """§5.3.2.2: a code lasts 60 seconds at most, a reference less than 600, whatever the configuration says."""
    client = plan.client
    pushed = client.push()
    assert pushed.json["expires_in"] == 599
    form = client.redeem(plan.sign_in(client, pushed)["code"])
    turned.shift(61)
    assert error_of(client.token(form)) == (400, "invalid_grant")


def test_a_request_names_its_address(plan):
    """§5.3.2.2 (6): also one without ``openid``, of a client that has one address only."""
    assert error_of(plan.client.push(redirect_uri=None, scope="profile")) == (400, "invalid_request")
