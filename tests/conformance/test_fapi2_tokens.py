"""The FAPI 2.0 Security Profile plan (Final): client authentication, codes, proofs of possession and refresh tokens."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest

from idp import clock
from tests.conformance.conftest import plans
from tests.conformance.fapi import PAR, Fapi, FapiClient, error_of
from tests.conformance.suite import unsigned
from tests.drivers.dpop import ProofKey, b64url, url_of
from tests.oauth.conftest import Scene

PLAN = plans("fapi2-security-profile-final-test-plan")
REFUSED = {(401, "invalid_client"), (400, "invalid_client"), (400, "invalid_request")}


@pytest.fixture
def suite(scene: Scene) -> Fapi:
    """Return the plan's clients."""
    return Fapi(scene)


def _now(seconds: int = 0) -> int:
    return clock.epoch_seconds(clock.now()) + seconds


@PLAN
def test_fapi2_security_profile_final_check_dpop_proof_nbf_exp(suite: Fapi) -> None:
    """RFC 9449 §4.2: a proof may have ``nbf`` and ``exp``."""
    client, moment = suite.client, {"nbf": _now(), "exp": _now(300)}
    tokens = suite.taken(client, client.token(client.redeem(suite.code()), **moment))
    assert client.resource(tokens["access_token"], **moment).status_code == 200


@PLAN
def test_fapi2_security_profile_final_ensure_dpopproof_at_par_endpoint_binding_success(suite: Fapi) -> None:
    """RFC 9449 §10.1: a proof with the pushed request binds the code to its key."""
    client = suite.client
    code = suite.sign_in(client, client.push(key=client.key))["code"]
    assert suite.taken(client, client.token(client.redeem(code)))["claims"]["sub"]


@PLAN
def test_fapi2_security_profile_final_ensure_dpop_auth_code_binding_success(suite: Fapi) -> None:
    """RFC 9449 §10: so does ``dpop_jkt``, alone or beside a proof."""
    client = suite.client
    code = suite.sign_in(client, client.push(key=client.key, dpop_jkt=client.key.thumbprint))["code"]
    assert suite.taken(client, client.token(client.redeem(code)))["claims"]["sub"]


@PLAN
def test_fapi2_security_profile_final_ensure_token_endpoint_fails_with_mismatched_dpop_proof_jkt(suite: Fapi) -> None:
    """RFC 9449 §10.1: another key cannot redeem the code."""
    client = suite.client
    code = suite.sign_in(client, client.push(key=client.key))["code"]
    assert error_of(client.token(client.redeem(code), key=ProofKey())) == (400, "invalid_grant")


@PLAN
def test_fapi2_security_profile_final_ensure_token_endpoint_fails_with_mismatched_dpop_jkt(suite: Fapi) -> None:
    """RFC 9449 §10: the same where ``dpop_jkt`` alone bound it."""
    client = suite.client
    code = suite.sign_in(client, client.push(dpop_jkt=ProofKey().thumbprint))["code"]
    assert error_of(client.token(client.redeem(code))) == (400, "invalid_grant")


@PLAN
def test_fapi2_security_profile_final_ensure_client_id_in_token_endpoint(suite: Fapi) -> None:
    """RFC 6749 §3.2.1: another client's name, with an assertion by this client's key."""
    client, second = suite.client, suite.second
    code = suite.code()
    forged = client.signer.assertion(second.client_id, client.party.issuer)
    answer = client.token({**client.redeem(code), "client_id": second.client_id}, forged)
    assert error_of(answer) == (401, "invalid_client")


@PLAN
def test_fapi2_security_profile_final_ensure_holder_of_key_required(suite: Fapi) -> None:
    """§5.3.2.1 (4): no token without a proof."""
    client = suite.client
    answer = client.party.token({**client.redeem(suite.code()), **client.assertion()})
    assert error_of(answer) == (400, "invalid_dpop_proof")


@PLAN
def test_fapi2_security_profile_final_ensure_authorization_code_is_bound_to_client(suite: Fapi) -> None:
    """RFC 6749 §4.1.3: another client, with its own key, cannot redeem the code."""
    form, second = suite.client.redeem(suite.code()), suite.second
    assert error_of(second.token(form)) == (400, "invalid_grant")


@PLAN
def test_fapi2_security_profile_final_attempt_reuse_authorization_code_after_one_second(suite: Fapi, turned) -> None:
    """RFC 6749 §4.1.2: the second use is refused, and revokes what the first one gave."""
    client = suite.client
    form = client.redeem(suite.code())
    token = suite.taken(client, client.token(form))["access_token"]
    assert client.resource(token).status_code == 200
    turned.shift(1)
    assert error_of(client.token(form)) == (400, "invalid_grant")
    assert client.resource(token).status_code == 401


