"""Clients prove themselves by a JWT that they made with their secret (OpenID Connect Core §9, RFC 7523 §3)."""

import base64
import json

import pytest

from idp import clock, sealing
from idp.actors import System
from idp.audit import Origin
from idp.db import transaction
from idp.errors import Invalid
from idp.oauth import registration, secret_changes
from idp.oauth.client_metadata import validate_metadata
from idp.oauth.clients import Clients
from idp.oauth.registration import Ours
from idp.store import client_secrets
from tests.drivers.client_key import ClientKey
from tests.drivers.secret_signer import HASHES, assertion

ISSUER = "https://id.example.com"
TOKEN = f"{ISSUER}/oauth/token"
CLI = Origin(System("cli"))
METADATA = {"grant_types": ["client_credentials"], "redirect_uris": [], "token_endpoint_auth_method": "client_secret_jwt"}


@pytest.fixture
def settings(configure):
    """Let wrong assertions be tried one after the other, and apps register themselves."""
    return configure(limits={"client_failures": 10_000}, clients={"registration": "open"})


@pytest.fixture
def use(ask):
    """Return a function that asks for a token with these parameters, and gives the status."""
    return lambda **form: ask("POST", "/oauth/token", data={"grant_type": "client_credentials", **form}).status_code


@pytest.fixture
def register(factory, settings, app):
    """Return a function that registers a client, and gives its secret."""

    def register_(client_id="machine", secret=None, **over):
        with factory.context():
            return registration.register(settings, client_id, {**METADATA, **over}, Ours(), secret, CLI)[1]

    return register_


def test_an_assertion_proves_the_client_once(register, use, ask):
    """§9: each algorithm, for the issuer or an endpoint; a copy is of no use."""
    secret = register()
    for alg in HASHES:
        assert use(**assertion("machine", secret, ISSUER, alg)) == 200, alg
    sent = assertion("machine", secret, [TOKEN])
    assert [use(**sent), use(**sent)] == [200, 401]
    metadata = ask("GET", "/.well-known/openid-configuration").json
    assert "client_secret_jwt" in metadata["token_endpoint_auth_methods_supported"]
    assert set(HASHES) < set(metadata["token_endpoint_auth_signing_alg_values_supported"])


WRONG = {
    "another issuer": {"iss": "other"}, "no subject": {"sub": None}, "another audience": {"aud": "https://elsewhere.example"},
    "an audience beside ours": {"aud": [ISSUER, "https://elsewhere.example"]}, "no end": {"exp": None}, "past": {"exp": 1},
    "far away": {"exp": 2**39}, "made later": {"iat": 2**38}, "no id": {"jti": None}, "a long id": {"jti": "x" * 300},
    "a request object": {"header": {"typ": "oauth-authz-req+jwt"}}, "critical": {"header": {"crit": ["x"]}},
    "no algorithm": {"header": {"alg": "none"}}, "another one": {"header": {"alg": "HS384"}},
    "no text": {"header": {"alg": 5}},
    "a key's": {"header": {"alg": "ES256"}},
}  # fmt: skip


def test_wrong_assertions_are_refused(register, use):
    """RFC 7523 §3, RFC 8725 §3.1: as those that are signed by a key; the header chooses nothing."""
    secret = register()
    for name, over in WRONG.items():
        assert use(**assertion("machine", secret, ISSUER, **{"aud": ISSUER, **over})) == 401, name
    for other in (secret + "x", "", "x" * 86):
        assert use(**assertion("machine", other, ISSUER)) == 401, other
    for text in ("", "x", "..", "a.b.c", "é.é.é", assertion("machine", secret, ISSUER)["client_assertion"] + "A"):
        assert use(client_assertion=text, client_assertion_type="x") in (400, 401)
    for status in (use(client_id="machine", client_secret=secret), use(client_id="machine")):
        assert status == 401  # RFC 7591 §2: a client is held to the method that it names


def test_public_keys_and_secrets_are_never_taken_for_each_other(register, factory, use):
    """RFC 8725 §3.1: HMAC by a registered public key proves nothing, nor a signature where a secret is registered."""
    key = ClientKey("RS256")
    register("keyed", token_endpoint_auth_method="private_key_jwt", jwks=key.jwks)
    for secret in (json.dumps(key.public).encode(), key.key.as_pem(private=False), key.public["n"].encode()):
        assert use(**assertion("keyed", secret, ISSUER)) == 401
    register("both", jwks=key.jwks)
    assert use(**key.assertion("both", ISSUER)) == 401
    basic = register("basic", token_endpoint_auth_method="client_secret_basic")
    assert use(**assertion("basic", basic, ISSUER)) == 401
    unnamed = register("unnamed", token_endpoint_auth_method=None)
    assert use(**assertion("unnamed", unnamed, ISSUER)) == 401


