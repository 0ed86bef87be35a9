"""Tokens bound to the TLS certificate of an app (RFC 8705 §3), as a proxy passes it (RFC 9440)."""

import base64
import hashlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from werkzeug.test import TestResponse

from idp import clock
from idp.config import Settings
from tests.drivers.dpop import ProofKey, nonce_of, url_of
from tests.drivers.relying_party import RelyingParty
from tests.oauth.conftest import Scene

BOUND = "tls_client_certificate_bound_access_tokens"
MACHINE = {"grant_type": "client_credentials"}
ELSEWHERE = "192.0.2.7"


@pytest.fixture
def settings(configure: Callable[..., Settings]) -> Settings:
    """Trust a proxy on loopback, which passes certificates."""
    return configure(server={"trusted_proxies": ["127.0.0.1"], "client_certificate_header": "Client-Cert"})


def certificate() -> x509.Certificate:
    """Return a certificate that an app signed itself."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "app")])
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    dates = made.not_valid_before(clock.now()).not_valid_after(clock.now() + timedelta(days=1))
    return dates.sign(key, SHA256())


def passed(one: x509.Certificate) -> dict[str, str]:
    """Return the header that a proxy sends (RFC 9440 §2.2)."""
    return {"Client-Cert": f":{base64.b64encode(one.public_bytes(Encoding.DER)).decode()}:"}


def thumbprint(one: x509.Certificate) -> dict[str, str]:
    """Return ``cnf`` (RFC 8705 §3.1)."""
    digest = hashlib.sha256(one.public_bytes(Encoding.DER)).digest()
    return {"x5t#S256": base64.urlsafe_b64encode(digest).rstrip(b"=").decode()}


@pytest.fixture
def party(scene: Scene) -> RelyingParty:
    """Return a client whose tokens are bound to its certificate."""
    return scene.party(grant_types=["authorization_code", "refresh_token", "client_credentials"], **{BOUND: True})


def redeemed(scene: Scene, party: RelyingParty, own: x509.Certificate) -> dict[str, Any]:
    """Return the token response of a sign-in, asked with a certificate."""
    form = {
        "grant_type": "authorization_code",
        "code": scene.code(party, scope="openid offline_access"),
        "redirect_uri": party.redirect_uri,
        "code_verifier": party.verifier,
    }
    answer = party.ask("token_endpoint", form, passed(own))
    assert answer.status_code == 200, answer.json
    return dict(answer.json)


def test_tokens_are_bound_to_the_certificate_of_the_connection(scene: Scene, party: RelyingParty, ask) -> None:
    """§3, §3.1, §3.2: ``cnf`` names it in the token and in the answer about it; userinfo wants it again."""
    own = certificate()
    access = redeemed(scene, party, own)["access_token"]
    assert party.verify(access)["cnf"] == thumbprint(own)
    body = party.ask("introspection_endpoint", {"token": access}).json
    assert (body["cnf"], body["token_type"]) == (thumbprint(own), "Bearer")

    def userinfo(**headers: str) -> TestResponse:
        return ask("GET", "/oauth/userinfo", headers={"Authorization": f"Bearer {access}", **headers})

    assert userinfo(**passed(own)).json["sub"] == scene.person.id
    for headers in ({}, passed(certificate())):
        refused = userinfo(**headers)
        assert refused.status_code == 401
        assert 'Bearer realm="userinfo", error="invalid_token"' in refused.headers["WWW-Authenticate"]


def test_without_a_certificate_there_is_no_token(party: RelyingParty) -> None:
    """§3: a client that is registered for bound tokens gets no others."""
    answer = party.token(MACHINE)
    assert (answer.status_code, answer.json["error"]) == (400, "invalid_request")


def test_a_client_that_is_not_registered_for_it_gets_bearer_tokens(scene: Scene) -> None:
    """§3.4: the registration says whether tokens are bound."""
    party = scene.party("plain", grant_types=["client_credentials"])
    answer = party.ask("token_endpoint", MACHINE, passed(certificate()))
    assert "cnf" not in party.verify(answer.json["access_token"])


def test_each_refresh_binds_to_the_certificate_of_the_moment(scene: Scene, party: RelyingParty) -> None:
    """§7.1: a confidential client may renew its certificate; its refresh token is bound to its authentication."""
    form = {"grant_type": "refresh_token", "refresh_token": redeemed(scene, party, certificate())["refresh_token"]}
    renewed = certificate()
    answer = party.ask("token_endpoint", form, passed(renewed))
    assert party.verify(answer.json["access_token"])["cnf"] == thumbprint(renewed)


def test_a_public_clients_refresh_token_is_bound(scene: Scene) -> None:
    """§4, §7.1: a public client has nothing else that binds its refresh token."""
    party = scene.party("native", public=True, grant_types=["authorization_code", "refresh_token"], **{BOUND: True})
    own = certificate()
    form = {"grant_type": "refresh_token", "refresh_token": redeemed(scene, party, own)["refresh_token"]}
    assert party.ask("token_endpoint", form, passed(certificate())).json["error"] == "invalid_grant"
    assert party.ask("token_endpoint", form, passed(own)).status_code == 200


def test_a_proof_of_dpop_goes_before(scene: Scene, party: RelyingParty) -> None:
    """RFC 9449 §5: a token is bound in one way."""
    key = ProofKey()
    key.nonce = nonce_of(party)
    answer = party.ask("token_endpoint", MACHINE, {**passed(certificate()), "DPoP": key.proof("POST", url_of(party))})
    assert party.verify(answer.json["access_token"])["cnf"] == {"jkt": key.thumbprint}


def test_nginx_passes_it_as_pem(party: RelyingParty) -> None:
    """The variable ``$ssl_client_escaped_cert`` is a URL-encoded PEM."""
    own = certificate()
    headers = {"Client-Cert": quote(own.public_bytes(Encoding.PEM).decode())}
    answer = party.ask("token_endpoint", MACHINE, headers)
    assert party.verify(answer.json["access_token"])["cnf"] == thumbprint(own)


@pytest.mark.parametrize(
    "value", ["", ":", "::", ":%%%:", "x", ":é:", ":" + "A" * 20_000 + ":", "-----BEGIN CERTIFICATE-----", "%ff%00"]
)
def test_what_is_no_certificate_counts_as_none(party: RelyingParty, value: str) -> None:
    """RFC 9440 §2.1: it is bounded before it is read, and never a 500."""
    assert party.ask("token_endpoint", MACHINE, {"Client-Cert": value}).json["error"] == "invalid_request"


def test_a_stranger_cannot_name_a_certificate(scene: Scene, party: RelyingParty, ask) -> None:
    """RFC 9440 §4: the header counts from a trusted proxy alone."""
    pair = {"auth": ("webshop", party._secret), "data": MACHINE, "headers": passed(certificate())}
    assert ask("POST", "/oauth/token", **pair).status_code == 200
    refused = ask("POST", "/oauth/token", **pair, environ_base={"REMOTE_ADDR": ELSEWHERE})
    assert (refused.status_code, refused.json["error"]) == (400, "invalid_request")


def test_metadata_tells_whether_it_can_be_had(party: RelyingParty) -> None:
    """§3.3: true only where a proxy passes certificates."""
    assert party.metadata[BOUND] is True
