"""The authorization endpoint (OpenID Connect Core §3.1.2, RFC 9207, RFC 9470)."""

import json

import pytest
import time_machine

from idp import clock
from tests.drivers.authorization import refusal
from tests.drivers.relying_party import Refused

WRONG = {
    "no response_type": ({"response_type": None}, "invalid_request"),
    "token": ({"response_type": "token"}, "unsupported_response_type"),
    "id_token token": ({"response_type": "id_token token"}, "unsupported_response_type"),
    "code id_token": ({"response_type": "code id_token"}, "unsupported_response_type"),
    "none": ({"response_type": "none"}, "unsupported_response_type"),
    "twice code": ({"response_type": "code code"}, "unsupported_response_type"),
    "prompt unknown": ({"prompt": "bogus"}, "invalid_request"),
    "prompt none and login": ({"prompt": "none login"}, "invalid_request"),
    "max_age negative": ({"max_age": "-1"}, "invalid_request"),
    "max_age a word": ({"max_age": "soon"}, "invalid_request"),
    "max_age a fraction": ({"max_age": "1.5"}, "invalid_request"),
    "max_age in other digits": ({"max_age": "١"}, "invalid_request"),
    "max_age huge": ({"max_age": "9" * 30}, "invalid_request"),
    "web_message": ({"response_mode": "web_message"}, "invalid_request"),
    "an unsigned request": ({"request": "eyJhbGciOiJub25lIn0.e30."}, "invalid_request_object"),
    "request_uri": ({"request_uri": "http://127.0.0.1:1/x"}, "invalid_request_uri"),
    "registration": ({"registration": "{}"}, "registration_not_supported"),
    "no scope": ({"scope": None}, "invalid_scope"),
    "unknown scopes only": ({"scope": "bogus admin"}, "invalid_scope"),
    "claims not JSON": ({"claims": "{"}, "invalid_request"),
    "claims with NUL": ({"claims": r'{"id_token": {"x\u0000": null}}'}, "invalid_request"),
    "claims a list": ({"claims": "[]"}, "invalid_request"),
    "claims a number inside": ({"claims": '{"id_token": 5}'}, "invalid_request"),
    "claims a text inside": ({"claims": '{"id_token": {"acr": "mfa"}}'}, "invalid_request"),
    "claims deep": ({"claims": "[" * 1700 + "]" * 1700}, "invalid_request"),
    "claims huge": ({"claims": '{"id_token": {"' + "x" * 9000 + '": null}}'}, "invalid_request"),
    "claims for two people": ({"claims": '{"id_token": {"sub": {"values": ["a", "b"]}}}'}, "invalid_request"),
    "essential acr unknown": (
        {"claims": '{"id_token": {"acr": {"essential": true, "value": "gold"}}}'},
        "unmet_authentication_requirements",
    ),
    "silent and signed out": ({"prompt": "none"}, "login_required"),
    "silent with a hint that proves nothing": ({"prompt": "none", "id_token_hint": "a.b.c"}, "login_required"),
}


def test_errors_reach_the_app_with_state_and_iss(scene):
    """R97-19, V10.6.1, OC-11, Authlib's defaults 9 to 12: each fault gets its own error, at the registered address."""
    party = scene.party()
    for name, (params, error) in WRONG.items():
        assert refusal(scene, party, **params).error == error, name


def test_error_descriptions_contain_only_allowed_characters(scene):
    """O21-09, Authlib's default 7: a description never quotes the request, whatever the request contains."""
    party = scene.party()
    for params, _ in WRONG.values():
        described = refusal(scene, party, **params).description
        assert all(" " <= character <= "~" and character not in '"\\' for character in described)
    assert '"' not in refusal(scene, party, response_type='"é\\').description


def test_a_client_without_the_grant_may_not_ask_for_codes(scene):
    """V10.4.4: the client must be registered for the grant type."""
    assert refusal(scene, scene.party(grant_types=[], response_types=[])).error == "unauthorized_client"


def test_unknown_and_empty_parameters_are_ignored(scene):
    """O21-06, OC-16: known parameters without a value are ignored too."""
    url = scene.sign_in(
        scene.party(), x="1", acr_values="", prompt="", max_age="", display="page", claims_locales="nl", acr="mfa",
        ui_locales="nl en", login_hint="", claims="", response_mode="",
    )  # fmt: skip
    assert "code=" in url


@pytest.mark.parametrize("display", ["page", "popup", "touch", "wap"])
def test_every_display_is_taken(scene, display):
    """Core §3.1.2.1, §5.2: the pages fit all of them, and claims_locales changes nothing that we hold."""
    party = scene.party()
    assert display in party.metadata["display_values_supported"]
    assert "code=" in scene.sign_in(party, display=display, claims_locales="nl en")


