"""Demonstrating proof of possession (DPoP, RFC 9449)."""

import hashlib
from collections.abc import Callable
from urllib.parse import parse_qsl, urlsplit

import pytest
from werkzeug.test import TestResponse

from tests.drivers.dpop import KINDS, MACHINE, ProofKey, b64url, bound, machine, nonce_of, post, redemption, url_of
from tests.drivers.relying_party import RelyingParty, challenge_of
from tests.oauth.conftest import Scene

GRANTS = ["authorization_code", "refresh_token", "client_credentials"]
OFFLINE = "openid profile offline_access"


@pytest.fixture
def party(scene: Scene) -> RelyingParty:
    """Return a client with a secret."""
    return scene.party(grant_types=GRANTS)


@pytest.fixture
def public(scene: Scene) -> RelyingParty:
    """Return a client without one."""
    return scene.party("native", public=True, grant_types=GRANTS[:2])


@pytest.fixture
def key(party: RelyingParty) -> ProofKey:
    """Return a key of an app that has the server's nonce."""
    made = ProofKey()
    made.nonce = nonce_of(party)
    return made


@pytest.fixture
def present(ask: Callable[..., TestResponse]) -> Callable[..., TestResponse]:
    """Return a function that presents a token to userinfo."""

    def present_(token: str, *, proof: str | None = None, scheme: str = "DPoP", method: str = "GET") -> TestResponse:
        headers = {"Authorization": f"{scheme} {token}", **({"DPoP": proof} if proof is not None else {})}
        return ask(method, "/oauth/userinfo", headers=headers)

    return present_


@pytest.mark.parametrize("alg", list(KINDS))
def test_tokens_are_bound_to_the_key_of_the_proof(scene: Scene, party: RelyingParty, present, alg: str) -> None:
    """§5, §6.1, §7.1: ``token_type`` is DPoP, ``cnf`` names the key, and userinfo wants the key again."""
    key = ProofKey(alg)
    key.nonce = nonce_of(party)
    tokens = bound(party, key, scene.code(party, scope=OFFLINE))
    assert tokens["token_type"] == "DPoP"
    access = tokens["access_token"]
    assert party.verify(access)["cnf"] == {"jkt": key.thumbprint}
    url = url_of(party, "userinfo_endpoint")
    answer = present(access, proof=key.proof("GET", url, access))
    assert (answer.status_code, answer.json["sub"]) == (200, scene.person.id)
    assert present(access, proof=key.proof("POST", url, access), method="POST").status_code == 200
    body = party.ask("introspection_endpoint", {"token": access}).json
    assert (body["token_type"], body["cnf"]) == ("DPoP", {"jkt": key.thumbprint})


def test_without_a_proof_nothing_changes(scene: Scene, party: RelyingParty) -> None:
    """§5: a client that shows no key gets a bearer token."""
    answer = party.token(MACHINE)
    assert answer.json["token_type"] == "Bearer"
    assert "cnf" not in party.verify(answer.json["access_token"])
    assert "DPoP-Nonce" not in answer.headers


def test_a_client_token_is_bound_too(scene: Scene, party: RelyingParty, key: ProofKey) -> None:
    """§5: "for all access token requests"."""
    answer = machine(party, key)
    assert answer.json["token_type"] == "DPoP"
    assert party.verify(answer.json["access_token"])["cnf"] == {"jkt": key.thumbprint}


def test_a_refused_proof_uses_up_no_code(scene: Scene, party: RelyingParty) -> None:
    """§8: the client tries again with the nonce, with the same code."""
    key, code = ProofKey(), scene.code(party)
    answer = post(party, redemption(party, code), key.proof("POST", url_of(party)))
    assert answer.json["error"] == "use_dpop_nonce"
    key.nonce = answer.headers["DPoP-Nonce"]
    assert post(party, redemption(party, code), key.proof("POST", url_of(party))).status_code == 200


def test_a_code_is_bound_by_dpop_jkt(scene: Scene, party: RelyingParty, key: ProofKey) -> None:
    """§10: the key that the authorization request names must redeem the code. Another one ends the grant."""
    assert bound(party, key, scene.code(party, scope=OFFLINE, dpop_jkt=key.thumbprint))["token_type"] == "DPoP"
    thief = ProofKey()
    thief.nonce = key.nonce
    for proof in (thief.proof("POST", url_of(party)), ""):
        form = redemption(party, scene.code(party, dpop_jkt=key.thumbprint))
        answer = post(party, form, proof) if proof else party.token(form)
        assert (answer.status_code, answer.json["error"]) == (400, "invalid_grant")


