"""Every refusal of the machine endpoints, byte for byte. Apps and their libraries match on all of it (RFC 6749 §5.2)."""

import base64
import json

import pytest

FORM = "application/x-www-form-urlencoded"
BASIC = 'Basic realm="token", charset="UTF-8"'
GRANT = "The code or token is invalid, expired, revoked or for another client."
CLIENT = "Client authentication failed."
CODE = {"grant_type": "authorization_code", "code": "x.y", "code_verifier": "v" * 43}
REFRESH = {"grant_type": "refresh_token", "refresh_token": "x.y"}
PUBLIC, TILL = {"client_id": "webshop"}, {"client_id": "till"}


def basic(pair):
    """Return an Authorization header for the pair."""
    return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}


def visible(answer):
    """Return what an app sees: the status, the whole body, and the headers about the refusal."""
    names = ("Content-Type", "Cache-Control", "Pragma", "WWW-Authenticate", "Allow", "Retry-After")
    return answer.status_code, answer.text, {name: answer.headers[name] for name in names if name in answer.headers}


def refusal(status, error, description, **more):
    """Return the expected refusal in the form of ``visible``."""
    body = {"error": error, "error_description": description} if error else {}
    headers = {"Content-Type": "application/json", "Cache-Control": "no-store", "Pragma": "no-cache"}
    return status, json.dumps(body), headers | {name.replace("_", "-"): value for name, value in more.items()}


def bad(description):
    """Return the refusal 400 invalid_request."""
    return refusal(400, "invalid_request", description)


def bearer(status, error, description):
    """Return a refusal of an access token. RFC 6750 §3 requires the error in ``WWW-Authenticate`` too."""
    challenge = f'Bearer realm="userinfo", error="{error}", error_description="{description}"'
    return refusal(status, error, description, WWW_Authenticate=challenge)


def no_client():
    """Return the refusal 401 invalid_client."""
    return refusal(401, "invalid_client", CLIENT, WWW_Authenticate=BASIC)


TOKEN = {
    "a query": ({"query_string": "a=b", "data": CODE}, bad("Parameters belong in the body, not in the query.")),
    "JSON": ({"json": CODE}, bad(f"The body must be {FORM}.")),
    "no body": ({}, bad(f"The body must be {FORM}.")),
    "a long body": ({"data": {"x": "a" * 70_000}}, bad("The request is too long.")),
    "many parameters": (
        {"data": "&".join(f"x{n}=1" for n in range(101)), "content_type": FORM},
        bad("The request is too long."),
    ),
    "twice": (
        {"data": "code=x&code=y&grant_type=", "content_type": FORM},
        bad("The parameter code is given more than once."),
    ),
    "not UTF-8": ({"data": "code=%ff", "content_type": FORM}, bad("The parameter code is not encoded as UTF-8.")),
    "a line": ({"data": "code=a%0ab", "content_type": FORM}, bad("The parameter code has control characters.")),
    "a long parameter": ({"data": {"code": "a" * 5_000}}, bad("The parameter code is too long.")),
    "no grant_type": ({"data": PUBLIC}, bad("The grant_type is missing.")),
    "another grant_type": (
        {"data": {"grant_type": "password"}},
        refusal(400, "unsupported_grant_type", "The grant_type is not supported."),
    ),
    "no client": ({"data": CODE}, no_client()),
    "unknown": ({"data": CODE | {"client_id": "gone"}}, no_client()),
    "unknown, Basic": ({"data": CODE, "headers": basic("gone:secret")}, no_client()),
    "a wrong secret": ({"data": CODE, "headers": basic("office:wrong")}, no_client()),
    "a secret left out": ({"data": CODE | {"client_id": "office"}}, no_client()),
    "an empty secret": ({"data": CODE, "headers": basic("office:")}, no_client()),
    "a secret of a public client": ({"data": CODE | PUBLIC | {"client_secret": "x"}}, no_client()),
    "Bearer": ({"data": CODE, "headers": {"Authorization": "Bearer x"}}, no_client()),
    "not base64": ({"data": CODE, "headers": {"Authorization": "Basic %"}}, no_client()),
    "two ways": (
        {"data": CODE | {"client_secret": "x"}, "headers": basic("office:x")},
        bad("The client authenticates in two ways at once."),
    ),
    "two clients": (
        {"data": CODE | PUBLIC, "headers": basic("office:x")},
        bad("The client_id differs from that of the Authorization header."),
    ),
    "no refresh_token grant": (
        {"data": REFRESH | TILL},
        refusal(400, "unauthorized_client", "The client is not registered for refresh_token."),
    ),
    "no authorization_code grant": (
        {"data": CODE | {"client_id": "idle"}},
        refusal(400, "unauthorized_client", "The client is not registered for authorization_code."),
    ),
    "no code": ({"data": CODE | PUBLIC | {"code": ""}}, bad("The code is missing.")),
    "no verifier": ({"data": CODE | PUBLIC | {"code_verifier": ""}}, bad("The code_verifier is missing.")),
    "no refresh token": ({"data": REFRESH | PUBLIC | {"refresh_token": ""}}, bad("The refresh_token is missing.")),
    "another code": ({"data": CODE | PUBLIC}, refusal(400, "invalid_grant", GRANT)),
    "another refresh token": ({"data": REFRESH | PUBLIC}, refusal(400, "invalid_grant", GRANT)),
}
"""Requests to the token endpoint and their answers. Each has one fault, or two of which the first named one counts."""
USERINFO = {
    "no token": ({}, refusal(401, "", "", WWW_Authenticate='Bearer realm="userinfo", DPoP algs="ES256 Ed25519 PS256"')),
    "a wrong token": (
        {"headers": {"Authorization": "Bearer x"}},
        bearer(401, "invalid_token", "The access token is invalid, expired or revoked."),
    ),
    "two ways": (
        {"data": {"access_token": "x"}, "headers": {"Authorization": "Bearer x"}},
        bearer(400, "invalid_request", "The token came in two ways at once."),
    ),
    "twice": (
        {"data": "access_token=x&access_token=y", "content_type": FORM},
        bearer(400, "invalid_request", "The body cannot be read."),
    ),
    "a query": (
        {"query_string": "access_token=x", "data": {"access_token": "x"}},
        bad("Parameters belong in the body, not in the query."),
    ),
}
"""Requests to the userinfo endpoint and their answers."""