def test_nobody_is_sent_to_a_registration(scene):
    """OpenID Initiating User Registration §3: a value that the metadata does not list is refused, also beside others."""
    party = scene.party()
    assert "create" not in party.metadata["prompt_values_supported"]
    assert refusal(scene, party, prompt="create").error == "invalid_request"
    assert refusal(scene, party, prompt="login create").error == "invalid_request"


def test_silent_sign_in_works_while_the_session_is_active(scene):
    """OC-01: an active session needs no page."""
    party = scene.party()
    first = scene.tokens(party)
    assert "code=" in scene.browser.open(party.authorize_url(prompt="none")).left_for
    scene.browser.forget_cookies()
    assert refusal(scene, party, prompt="none").error == "login_required"
    assert first.claims["sub"] == scene.person.id


def test_prompt_login_asks_again_and_gives_a_new_auth_time(scene):
    """OC-02: the user signs in again in spite of the session."""
    party = scene.party()
    with time_machine.travel(clock.now(), tick=False) as turned:
        before = scene.tokens(party).claims["auth_time"]
        turned.shift(100)
        assert scene.tokens(party).claims["auth_time"] == before
        scene.browser.open(party.authorize_url(prompt="login"))
        assert scene.browser.left_for is None
        assert scene.tokens(party, prompt="login").claims["auth_time"] == before + 100


@pytest.mark.parametrize(("max_age", "asked"), [("0", True), ("99", True), ("101", False), ("000", True)])
def test_max_age_refuses_older_sign_ins(scene, max_age, asked):
    """OC-03: a sign-in older than max_age must be repeated."""
    party = scene.party()
    with time_machine.travel(clock.now(), tick=False) as turned:
        before = scene.tokens(party).claims["auth_time"]
        turned.shift(100)
        scene.browser.open(party.authorize_url(max_age=max_age))
        assert (scene.browser.left_for is None) == asked
        assert scene.tokens(party, max_age=max_age).claims["auth_time"] == before + (100 if asked else 0)


def test_default_max_age_applies_unless_the_request_has_one(scene):
    """Registration §2: the max_age of a request overrides default_max_age."""
    party = scene.party(default_max_age=10)
    with time_machine.travel(clock.now(), tick=False) as turned:
        scene.tokens(party)
        turned.shift(11)
        assert scene.browser.open(party.authorize_url()).left_for is None
        assert scene.browser.open(party.authorize_url(max_age="60")).left_for


ESSENTIAL = json.dumps({"id_token": {"acr": {"essential": True, "values": ["phr", "mfa"]}}})


@pytest.mark.parametrize(
    "params",
    [
        {"claims": ESSENTIAL},
        {"claims": ESSENTIAL, "acr_values": "pwd"},
        {"acr_values": "mfa"},
        {"acr_values": "gold phrh mfa"},
    ],
)
def test_a_password_alone_never_satisfies_a_higher_level(scene, params):
    """OC-04: the requested level is required. A silent request gets an error, and never a token of a lower level."""
    party = scene.party()
    scene.tokens(party)
    assert refusal(scene, party, prompt="none", **params).error == "interaction_required"


def test_the_acr_in_the_token_is_one_that_was_requested(scene):
    """Core §5.5.1.1: unknown names are ignored. The token names the first requested level that was met."""
    party = scene.party(default_acr_values=["pwd"])
    assert scene.tokens(party, acr_values="gold pwd").acr == "pwd"
    assert scene.tokens(party).acr == "pwd"


def test_another_users_hint_gets_no_silent_sign_in(scene):
    """OC-05: this session's ID token works, even expired. Another user's ID token and an access token are refused."""
    party = scene.party()
    with time_machine.travel(clock.now(), tick=False) as turned:
        tokens = scene.tokens(party)
        turned.shift(1000)
        assert scene.browser.open(party.authorize_url(prompt="none", id_token_hint=tokens.id_token)).left_for
        assert "code" in party.answer(scene.browser.left_for)
        assert refusal(scene, party, prompt="none", id_token_hint=tokens.access_token).error == "login_required"
        other = json.dumps({"id_token": {"sub": {"value": "somebody-else"}}})
        assert refusal(scene, party, prompt="none", claims=other).error in ("login_required", "account_selection_required")


STATE = "a b+c%20&d=\"<é>'/\\ ½"


def test_state_returns_unchanged(scene):
    """RFC 6749 §4.1.2, R97-19: the query returns the exact state of the request."""
    party = scene.party()
    url = party.authorize_url(state=STATE)
    party.state = STATE
    scene.browser.open(url)
    scene._answer()
    assert party.answer(scene.browser.left_for)["code"]


