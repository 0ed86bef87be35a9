"""Encrypted ID tokens, and userinfo signed, encrypted or both (OpenID Connect Registration §2, Core §5.3.2, §10.2)."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from joserfc.jws import extract_compact
from werkzeug.test import TestResponse

from idp.errors import Invalid
from idp.identity.sessions import logout_notices
from idp.oauth import backchannel_logout
from idp.oauth.client_metadata import validate_metadata
from tests.drivers.app_server import AppServer
from tests.drivers.client_key import ClientKey
from tests.drivers.dpop import ProofKey, bound, nonce_of
from tests.drivers.encryption_key import EncryptionKey
from tests.drivers.relying_party import RelyingParty
from tests.oauth.conftest import Scene

PAIRS = (
    ("RSA-OAEP-256", "A128CBC-HS256", "RSA"),
    ("RSA-OAEP-256", "A256GCM", "RSA"),
    ("ECDH-ES", "A128GCM", "P-256"),
    ("ECDH-ES", "A128CBC-HS256", "X25519"),
    ("ECDH-ES+A256KW", "A256GCM", "P-521"),
)
Get = Callable[..., TestResponse]


@pytest.fixture
def settings(configure):
    """Let the provider call apps on loopback."""
    return configure(outgoing={"allow": ["127.0.0.0/8"]})


def app(scene: Scene, key: EncryptionKey, client_id: str = "webshop", **members: Any) -> RelyingParty:
    """Return an app that can open what is encrypted by its key."""
    party = scene.party(client_id, **{"jwks": key.jwks, **members})
    party.opened = key.open
    return party


def userinfo(ask, access_token: str, scheme: str = "Bearer", **headers: str) -> TestResponse:
    """Ask for userinfo."""
    return ask("GET", "/oauth/userinfo", headers={"Authorization": f"{scheme} {access_token}", **headers})


@pytest.mark.parametrize(("alg", "enc", "kind"), PAIRS)
def test_an_id_token_is_signed_and_then_encrypted(scene: Scene, alg: str, enc: str, kind: str) -> None:
    """Core §10.2, RFC 7519 §5.2: for the client's key that is for encryption, named by its kid, with cty JWT."""
    key = EncryptionKey(kind)
    others = [ClientKey().public, {"kty": "EC"}, {**EncryptionKey("RSA", "sig").public, "use": "sig"}]
    members = {"id_token_encrypted_response_alg": alg, "id_token_encrypted_response_enc": enc}
    party = app(
        scene, key, jwks={"keys": [*others, key.public]}, grant_types=["authorization_code", "refresh_token"], **members
    )
    tokens = scene.tokens(party)
    assert tokens.claims["nonce"] == party.nonce
    assert (key.header["alg"], key.header["enc"], key.header["kid"], key.header["cty"]) == (alg, enc, "enc", "JWT")
    assert tokens.id_token is not None
    assert tokens.id_token.count(".") == 4
    assert tokens.access_token.count(".") == 2, "an access token is for the API"
    key.header = {}
    assert party.refresh().claims["sub"] == scene.person.id
    assert key.header["alg"] == alg


def test_the_content_is_encrypted_by_the_default_algorithm(scene: Scene) -> None:
    """Registration §2: A128CBC-HS256 where the client names none."""
    key = EncryptionKey()
    scene.tokens(app(scene, key, id_token_encrypted_response_alg="ECDH-ES"))
    assert key.header["enc"] == "A128CBC-HS256"


def test_the_id_token_beside_a_code_is_encrypted_too(scene: Scene) -> None:
    """Core §3.3.2.11: it comes through the browser."""
    key = EncryptionKey()
    party = app(scene, key, response_types=["code", "code id_token"], id_token_encrypted_response_alg="ECDH-ES")
    scene.sign_in(party, response_type="code id_token")
    found = dict(parse_qsl(urlsplit(scene.browser.left_for or "").fragment))
    assert found["id_token"].count(".") == 4
    assert party.verify(found["id_token"])["nonce"] == party.nonce


