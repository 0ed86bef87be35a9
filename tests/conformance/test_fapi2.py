"""The FAPI 2.0 Security Profile plan (Final): whole flows, requests and pushed requests.

Variant: plain_fapi, private_key_jwt, dpop, openid_connect, unsigned, plain_response.
"""

import json

import pytest

from idp import clock
from tests.conformance.conftest import FULL, plans
from tests.conformance.fapi import PAR, Fapi, FapiClient, error_of
from tests.conformance.suite import header_of
from tests.drivers.dpop import ProofKey, url_of
from tests.drivers.relying_party import Refused
from tests.factories import Factory
from tests.oauth.conftest import Scene

PLAN = plans("fapi2-security-profile-final-test-plan")
SECURE = {"PS256", "ES256", "EdDSA", "Ed25519"}


@pytest.fixture
def suite(scene: Scene) -> Fapi:
    """Return the plan's clients."""
    return Fapi(scene)


@PLAN
def test_fapi2_security_profile_final_discovery_end_point_verification(suite: Fapi) -> None:
    """§5.3.2.1, §5.3.2.2, §5.4.1: what the profile needs is offered."""
    found = suite.client.party.metadata
    assert found[PAR].startswith("https://")
    assert found["authorization_response_iss_parameter_supported"] is True
    assert "private_key_jwt" in found["token_endpoint_auth_methods_supported"]
    assert found["code_challenge_methods_supported"] == ["S256"]
    for name in ("dpop", "id_token", "token_endpoint_auth"):
        assert SECURE & set(found[f"{name}_signing_alg_values_supported"]), name
    assert set(found["dpop_signing_alg_values_supported"]) <= SECURE
    assert {"code"} <= set(found["response_types_supported"])


@PLAN
def test_fapi2_security_profile_final_happy_flow(suite: Fapi) -> None:
    """§5.3.2: both clients. A token is of no use with another key, in a query, or as a bearer token."""
    for client in (suite.client, suite.second):
        pushed = client.push()
        assert 0 < pushed.json["expires_in"] < 600
        came = suite.sign_in(client, pushed)
        assert came["iss"] == client.party.issuer
        tokens = suite.taken(client, client.token(client.redeem(came["code"])))
        assert tokens["claims"]["nonce"] == client.party.nonce
        assert header_of(tokens["id_token"])["alg"] in SECURE
        assert header_of(tokens["access_token"])["alg"] in SECURE
        assert client.resource(tokens["access_token"]).json["sub"] == tokens["claims"]["sub"]
    token = tokens["access_token"]
    assert suite.client.resource(token).status_code == 401, "the first client's key, the second one's token"
    assert client.present(token, [], "", f"access_token={token}").status_code in (400, 401)
    assert client.present(token, [], "Bearer").status_code == 401


@PLAN
def test_fapi2_security_profile_final_user_rejects_authentication(suite: Fapi) -> None:
    """RFC 6749 §4.1.2.1: the app is told."""
    asking = FapiClient(suite.scene, "asking", first_party=False)
    pushed = asking.push()
    suite.browser.open(asking.address(pushed.json["request_uri"]))
    suite.scene._answer()
    suite.browser.submit("Deny")
    with pytest.raises(Refused) as refused:
        asking.party.answer(suite.browser.left_for)
    assert refused.value.error == "access_denied"


@PLAN
def test_fapi2_security_profile_final_ensure_authorization_request_without_state_success(suite: Fapi) -> None:
    """PKCE protects the answer: ``state`` is optional, and none comes back."""
    client = suite.client
    assert "state" not in suite.sign_in(client, client.push(state=None))
    assert suite.tokens(state=None)["claims"]["sub"]


@PLAN
def test_fapi2_security_profile_final_ensure_authorization_request_without_nonce_success(suite: Fapi) -> None:
    """Core §3.1.2.1: the nonce is optional in the code flow."""
    assert "nonce" not in suite.tokens(nonce=None)["claims"]


@PLAN
def test_fapi2_security_profile_final_ensure_authorization_request_with_64_char_nonce_success(suite: Fapi) -> None:
    """§5.3.2.2: nonces of up to 64 characters."""
    assert suite.tokens(nonce="n" * 64)["claims"]["nonce"] == "n" * 64


@PLAN
def test_fapi2_security_profile_final_ensure_authorization_request_with_long_nonce(suite: Fapi) -> None:
    """A nonce of 384 characters comes back whole, or the request is refused."""
    assert suite.tokens(nonce="n" * 384)["claims"]["nonce"] == "n" * 384


@PLAN
def test_fapi2_security_profile_final_ensure_authorization_request_with_long_state(suite: Fapi) -> None:
    """A state of 1,000 characters comes back whole, or the request is refused."""
    client = suite.client
    assert suite.sign_in(client, client.push(state="s" * 1000))["state"] == "s" * 1000


