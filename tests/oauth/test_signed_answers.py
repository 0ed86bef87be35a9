"""JWT Secured Authorization Response Mode (JARM)."""

from urllib.parse import parse_qsl, urlsplit

import pytest

from idp import clock
from tests.oauth.conftest import Scene

STATE = "a b+c%20&d=\"<é>'/\\ ½#x"
PLACES = {"jwt": "query", "query.jwt": "query", "fragment.jwt": "fragment", "form_post.jwt": ""}


def came(scene: Scene, party, mode: str) -> dict[str, object]:
    """Return the claims of the answer, which is the only thing that came, after its checks by §2.4."""
    parts = urlsplit(scene.browser.left_for or "")
    assert (scene.browser.left_for or "").partition("?")[0].partition("#")[0] == party.redirect_uri
    found = {place: dict(parse_qsl(getattr(parts, place))) for place in ("query", "fragment")} | {
        "": scene.browser.left_with
    }
    assert [place for place, fields in found.items() if fields] == [PLACES[mode]]
    assert set(found[PLACES[mode]]) == {"response"}
    claims = party.verify(found[PLACES[mode]]["response"])
    now = clock.epoch_seconds(clock.now())
    assert (claims["iss"], claims["aud"]) == (party.issuer, party.client_id)
    assert now < claims["exp"] <= now + 600
    return claims


@pytest.mark.parametrize("mode", PLACES)
def test_the_answer_is_one_signed_jwt(scene, mode):
    """§2.1, §2.3: iss, aud and exp beside the parameters of the answer. After a sign-in with pages, and silently."""
    party = scene.party()
    for _ in range(2):
        url = party.authorize_url(response_mode=mode, state=STATE)
        scene.browser.open(url)
        if scene.browser.left_for is None:
            scene._answer()
        claims = came(scene, party, mode)
        assert set(claims) == {"iss", "aud", "exp", "code", "state"}
        assert claims["state"] == STATE
        assert party.redeem(str(claims["code"])).claims["nonce"] == party.nonce


@pytest.mark.parametrize("mode", PLACES)
@pytest.mark.parametrize(
    ("params", "error"), [({"prompt": "none"}, "login_required"), ({"scope": "bogus"}, "invalid_scope")]
)
def test_errors_are_signed_too(scene, mode, params, error):
    """§2.1: the parameters of an error response are claims as well."""
    party = scene.party()
    scene.browser.open(party.authorize_url(response_mode=mode, state=STATE, **params))
    claims = came(scene, party, mode)
    assert (claims["error"], claims["state"]) == (error, STATE)
    assert "code" not in claims


@pytest.mark.parametrize("alg", ["ES256", "RS256"])
def test_the_registered_algorithm_signs(scene, alg):
    """§3: ``authorization_signed_response_alg``."""
    from joserfc.jws import extract_compact

    party = scene.party(authorization_signed_response_alg=alg)
    scene.browser.open(party.authorize_url(response_mode="query.jwt", prompt="none"))
    text = dict(parse_qsl(urlsplit(scene.browser.left_for or "").query))["response"]
    assert extract_compact(text.encode()).headers()["alg"] == alg


def test_a_signed_answer_is_no_other_token_of_ours(scene, ask):
    """RFC 8725 §2.8: it is neither an access token nor a hint."""
    party = scene.party()
    scene.tokens(party)
    scene.browser.open(party.authorize_url(response_mode="query.jwt"))
    text = dict(parse_qsl(urlsplit(scene.browser.left_for or "").query))["response"]
    assert ask("GET", "/oauth/userinfo", headers={"Authorization": f"Bearer {text}"}).status_code == 401
    page = scene.browser.open(party.authorize_url(id_token_hint=text, prompt="none"))
    assert "error=login_required" in (page.left_for or "")


def test_metadata_lists_the_algorithms(ask):
    """§4."""
    found = ask("GET", "/.well-known/openid-configuration").json
    assert found["authorization_signing_alg_values_supported"] == ["RS256", "ES256"]
