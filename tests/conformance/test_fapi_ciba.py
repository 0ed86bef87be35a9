"""The FAPI-CIBA plan (ID1). Variant: plain_fapi, private_key_jwt, poll; tokens are bound to the client's TLS certificate.

The modules of clients that authenticate by TLS, of ping, and of national profiles are not part of this variant.
"""

from collections.abc import Callable
from typing import Any

import pytest

from tests.conformance.ciba import ENDPOINT, TO_WAIT, Ciba
from tests.conformance.conftest import plans
from tests.conformance.fapi import error_of
from tests.drivers.approvals import CIBA
from tests.oauth.conftest import Scene

PLAN = plans("fapi-ciba-id1-test-plan")
REFUSED = {(400, "invalid_request"), (401, "invalid_client"), (400, "invalid_client")}


@pytest.fixture
def settings(configure: Callable[..., Any]) -> Any:
    """Trust a proxy on loopback, which passes certificates."""
    return configure(server={"trusted_proxies": ["127.0.0.1"], "client_certificate_header": "Client-Cert"})


@pytest.fixture
def suite(scene: Scene) -> Ciba:
    """Return the plan's clients."""
    return Ciba(scene)


@PLAN
def test_fapi_ciba_id1_discovery_end_point_verification(suite: Ciba) -> None:
    """CIBA §4: what the profile needs is offered."""
    found = suite.client.party.metadata
    assert found[ENDPOINT].startswith("https://")
    assert "poll" in found["backchannel_token_delivery_modes_supported"]
    assert {"PS256", "ES256"} & set(found["backchannel_authentication_request_signing_alg_values_supported"])
    assert found["backchannel_user_code_parameter_supported"] is False
    assert CIBA in found["grant_types_supported"]
    assert found["tls_client_certificate_bound_access_tokens"] is True
    assert "private_key_jwt" in found["token_endpoint_auth_methods_supported"]


@PLAN
def test_fapi_ciba_id1(suite: Ciba, ask) -> None:
    """Both clients. A token is of no use with another certificate, and a request gives tokens once."""
    first = suite.tokens(suite.client)
    second = suite.tokens(suite.second, requested_expiry=300)
    assert error_of(suite.second.poll(second["auth_req_id"])) == (400, "invalid_grant")
    for client, status in ((suite.client, 200), (suite.second, 401)):
        headers = {**client.certificate.passed(), "Authorization": f"Bearer {first['access_token']}"}
        assert ask("GET", "/oauth/userinfo", headers=headers).status_code == status


@PLAN
def test_fapi_ciba_id1_user_rejects_authentication(suite: Ciba) -> None:
    """CIBA §11: the client is told."""
    auth_req_id = suite.begun(suite.client)
    suite.decide("deny")
    assert error_of(suite.client.poll(auth_req_id)) == (400, "access_denied")


@PLAN
def test_fapi_ciba_id1_multiple_call_to_token_endpoint(suite: Ciba) -> None:
    """CIBA §11: a client that polls too often waits, and loses nothing."""
    auth_req_id = suite.begun(suite.client)
    for _ in range(5):
        assert error_of(suite.client.poll(auth_req_id)) in TO_WAIT
    suite.decide()
    assert suite.client.poll(auth_req_id).status_code == 200


@PLAN
def test_fapi_ciba_id1_auth_req_id_expired(suite: Ciba, turned) -> None:
    """CIBA §7.1, §11: a request lasts as long as the client says."""
    auth_req_id = suite.begun(suite.client, requested_expiry=30)
    turned.shift(31)
    assert error_of(suite.client.poll(auth_req_id)) == (400, "expired_token")


@PLAN
def test_fapi_ciba_id1_ensure_authorization_request_with_binding_message_succeeds(suite: Ciba) -> None:
    """CIBA §7.1: both devices show it."""
    suite.begun(suite.client, binding_message="1234")
    suite.decide()
    assert "approved" in suite.scene.browser.text