def test_form_post_carries_the_values_unchanged_and_iss(scene):
    """Form Post Response Mode, Authlib's defaults 9 and 10: no value is percent-encoded. The page has no inline script."""
    party = scene.party()
    scene.tokens(party)
    url = party.authorize_url(state=STATE, response_mode="form_post")
    party.state = STATE
    scene.browser.open(url)
    assert scene.browser.status == 200
    assert scene.browser.left_for == party.redirect_uri
    assert party.answer(party.redirect_uri, scene.browser.left_with)["code"]
    assert "<script>" not in scene.browser.html
    assert "onload" not in scene.browser.html
    assert scene.browser.headers["Cache-Control"] == "no-store"


def test_form_post_also_carries_errors(scene):
    """Authlib's default 9: errors of the code flow follow response_mode too."""
    party = scene.party()
    answer = scene.browser.open(party.authorize_url(response_mode="form_post", prompt="none"))
    with pytest.raises(Refused, match="login_required"):
        party.answer(answer.left_for, answer.left_with)


def test_the_query_of_the_registered_address_is_kept(scene):
    """RFC 6749 §3.1.2: parameters are added to the query that the address already has."""
    party = scene.party(redirect_uri="https://app.example/cb?tenant=a%20b")
    url = scene.sign_in(party)
    assert url.startswith("https://app.example/cb?tenant=a%20b&code=")


def test_get_and_post_requests_are_equal(scene):
    """Core §3.1.2.1: both methods work. A form on another site sends none of our cookies, so it continues as a GET."""
    party = scene.party()
    scene.tokens(party)
    url = party.authorize_url(state=STATE)
    party.state = STATE
    query = url.partition("?")[2]
    answer = scene.browser.client.post("/oauth/authorize", base_url=scene.settings.issuer, data=query,
                                       content_type="application/x-www-form-urlencoded")  # fmt: skip
    assert answer.status_code == 303
    assert "Set-Cookie" not in answer.headers
    assert party.answer(scene.browser.open(answer.headers["Location"]).left_for)["code"]


def test_two_tabs_that_finish_one_sign_in_both_get_their_own_code(scene):
    """A sign-in completes once. The session that it made answers the second tab."""
    party = scene.party()
    scene.browser.open(party.authorize_url())
    attempt = scene.browser.url.rsplit("/", 1)[1]
    scene._answer()
    first = party.answer(scene.browser.left_for)["code"]
    again = scene.browser.open(f"/oauth/authorize/{attempt}")
    second = party.answer(again.left_for)["code"] if again.left_for else ""
    assert first != second
    assert party.redeem(first).claims["sub"] == scene.person.id


@pytest.mark.parametrize("attempt_id", ["x", "A" * 43, "é", "%00", "A" * 3000])
def test_an_unknown_attempt_gets_a_page_with_a_way_to_sign_in(scene, attempt_id):
    """S60: the page links to the sign-in. An unknown id never leads to an app."""
    answer = scene.browser.open(f"/oauth/authorize/{attempt_id}")
    assert (answer.status in (200, 404), answer.left_for) == (True, None)
    assert answer.status == 404 or answer.offers("Sign in")


def test_another_browser_cannot_finish_a_sign_in(scene, new_browser):
    """security.md 3, 16: an attempt is bound to the browser's cookie. Another browser starts over (S60)."""
    party = scene.party()
    scene.browser.open(party.authorize_url())
    attempt = scene.browser.url.rsplit("/", 1)[1]
    thief = new_browser().open(f"/oauth/authorize/{attempt}")
    assert thief.left_for is None
    assert "password" in thief.fields
    assert attempt not in thief.url


def test_a_sign_in_takes_four_requests(scene, monkeypatch):
    """The app's request, the page, the answer that redirects straight to the app, and the token request."""
    party, asked, inner = scene.party(), [], scene.app.wsgi_app

    def counted(environ, start):
        asked.append(f"{environ['REQUEST_METHOD']} {environ['PATH_INFO'].split('/')[1]}")
        return inner(environ, start)

    monkeypatch.setattr(scene.app, "wsgi_app", counted)
    assert scene.tokens(party).id_token
    assert asked[:4] == ["GET oauth", "GET sign-in", "POST sign-in", "POST oauth"], asked


def test_a_scope_that_is_left_out_is_told_and_logged(scene, capsys):
    """RFC 6749 §3.3: the answer's ``scope`` tells the app what it got; one line of the log tells what it asked."""
    party = scene.party(scope="openid profile")
    capsys.readouterr()
    tokens = scene.tokens(party, scope="openid profile email stock:read")
    assert tokens.raw["scope"] == "openid profile"
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    (logged,) = [line for line in lines if line["event"] == "scope_left_out"]
    assert (logged["client_id"], logged["left_out"], logged["granted"]) == ("webshop", "email stock:read", "openid profile")
    scene.tokens(party, scope="openid profile")
    assert "scope_left_out" not in capsys.readouterr().err
