"""Requests for an approval that the app has signed (CIBA Core §7.1.1). The rest of their rules: ``tests/conformance``."""

import pytest

from idp.errors import Invalid
from idp.oauth.client_metadata import validate_metadata
from tests.conformance.ciba import ENDPOINT, Ciba, CibaClient, now
from tests.conformance.fapi import error_of
from tests.drivers.approvals import CIBA, GRANTS, ask
from tests.oauth.conftest import Scene

REFUSED = (400, "invalid_request")
MEMBER = "backchannel_authentication_request_signing_alg"


@pytest.fixture
def settings(configure):
    """Trust a proxy on loopback, which passes certificates."""
    return configure(server={"trusted_proxies": ["127.0.0.1"], "client_certificate_header": "Client-Cert"})


@pytest.fixture
def client(scene: Scene) -> CibaClient:
    """Return a client that signs."""
    return Ciba(scene).client


def test_the_parameters_are_those_of_the_jwt(client: CibaClient) -> None:
    """§7.1.1: each is judged as in a form, and what is not known is ignored."""
    assert client.ask(unknown="x").status_code == 200
    assert error_of(client.ask(login_hint="nobody")) == (400, "unknown_user_id")
    assert error_of(client.ask(scope="profile")) == (400, "invalid_scope")
    assert error_of(client.ask(requested_expiry=0)) == REFUSED
    assert error_of(client.ask(scope=["openid"])) in (REFUSED, (400, "invalid_scope"))


def test_nothing_stands_beside_the_jwt(client: CibaClient) -> None:
    """§7.1.1: but what authenticates the client, with its ``client_id``."""
    sent = {"request": client.signer.sign(client.claims()), **client.assertion()}
    answer = client.party.ask(ENDPOINT, {**sent, "requested_expiry": "30"})
    assert error_of(answer) == REFUSED
    assert client.party.ask(ENDPOINT, {**sent, **client.assertion()}).status_code == 200


def test_a_request_counts_once(client: CibaClient) -> None:
    """§7.1.1 ``jti``: a copied request asks nobody again."""
    jwt = client.signer.sign(client.claims())
    assert client.ask(jwt).status_code == 200
    assert error_of(client.ask(jwt)) == REFUSED


@pytest.mark.parametrize(
    "over",
    [
        {"iat": 2**40},
        {"iat": "now"},
        {"exp": 2**80},
        {"exp": True},
        {"nbf": "now"},
        {"jti": 5},
        {"jti": "x" * 300},
        {"aud": {}},
    ],
    ids=str,
)
def test_wrong_claims_are_refused(client: CibaClient, over: dict) -> None:
    """RFC 7519 §4.1: of another type, too far away, or too long."""
    assert error_of(client.ask(**over)) == REFUSED


def test_another_kind_of_jwt_is_no_request(client: CibaClient) -> None:
    """RFC 8725 §3.11: an assertion of the same client, and a JWT with another type."""
    assert error_of(client.ask(client.assertion()["client_assertion"])) == REFUSED
    assert error_of(client.ask(client.signer.sign(client.claims(), typ="dpop+jwt"))) == REFUSED
    assert client.ask(client.signer.sign(client.claims(nbf=now() - 10), typ="oauth-authz-req+jwt")).status_code == 200


def test_a_client_that_registers_no_algorithm_signs_nothing(scene: Scene, client: CibaClient) -> None:
    """§4: "the Client will not send signed authentication requests". One that does is told why it is refused."""
    status, body = ask(scene.party("plain", **GRANTS), request=client.signer.sign(client.claims()))
    assert (status, body["error"]) == REFUSED
    assert MEMBER in body["error_description"]


def test_registration_needs_keys_and_an_algorithm_of_ours(client: CibaClient, settings) -> None:
    """§4: discovery lists them, and ``none`` is not among them."""
    given = {"grant_types": [CIBA], MEMBER: "ES256"}
    for over, field in (({}, "jwks"), ({MEMBER: "none", "jwks": client.signer.jwks}, MEMBER)):
        with pytest.raises(Invalid) as refused:
            validate_metadata({**given, **over}, settings)
        assert refused.value.field == field
    assert "ES256" in client.party.metadata["backchannel_authentication_request_signing_alg_values_supported"]