@PLAN
def test_fapi_ciba_id1_ensure_authorization_request_with_potentially_bad_binding_message(suite: Ciba) -> None:
    """CIBA §13: what cannot be shown is refused under its own name."""
    answer = suite.client.ask(binding_message="1234 \U0001f44d\U0001f3ff ?? " + "Many words. " * 30)
    assert error_of(answer) == (400, "invalid_binding_message")


@PLAN
def test_fapi_ciba_id1_ensure_other_scope_order_succeeds(suite: Ciba) -> None:
    """RFC 6749 §3.3: scopes have no order."""
    assert suite.begun(suite.client, scope="profile openid")


@PLAN
def test_fapi_ciba_id1_ensure_requested_expiry_as_string_succeeds(suite: Ciba) -> None:
    """CIBA §7.1.1: a number, or text."""
    assert suite.client.ask(requested_expiry="30").json["expires_in"] == 30


@PLAN
def test_fapi_ciba_id1_ensure_authorization_request_with_multiple_hints_fails(suite: Ciba) -> None:
    """CIBA §7.1: one hint."""
    assert error_of(suite.client.ask(login_hint_token="x" * 20)) == (400, "invalid_request")


@PLAN
def test_fapi_ciba_id1_ensure_wrong_auth_req_id_in_token_endpoint_request(suite: Ciba) -> None:
    """CIBA §10.1: a request belongs to the client that made it."""
    assert error_of(suite.second.poll(suite.begun(suite.client))) == (400, "invalid_grant")


@PLAN
def test_fapi_ciba_id1_ensure_without_client_assertion_in_token_endpoint_request(suite: Ciba) -> None:
    """CIBA §10.1: the client's name alone."""
    assert error_of(suite.client.poll(suite.begun(suite.client), auth={})) in REFUSED


@PLAN
def test_fapi_ciba_id1_ensure_without_client_assertion_in_backchannel_authorization_request(suite: Ciba) -> None:
    """CIBA §7.1: the client authenticates."""
    assert error_of(suite.client.ask(auth={})) in REFUSED


@PLAN
def test_fapi_ciba_id1_ensure_client_assertion_with_iss_aud_to_token_endpoint_succeeds(suite: Ciba) -> None:
    """CIBA §7.1: the issuer is an audience too."""
    client = suite.client
    auth_req_id = suite.begun(client)
    assert error_of(client.poll(auth_req_id, auth=client.signer.assertion(client.client_id, client.party.issuer))) in TO_WAIT


@PLAN
def test_fapi_ciba_id1_ensure_unsigned_backchannel_authorization_request_fails(suite: Ciba) -> None:
    """FAPI-CIBA §5.2.2: the parameters in the form alone, or beside the signed request."""
    client = suite.client
    plain = {name: str(value) for name, value in client.claims().items() if name not in ("iss", "aud")}
    assert error_of(client.party.ask(ENDPOINT, {**plain, **client.assertion()})) == (400, "invalid_request")
    both = {"request": client.signer.sign(client.claims()), "scope": "openid", **client.assertion()}
    assert error_of(client.party.ask(ENDPOINT, both)) == (400, "invalid_request")


@PLAN
def test_fapi_ciba_id1_refresh_token(suite: Ciba) -> None:
    """RFC 6749 §6: kept, and of no use to another client."""
    first = suite.tokens(suite.client)
    form = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    again = suite.client.token(form)
    assert again.status_code == 200, again.text
    assert suite.client.party.verify(again.json["id_token"])["sub"] == first["claims"]["sub"]
    assert error_of(suite.second.token(form)) == (400, "invalid_grant")


@PLAN
def test_fapi_ciba_id1_ensure_mtls_holder_of_key_required(suite: Ciba) -> None:
    """RFC 8705 §3: no token without a certificate."""
    auth_req_id = suite.begun(suite.client)
    suite.decide()
    assert error_of(suite.client.poll(auth_req_id, headers={})) == (400, "invalid_request")
    assert suite.client.poll(auth_req_id).status_code == 200
