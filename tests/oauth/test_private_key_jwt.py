"""Clients prove themselves by a JWT that they signed (RFC 7523 §3, OpenID Connect Core §9)."""

import json
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import pytest
import time_machine
from werkzeug.test import TestResponse

from idp import clock, crypto
from idp.errors import Invalid
from idp.store import clients
from idp.write_gate import MustCall, never_calls, never_waits
from tests.drivers.app_server import AppServer
from tests.drivers.client_key import KINDS, ClientKey
from tests.factories import Factory

ISSUER = "https://id.example.com"
TOKEN = f"{ISSUER}/oauth/token"
Use = Callable[..., TestResponse]


@pytest.fixture
def settings(configure):
    """Let the provider call apps on loopback, and let wrong assertions be tried one after the other."""
    return configure(outgoing={"allow": ["127.0.0.0/8"]}, limits={"client_failures": 10_000})


@pytest.fixture
def key() -> ClientKey:
    """Return the client's key."""
    return ClientKey()


def registered(factory: Factory, key: ClientKey, **over: Any) -> str:
    """Register a machine that signs."""
    known = {"grant_types": ["client_credentials"], "token_endpoint_auth_method": "private_key_jwt", "jwks": key.jwks}
    client_id = over.pop("client_id", "machine")
    factory.make_client(client_id, **{name: value for name, value in {**known, **over}.items() if value is not None})
    return str(client_id)


@pytest.fixture
def machine(factory: Factory, key: ClientKey) -> str:
    """Return the id of a client that signs."""
    return registered(factory, key)


@pytest.fixture
def use(ask) -> Use:
    """Return a function that asks for a token with these parameters."""

    def ask_(**parameters: str) -> TestResponse:
        return ask("POST", "/oauth/token", data={"grant_type": "client_credentials", **parameters})

    return ask_


@pytest.mark.parametrize("alg", list(KINDS))
def test_a_signed_assertion_proves_the_client(factory: Factory, use: Use, alg: str) -> None:
    """§3, Core §9: the audience is the issuer or an endpoint, as text or in a list. The client_id may come with it."""
    key = ClientKey(alg)
    client_id = registered(factory, key)
    for audience in (ISSUER, TOKEN, [ISSUER], [ISSUER, TOKEN]):
        assert use(**key.assertion(client_id, audience)).status_code == 200, audience
    assert (
        use(client_id=client_id, **key.assertion(client_id, ISSUER, header={"typ": "JWT", "kid": None})).status_code == 200
    )


def test_an_assertion_counts_once(machine: str, key: ClientKey, use: Use) -> None:
    """RFC 7523 §3: a copied assertion is of no use, also after the client's clock is ahead of ours."""
    sent = key.assertion(machine, ISSUER)
    assert use(**sent).status_code == 200
    answer = use(**sent)
    assert (answer.status_code, answer.json["error"]) == (401, "invalid_client")
    with time_machine.travel(clock.now(), tick=False) as turned:
        ahead = key.assertion(machine, ISSUER, exp=clock.epoch_seconds(clock.now()) + 3600)
        assert use(**ahead).status_code == 200
        turned.shift(3630)
        assert use(**ahead).status_code == 401


WRONG: dict[str, dict[str, Any]] = {
    "another issuer": {"iss": "other"},
    "another subject": {"sub": "other"},
    "no subject": {"sub": None},
    "no issuer": {"iss": None},
    "another audience": {"aud": "https://elsewhere.example"},
    "an audience beside ours": {"aud": [ISSUER, "https://elsewhere.example"]},
    "no audience": {"aud": None},
    "an empty list": {"aud": []},
    "no end": {"exp": None},
    "an end in text": {"exp": "soon"},
    "past": {"exp": 1},
    "far away": {"exp": 2**39},
    "far beyond": {"exp": 2**80},
    "not yet": {"nbf": 2**38},
    "made later": {"iat": 2**38},
    "half a character as id": {"jti": "\ud800"},
    "no id": {"jti": None},
    "a long id": {"jti": "x" * 300},
    "an id that is no text": {"jti": 5},
}


