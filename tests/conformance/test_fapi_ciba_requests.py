"""The FAPI-CIBA plan (ID1): signed requests and assertions that must be refused (CIBA §7.1.1, §13, FAPI-CIBA §5.2.2)."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.conformance.ciba import Ciba, CibaClient, now
from tests.conformance.conftest import plans
from tests.conformance.fapi import error_of
from tests.conformance.suite import unsigned
from tests.oauth.conftest import Scene

PLAN = plans("fapi-ciba-id1-test-plan")
REFUSED = (400, "invalid_request")


@pytest.fixture
def settings(configure: Callable[..., Any]) -> Any:
    """Trust a proxy on loopback, which passes certificates."""
    return configure(server={"trusted_proxies": ["127.0.0.1"], "client_certificate_header": "Client-Cert"})


@pytest.fixture
def suite(scene: Scene) -> Ciba:
    """Return the plan's clients."""
    return Ciba(scene)


def _rsa(suite: Ciba) -> CibaClient:
    """Return a client with a key that could sign by RS256 too."""
    return CibaClient(suite.scene, "rsa", "PS256")


@PLAN
def test_fapi_ciba_id1_ensure_request_object_missing_aud_fails(suite: Ciba) -> None:
    """For nobody."""
    assert error_of(suite.client.ask(aud=None)) == REFUSED


@PLAN
def test_fapi_ciba_id1_ensure_request_object_bad_aud_fails(suite: Ciba) -> None:
    """For another server."""
    assert error_of(suite.client.ask(aud="https://other.example.com")) == REFUSED


@PLAN
def test_fapi_ciba_id1_ensure_request_object_missing_iss_fails(suite: Ciba) -> None:
    """From nobody."""
    assert error_of(suite.client.ask(iss=None)) == REFUSED


@PLAN
def test_fapi_ciba_id1_ensure_request_object_bad_iss_fails(suite: Ciba) -> None:
    """From another client."""
    assert error_of(suite.client.ask(iss=suite.second.client_id)) == REFUSED


@PLAN
def test_fapi_ciba_id1_ensure_request_object_missing_exp_fails(suite: Ciba) -> None:
    """Without an end."""
    assert error_of(suite.client.ask(exp=None)) == REFUSED


@PLAN
def test_fapi_ciba_id1_ensure_request_object_expired_exp_fails(suite: Ciba) -> None:
    """Past."""
    assert error_of(suite.client.ask(exp=now() - 60)) == REFUSED


@PLAN
def test_fapi_ciba_id1_ensure_request_object_exp_is_70_minutes_in_future_fails(suite: Ciba) -> None:
    """For more than an hour."""
    assert error_of(suite.client.ask(exp=now() + 70 * 60)) == REFUSED


@PLAN
def test_fapi_ciba_id1_ensure_request_object_missing_iat_fails(suite: Ciba) -> None:
    """Made at no time."""
    assert error_of(suite.client.ask(iat=None)) == REFUSED


@PLAN
def test_fapi_ciba_id1_ensure_request_object_missing_nbf_fails(suite: Ciba) -> None:
    """Without a beginning."""
    assert error_of(suite.client.ask(nbf=None)) == REFUSED


@PLAN
def test_fapi_ciba_id1_ensure_request_object_nbf_is_10_minutes_in_future_fails(suite: Ciba) -> None:
    """Not yet."""
    assert error_of(suite.client.ask(nbf=now() + 10 * 60)) == REFUSED


@PLAN
def test_fapi_ciba_id1_ensure_request_object_nbf_is_70_minutes_in_past_fails(suite: Ciba) -> None:
    """Begun more than an hour ago."""
    assert error_of(suite.client.ask(nbf=now() - 70 * 60)) == REFUSED


@PLAN
def test_fapi_ciba_id1_ensure_request_object_missing_jti_fails(suite: Ciba) -> None:
    """Without an id."""
    assert error_of(suite.client.ask(jti=None)) == REFUSED


@PLAN
def test_fapi_ciba_id1_ensure_request_object_signature_algorithm_is_none_fails(suite: Ciba) -> None:
    """Unsigned."""
    assert error_of(suite.client.ask(unsigned(suite.client.claims()))) == REFUSED


@PLAN
def test_fapi_ciba_id1_ensure_request_object_signature_algorithm_is_bad_fails(suite: Ciba) -> None:
    """A signature that does not fit."""
    client = suite.client
    assert error_of(client.ask(client.signer.sign(client.claims())[:-6] + "AAAAAA")) == REFUSED


@PLAN
def test_fapi_ciba_id1_ensure_request_object_signature_algorithm_is_RS256_fails(suite: Ciba) -> None:  # noqa: N802 – its name
    """By the registered key, and an algorithm that the profile does not allow."""
    client = _rsa(suite)
    auth, client.signer.alg = client.assertion(), "RS256"
    assert error_of(client.ask(auth=auth)) == REFUSED


@PLAN
def test_fapi_ciba_id1_ensure_request_object_signed_by_other_client_fails(suite: Ciba) -> None:
    """By a key that is another client's."""
    client = suite.client
    assert error_of(client.ask(suite.second.signer.sign(client.claims()))) == REFUSED


@PLAN
def test_fapi_ciba_id1_ensure_client_assertion_signature_algorithm_in_backchannel_authorization_request_is_RS256_fails(  # noqa: N802
    suite: Ciba,
) -> None:
    """The assertion by RS256."""
    client = _rsa(suite)
    jwt, client.signer.alg = client.signer.sign(client.claims()), "RS256"
    assert error_of(client.ask(jwt)) == (401, "invalid_client")


@PLAN
def test_fapi_ciba_id1_ensure_client_assertion_signature_algorithm_in_token_endpoint_request_is_RS256_fails(  # noqa: N802
    suite: Ciba,
) -> None:
    """The same at the token endpoint."""
    client = _rsa(suite)
    auth_req_id = suite.begun(client)
    client.signer.alg = "RS256"
    assert error_of(client.poll(auth_req_id)) == (401, "invalid_client")
