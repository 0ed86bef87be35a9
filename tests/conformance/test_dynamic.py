"""The Dynamic plan, with the response type code. What it needs and is left out on purpose: ``report.NOT_APPLICABLE``."""

import json
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from idp import keys
from tests.conformance.conftest import plans
from tests.conformance.dynamic import CALLBACK, Dynamic, rsa_key
from tests.conformance.suite import WITHOUT_PKCE, header_of, unsigned
from tests.drivers.app_server import AppServer
from tests.drivers.registering_apps import make_token
from tests.drivers.relying_party import error_of
from tests.factories import BY_TESTS
from tests.oauth.conftest import Scene

PLAN = plans("oidcc-dynamic-certification-test-plan")


@pytest.fixture
def settings(configure):
    """Let apps register themselves, and publish their keys on loopback."""
    return configure(clients={"registration": "open"}, outgoing={"allow": ["127.0.0.0/8"]})


@pytest.fixture
def suite(scene: Scene, ask) -> Dynamic:
    """Return what registers the plan's clients."""
    return Dynamic(scene, ask, make_token(scene.factory)[1])


def _serve(server: AppServer, kid: str) -> None:
    server.documents["/jwks"] = json.dumps(rsa_key(kid).jwks).encode()


@PLAN
def test_oidcc_server(suite: Dynamic) -> None:
    """Registration §3: a client that registered itself signs people in."""
    client = suite.client()
    tokens = suite.tokens(client)
    assert client.party.userinfo()["sub"] == tokens.claims["sub"]


@PLAN
def test_oidcc_idtoken_rs256(suite: Dynamic) -> None:
    """Registration §2: the algorithm that the client registers."""
    tokens = suite.tokens(suite.client(id_token_signed_response_alg="RS256"))
    assert header_of(tokens.id_token or "")["alg"] == "RS256"


@PLAN
def test_oidcc_idtoken_unsigned(suite: Dynamic) -> None:
    """Core §2: ``none`` is not offered, so nobody can register it."""
    answer = suite.register(id_token_signed_response_alg="none")
    assert (answer.status_code, answer.json["error"]) == (400, "invalid_client_metadata")


@PLAN
def test_oidcc_userinfo_rs256(suite: Dynamic) -> None:
    """Core §5.3.2: userinfo as a JWT, with ``iss`` and ``aud``."""
    client = suite.client(userinfo_signed_response_alg="RS256")
    tokens = suite.tokens(client)
    answer = suite.ask("GET", "/oauth/userinfo", headers={"Authorization": f"Bearer {tokens.access_token}"})
    assert answer.mimetype == "application/jwt"
    claims = client.party.verify(answer.text)
    assert header_of(answer.text)["alg"] == "RS256"
    assert (claims["sub"], claims["iss"]) == (tokens.claims["sub"], client.party.issuer)
    assert claims["aud"] in (client.party.client_id, [client.party.client_id])


@PLAN
def test_oidcc_ensure_redirect_uri_in_authorization_request(suite: Dynamic) -> None:
    """Core §3.1.2.1: the parameter is required."""
    page = suite.open(suite.client(), redirect_uri=None)
    assert (page.status, page.left_for) == (400, None)


@PLAN
def test_oidcc_redirect_uri_query_OK(suite: Dynamic) -> None:  # noqa: N802 – its name
    """RFC 6749 §3.1.2: an address may have a query, which stays."""
    client = suite.client(redirect_uris=[f"{CALLBACK}?foo=bar"])
    suite.scene.sign_in(client.party)
    query = urlsplit(suite.scene.browser.left_for or "").query
    assert query.startswith("foo=bar&")
    assert "code=" in query


@PLAN
def test_oidcc_redirect_uri_query_mismatch(suite: Dynamic) -> None:
    """RFC 6749 §3.1.2.3: another query is another address."""
    page = suite.open(suite.client(redirect_uris=[f"{CALLBACK}?foo=bar"]), redirect_uri=f"{CALLBACK}?bar=foo")
    assert (page.status, page.left_for) == (400, None)


@PLAN
def test_oidcc_redirect_uri_query_added(suite: Dynamic) -> None:
    """RFC 6749 §3.1.2.3: so is an address with a query, where none is registered."""
    page = suite.open(suite.client(), redirect_uri=f"{CALLBACK}?foo=bar")
    assert (page.status, page.left_for) == (400, None)


@PLAN
def test_oidcc_redirect_uri_regfrag(suite: Dynamic) -> None:
    """RFC 6749 §3.1.2: an address must not have a fragment."""
    answer = suite.register(redirect_uris=[f"{CALLBACK}#foobar"])
    assert (answer.status_code, answer.json["error"]) == (400, "invalid_redirect_uri")


def _consent(suite: Dynamic, **metadata: str) -> str:
    """Return the page that asks a person to allow a client."""
    suite.open(suite.client(**metadata))
    suite.scene._answer()
    return suite.scene.browser.html


@PLAN
def test_oidcc_registration_policy_uri(suite: Dynamic) -> None:
    """Registration §2: the page that asks people to allow the client leads to its privacy statement."""
    policy = "https://suite.example.com/policy"
    assert f'href="{policy}"' in _consent(suite, policy_uri=policy)


@PLAN
def test_oidcc_registration_tos_uri(suite: Dynamic) -> None:
    """Registration §2: and to its terms."""
    terms = "https://suite.example.com/tos"
    assert f'href="{terms}"' in _consent(suite, tos_uri=terms)


