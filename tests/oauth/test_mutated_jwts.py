"""Bad input: wherever a JWT comes in, no mutation of it is an error of ours (RFC 8725 §3, RFC 7515 §5.2)."""

import json
import secrets
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from joserfc.jwk import ECKey
from werkzeug.test import TestResponse

from idp import clock
from tests.drivers.dpop import nonce_of
from tests.drivers.mutated_jwts import altered, hostile, signed
from tests.drivers.relying_party import RelyingParty
from tests.oauth.conftest import Scene

KEY = ECKey.generate_key("P-256", {"kid": "one"})
PUBLIC = KEY.as_dict(private=False)
BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
MACHINE = {"grant_type": "client_credentials"}
Ask = Callable[..., TestResponse]


@pytest.fixture
def settings(configure):
    """Let wrong guesses be made one after the other."""
    return configure(limits={"client_failures": 1_000_000})


@pytest.fixture
def party(scene: Scene) -> RelyingParty:
    """Return an app with a key, which the person has signed in to."""
    grants = ["authorization_code", "refresh_token", "client_credentials"]
    return scene.party(jwks={"keys": [PUBLIC]}, grant_types=grants)


def require_ours(answer: TestResponse, what: str) -> None:
    """Fail where an answer is, or tells, an error of ours."""
    assert answer.status_code < 500, what
    assert "server_error" not in answer.headers.get("Location", "") + answer.get_data(as_text=True), what


def test_a_mutated_client_assertion(factory, ask: Ask) -> None:
    """RFC 7523 §3: at each endpoint the same code reads it."""
    factory.make_client("machine", grant_types=["client_credentials"], token_endpoint_auth_method="private_key_jwt",
                        jwks={"keys": [PUBLIC]})  # fmt: skip
    now = clock.epoch_seconds(clock.now())
    claims = {"iss": "machine", "sub": "machine", "aud": "https://id.example.com", "exp": now + 60, "jti": "x"}
    header = {"alg": "ES256", "kid": "one"}

    def send(text: str) -> TestResponse:
        return ask("POST", "/oauth/token", data={**MACHINE, "client_assertion_type": BEARER, "client_assertion": text})

    good = signed(KEY, b'{"alg": "ES256"}', b"{}")
    for text in altered(good):
        answer = send(text)
        assert answer.status_code in (400, 401), text[:60]
    for what, text in hostile(KEY, header, claims, "iat", "nbf"):
        require_ours(send(text), what)


def request_claims(party: RelyingParty) -> dict[str, Any]:
    """Return the claims of a good request object."""
    sent = dict(parse_qsl(urlsplit(party.authorize_url()).query))
    return {**sent, "iss": party.client_id, "aud": party.issuer, "exp": clock.epoch_seconds(clock.now()) + 600}


def test_a_mutated_request_object(scene: Scene, party: RelyingParty, ask: Ask) -> None:
    """RFC 9101 §6: in the address and pushed. A page or the app is told."""
    claims, header = request_claims(party), {"alg": "ES256", "kid": "one", "typ": "oauth-authz-req+jwt"}
    more = (
        "claims", "max_age", "acr_values", "prompt", "authorization_details", "resource", "ui_locales", "nbf", "sub",
        "login_hint", "id_token_hint", "organisation", "dpop_jkt", "response_mode", "display", "registration",
    )  # fmt: skip

    def send(text: str) -> TestResponse:
        sent = {"client_id": party.client_id, "request": text, "redirect_uri": party.redirect_uri}
        return ask("GET", f"/oauth/authorize?{urlencode(sent)}")

    for text in altered(signed(KEY, b'{"alg": "ES256"}', b"{}")):
        answer = send(text)
        require_ours(answer, text[:60])
        assert "code=" not in answer.headers.get("Location", "")
    for what, text in hostile(KEY, header, claims, *more):
        require_ours(send(text), what)
    for what, text in hostile(KEY, header, {"aud": party.issuer, "scope": "openid"}, "claims", "authorization_details"):
        require_ours(party.ask("pushed_authorization_request_endpoint", {"request": text}), what)


def test_a_mutated_proof(scene: Scene, party: RelyingParty, ask: Ask) -> None:
    """RFC 9449 §4.3: a proof brings its own key, which is as hostile as the rest."""
    access = scene.tokens(party).access_token
    own: dict[str, Any] = {name: PUBLIC[name] for name in ("kty", "crv", "x", "y")}
    header = {"alg": "ES256", "typ": "dpop+jwt", "jwk": own}
    claims = {"jti": "x", "htm": "POST", "htu": f"{party.issuer}/oauth/token", "iat": clock.epoch_seconds(clock.now()),
              "nonce": nonce_of(party)}  # fmt: skip
    for text in altered(signed(KEY, b'{"alg": "ES256", "typ": "dpop+jwt"}', b"{}")):
        sendable = text.encode("ascii", "replace").decode()
        assert party.ask("token_endpoint", MACHINE, {"DPoP": sendable}).status_code == 400, text[:60]
        answer = ask("GET", "/oauth/userinfo", headers={"Authorization": f"DPoP {access}", "DPoP": sendable})
        assert answer.status_code == 401, text[:60]
    for what, text in hostile(KEY, header, claims, "ath"):
        require_ours(party.ask("token_endpoint", MACHINE, {"DPoP": text}), what)
    for member in ("kty", "crv", "x", "y", "d", "n", "e", "use", "alg"):
        for value in ("", "AA", "A" * 683, "\u00e9", 5, None, [], {}, True, "P-384", "RSA", "oct", "secp256k1"):
            jwk = {**own, member: value}
            text = signed(KEY, json.dumps({**header, "jwk": jwk}).encode(), json.dumps(claims).encode())
            require_ours(party.ask("token_endpoint", MACHINE, {"DPoP": text}), f"{member} = {value}")


def test_a_mutated_token_of_ours(scene: Scene, party: RelyingParty, ask: Ask) -> None:
    """RFC 9068 §4, RFC 7662 §2.2, RFC 7009 §2.2: access and ID tokens wherever an app or a browser sends them."""
    tokens = scene.tokens(party)
    assert tokens.id_token is not None
    for text in altered(tokens.access_token, 61):
        sendable = text.encode("ascii", "replace").decode()
        answer = ask("GET", "/oauth/userinfo", headers={"Authorization": f"Bearer {sendable}"})
        assert answer.status_code in (400, 401) or sendable.strip() == tokens.access_token, text[:60]
        for endpoint in ("introspection_endpoint", "revocation_endpoint"):
            require_ours(party.ask(endpoint, {"token": sendable}), text[:60])
    for text in altered(tokens.id_token, 61):
        for path, more in (
            ("authorize", dict(parse_qsl(urlsplit(party.authorize_url(prompt="none")).query))),
            ("logout", {}),
        ):
            answer = ask("GET", f"/oauth/{path}?{urlencode({**more, 'id_token_hint': text})}")
            require_ours(answer, text[:60])
    for what, text in hostile(KEY, {"alg": "ES256", "kid": secrets.token_hex(4)}, {"iss": party.issuer, "sub": "x"}):
        assert ask("GET", "/oauth/userinfo", headers={"Authorization": f"Bearer {text}"}).status_code == 401, what