@pytest.mark.parametrize("over", WRONG.values(), ids=WRONG.keys())
def test_wrong_claims_are_refused(machine: str, key: ClientKey, use: Use, over: dict[str, Any]) -> None:
    """RFC 7523 §3, V9.2: each claim is judged; the error tells a stranger nothing."""
    answer = use(**key.assertion(machine, ISSUER, **over))
    assert (answer.status_code, answer.json["error"]) == (401, "invalid_client")


def test_only_the_registered_key_and_algorithm_count(factory: Factory, machine: str, key: ClientKey, use: Use) -> None:
    """V9.1.1, RFC 8725 §3.1: no other key, no ``none``, no HMAC by the public key, no other kind of JWT."""
    assert use(**ClientKey().assertion(machine, ISSUER)).status_code == 401
    assert use(**key.assertion(machine, ISSUER, header={"kid": "other"})).status_code == 401
    for header in ({"alg": "none"}, {"alg": "HS256"}, {"alg": "ES512"}, {"alg": 5}, {"crit": ["x"]}, {"kid": 5}):
        assert use(**key.assertion(machine, ISSUER, header=header)).status_code == 401, header
    for kind in ("at+jwt", "dpop+jwt", "oauth-authz-req+jwt", "logout+jwt"):
        assert use(**key.assertion(machine, ISSUER, header={"typ": kind})).status_code == 401, kind
    other = ClientKey("PS256")
    registered(factory, other, client_id="fapi", token_endpoint_auth_signing_alg="PS256")
    assert use(**other.assertion("fapi", ISSUER)).status_code == 200
    other.alg = "RS256"
    assert use(**other.assertion("fapi", ISSUER)).status_code == 401


HALVES = [f"e30.{crypto.b64url(one)}.e30" for one in (b'{"sub": "\\ud800"}', b'{"sub": "\xed\xa0\x80"}')]
"""Assertions from half a character, escaped and raw (RFC 8259 §8.2)."""


@pytest.mark.parametrize(
    "text", ["x", "..", "a.b.c", "e30.e30.e30", "x" * 5000, "\u00e9.\u00e9.\u00e9", "[" * 4000, *HALVES]
)
def test_what_is_no_jwt_is_refused(machine: str, key: ClientKey, use: Use, text: str) -> None:
    """Bad input: bounded before it is parsed, and never an error 500, nor for the name of its sender."""
    sent = {**key.assertion(machine, ISSUER), "client_assertion": text}
    assert use(**sent).status_code in (400, 401)


def test_methods_are_not_mixed(factory: Factory, machine: str, key: ClientKey, use: Use) -> None:
    """RFC 6749 §2.3, RFC 7521 §4.2: one method in a request, of the client that it names, and the registered one."""
    sent = key.assertion(machine, ISSUER)
    assert use(client_secret="x" * 40, **sent).json["error"] == "invalid_request"
    assert use(client_id="other", **sent).json["error"] == "invalid_request"
    assert use(client_assertion=sent["client_assertion"]).status_code == 401
    assert (
        use(**{**sent, "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"}).status_code
        == 401
    )
    assert use(client_id=machine).status_code == 401
    secret = factory.make_client("by-secret", grant_types=["client_credentials"], jwks=key.jwks).secret
    assert secret
    assert use(**key.assertion("by-secret", ISSUER)).status_code == 401


def test_keys_are_read_from_the_address_of_the_client(factory: Factory, server: AppServer, key: ClientKey, use: Use) -> None:
    """RFC 7591 §2: they are kept, and fetched again for a key that is new; strangers cannot make us ask more often."""
    server.documents["/keys"] = json.dumps(key.jwks).encode()
    client_id = registered(factory, key, jwks=None, jwks_uri=f"{server.address}/keys")
    with time_machine.travel(clock.now(), tick=False) as turned:
        for _ in range(3):
            assert use(**key.assertion(client_id, ISSUER)).status_code == 200
        assert len(server.requests) == 1
        new = ClientKey(kid="two")
        server.documents["/keys"] = json.dumps({"keys": [key.public, new.public]}).encode()
        assert use(**new.assertion(client_id, ISSUER)).status_code == 401, "asked less than a minute ago"
        turned.shift(61)
        assert use(**new.assertion(client_id, ISSUER)).status_code == 200
        for _ in range(3):
            assert use(**ClientKey(kid="unknown").assertion(client_id, ISSUER)).status_code == 401
        assert len(server.requests) == 2


