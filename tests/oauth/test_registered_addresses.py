"""Apps that register themselves cannot make us call, or lead people to, what is ours (RFC 7591 §5, RFC 9700 §4.11)."""

import pytest

from idp.errors import Invalid
from idp.oauth.client_metadata import DEVICE_CODE, validate_metadata
from idp.oauth.self_registered import CALLED, VISITED
from tests.drivers.registering_apps import LEAST, PATH, at, changed, register
from tests.drivers.relying_party import RelyingParty


@pytest.fixture
def settings(configure):
    """Let any app register itself."""
    return configure(clients={"registration": "open"}, limits={"registrations_from_address": 1_000})


@pytest.mark.parametrize("name", [*CALLED, *VISITED])
def test_our_own_addresses_are_refused(settings, ask, name):
    """Nothing of ours is fetched, and no page names our host while a page of ours leads people on from there."""
    for address in (f"{settings.issuer}/oauth/logout", f"{settings.issuer}:443/x"):
        refused = register(ask, {**LEAST, name: [address] if name.endswith("s") else address})
        assert refused.status_code == 400, address
    assert register(ask, LEAST).status_code == 201


def test_keys_show_a_sector_only_where_they_prove_the_app(settings):
    """CIBA §4: anybody can name the key address of another app, and authenticate by a secret."""
    wanted = {
        "grant_types": [DEVICE_CODE], "subject_type": "pairwise", "jwks_uri": "https://victim.example/jwks",
        "sector_identifier_uri": "https://victim.example/sector",
    }  # fmt: skip
    assert validate_metadata({**wanted, "token_endpoint_auth_method": "private_key_jwt"}, settings)
    for method in ("none", "client_secret_basic", None):
        with pytest.raises(Invalid, match="pairwise needs"):
            validate_metadata({**wanted, "token_endpoint_auth_method": method}, settings)


@pytest.mark.parametrize(
    "member", ['"k\\u0000": 1', '"kid": "\\u0000"', '"x": ["\\u0000"]', '"x": 1e999', '"kid": "\\ud800"']
)
def test_what_no_database_can_hold_is_refused(ask, member):
    """CWE-20: PostgreSQL takes neither NUL nor infinity in JSON, and UTF-8 no half of a surrogate pair."""
    body = '{"redirect_uris": ["https://app.example/cb"], "jwks": {"keys": [{"kty": "EC", %s}]}}'
    assert ask("POST", PATH, data=body % member, content_type="application/json").status_code == 400
    taken = ask("POST", PATH, data=body % '"kid": "\\\\u0000"', content_type="application/json")
    assert taken.json["jwks"]["keys"][0]["kid"] == r"\u0000"


def test_what_a_person_allowed_goes_to_no_other_host(scene, settings, ask):
    """RFC 7591 §5: the page names every host of the app, and a new one needs a new question."""
    trusted, other = "https://trusted.example/cb", "https://other.example/cb"
    made = register(ask, {"redirect_uris": [trusted, f"{trusted}2"]}).json
    app = RelyingParty(scene.app, settings.issuer, made["client_id"], trusted, secret=made["client_secret"])
    token = scene.tokens(app, scope="openid profile").access_token
    for redirect_uri, asked in ((f"{trusted}3", False), (other, True)):
        path, shown = at(made)
        made = ask("PUT", path, json=changed(made, redirect_uris=[trusted, redirect_uri]), **shown).json
        app = RelyingParty(scene.app, settings.issuer, made["client_id"], redirect_uri, secret=app._secret)
        left = scene.browser.open(app.authorize_url(scope="openid profile", prompt="none")).left_for
        assert ("error=consent_required" in left) == asked, left
        answer = ask("GET", "/oauth/userinfo", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == (401 if asked else 200)
    first = RelyingParty(scene.app, settings.issuer, made["client_id"], trusted, secret=app._secret)
    assert "trusted.example, other.example" in scene.browser.open(first.authorize_url(scope="openid profile")).text
