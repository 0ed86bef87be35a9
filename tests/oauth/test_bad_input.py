"""Each parameter of each endpoint is sent twice, empty, huge and in a wrong encoding (Authlib's defaults 6 and 7)."""

from urllib.parse import parse_qsl, urlencode

import pytest

from idp.oauth import authorization_request, logout, pushed_requests, token_endpoint, userinfo
from idp.oauth.request_parameters import REPEATABLE

FORM = "application/x-www-form-urlencoded"
VALUES = {
    "empty": b"",
    "huge": b"A" * 9_000,
    "gigantic": b"A" * 70_000,
    "no UTF-8": b"%ff%fe",
    "raw bytes": b"\xff\xfe",
    "overlong UTF-8": b"%c0%ae",
    "a surrogate": b"%ed%a0%80",
    "NUL": b"a%00b",
    "newlines": b"a%0d%0aSet-Cookie:%20x=y",
    "half a percent": b"%",
    "markup": b"%3Cscript%3Ealert(1)%3C/script%3E",
    "quotes": b"%22%27%5C",
    "not ASCII": "é½𝕏".encode(),
    "a template": b"%7B%7B7*7%7D%7D",
    "SQL": b"'%20OR%201=1%20--",
    "a format": b"%25s%25n%7B0.__class__%7D",
    "brackets": b"[]",
    "JSON": b"%7B%22id_token%22:%7B%22acr%22:%7B%22value%22:%22%5Cud800%22%7D%7D%7D",
}


def joined(parameters, name, value):
    """Return a query in which one parameter has this text."""
    rest = urlencode({key: kept for key, kept in parameters.items() if key != name}).encode()
    return rest + b"&" + name.encode() + b"=" + value


def is_sane(answer, registered):
    """Return whether there is no 5xx, and no redirect except to ourselves or to a registered address."""
    location = answer.headers.get("Location", "")
    return answer.status_code < 500 and location.startswith(
        ("", "/") if not location else ("/sign-in/", "/oauth/", registered)
    )


@pytest.mark.parametrize("name", sorted(authorization_request.PARAMETERS))
def test_authorize_survives_any_value_of_any_parameter(scene, ask, name):
    """O21-06, R97-02: no value causes a 500 or a redirect to an unregistered address."""
    party = scene.party()
    right = dict(pair.split("=", 1) for pair in party.authorize_url().partition("?")[2].split("&"))
    right = {key: value.replace("%3A", ":").replace("%2F", "/") for key, value in right.items()}
    for what, value in VALUES.items():
        query = joined(right, name, value)
        answer = ask("GET", "/oauth/authorize", environ_overrides={"QUERY_STRING": query.decode("latin-1")})
        assert is_sane(answer, party.redirect_uri), (name, what)
        posted = ask("POST", "/oauth/authorize", data=query, content_type=FORM)
        assert is_sane(posted, party.redirect_uri), (name, what)
    twice = joined(right, "zz", b"1") + f"&{name}=x&{name}=y".encode()
    answer = ask("GET", "/oauth/authorize", environ_overrides={"QUERY_STRING": twice.decode()})
    if name in ("client_id", "redirect_uri"):
        assert answer.status_code == 400, "the answer must be a page, not a redirect"
    else:
        assert answer.headers["Location"].startswith(party.redirect_uri)
        error = "invalid_target" if name in REPEATABLE else "invalid_request"
        assert f"error={error}" in answer.headers["Location"]
        assert "iss=" in answer.headers["Location"]


@pytest.mark.parametrize("name", sorted(token_endpoint.PARAMETERS))
@pytest.mark.parametrize("grant_type", ["authorization_code", "refresh_token"])
def test_the_token_endpoint_survives_any_value_of_any_parameter(scene, ask, name, grant_type):
    """O21-06: every value gets an OAuth error in JSON that is never cached. A repeated parameter gets invalid_request."""
    scene.party(public=True, grant_types=["authorization_code", "refresh_token"])
    bearer = f"{scene.person.organisation_id}.{'A' * 43}"
    right = {
        "grant_type": grant_type,
        "client_id": "webshop",
        "code": bearer,
        "refresh_token": bearer,
        "code_verifier": "v" * 43,
    }
    for what, value in VALUES.items():
        answer = ask("POST", "/oauth/token", data=joined(right, name, value), content_type=FORM)
        assert answer.status_code in (400, 401, 413), (name, what)
        assert answer.json["error"], (name, what)
        assert answer.headers["Cache-Control"] == "no-store"
        assert "Set-Cookie" not in answer.headers
        assert answer.headers.getlist("Content-Type") == ["application/json"], (name, what)
        described = answer.json.get("error_description", "")
        assert all(" " <= character <= "~" and character not in '"\\' for character in described), (name, what)
    twice = urlencode(right) + f"&{name}=x&{name}=x"
    error = "invalid_grant" if name in REPEATABLE else "invalid_request"
    assert ask("POST", "/oauth/token", data=twice, content_type=FORM).json["error"] == error