def test_a_pushed_request_is_bound_by_its_proof(scene: Scene, party: RelyingParty, key: ProofKey) -> None:
    """§10.1: the proof at the pushed authorization request endpoint binds the code; with ``dpop_jkt`` both must fit."""
    other = ProofKey()
    other.nonce = key.nonce
    url = url_of(party, "pushed_authorization_request_endpoint")

    def push(**over: str) -> TestResponse:
        asked = dict(parse_qsl(urlsplit(party.authorize_url(**over)).query))
        return party.ask("pushed_authorization_request_endpoint", asked, {"DPoP": key.proof("POST", url)})

    assert push(dpop_jkt=other.thumbprint).json["error"] == "invalid_dpop_proof"
    for sent in ({}, {"dpop_jkt": key.thumbprint}):
        for holder, status in ((key, 200), (other, 400)):
            request_uri = push(**sent).json["request_uri"]
            scene.browser.open(f"{party.metadata['authorization_endpoint']}?client_id=webshop&request_uri={request_uri}")
            while not scene.browser.left_for:
                scene._answer()
            code = party.answer(scene.browser.left_for)["code"]
            assert post(party, redemption(party, code), holder.proof("POST", url_of(party))).status_code == status
    nonceless = party.ask("pushed_authorization_request_endpoint", {}, {"DPoP": "x"})
    assert nonceless.headers["DPoP-Nonce"]


@pytest.mark.parametrize("sent", ["x", "A" * 42, "A" * 44, "A" * 42 + "+"])
def test_a_thumbprint_that_is_none_is_refused_at_once(scene: Scene, party: RelyingParty, sent: str) -> None:
    """§10: no proof could ever match it."""
    assert "error=invalid_request" in scene.browser.open(party.authorize_url(dpop_jkt=sent)).left_for


def test_a_public_clients_refresh_token_is_bound(scene: Scene, public: RelyingParty, key: ProofKey) -> None:
    """§5: "refresh tokens issued to public clients MUST be bound"; they rotate and stay bound."""
    tokens = bound(public, key, scene.code(public, scope=OFFLINE))
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    thief = ProofKey()
    thief.nonce = key.nonce
    assert public.token(form).json["error"] == "invalid_grant"
    assert post(public, form, thief.proof("POST", url_of(public))).json["error"] == "invalid_grant"
    again = post(public, form, key.proof("POST", url_of(public)))
    assert (again.status_code, again.json["token_type"]) == (200, "DPoP")
    form["refresh_token"] = again.json["refresh_token"]
    assert public.token(form).json["error"] == "invalid_grant"
    assert post(public, form, key.proof("POST", url_of(public))).status_code == 200


def test_a_confidential_client_may_change_its_key(scene: Scene, party: RelyingParty, key: ProofKey) -> None:
    """§5: its refresh token is bound to its authentication; the access token to the key of the moment."""
    form = {
        "grant_type": "refresh_token",
        "refresh_token": bound(party, key, scene.code(party, scope=OFFLINE))["refresh_token"],
    }
    other = ProofKey()
    other.nonce = key.nonce
    answer = post(party, form, other.proof("POST", url_of(party)))
    assert party.verify(answer.json["access_token"])["cnf"] == {"jkt": other.thumbprint}
    assert party.token(form).json["token_type"] == "Bearer"


def test_a_client_can_be_held_to_it(scene: Scene, key: ProofKey) -> None:
    """§5.2: with ``dpop_bound_access_tokens`` a request without a proof is rejected."""
    party = scene.party("fapi", grant_types=GRANTS, dpop_bound_access_tokens=True)
    answer = party.token(MACHINE)
    assert (answer.status_code, answer.json["error"]) == (400, "invalid_dpop_proof")
    assert machine(party, key).status_code == 200


def challenge(answer: TestResponse) -> tuple[int, str]:
    """Return the status with the challenge."""
    return answer.status_code, answer.headers["WWW-Authenticate"]