@PLAN
def test_fapi2_security_profile_final_ensure_other_scope_order_succeeds(suite: Fapi) -> None:
    """RFC 6749 §3.3: scopes have no order."""
    assert suite.tokens(scope="profile openid")["claims"]["sub"]


@PLAN
def test_fapi2_security_profile_final_test_claims_parameter_identity_claims(suite: Fapi, factory: Factory) -> None:
    """Core §5.5: each standard claim that discovery names comes in the ID token or from userinfo."""
    suite.scene.person = factory.make_user(suite.scene.person.organisation_id, "full", **FULL)
    client = suite.client
    wanted = set(FULL) & set(client.party.metadata["claims_supported"])
    assert len(wanted) > 10
    sections = {name: dict.fromkeys(wanted) for name in ("id_token", "userinfo")}
    tokens = suite.tokens(claims=json.dumps(sections))
    assert wanted <= tokens["claims"].keys() | client.resource(tokens["access_token"]).json.keys()


@PLAN
def test_fapi2_security_profile_final_access_token_type_header_case_sensitivity(suite: Fapi) -> None:
    """RFC 9110 §11.1: the scheme's letters may be large or small."""
    token = suite.tokens()["access_token"]
    for scheme in ("dpop", "DPOP", "dPOp"):
        assert suite.client.resource(token, scheme).status_code == 200, scheme


def _other_outside(suite: Fapi, **more: str) -> dict[str, str]:
    """Return the answer to a request whose address has another value than what was pushed."""
    return suite.sign_in(suite.client, suite.client.push(), **more)


@PLAN
def test_fapi2_security_profile_final_ensure_different_nonce_inside_and_outside_request_object(suite: Fapi) -> None:
    """RFC 9126 §4: what the browser brings beside the reference is not read."""
    code = _other_outside(suite, nonce="other")["code"]
    tokens = suite.taken(suite.client, suite.client.token(suite.client.redeem(code)))
    assert tokens["claims"]["nonce"] == suite.client.party.nonce


@PLAN
def test_fapi2_security_profile_final_ensure_different_state_inside_and_outside_request_object(suite: Fapi) -> None:
    """RFC 9126 §4: the same of the state."""
    assert _other_outside(suite, state="other")["state"] == suite.client.party.state


@PLAN
def test_fapi2_security_profile_final_state_only_outside_request_object_not_used(suite: Fapi) -> None:
    """RFC 9126 §4: a state that only the browser brings does not come back."""
    client = suite.client
    assert "state" not in suite.sign_in(client, client.push(state=None), state="only-outside")


@PLAN
def test_fapi2_security_profile_final_ensure_request_object_without_redirect_uri_fails(suite: Fapi) -> None:
    """§5.3.2.2 (6): ``redirect_uri`` is required."""
    assert error_of(suite.client.push(redirect_uri=None)) == (400, "invalid_request")


@PLAN
def test_fapi2_security_profile_final_ensure_redirect_uri_in_authorization_request(suite: Fapi) -> None:
    """§5.3.2.2 (6): also of a plain OAuth request, where the client has one address only."""
    assert error_of(suite.client.push(redirect_uri=None, scope="profile")) == (400, "invalid_request")


@PLAN
def test_fapi2_security_profile_final_plain_fapi_tolerate_unregistered_redirect_uri(suite: Fapi) -> None:
    """RFC 9126 §2.4 lets a server take other addresses. This one does not."""
    answer = suite.client.push(redirect_uri="https://shop.example.com/elsewhere")
    assert error_of(answer) == (400, "invalid_request")


@PLAN
def test_fapi2_security_profile_final_ensure_unsigned_authorization_request_without_using_par_fails(suite: Fapi) -> None:
    """§5.3.2.2 (3): a request that was not pushed is refused."""
    party = suite.client.party
    suite.browser.open(party.authorize_url())
    with pytest.raises(Refused) as refused:
        party.answer(suite.browser.left_for)
    assert refused.value.error == "invalid_request"


@PLAN
def test_fapi2_security_profile_final_ensure_response_type_code_idtoken_fails(suite: Fapi) -> None:
    """§5.3.2.2: code alone."""
    assert error_of(suite.client.push(response_type="code id_token")) == (400, "unsupported_response_type")


@PLAN
def test_fapi2_security_profile_final_ensure_response_type_token_fails(suite: Fapi) -> None:
    """§5.3.2.2: no token comes by the browser."""
    assert error_of(suite.client.push(response_type="token")) == (400, "unsupported_response_type")


