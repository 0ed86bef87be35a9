"""The Config plan: what discovery says, and whether it is true."""

from urllib.parse import urlsplit

from tests.conformance.conftest import plans
from tests.conformance.suite import Suite

PLAN = plans("oidcc-config-certification-test-plan")
REQUIRED = (
    "issuer", "authorization_endpoint", "token_endpoint", "jwks_uri", "response_types_supported", "subject_types_supported",
    "id_token_signing_alg_values_supported", "userinfo_endpoint", "scopes_supported", "claims_supported",
)  # fmt: skip


@PLAN
def test_oidcc_discovery_endpoint_verification(suite: Suite, ask) -> None:
    """Discovery §3, §4.3: every required member, one issuer, https addresses that answer, and keys without private parts."""
    found = suite.metadata
    assert not [name for name in REQUIRED if name not in found]
    assert found["issuer"] == suite.scene.settings.issuer
    assert "RS256" in found["id_token_signing_alg_values_supported"]
    assert "openid" in found["scopes_supported"]
    assert {"code"} <= set(found["response_types_supported"])
    for name in [one for one in found if one.endswith(("_endpoint", "_uri"))]:
        address = urlsplit(found[name])
        assert (address.scheme, address.fragment) == ("https", ""), name
        assert ask("GET", address.path).status_code != 404, f"{name} is promised, and is not there"
    keys = ask("GET", urlsplit(found["jwks_uri"]).path).get_json()["keys"]
    assert {key["kty"] for key in keys} >= {"RSA"}
    assert len({key["kid"] for key in keys}) == len(keys)
    assert not [key["kid"] for key in keys if {"d", "p", "q", "k", "dp", "dq", "qi"} & set(key)]
