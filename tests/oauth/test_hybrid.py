"""The hybrid flow, code id_token (OpenID Connect Core §3.3)."""

import base64
import hashlib
from urllib.parse import parse_qsl, urlsplit

import pytest

from idp.errors import Invalid
from idp.oauth.client_metadata import validate_metadata
from tests.drivers.authorization import refusal
from tests.oauth.conftest import Scene

BOTH = ["code", "code id_token"]


def app(scene: Scene, **options):
    """Return an app that registers the flow."""
    return scene.party(response_types=BOTH, **options)


def half(text: str) -> str:
    """Return the hash of Core §3.3.2.11."""
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()[:16]).rstrip(b"=").decode()


def came(scene: Scene) -> dict[str, str]:
    """Return the answer, which is in the fragment alone."""
    parts = urlsplit(scene.browser.left_for or "")
    assert not parts.query
    return dict(parse_qsl(parts.fragment))


@pytest.mark.parametrize("response_type", ["code id_token", "id_token code"])
def test_an_id_token_comes_with_the_code_in_the_fragment(scene, response_type):
    """§3.3.2.5, §3.3.2.8, §3.3.2.11: c_hash, s_hash (FAPI) and nonce, the words in any order, one person."""
    party = app(scene)
    scene.sign_in(party, response_type=response_type)
    found = came(scene)
    assert set(found) == {"code", "id_token", "state", "iss"}
    front = party.verify(found["id_token"])
    assert (front["iss"], front["aud"], front["nonce"]) == (party.issuer, party.client_id, party.nonce)
    assert (front["c_hash"], front["s_hash"]) == (half(found["code"]), half(party.state))
    assert "at_hash" not in front
    back = party.redeem(found["code"]).claims
    for name in ("iss", "sub", "aud", "nonce", "acr", "amr", "auth_time", "sid"):
        assert back[name] == front[name], name


def test_the_browser_sees_nothing_about_the_person(scene):
    """§3.3.3.6: what the scopes give is in userinfo and in the other ID token, also with id_token_claims."""
    party = app(scene, id_token_claims=True)
    scene.sign_in(party, response_type="code id_token", scope="openid profile email organisation")
    front = party.verify(came(scene)["id_token"])
    allowed = {"iss", "sub", "aud", "exp", "iat", "acr", "amr", "auth_time", "sid", "nonce", "c_hash", "s_hash", "jti"}
    assert set(front) <= allowed
    assert party.redeem(came(scene)["code"]).claims["organisation"] == scene.person.store_url


@pytest.mark.parametrize("public", [False, True])
def test_a_nonce_is_needed_and_pkce_of_public_clients(scene, public):
    """§3.3.2.11, RFC 9700 §2.1.1."""
    party = app(scene, public=public)
    ask = {"response_type": "code id_token"}
    assert refusal(scene, party, nonce=None, **ask).error == "invalid_request"
    assert refusal(scene, party, scope="profile", **ask).error == "invalid_request"
    without = {"code_challenge": None, "code_challenge_method": None}
    if public:
        assert refusal(scene, party, **without, **ask).error == "invalid_request"
    else:
        scene.sign_in(party, **without, **ask)
        assert "id_token" in came(scene)


@pytest.mark.parametrize("mode", ["query", "query.jwt"])
def test_the_query_is_refused(scene, mode):
    """Encoding Practices §3, JARM §2.3.1: an ID token must not be in a query. The error comes in the fragment."""
    party = app(scene)
    assert refusal(scene, party, response_type="code id_token", response_mode=mode).error == "invalid_request"
    assert came(scene)["error"] == "invalid_request"


@pytest.mark.parametrize("params", [{"prompt": "none"}, {"scope": "bogus"}, {"response_type": "code id_token token"}])
def test_errors_come_in_the_fragment(scene, params):
    """Core §3.3.2.6."""
    refusal(scene, app(scene), **{"response_type": "code id_token", **params})
    assert came(scene)["error"]


def test_other_modes_carry_both(scene):
    """Form Post Response Mode §2, JARM §2.3."""
    party = app(scene)
    scene.tokens(party)
    scene.browser.open(party.authorize_url(response_type="code id_token", response_mode="form_post"))
    assert {"code", "id_token"} <= set(scene.browser.left_with)
    scene.browser.open(party.authorize_url(response_type="code id_token", response_mode="jwt"))
    claims = party.verify(came(scene)["response"])
    assert party.verify(claims["id_token"])["c_hash"] == half(claims["code"])


def test_only_clients_that_register_it_have_it(scene):
    """Registration §2: ``response_types``; the default is code alone."""
    assert refusal(scene, scene.party("plain"), response_type="code id_token").error == "unsupported_response_type"
    only = scene.party("only", response_types=["id_token code"])
    assert refusal(scene, only).error == "unauthorized_client"
    scene.sign_in(only, response_type="code id_token")
    assert "id_token" in came(scene)


def test_the_grant_type_of_the_standard_is_taken_beside_it(settings):
    """Registration §2: "code id_token: authorization_code, implicit" MUST be registered. Without the flow it is refused."""
    both = {"redirect_uris": ["https://shop.example/cb"], "grant_types": ["authorization_code", "implicit"]}
    assert validate_metadata({**both, "response_types": BOTH}, settings)["grant_types"] == both["grant_types"]
    with pytest.raises(Invalid) as refused:
        validate_metadata(both, settings)
    assert refused.value.field == "grant_types"


@pytest.mark.parametrize(
    "sent", ["code id_token id_token", "code  id_token", "code id_token token", "id_token", "code token"]
)
def test_other_combinations_are_not_supported(scene, sent):
    """RFC 6749 §3.1.1, RFC 9700 §2.1.2."""
    assert refusal(scene, app(scene), response_type=sent).error == "unsupported_response_type"


def test_the_front_token_works_as_a_hint_and_as_nothing_else(scene, ask):
    """Core §3.1.2.1, RFC 8725 §2.8."""
    party = app(scene)
    scene.sign_in(party, response_type="code id_token")
    token = came(scene)["id_token"]
    assert ask("GET", "/oauth/userinfo", headers={"Authorization": f"Bearer {token}"}).status_code == 401
    assert "code=" in scene.browser.open(party.authorize_url(id_token_hint=token, prompt="none")).left_for


def test_the_gate_judges_before_the_token(scene, monkeypatch):
    """The grant is judged again before anything is signed: nothing comes if it ended at that moment."""
    party = app(scene)
    scene.tokens(party)
    monkeypatch.setattr("idp.oauth.authorize.find_active_grant", lambda *_: "the user is disabled")
    assert refusal(scene, party, response_type="code id_token").error == "access_denied"