def test_a_bound_token_is_no_bearer_token(scene: Scene, party: RelyingParty, key: ProofKey, present, ask) -> None:
    """§7.2: "MUST reject a DPoP-bound access token received as a bearer token", in the body too."""
    access = bound(party, key, scene.code(party, scope=OFFLINE))["access_token"]
    proof = key.proof("GET", url_of(party, "userinfo_endpoint"), access)
    in_body = ask("POST", "/oauth/userinfo", data={"access_token": access})
    for answer in (present(access, scheme="Bearer"), present(access, scheme="Bearer", proof=proof), in_body):
        status, challenged = challenge(answer)
        assert status == 401
        assert challenged.startswith('DPoP error="invalid_token"')
        assert challenged.endswith('algs="ES256 Ed25519 PS256"')


def test_a_bearer_token_is_not_presented_with_a_proof(scene: Scene, party: RelyingParty, key: ProofKey, present) -> None:
    """§7.1: the token must be bound to the key of the proof."""
    access = scene.tokens(party).access_token
    answer = present(access, proof=key.proof("GET", url_of(party, "userinfo_endpoint"), access))
    assert answer.status_code == 401
    assert 'DPoP error="invalid_token"' in answer.headers["WWW-Authenticate"]


def test_userinfo_checks_the_proof(scene: Scene, party: RelyingParty, key: ProofKey, present) -> None:
    """§4.3, §7.1, §9: token, method, address, nonce and key; each once."""
    access, url = bound(party, key, scene.code(party, scope=OFFLINE))["access_token"], url_of(party, "userinfo_endpoint")
    other = ProofKey()
    other.nonce = key.nonce
    used = key.proof("GET", url, access)
    assert present(access, proof=used).status_code == 200
    wrong = {
        "used": (used, "invalid_dpop_proof"),
        "absent": (None, "invalid_dpop_proof"),
        "without ath": (key.proof("GET", url), "invalid_dpop_proof"),
        "ath of another token": (key.proof("GET", url, access + "x"), "invalid_dpop_proof"),
        "for the token endpoint": (key.proof("POST", url_of(party), access), "invalid_dpop_proof"),
        "another method": (key.proof("POST", url, access), "invalid_dpop_proof"),
        "another key": (other.proof("GET", url, access), "invalid_token"),
        "no nonce": (key.proof("GET", url, access, nonce=None), "use_dpop_nonce"),
    }
    for what, (proof, error) in wrong.items():
        answer = present(access, proof=proof)
        assert answer.status_code == 401, what
        assert f'DPoP error="{error}"' in answer.headers["WWW-Authenticate"], what
        assert answer.headers["DPoP-Nonce"], what
        assert answer.headers["Access-Control-Expose-Headers"].startswith("DPoP-Nonce"), what
    assert "Bearer" in present(access + "x", scheme="Bearer").headers["WWW-Authenticate"]


def test_a_token_with_another_ath_does_not_pass_by_length(scene: Scene, party: RelyingParty, key: ProofKey, present) -> None:
    """§4.2: ``ath`` is the base64url SHA-256 of the token, nothing shorter."""
    access, url = bound(party, key, scene.code(party, scope=OFFLINE))["access_token"], url_of(party, "userinfo_endpoint")
    half = b64url(hashlib.sha256(access.encode()).digest()[:16])
    assert present(access, proof=key.proof("GET", url, access, ath=half)).status_code == 401


def test_browsers_may_send_proofs_and_read_nonces(ask) -> None:
    """§8.2: apps in browsers need the header in the preflight, and the nonce exposed."""
    answer = ask("OPTIONS", "/oauth/token", headers={"Origin": "https://app.example"})
    assert "DPoP" in answer.headers["Access-Control-Allow-Headers"]
    answer = ask("POST", "/oauth/token", headers={"Origin": "https://app.example"})
    assert {"DPoP-Nonce", "WWW-Authenticate"} <= set(answer.headers["Access-Control-Expose-Headers"].split(", "))


def test_metadata_lists_the_algorithms(party: RelyingParty) -> None:
    """§5.1: asymmetric ones alone."""
    assert party.metadata["dpop_signing_alg_values_supported"] == ["ES256", "Ed25519", "PS256"]


def test_the_challenge_of_pkce_holds_beside_it(scene: Scene, party: RelyingParty, key: ProofKey) -> None:
    """§11.9: DPoP replaces no other check of a code."""
    form = redemption(party, scene.code(party)) | {"code_verifier": "v" * 43}
    assert challenge_of("v" * 43) != challenge_of(party.verifier)
    assert post(party, form, key.proof("POST", url_of(party))).json["error"] == "invalid_grant"