@PLAN
def test_fapi2_security_profile_final_par_without_duplicate_parameters(suite: Fapi) -> None:
    """RFC 9126 §4: the client and the reference are enough."""
    assert suite.tokens()["claims"]["sub"]


@PLAN
def test_fapi2_security_profile_final_par_ensure_reused_request_uri_prior_to_auth_completion_succeeds(suite: Fapi) -> None:
    """RFC 9126 §4: a reload of the sign-in page loses nothing."""
    client = suite.client
    pushed = client.push()
    assert "password" in suite.browser.open(client.address(pushed.json["request_uri"])).fields
    assert suite.sign_in(client, pushed)["code"]


@PLAN
def test_fapi2_security_profile_final_par_attempt_reuse_request__uri(suite: Fapi) -> None:
    """RFC 9126 §7.3: nobody else can use a reference again. §4 lets the same browser reload; of that the suite warns."""
    client = suite.client
    pushed = client.push()
    assert suite.sign_in(client, pushed)["code"]
    assert suite.sign_in(client, pushed)["code"], "the same browser"
    page = suite.browser.forget_cookies().open(client.address(pushed.json["request_uri"]))
    assert (page.status, page.left_for) == (400, None)
    assert "invalid_request_uri" in page.text


@PLAN
def test_fapi2_security_profile_final_par_attempt_to_use_expired_request__uri(suite: Fapi, turned) -> None:
    """RFC 9126 §2.2: a reference lasts as long as the answer says."""
    client = suite.client
    pushed = client.push()
    turned.shift(pushed.json["expires_in"] + 1)
    page = suite.browser.open(client.address(pushed.json["request_uri"]))
    assert (page.status, page.left_for) == (400, None)
    assert "invalid_request_uri" in page.text


@PLAN
def test_fapi2_security_profile_final_par_attempt_to_use_request__uri_for_different_client(suite: Fapi) -> None:
    """RFC 9126 §2.2: a reference is bound to the client that pushed."""
    page = suite.browser.open(suite.second.address(suite.client.push().json["request_uri"]))
    assert (page.status, page.left_for) == (400, None)
    assert "invalid_request_uri" in page.text


@PLAN
def test_fapi2_security_profile_final_par_authorization_request_containing_request__uri_form_param(suite: Fapi) -> None:
    """RFC 9126 §2.1: a pushed request must not refer to another one."""
    answer = suite.client.push(request_uri="urn:ietf:params:oauth:request_uri:x")
    assert error_of(answer) == (400, "invalid_request")


@PLAN
def test_fapi2_security_profile_final_par_attempt_invalid_http_method(suite: Fapi, ask) -> None:
    """RFC 9126 §2.3: 405."""
    client = suite.client
    path = url_of(client.party, PAR).removeprefix(client.party.issuer)
    assert ask("PUT", path, data={**client.request(), **client.assertion()}).status_code == 405


@PLAN
def test_fapi2_security_profile_final_par_ensure_pkce_required(suite: Fapi) -> None:
    """§5.3.2.2 (5): a nonce is no replacement."""
    answer = suite.client.push(code_challenge=None, code_challenge_method=None)
    assert error_of(answer) == (400, "invalid_request")


@PLAN
def test_fapi2_security_profile_final_par_plain_pkce_rejected(suite: Fapi) -> None:
    """§5.3.2.2 (5): S256."""
    assert error_of(suite.client.push(code_challenge_method="plain")) == (400, "invalid_request")


@PLAN
def test_fapi2_security_profile_final_ensure_mismatched_dpop_jkt_fails(suite: Fapi) -> None:
    """RFC 9449 §10.1: the key of the proof must be the one that ``dpop_jkt`` names."""
    answer = suite.client.push(key=suite.client.key, dpop_jkt=ProofKey().thumbprint)
    assert error_of(answer) == (400, "invalid_dpop_proof")


def _flow_at(suite: Fapi, seconds: int) -> None:
    """Walk through a whole flow whose proofs were made so many seconds from now."""
    client, moment = suite.client, clock.epoch_seconds(clock.now()) + seconds
    code = suite.sign_in(client, client.push(key=client.key, iat=moment))["code"]
    tokens = suite.taken(client, client.token(client.redeem(code), iat=moment))
    assert client.resource(tokens["access_token"], iat=moment).status_code == 200


@PLAN
def test_fapi2_security_profile_final_ensure_dpopproof_with_iat_10seconds_before_succeeds(suite: Fapi) -> None:
    """§5.3.2.1 (13): clocks differ."""
    _flow_at(suite, -10)


@PLAN
def test_fapi2_security_profile_final_ensure_dpopproof_with_iat_10seconds_after_succeeds(suite: Fapi) -> None:
    """§5.3.2.1 (13): also ahead."""
    _flow_at(suite, 10)