@pytest.fixture
def apps(scene):
    """Return a public app, one that may not refresh, one without any grant type, and a confidential one."""
    scene.party(public=True, grant_types=["authorization_code", "refresh_token"])
    scene.party("till", public=True)
    scene.party("idle", public=True, grant_types=[])
    return scene.party("office")


def test_refusals_of_the_token_endpoint_are_exactly_these(apps, ask):
    """RFC 6749 §5.2, V10.4: status, error, description, challenge and cache headers are all compared."""
    for name, (options, wanted) in TOKEN.items():
        assert visible(ask("POST", "/oauth/token", **options)) == wanted, name


def test_refusals_of_the_userinfo_endpoint_are_exactly_these(ask):
    """RFC 6750 §3: the challenge names the error."""
    for name, (options, wanted) in USERINFO.items():
        assert visible(ask("POST", "/oauth/userinfo", **options)) == wanted, name


def test_other_methods_and_bodies_that_are_too_large_are_refused_as_json(ask, settings):
    """RFC 9110 §15.5.6: ``Allow`` names the methods."""
    wrong = "The token endpoint takes POST only."
    assert visible(ask("GET", "/oauth/token")) == refusal(405, "invalid_request", wrong, Allow="POST")
    wrong = "The userinfo endpoint takes GET and POST only."
    assert visible(ask("PUT", "/oauth/userinfo")) == refusal(405, "invalid_request", wrong, Allow="GET, POST")
    huge = b"a" * (settings.server.max_body_bytes + 1)
    seen = visible(ask("POST", "/oauth/token", data=huge, content_type=FORM))
    assert seen == refusal(413, "invalid_request", "The request cannot be taken.")


def test_too_many_wrong_secrets_get_429_with_retry_after(apps, ask, settings):
    """OAuth 2.1 §2.4.1: the answer is 429 with ``Retry-After`` and no challenge."""
    for _ in range(settings.limits.client_failures):
        ask("POST", "/oauth/token", data=CODE, headers=basic("office:wrong"))
    status, body, headers = visible(ask("POST", "/oauth/token", data=CODE, headers=basic("office:wrong")))
    assert int(headers.pop("Retry-After")) > 0
    assert (status, body, headers) == refusal(429, "invalid_client", "Too many failures.")


def test_every_invalid_grant_gets_the_same_description(scene, ask):
    """RFC 6749 §5.2: an error reveals nothing about other users' codes and tokens."""
    party = scene.party(public=True, grant_types=["authorization_code", "refresh_token"])
    expected = refusal(400, "invalid_grant", GRANT)
    for over in ({"code_verifier": "w" * 43}, {"redirect_uri": "https://shop.example.com/other"}, {"redirect_uri": ""}):
        form = {"grant_type": "authorization_code", "code": scene.code(party), "redirect_uri": party.redirect_uri}
        assert visible(party.token(form | {"code_verifier": party.verifier} | over)) == expected
        assert visible(party.token(form | {"code_verifier": party.verifier})) == expected
    tokens = scene.tokens(party, scope="openid offline_access")
    form = {"grant_type": "refresh_token", "refresh_token": tokens.refresh_token}
    wider = refusal(400, "invalid_scope", "The scope is wider than what was granted.")
    assert visible(party.token(form | {"scope": "openid email"})) == wider
    left = refusal(400, "invalid_scope", "The client may have none of these scopes any more.")
    with scene.factory.context():
        _keep_only(party.client_id, "offline_access email")
    assert visible(party.token(form | {"scope": "openid"})) == left
    with scene.factory.context():
        _keep_only(party.client_id, "openid")
    assert visible(party.token(form)) == expected


def _keep_only(client_id, scope):
    from idp.db import transaction
    from idp.store import clients

    with transaction():
        clients.change_client(client_id, metadata_=clients.client(client_id).metadata_ | {"scope": scope})
