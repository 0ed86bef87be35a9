"""Client authentication (RFC 6749 §2.3, OAuth 2.1 §2.4)."""

import base64
from datetime import timedelta
from urllib.parse import quote_plus

import pytest
import time_machine

from idp import clock
from idp.actors import System
from idp.audit import Origin
from idp.db import transaction
from idp.oauth import registration, secret_changes
from idp.store import client_secrets
from tests.drivers.relying_party import Refused

FORM = {"grant_type": "authorization_code", "code": "x", "code_verifier": "v" * 43}
CLI = Origin(System("cli"))
GIVEN = "thirty-two characters: a+b%20c/ï"


def basic(client_id, secret):
    """Return an Authorization header."""
    return {"Authorization": "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()}


@pytest.fixture
def made(factory):
    """Register a client of each authentication method."""
    return {
        "basic": factory.make_client("basic", token_endpoint_auth_method="client_secret_basic"),
        "post": factory.make_client("post", token_endpoint_auth_method="client_secret_post"),
        "none": factory.make_client("none", public=True),
        "either": factory.make_client("either"),
    }


def requests_that_authenticate(made):
    """Return the headers and form of each right way, by name."""
    one, two, either = made["basic"], made["post"], made["either"].secret
    return {
        "basic": (basic("basic", one.secret), {}),
        "basic, client_id repeated in the body": (basic("basic", one.secret), {"client_id": "basic"}),
        "basic, form-encoded": (basic("basic", quote_plus(one.secret)), {}),
        "post": ({}, {"client_id": "post", "client_secret": two.secret}),
        "none": ({}, {"client_id": "none"}),
        "no method named, by basic": (basic("either", either), {}),
        "no method named, by post": ({}, {"client_id": "either", "client_secret": either}),
    }


def requests_that_do_not(made):
    """Return the headers, form and expected error of each wrong way, by name."""
    one, two, either = made["basic"], made["post"], made["either"].secret
    bad, twice = "invalid_client", "invalid_request"
    return {
        "nobody": ({}, {}, bad),
        "unknown client": (basic("nobody", one.secret), {}, bad),
        "unknown public client": ({}, {"client_id": "nobody"}, bad),
        "wrong secret": (basic("basic", "wrong"), {}, bad),
        "empty secret": (basic("basic", ""), {}, bad),
        "no colon": ({"Authorization": "Basic " + base64.b64encode(b"basic").decode()}, {}, bad),
        "not base64": ({"Authorization": "Basic ???"}, {}, bad),
        "not UTF-8": ({"Authorization": "Basic " + base64.b64encode(b"\xff\xfe:x").decode()}, {}, bad),
        "encoded bytes that are no UTF-8": (basic("basic", "%ff"), {}, bad),
        "a secret that is not ASCII": (basic("basic", "sëcrèt"), {}, bad),
        "an id with NUL": (basic("ba\0sic", one.secret), {}, bad),
        "a huge id": (basic("b" * 9000, one.secret), {}, bad),
        "Bearer": ({"Authorization": f"Bearer {one.secret}"}, {}, bad),
        "another client's secret": (basic("basic", two.secret), {}, bad),
        "basic client by post": ({}, {"client_id": "basic", "client_secret": one.secret}, bad),
        "post client by basic": (basic("post", two.secret), {}, bad),
        "confidential client without a secret": ({}, {"client_id": "basic"}, bad),
        "public client with a secret": ({}, {"client_id": "none", "client_secret": "x"}, bad),
        "public client by basic": (basic("none", "x"), {}, bad),
        "no method named, wrong secret by basic": (basic("either", "wrong"), {}, bad),
        "no method named, wrong secret by post": ({}, {"client_id": "either", "client_secret": "wrong"}, bad),
        "no method named, no secret": ({}, {"client_id": "either"}, bad),
        "no method named, both ways": (basic("either", either), {"client_id": "either", "client_secret": either}, twice),
        "no method named, the secret by one way": (basic("either", "x"), {"client_secret": either}, twice),
        "two ways at once": (basic("basic", one.secret), {"client_id": "basic", "client_secret": one.secret}, twice),
        "two clients at once": (basic("basic", one.secret), {"client_id": "none"}, twice),
    }


def test_each_client_authenticates_by_its_registered_method(ask, made):
    """V10.4.10, O21-04: the client is authenticated, so the error is about the code."""
    for name, (headers, more) in requests_that_authenticate(made).items():
        answer = ask("POST", "/oauth/token", headers=headers, data={**FORM, **more})
        assert (answer.status_code, answer.json["error"]) == (400, "invalid_grant"), name


def test_every_other_way_to_authenticate_is_refused(ask, made):
    """V10.4.10, O21-03, O21-09; Authlib's defaults 6 and 7: two ways at once and non-ASCII secrets are refused too."""
    for name, (headers, more, error) in requests_that_do_not(made).items():
        answer = ask("POST", "/oauth/token", headers=headers, data={**FORM, **more})
        assert answer.json["error"] == error, name
        assert answer.status_code == (401 if error == "invalid_client" else 400), name
        assert ("WWW-Authenticate" in answer.headers) == (answer.status_code == 401), name
        assert answer.headers["Cache-Control"] == "no-store", name


def test_a_right_secret_sent_in_the_wrong_way_is_told_the_registered_one(ask, made):
    """The developer learns which method is registered. A stranger learns of no client that has a secret."""
    one, two = made["basic"].secret, made["post"].secret
    ways = {
        "client_secret_basic": ({}, {"client_id": "basic", "client_secret": one}),
        "client_secret_post": (basic("post", two), {}),
        "": ({}, {"client_id": "basic", "client_secret": two}),
        " ": (basic("post", "wrong"), {}),
        "  ": (basic("none", "x"), {}),
        "   ": ({}, {"client_id": "basic"}),
    }
    for method, (headers, more) in ways.items():
        answer = ask("POST", "/oauth/token", headers=headers, data={**FORM, **more})
        assert (answer.status_code, answer.json["error"]) == (401, "invalid_client")
        description = answer.json["error_description"]
        assert (
            f"is registered for {method}," in description
            if method.strip()
            else description == "Client authentication failed."
        )


def test_a_correct_secret_in_the_query_is_refused(ask, made):
    """O21-04, Authlib's default 6: the token endpoint does not read the query."""
    query = {"client_id": "post", "client_secret": made["post"].secret}
    answer = ask("POST", "/oauth/token", query_string=query, data=FORM)
    assert (answer.status_code, answer.json["error"]) == (400, "invalid_request")


def test_wrong_secrets_are_limited_and_the_correct_secret_still_works(ask, made, settings):
    """O21-05, V6.3.1: an attacker, or a till with a wrong secret, must not block other apps behind the same address."""
    guesses = [
        ask("POST", "/oauth/token", headers=basic("basic", "wrong"), data=FORM).status_code
        for _ in range(settings.limits.client_failures + 3)
    ]
    assert guesses[0] == 401
    assert guesses[-1] == 429
    for name, (headers, more) in requests_that_authenticate(made).items():
        right = ask("POST", "/oauth/token", headers=headers, data={**FORM, **more})
        assert (right.status_code, right.json["error"]) == (400, "invalid_grant"), name


def test_a_secret_is_rotated_with_an_overlap(database, settings, made):
    """Both secrets work while the app is being changed. Then only the new one works."""
    from idp.oauth.clients import Clients

    new = secret_changes.rotate_secret(settings, "basic", CLI, timedelta(hours=1))
    known = Clients()
    with time_machine.travel(clock.now(), tick=False) as turned:
        assert known.get("basic").check_client_secret(made["basic"].secret)
        assert known.get("basic").check_client_secret(new)
        turned.shift(3601)
        assert not known.get("basic").check_client_secret(made["basic"].secret)
        assert known.get("basic").check_client_secret(new)


def test_a_change_of_a_client_takes_effect_at_once(scene):
    """I3: a process uses cached clients only while their version counter is unchanged."""
    party = scene.party(grant_types=["authorization_code", "refresh_token"])
    tokens = scene.tokens(party, scope="openid offline_access")
    assert party.userinfo()
    with scene.factory.context():
        registration.disable(party.client_id, CLI)
    with pytest.raises(Refused, match="invalid_token"):
        party.userinfo(tokens.access_token)
    with pytest.raises(Refused, match="invalid_client"):
        party.refresh(tokens.refresh_token)
    assert scene.browser.open(party.authorize_url()).status == 400


def test_a_given_secret_is_long_and_ascii_and_stored_as_a_digest(database, settings):
    """R97-25: a stolen database does not reveal the secret."""
    from idp.errors import Invalid
    from idp.oauth.clients import secret_digest

    metadata = {"redirect_uris": ["https://app.example/cb"]}
    for bad in ("short", "x" * 31, GIVEN):
        with pytest.raises(Invalid):
            registration.register(settings, "app", metadata, registration.Ours(), bad, CLI)
    _, kept = registration.register(settings, "app", metadata, registration.Ours(), "x" * 32, CLI)
    assert client_secrets.secrets_of("app", clock.now()) == [secret_digest("app", kept)]
    with transaction():
        assert client_secrets.secrets_of("other", clock.now()) == []