@pytest.mark.parametrize("name", sorted(pushed_requests.PARAMETERS))
def test_a_pushed_request_survives_any_value_of_any_parameter(scene, ask, name):
    """RFC 9126 §2.3: every value is kept or gets an OAuth error in JSON. A repeated parameter gets invalid_request."""
    party = scene.party(public=True)
    right = dict(parse_qsl(party.authorize_url().partition("?")[2]))
    for what, value in VALUES.items():
        answer = ask("POST", "/oauth/par", data=joined(right, name, value), content_type=FORM)
        assert answer.status_code in (201, 400, 401, 413), (name, what)
        assert answer.json.get("error") or answer.status_code == 201, (name, what)
        assert answer.headers["Cache-Control"] == "no-store"
    twice = ask("POST", "/oauth/par", data=urlencode(right) + f"&{name}=x&{name}=x", content_type=FORM)
    assert twice.json["error"] == ("invalid_target" if name in REPEATABLE else "invalid_request")


@pytest.mark.parametrize("name", sorted(logout.PARAMETERS))
def test_logout_survives_any_value_of_any_parameter(scene, ask, name):
    """OC-17: no value causes a 500 or a redirect to an unregistered address."""
    bye = "https://shop.example.com/bye"
    scene.party(post_logout_redirect_uris=[bye])
    right = {"client_id": "webshop", "post_logout_redirect_uri": bye, "state": "s"}
    for what, value in VALUES.items():
        query = joined(right, name, value).decode("latin-1")
        assert is_sane(ask("GET", "/oauth/logout", environ_overrides={"QUERY_STRING": query}), bye), (name, what)
    twice = urlencode(right) + f"&{name}=x&{name}=y"
    assert ask("GET", "/oauth/logout", environ_overrides={"QUERY_STRING": twice}).status_code == 400


def test_userinfo_survives_any_value(ask):
    """O21-16: no value causes a 500."""
    for name in userinfo.PARAMETERS:
        for what, value in VALUES.items():
            answer = ask("POST", "/oauth/userinfo", data=joined({}, name, value), content_type=FORM)
            assert answer.status_code in (400, 401), what


def test_the_token_endpoint_accepts_only_posted_forms(ask):
    """O21-07, Authlib's default 6: a query, JSON, multipart and every other method are refused."""
    for options in (
        {"json": {"grant_type": "refresh_token"}},
        {"data": {"grant_type": "refresh_token"}, "content_type": "multipart/form-data"},
        {"data": b"grant_type=refresh_token", "content_type": "text/plain"},
        {"data": b"grant_type=refresh_token"},
        {"query_string": "grant_type=refresh_token", "data": b"client_id=x", "content_type": FORM},
    ):
        answer = ask("POST", "/oauth/token", **options)
        assert (answer.status_code, answer.json["error"]) == (400, "invalid_request")
    for method in ("GET", "PUT", "DELETE", "PATCH"):
        answer = ask(method, "/oauth/token")
        assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
        assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("grant_type", "error"),
    [
        ("", "invalid_request"),
        ("password", "unsupported_grant_type"),
        ("urn:ietf:params:oauth:grant-type:saml2-bearer", "unsupported_grant_type"),
        ("implicit", "unsupported_grant_type"),
        ('"é', "unsupported_grant_type"),
    ],
)
def test_other_grants_are_not_supported(ask, grant_type, error):
    """V10.4.4, R97-11: only the grant types in the metadata are supported."""
    answer = ask("POST", "/oauth/token", data={"grant_type": grant_type, "username": "jan", "password": "x"})
    assert (answer.status_code, answer.json["error"]) == (400, error)


def test_a_grant_that_the_client_lacks_is_unauthorized(scene):
    """V10.4.4: the client must be registered for the grant type."""
    answer = scene.party().token({"grant_type": "refresh_token", "refresh_token": "x"})
    assert (answer.status_code, answer.json["error"]) == (400, "unauthorized_client")