def test_a_hint_is_the_signed_token_that_was_inside(scene: Scene) -> None:
    """Core §3.1.2.1: the client decrypts it first, since we publish no key to which it could be encrypted."""
    key = EncryptionKey()
    party = app(scene, key, id_token_encrypted_response_alg="ECDH-ES")
    text = scene.tokens(party).id_token or ""
    for hint, error in ((key.open(text), ""), (text, "login_required")):
        left = scene.browser.open(party.authorize_url(id_token_hint=hint, prompt="none")).left_for
        assert dict(parse_qsl(urlsplit(left or "").query)).get("error", "") == error


@pytest.mark.parametrize("kind", ["authorization", "id_token"])
def test_without_a_key_for_its_answer_a_request_ends_at_a_page(scene: Scene, server: AppServer, kind: str) -> None:
    """JARM §2.2: nothing is sent that the client did not ask to get encrypted, and nothing is an error of ours."""
    members = {f"{kind}_encrypted_response_alg": "ECDH-ES", "response_types": ["code", "code id_token"]}
    party = scene.party(jwks_uri=f"{server.address}/keys", **members)
    for params in ({"response_mode": "query.jwt"}, {"response_type": "code id_token"}, {"scope": "bogus"}):
        page = scene.browser.open(party.authorize_url(**params))
        assert (page.status, page.left_for) == (400, None)
        assert "temporarily_unavailable" in page.text
    assert len(server.requests) == 1


WAYS: tuple[tuple[dict[str, str], str, bool], ...] = (
    ({"userinfo_signed_response_alg": "RS256"}, "RS256", False),
    ({"userinfo_signed_response_alg": "ES256"}, "ES256", False),
    ({"userinfo_signed_response_alg": "ES256", "userinfo_encrypted_response_alg": "ECDH-ES"}, "ES256", True),
    ({"userinfo_encrypted_response_alg": "ECDH-ES+A256KW", "userinfo_encrypted_response_enc": "A256GCM"}, "", True),
)


@pytest.mark.parametrize(("members", "alg", "is_encrypted"), WAYS)
def test_userinfo_comes_as_the_client_registered_it(scene: Scene, ask, members, alg: str, is_encrypted: bool) -> None:
    """Core §5.3.2, §5.3.4: application/jwt with iss and aud; signed, then encrypted. It cannot pass as an ID token."""
    key = EncryptionKey()
    party = app(scene, key, **members)
    tokens = scene.tokens(party, scope="openid profile")
    answer = userinfo(ask, tokens.access_token)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/jwt")
    text = answer.get_data(as_text=True)
    assert (text.count(".") == 4) == is_encrypted
    inner = key.open(text)
    assert key.header.get("cty") == ("JWT" if alg and is_encrypted else None)
    claims = party.verify(inner) if alg else json.loads(inner)
    if alg:
        assert extract_compact(inner.encode()).headers()["alg"] == alg
    assert (claims["iss"], claims["aud"], claims["sub"]) == (party.issuer, party.client_id, scene.person.id)
    assert claims["preferred_username"] == scene.person.username
    assert "exp" not in claims
    if alg:
        left = scene.browser.open(party.authorize_url(id_token_hint=inner, prompt="none")).left_for or ""
        assert "error=login_required" in left, "it is no hint"
    assert userinfo(ask, inner if alg else "x").status_code == 401