@PLAN
def test_oidcc_registration_jwks_uri(suite: Dynamic, server: AppServer) -> None:
    """Registration §2: keys from the client's own address."""
    _serve(server, "one")
    client = suite.client(jwks=None, jwks_uri=f"{server.address}/jwks")
    assert suite.tokens(client).claims["sub"]


@PLAN
def test_oidcc_registration_sector_uri(suite: Dynamic, server: AppServer) -> None:
    """Core §8.1, Registration §5: the document lists the client's address, and the person has an id of the sector."""
    server.documents["/sector"] = json.dumps([CALLBACK]).encode()
    pairwise = {"subject_type": "pairwise", "sector_identifier_uri": f"{server.address}/sector"}
    subject = suite.tokens(suite.client(**pairwise)).claims["sub"]
    assert subject not in (suite.scene.person.id, suite.tokens(suite.client()).claims["sub"])
    assert suite.tokens(suite.client(**pairwise)).claims["sub"] == subject


@PLAN
def test_oidcc_registration_sector_bad(suite: Dynamic, server: AppServer) -> None:
    """Registration §5: a document that does not list it."""
    server.documents["/sector"] = json.dumps(["https://other.example.com/callback"]).encode()
    answer = suite.register(subject_type="pairwise", sector_identifier_uri=f"{server.address}/sector")
    assert (answer.status_code, answer.json["error"]) == (400, "invalid_client_metadata")


@PLAN
def test_oidcc_request_uri_signed_rs256(suite: Dynamic, server: AppServer) -> None:
    """Core §6.2: the request is fetched from a registered address, and what it says counts."""
    address = f"{server.address}/request.jwt"
    client = suite.client(request_uris=[address], request_object_signing_alg="RS256")
    suite.tokens(client)
    sent = dict(parse_qsl(urlsplit(client.party.authorize_url(**WITHOUT_PKCE)).query))
    claims = {**sent, "iss": client.party.client_id, "aud": client.party.issuer}
    server.documents["/request.jwt"] = client.signer.sign(claims).encode()
    outside = {"client_id": client.party.client_id, "request_uri": address, "response_type": "code", "scope": "openid"}
    suite.scene.browser.open(f"/oauth/authorize?{urlencode(outside)}")
    code = client.party.answer(suite.scene.browser.left_for)["code"]
    assert client.redeem(code).claims["nonce"] == client.party.nonce


@PLAN
def test_oidcc_refresh_token_rp_key_rotation(suite: Dynamic, server: AppServer, turned) -> None:
    """Core §10.1.1: a minute after the client has replaced its key, it proves itself by the new one."""
    _serve(server, "one")
    registered = {"jwks": None, "jwks_uri": f"{server.address}/jwks", "grant_types": ["authorization_code", "refresh_token"]}
    client = suite.client(**registered)
    first = suite.tokens(client, scope="openid offline_access", prompt="consent")
    _serve(server, "two")
    turned.shift(60)
    client.signer = rsa_key("two")
    again = client.token({"grant_type": "refresh_token", "refresh_token": first.refresh_token or ""})
    assert client.party.take(again, refreshed=True).claims["sub"] == first.claims["sub"]


@PLAN
def test_oidcc_refresh_token(suite: Dynamic) -> None:
    """Core §12: new tokens of the same person. Another client cannot use the refresh token."""
    both = [suite.client(grant_types=["authorization_code", "refresh_token"]) for _ in range(2)]
    first = suite.tokens(both[0], scope="openid offline_access", prompt="consent")
    form = {"grant_type": "refresh_token", "refresh_token": first.refresh_token or ""}
    again = both[0].party.take(both[0].token(form), refreshed=True)
    assert (again.claims["sub"], again.claims["auth_time"]) == (first.claims["sub"], first.claims["auth_time"])
    assert error_of(lambda: both[1].party.take(both[1].token(form))) == "invalid_grant"


@PLAN
def test_oidcc_ensure_client_assertion_with_iss_aud_succeeds(suite: Dynamic) -> None:
    """RFC 7523 §3: the issuer is an audience too."""
    client = suite.client()
    assert client.redeem(suite.code(client), client.party.issuer).claims["sub"]


@PLAN
def test_oidcc_ensure_request_object_with_redirect_uri(suite: Dynamic) -> None:
    """Core §6.1: an address that only an unsigned object names gets nothing."""
    client, elsewhere = suite.client(), "https://suite.example.com/elsewhere"
    claims = {"iss": client.party.client_id, "aud": client.party.issuer, "redirect_uri": elsewhere}
    page = suite.open(client, redirect_uri=elsewhere, request=unsigned(claims))
    assert (page.status, page.left_for) == (400, None)


@PLAN
def test_oidcc_server_rotate_keys(suite: Dynamic, turned) -> None:
    """Core §10.1.1: after a rotation the key set has a new key beside the one before, and tokens are signed by it."""
    client = suite.client()
    before = header_of(suite.tokens(client).id_token or "")["kid"]
    turned.shift(3600)
    with suite.scene.factory.context():
        keys.rotate(suite.scene.settings, BY_TESTS)
    turned.shift(60)
    after = header_of(suite.tokens(client).id_token or "")["kid"]
    published = {key["kid"] for key in suite.ask("GET", "/oauth/jwks").json["keys"]}
    assert before != after
    assert {before, after} <= published
