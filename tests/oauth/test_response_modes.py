"""How answers travel: OAuth 2.0 Multiple Response Type Encoding Practices §2.1, Form Post Response Mode, RFC 9207."""

from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.drivers.authorization import refusal

STATE = "a b+c%20&d=\"<é>'/\\ ½#x"
PLACES = {"": "query", "query": "query", "fragment": "fragment", "form_post": ""}


def came(browser) -> dict[str, dict[str, str]]:
    """Return what came to the app, by the place where it was."""
    parts = urlsplit(browser.left_for or "")
    found = {place: dict(parse_qsl(getattr(parts, place), strict_parsing=True)) for place in ("query", "fragment") if
             getattr(parts, place)}  # fmt: skip
    return found | ({"": browser.left_with} if browser.left_with else {})


@pytest.mark.parametrize("mode", PLACES)
def test_a_code_travels_where_its_mode_says(scene, mode):
    """Encoding Practices §2.1, RFC 9207 §2: the code, the exact state and ``iss`` are in one place, and the code works."""
    party = scene.party()
    scene.tokens(party)
    url = party.authorize_url(state=STATE, response_mode=mode)
    scene.browser.open(url)
    found = came(scene.browser)
    assert list(found) == [PLACES[mode]]
    assert set(found[PLACES[mode]]) == {"code", "state", "iss"}
    assert found[PLACES[mode]]["state"] == STATE
    assert found[PLACES[mode]]["iss"] == scene.settings.issuer
    assert party.redeem(found[PLACES[mode]]["code"]).claims["nonce"] == party.nonce


@pytest.mark.parametrize("mode", PLACES)
@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({"prompt": "none"}, "login_required"),
        ({"scope": "bogus"}, "invalid_scope"),
        ({"response_type": "none"}, "unsupported_response_type"),
    ],
)
def test_errors_travel_as_the_answer_would(scene, mode, params, error):
    """RFC 6749 §4.1.2.1, RFC 9207 §2: also those found before a sign-in begins."""
    party = scene.party()
    scene.browser.open(party.authorize_url(state=STATE, response_mode=mode, **params))
    found = came(scene.browser)
    assert list(found) == [PLACES[mode]]
    values = found[PLACES[mode]]
    assert (values["error"], values["state"], values["iss"]) == (error, STATE, scene.settings.issuer)
    assert "code" not in values


@pytest.mark.parametrize("mode", PLACES)
def test_the_mode_holds_through_the_pages_of_a_sign_in(scene, mode):
    """Core §3.1.2.5: the answer after a sign-in with pages travels like a silent one."""
    party = scene.party()
    scene.sign_in(party, response_mode=mode)
    assert list(came(scene.browser)) == [PLACES[mode]]
    assert party.redeem(came(scene.browser)[PLACES[mode]]["code"]).claims["sub"] == scene.person.id


@pytest.mark.parametrize("sent", ["web_message", "Query", "query ", "query fragment", "fragment.form_post"])
def test_an_unknown_mode_is_an_error_in_the_query(scene, sent):
    """Encoding Practices §2.1: the default mode of the code flow is query, also for the error about the mode."""
    assert refusal(scene, scene.party(), response_mode=sent).error == "invalid_request"
    assert list(came(scene.browser)) == ["query"]


def test_a_private_scheme_takes_no_form(scene):
    """RFC 8252 §7.1: the browser cannot post to an app. The error goes there by query, a fragment arrives too."""
    party = scene.party(
        redirect_uri="com.example.app:/callback", application_type="native", token_endpoint_auth_method="none", public=True
    )
    assert refusal(scene, party, response_mode="form_post").error == "invalid_request"
    assert list(came(scene.browser)) == ["query"]
    assert refusal(scene, party, response_mode="fragment", prompt="none").error == "login_required"
    assert list(came(scene.browser)) == ["fragment"]


def test_a_fragment_keeps_the_query_of_the_registered_address(scene):
    """RFC 6749 §3.1.2: the address keeps its own query."""
    party = scene.party(redirect_uri="https://app.example/cb?tenant=a%20b")
    assert scene.sign_in(party, response_mode="fragment").startswith("https://app.example/cb?tenant=a%20b#code=")


def test_the_page_that_posts_has_no_inline_script_and_works_without_any(scene):
    """Form Post Response Mode §2: the page is never kept, its script is a file, and a button sends it without scripts."""
    party = scene.party()
    scene.tokens(party)
    scene.browser.open(party.authorize_url(response_mode="form_post"))
    html, headers = scene.browser.html, scene.browser.headers
    assert "script-src 'self'" in headers["Content-Security-Policy"]
    assert headers["Cache-Control"] == "no-store"
    assert "<script>" not in html
    assert "onload" not in html
    assert scene.browser.offers("Continue")


def test_metadata_lists_the_modes(ask):
    """RFC 8414 §2: exactly those that are taken."""
    found = ask("GET", "/.well-known/openid-configuration").json["response_modes_supported"]
    assert found == ["query", "fragment", "form_post", "jwt", "query.jwt", "fragment.jwt", "form_post.jwt"]