def test_answers_about_tokens_and_requests_are_encrypted(scene: Scene) -> None:
    """RFC 9701 §6, JARM §2.2: a signed answer, for the client's key; errors too."""
    key = EncryptionKey("RSA")
    members = {f"{kind}_encrypted_response_alg": "RSA-OAEP-256" for kind in ("introspection", "authorization")}
    party = app(scene, key, **members)
    scene.browser.open(party.authorize_url(response_mode="query.jwt", prompt="none"))
    text = dict(parse_qsl(urlsplit(scene.browser.left_for or "").query))["response"]
    assert text.count(".") == 4
    assert party.verify(text)["error"] == "login_required"
    accept = {"Accept": "application/token-introspection+jwt"}
    answer = party.ask("introspection_endpoint", {"token": scene.tokens(party).access_token}, accept).get_data(as_text=True)
    assert answer.count(".") == 4
    assert party.verify(answer)["token_introspection"]["active"] is True


def test_a_logout_token_is_encrypted_as_id_tokens_are(scene: Scene, server: AppServer) -> None:
    """Back-Channel Logout 1.0 §2.6: the app rejects one that is not."""
    key = EncryptionKey()
    members = {"backchannel_logout_uri": f"{server.address}/logout", "id_token_encrypted_response_alg": "ECDH-ES"}
    party = app(scene, key, **members)
    scene.browser.open(f"/oauth/logout?{urlencode({'id_token_hint': key.open(scene.tokens(party).id_token or '')})}")
    with scene.factory.context():
        logout_notices.note_ended()
        provider = scene.app.extensions["sleutel.oauth"].provider
        assert backchannel_logout.tell(provider, party.client_id) == 1
    text = dict(parse_qsl(server.bodies()[0]))["logout_token"]
    assert party.verify(text)["sub"] == scene.person.id


def test_keys_come_from_the_address_of_the_client_before_anything_is_used_up(
    scene: Scene, server: AppServer, ask, turned
) -> None:
    """RFC 7517 §5, RFC 6749 §4.1.2: without a key the code stays good, and a proof of DPoP is not spent."""
    key, proof = EncryptionKey(), ProofKey()
    members = {f"{kind}_encrypted_response_alg": "ECDH-ES" for kind in ("id_token", "userinfo")}
    party = app(scene, key, jwks=None, jwks_uri=f"{server.address}/keys", **members)
    code = scene.code(party)
    proof.nonce = nonce_of(party)
    refused = party.token({"grant_type": "authorization_code", "code": code})
    assert (refused.status_code, refused.json["error"]) == (503, "temporarily_unavailable")
    assert "jwks_uri" in refused.json["error_description"]
    server.documents["/keys"] = json.dumps(key.jwks).encode()
    assert party.token({"grant_type": "authorization_code", "code": code}).status_code == 503, "asked less than a minute ago"
    turned.shift(59)
    again = scene.code(party)
    turned.shift(2)
    proof.nonce = nonce_of(party)
    access = bound(party, proof, again)["access_token"]
    sent = proof.proof("GET", f"{party.issuer}/oauth/userinfo", access)
    scene.app.extensions["sleutel.oauth"].provider.key_addresses._fetched.clear()  # as in a process that was just started
    server.status = 500
    assert userinfo(ask, access, "DPoP", DPoP=sent).status_code == 503
    server.status = 200
    turned.shift(61)
    assert userinfo(ask, access, "DPoP", DPoP=sent).headers["Content-Type"] == "application/jwt"


WEAK = (
    ("ECDH-ES", {"kty": "OKP", "crv": "X25519", "x": "A" * 43}),
    ("ECDH-ES+A256KW", {"kty": "OKP", "crv": "X25519", "x": f"AQ{'A' * 41}"}),
    ("RSA-OAEP-256", {"kty": "RSA", "e": "AQAB", "n": f"{'_' * 341}g"}),
)
"""Keys that look right: points of small order (RFC 7748 §6.1), and a modulus that is even."""