@PLAN
def test_fapi2_security_profile_final_ensure_token_endpoint_fails_with_expired_auth_code(suite: Fapi, turned) -> None:
    """§5.3.2.1 (11): a code lasts a minute at most."""
    client = suite.client
    form = client.redeem(suite.code())
    turned.shift(62)
    assert error_of(client.token(form)) == (400, "invalid_grant")


@PLAN
def test_fapi2_security_profile_final_ensure_pkce_code_verifier_required(suite: Fapi) -> None:
    """RFC 7636 §4.6: without the verifier."""
    client = suite.client
    assert error_of(client.token(client.redeem(suite.code(), code_verifier=""))) == (400, "invalid_grant")


@PLAN
def test_fapi2_security_profile_final_incorrect_pkce_code_verifier_rejected(suite: Fapi) -> None:
    """RFC 7636 §4.6: with another verifier."""
    client = suite.client
    assert error_of(client.token(client.redeem(suite.code(), code_verifier="w" * 43))) == (400, "invalid_grant")


@PLAN
def test_fapi2_security_profile_final_ensure_client_assertion_in_token_endpoint(suite: Fapi) -> None:
    """§5.3.2.1 (6): the client's name alone."""
    client = suite.client
    assert error_of(client.token(client.redeem(suite.code()), {})) in REFUSED


@PLAN
def test_fapi2_security_profile_final_ensure_signed_client_assertion_with_RS256_fails(suite: Fapi) -> None:  # noqa: N802 – its name
    """§5.4.1: the registered key, by an algorithm that the profile does not allow."""
    client = FapiClient(suite.scene, "rsa", "PS256")
    form = client.redeem(suite.code(client))
    client.signer.alg = "RS256"
    assert error_of(client.token(form)) == (401, "invalid_client")


@PLAN
def test_fapi2_security_profile_final_ensure_client_assertion_with_exp_is_5_minutes_in_past_fails(suite: Fapi) -> None:
    """RFC 7523 §3: an assertion that expired."""
    client = suite.client
    old = client.assertion(iat=_now(-360), exp=_now(-300))
    assert error_of(client.token(client.redeem(suite.code()), old)) == (401, "invalid_client")


@PLAN
def test_fapi2_security_profile_final_ensure_client_assertion_with_wrong_aud_fails(suite: Fapi) -> None:
    """§5.3.2.1 (8): for another server."""
    client = suite.client
    other = client.assertion("https://other.example.com")
    assert error_of(client.token(client.redeem(suite.code()), other)) == (401, "invalid_client")


@PLAN
def test_fapi2_security_profile_final_ensure_client_assertion_with_no_sub_fails(suite: Fapi) -> None:
    """RFC 7523 §3: about nobody."""
    client = suite.client
    assert error_of(client.token(client.redeem(suite.code()), client.assertion(sub=None))) in REFUSED


def _wrong_assertions(client: FapiClient) -> dict[str, dict[str, str]]:
    """Return what the suite tries at the PAR endpoint, by name."""
    right, issuer = client.assertion(), client.party.issuer
    addresses = [url_of(client.party, name) for name in (PAR, "token_endpoint")]
    head, body, signature = right["client_assertion"].split(".")
    claims = {"iss": client.client_id, "sub": client.client_id, "aud": issuer, "exp": _now(60), "jti": "j"}
    return {
        "none": {},
        "no type": {"client_assertion": right["client_assertion"]},
        "another type": right | {"client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"},
        "no sub": client.assertion(sub=None),
        "another sub": client.assertion(sub="other"),
        "no iss": client.assertion(iss=None),
        "another iss": client.assertion(iss="other"),
        "no aud": client.assertion(aud=None),
        "another aud": client.assertion("https://other.example.com"),
        "the PAR endpoint": client.assertion(addresses[0]),
        "the token endpoint": client.assertion(addresses[1]),
        "a list": client.assertion([issuer, "https://other.example.com"]),
        "a list with the issuer alone": client.assertion([issuer]),
        "past": client.assertion(iat=_now(-360), exp=_now(-300)),
        "in the future": client.assertion(iat=_now(70), nbf=_now(70), exp=_now(130)),
        "unsigned": right | {"client_assertion": unsigned(claims)},
        "a wrong signature": right | {"client_assertion": f"{head}.{body}.{signature[:-6]}AAAAAA"},
    }


@PLAN
def test_fapi2_security_profile_final_ensure_invalid_client_assertions_fail(suite: Fapi) -> None:
    """§5.3.2.1 (6), (8), (13), RFC 7523 §3: each is refused; one that is ahead by seconds is not."""
    client = suite.client
    for name, auth in _wrong_assertions(client).items():
        assert error_of(client.push(auth)) in REFUSED, name
    assert client.push(client.assertion(iat=_now(8), nbf=_now(8))).status_code == 201
    assert client.push().status_code == 201