@pytest.mark.parametrize(("alg", "shortest"), [("HS256", 32), ("HS384", 48), ("HS512", 64)])
def test_a_secret_is_as_long_as_its_algorithm_needs(register, use, alg, shortest):
    """RFC 7518 §3.2, Core §16.19: at least as long as the hash, when it is registered and when it is used."""
    with pytest.raises(Invalid) as refused:
        register(secret="x" * (shortest - 1), token_endpoint_auth_signing_alg=alg)
    assert refused.value.field == "client_secret"
    register(secret="x" * shortest, token_endpoint_auth_signing_alg=alg)
    for one in HASHES:
        assert use(**assertion("machine", "x" * shortest, ISSUER, one)) == (200 if one == alg else 401)
    register("any", secret="y" * shortest)
    for one, needed in (("HS256", 32), ("HS384", 48), ("HS512", 64)):
        assert use(**assertion("any", "y" * shortest, ISSUER, one)) == (200 if needed <= shortest else 401)


def test_algorithms_belong_to_their_method(settings):
    """Registration §2: an algorithm for secrets with no other method, and none for keys with this one."""
    for method, alg in (("client_secret_jwt", "ES256"), ("private_key_jwt", "HS256"), ("client_secret_basic", "HS512")):
        with pytest.raises(Invalid) as refused:
            validate_metadata(
                {**METADATA, "token_endpoint_auth_method": method, "token_endpoint_auth_signing_alg": alg}, settings
            )
        assert refused.value.field == "token_endpoint_auth_signing_alg"


def test_secrets_are_sealed_for_these_clients_alone(register, factory, settings, use, configure):
    """V11, V13.3.1: a digest for any other; the sealed one moves to a new sealing key, and goes when the method changes."""
    secret = register()
    register("basic", token_endpoint_auth_method="client_secret_basic")
    with factory.context():
        ((secret_id, sealed, _),) = client_secrets.sealed_secrets("machine")
        assert secret not in sealed
        assert client_secrets.sealed_secrets("basic") == []
        new = "new:" + base64.b64encode(b"n" * 32).decode()
        rotated = configure(secrets=[new, *settings.secrets])
        assert sealing.left_behind(rotated)["client secret"] == 1
        sealing.reseal(rotated)
        assert "client secret" not in sealing.left_behind(rotated)
        assert client_secrets.sealed_secrets("machine") != [(secret_id, sealed, None)]
    assert use(**assertion("machine", secret, ISSUER)) == 401  # this process does not know the new key
    with factory.context():
        registration.change(
            settings, "machine", {**METADATA, "token_endpoint_auth_method": "client_secret_post"}, Ours(), CLI
        )
        assert client_secrets.sealed_secrets("machine") == []
        assert Clients().get("machine").check_client_secret(secret)


def test_secrets_rotate_with_an_overlap(register, factory, settings, use, turned):
    """Both count while the app is being changed; a given one replaces all at once."""
    old = register()
    with factory.context():
        new = secret_changes.rotate_secret(settings, "machine", CLI)
    assert [use(**assertion("machine", one, ISSUER)) for one in (old, new)] == [200, 200]
    turned.shift(86_401)
    assert [use(**assertion("machine", one, ISSUER)) for one in (old, new)] == [401, 200]
    with factory.context():
        secret_changes.set_secret(settings, "machine", "z" * 64, CLI)
        assert len(client_secrets.sealed_secrets("machine")) == 1
    assert [use(**assertion("machine", one, ISSUER)) for one in (new, "z" * 64)] == [401, 200]


def test_an_app_that_registers_itself_may_use_it(ask, factory):
    """RFC 7591, RFC 7592: it gets a secret that is long enough, and another one when it begins to sign."""
    callback = {"redirect_uris": ["https://app.example/cb"]}
    made = ask("POST", "/oauth/register", json={**callback, "token_endpoint_auth_method": "client_secret_basic"}).json
    path = made["registration_client_uri"].removeprefix(ISSUER)
    wanted = {**callback, "client_id": made["client_id"], "token_endpoint_auth_method": "client_secret_jwt"}
    header = {"Authorization": "Bearer " + made["registration_access_token"]}
    signing = ask("PUT", path, json=wanted, headers=header).json
    assert len(signing["client_secret"]) >= 64
    with factory.context(), transaction():
        assert len(client_secrets.secrets_of(made["client_id"], clock.now())) == 1
    sent = assertion(made["client_id"], signing["client_secret"], ISSUER)
    refused = ask("POST", "/oauth/token", data={"grant_type": "authorization_code", "code": "x", **sent})
    assert refused.json["error"] == "invalid_grant"  # the client was proved, the code is none