@pytest.mark.parametrize(("alg", "jwk"), WEAK)
def test_a_key_by_which_nothing_can_be_encrypted_is_no_fault_of_ours(
    scene: Scene, server: AppServer, ask, alg: str, jwk: dict[str, str]
) -> None:
    """RFC 8725 §3.4: one that comes from the client's address counts as none, before anything is used up."""
    server.documents["/keys"] = json.dumps({"keys": [jwk]}).encode()
    party = scene.party(jwks_uri=f"{server.address}/keys", userinfo_encrypted_response_alg=alg)
    assert userinfo(ask, scene.tokens(party).access_token).status_code == 503
    strict = scene.party("strict", jwks_uri=f"{server.address}/keys", authorization_encrypted_response_alg=alg)
    page = scene.browser.open(strict.authorize_url(response_mode="jwt"))
    assert (page.status, page.left_for) == (400, None)


SHORT = {**EncryptionKey("RSA").public, "n": EncryptionKey("RSA").public["n"][:171]}
WRONG: tuple[tuple[dict[str, Any], str], ...] = (
    *(
        ({"id_token_encrypted_response_alg": alg, "jwks": EncryptionKey("RSA").jwks}, "id_token_encrypted_response_alg")
        for alg in ("RSA1_5", "RSA-OAEP", "dir", "A128KW", "PBES2-HS256+A128KW", "none", "", 5, "ECDH-ES")
    ),
    ({"userinfo_encrypted_response_alg": "ECDH-ES"}, "userinfo_encrypted_response_alg"),
    *(
        ({"userinfo_encrypted_response_alg": "ECDH-ES", "jwks": {"keys": [jwk]}}, "userinfo_encrypted_response_alg")
        for jwk in (
            ClientKey().public, EncryptionKey("Ed25519").public, {**EncryptionKey().public, "alg": "ECDH-ES+A256KW"},
            {**EncryptionKey().public, "x": "AA"}, {**EncryptionKey().public, "crv": "P-999"}, {"kty": "EC"},
            {**EncryptionKey().public, "crv": ["P-256"]}, {**EncryptionKey().public, "kty": ["EC"]},
        )
    ),
    *(({"userinfo_encrypted_response_alg": alg, "jwks": {"keys": [jwk]}}, "userinfo_encrypted_response_alg")
      for alg, jwk in WEAK),
    ({"id_token_encrypted_response_alg": "RSA-OAEP-256", "jwks": {"keys": [SHORT]}},
     "id_token_encrypted_response_alg"),
    ({"id_token_encrypted_response_enc": "A256GCM", "jwks": EncryptionKey().jwks}, "id_token_encrypted_response_enc"),
    ({"id_token_encrypted_response_alg": "ECDH-ES", "id_token_encrypted_response_enc": "A192GCM",
      "jwks": EncryptionKey().jwks}, "id_token_encrypted_response_enc"),
    ({"userinfo_signed_response_alg": "none"}, "userinfo_signed_response_alg"),
    ({"userinfo_signed_response_alg": "HS256"}, "userinfo_signed_response_alg"),
)  # fmt: skip


@pytest.mark.filterwarnings("ignore:Key size should be")
@pytest.mark.parametrize(("members", "field"), WRONG)
def test_wrong_members_are_refused_at_registration(settings, members: dict[str, Any], field: str) -> None:
    """Registration §2, RFC 8725 §3.2: no broken algorithm, no shared secret, and nothing without a key for it."""
    with pytest.raises(Invalid) as refused:
        validate_metadata({"redirect_uris": ["https://app.example/cb"], **members}, settings)
    assert refused.value.field in (field, "jwks")


def test_discovery_lists_what_is_on(ask) -> None:
    """Discovery §3, RFC 9701 §7, JARM §4."""
    found = ask("GET", "/.well-known/openid-configuration").json
    for kind in ("id_token", "userinfo", "introspection", "authorization"):
        assert found[f"{kind}_signing_alg_values_supported"] == ["RS256", "ES256"]
        assert found[f"{kind}_encryption_alg_values_supported"] == ["RSA-OAEP-256", "ECDH-ES", "ECDH-ES+A256KW"]
        assert found[f"{kind}_encryption_enc_values_supported"] == ["A128CBC-HS256", "A256GCM", "A128GCM"]