def test_a_key_address_that_fails_keeps_the_last_keys_for_a_day(factory, server: AppServer, key, use) -> None:
    """RFC 7517 §5: an app that restarts does not lose its sign-in; a day later its keys count no longer."""
    server.documents["/keys"] = json.dumps(key.jwks).encode()
    client_id = registered(factory, key, jwks=None, jwks_uri=f"{server.address}/keys")
    with time_machine.travel(clock.now(), tick=False) as turned:
        assert use(**key.assertion(client_id, ISSUER)).status_code == 200
        for document, status in ((b"not JSON", 200), (b'{"keys": 5}', 200), (b"[" * 50_000, 200), (b"{}", 302), (b"", 500)):
            server.documents["/keys"], server.status = document, status
            turned.shift(900)
            assert use(**key.assertion(client_id, ISSUER)).status_code == 200, status
        turned.shift(90_000)
        assert use(**key.assertion(client_id, ISSUER)).status_code == 401


@pytest.mark.parametrize("must_not_wait", [never_waits, never_calls], ids=["a loop", "a thread that others need"])
def test_nobody_uses_up_an_assertion_before_a_wait_for_other_keys(
    factory, server: AppServer, key, ask, must_not_wait: ContextVar[bool]
) -> None:
    """A pushed request can be signed by a key that must be fetched first. A thread for calls answers it, with the same
    assertion.
    """
    server.documents["/keys"] = json.dumps(key.jwks).encode()
    members = {"grant_types": ["authorization_code"], "jwks": None, "jwks_uri": f"{server.address}/keys"}
    client_id = registered(factory, key, **members)
    with time_machine.travel(clock.now(), tick=False) as turned:
        ask("POST", "/oauth/par", data=key.assertion(client_id, ISSUER))
        turned.shift(61)
        other = ClientKey(kid="two").sign({"iss": client_id, "aud": ISSUER})
        form = {**key.assertion(client_id, ISSUER), "request": other}
        must_not_wait.set(True)
        try:
            with pytest.raises(MustCall):
                ask("POST", "/oauth/par", data=form)
        finally:
            must_not_wait.set(False)
        assert len(server.requests) == 1
        assert ask("POST", "/oauth/par", data=form).json["error"] == "invalid_request_object"


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({"token_endpoint_auth_method": "private_key_jwt"}, "jwks"),
        ({"jwks": {"keys": []}}, "jwks"),
        ({"jwks": "keys"}, "jwks"),
        ({"jwks": {"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}}, "jwks"),
        ({"jwks": ClientKey().jwks, "jwks_uri": "https://app.example/keys"}, "jwks"),
        ({"jwks_uri": "javascript:1"}, "jwks_uri"),
        ({"token_endpoint_auth_signing_alg": "HS256"}, "token_endpoint_auth_signing_alg"),
    ],
)
def test_wrong_keys_are_refused_at_registration(factory: Factory, members: dict[str, Any], field: str) -> None:
    """RFC 7591 §2, V11: no private key, no short key, one place for them."""
    with pytest.raises(Invalid) as refused:
        factory.make_client("wrong", **members)
    assert refused.value.field == field


def test_a_client_that_signs_has_no_secret(factory: Factory, key: ClientKey) -> None:
    """A private key is refused, and named as such."""
    with pytest.raises(Invalid, match="private"):
        factory.make_client("wrong", jwks={"keys": [key.key.as_dict(private=True)]})
    client_id = registered(factory, key)
    with factory.context():
        row = clients.client(client_id)
        assert row is not None
        assert "d" not in row.metadata_["jwks"]["keys"][0]


def test_discovery_names_the_method_and_its_algorithms(ask) -> None:
    """RFC 8414 §2: the algorithms are required with the method."""
    found = ask("GET", "/.well-known/openid-configuration").json
    for endpoint in ("token", "revocation", "introspection"):
        assert "private_key_jwt" in found[f"{endpoint}_endpoint_auth_methods_supported"]
        assert set(found[f"{endpoint}_endpoint_auth_signing_alg_values_supported"]) >= {"ES256", "PS256", "RS256"}