Proof = Callable[[FapiClient, str], str]


def _made(header: dict[str, Any] | None = None, method: str = "GET", **over: Any) -> Proof:
    """Return what makes a proof that differs so from the right one."""

    def make(client: FapiClient, token: str) -> str:
        claims = {"htu": url_of(client.party, "userinfo_endpoint"), **over}
        return client.key.proof(method, "", token, header=header, **claims)

    return make


def _rest(client: FapiClient, token: str) -> list[tuple[str, Proof]]:
    """Return the proofs that need the client's keys."""
    private = client.key.key.as_dict(private=True)
    right = _made()(client, token)
    claims = {"jti": "j", "htm": "GET", "htu": url_of(client.party, "userinfo_endpoint"), "iat": _now()}
    other = ProofKey()
    other.nonce = client.key.nonce
    return [
        ("unsigned", lambda *_: unsigned(claims)),
        ("a wrong signature", lambda *_: f"{right[:-6]}AAAAAA"),
        ("a private key", _made({"jwk": private})),
        ("another key", lambda *_: other.proof("GET", claims["htu"], token)),
        ("no alg", lambda *_: client.key.sign({"typ": "dpop+jwt", "jwk": client.key.key.as_dict(private=False)}, json.dumps(
            {**claims, "nonce": client.key.nonce, "ath": b64url(hashlib.sha256(token.encode()).digest())}
        ).encode())),
    ]  # fmt: skip


WRONG_PROOFS: list[tuple[str, Proof]] = [
    ("not a JWT", lambda *_: "not.a-jwt"),
    ("no typ", _made({"typ": None})),
    ("another typ", _made({"typ": "jwt"})),
    ("no jwk", _made({"jwk": None})),
    *((f"no {name}", _made(**{name: None})) for name in ("jti", "htm", "htu", "iat", "ath")),
    ("RS256", _made({"alg": "RS256"})),
    ("another method", _made(method="PUT")),
    ("another address", _made(htu="https://other.example.com/userinfo")),
    ("an hour old", _made(iat=1)),
    ("another token", _made(ath="A" * 43)),
]


@PLAN
def test_fapi2_security_profile_final_dpop_negative_tests(suite: Fapi) -> None:
    """RFC 9449 §4.3: each check, at userinfo; what must be ignored is."""
    client = suite.client
    token = suite.tokens()["access_token"]
    assert client.resource(token).status_code == 200
    address = url_of(client.party, "userinfo_endpoint")
    for name, make in [*WRONG_PROOFS, *_rest(client, token)]:
        assert client.present(token, [("DPoP", make(client, token))]).status_code in (400, 401), name
    two = [("DPoP", _made()(client, token)), ("DPoP", _made()(client, token))]
    assert client.present(token, two).status_code in (400, 401), "two headers"
    assert client.present(token, [("DPOP", _made()(client, token))]).status_code == 200, "another spelling of the header"
    for same in (f"{address}?a=b#c", address.replace("https://id", "HTTPS://ID"), address.replace(".com/", ".com:443/")):
        assert client.present(token, [("DPoP", _made(htu=same)(client, token))]).status_code == 200, same
    assert client.present(token, [("DPoP", _made({"x": "y"}, z=1)(client, token))]).status_code == 200, "more members"
    once = _made()(client, token)
    assert [client.present(token, [("DPoP", once)]).status_code for _ in range(2)] == [200, 401]


@PLAN
def test_fapi2_security_profile_final_refresh_token(suite: Fapi) -> None:
    """§5.3.2.1 (9), RFC 6749 §6: kept, not rotated; useless without authentication or proof, and to another client."""
    client, second = suite.client, suite.second
    offline = {"scope": "openid offline_access", "prompt": "consent"}
    first, other = suite.tokens(**offline), suite.tokens(second, **offline)
    form = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    again = suite.taken(client, client.token(form))
    assert again.get("refresh_token", first["refresh_token"]) == first["refresh_token"]
    assert again["access_token"] != first["access_token"]
    for name in ("iss", "sub", "aud", "auth_time"):
        assert again["claims"][name] == first["claims"][name], name
    assert error_of(client.token(form, {})) in REFUSED
    assert error_of(client.party.token({**form, **client.assertion()})) == (400, "invalid_dpop_proof")
    assert error_of(client.token({**form, "refresh_token": other["refresh_token"]})) == (400, "invalid_grant")
    assert client.resource(again["access_token"]).status_code == 200
