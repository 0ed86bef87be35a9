"""One kind of token never stands in for another (RFC 8725 §3.11, V9.2.2), and the gate trusts no single fact."""

import pytest

from idp import clock
from idp.db import transaction
from idp.store import sessions
from tests.drivers.relying_party import Refused


def signed(scene, claims, typ):
    """A token that our own key signs, with claims of another kind: what only the type tells apart."""
    with scene.app.app_context():
        return scene.app.extensions["sleutel.oauth"].provider.keys.sign("ES256", claims, typ)


def test_a_token_with_all_claims_but_another_type_is_no_access_token(scene):
    """RFC 9068 §4."""
    party = scene.party()
    claims = party.verify(scene.tokens(party).access_token)
    for typ in ("JWT", "logout+jwt", "", "at+jwt+x"):
        with pytest.raises(Refused, match="invalid_token"):
            party.userinfo(signed(scene, claims, typ))
    for typ in ("at+jwt", "application/at+jwt", "AT+JWT"):
        assert party.userinfo(signed(scene, claims, typ))["sub"] == scene.person.id


@pytest.mark.parametrize(
    "changed", [{"aud": "https://api.example"}, {"iss": "https://evil.example"}, {"exp": 1}, {"sub": "x"}]
)
def test_an_access_token_for_elsewhere_is_none_for_us(scene, changed):
    """V9.2.1, V9.2.3, V9.2.4."""
    party = scene.party()
    claims = party.verify(scene.tokens(party).access_token)
    with pytest.raises(Refused, match="invalid_token"):
        party.userinfo(signed(scene, {**claims, **changed}, "at+jwt"))


@pytest.mark.parametrize("missing", ["exp", "aud", "iss", "sub", "jti", "scope", "client_id", "organisation_id"])
def test_an_access_token_has_all_its_claims(scene, missing):
    """RFC 9068 §2.2."""
    party = scene.party()
    claims = party.verify(scene.tokens(party).access_token)
    with pytest.raises(Refused, match="invalid_token"):
        party.userinfo(signed(scene, {name: value for name, value in claims.items() if name != missing}, "at+jwt"))


def test_an_access_token_is_no_hint(scene):
    """Neither for signing in nor for signing out, even with an ID token's claims."""
    party = scene.party()
    claims = scene.tokens(party).claims
    hint = signed(scene, claims, "at+jwt")
    assert scene.browser.open(f"/oauth/logout?id_token_hint={hint}").status == 200
    assert "code=" in scene.browser.open(party.authorize_url(prompt="none")).left_for
    assert "login_required" in scene.browser.open(party.authorize_url(prompt="none", id_token_hint=hint)).left_for
    right = signed(scene, claims, "JWT")
    assert "code=" in scene.browser.open(party.authorize_url(prompt="none", id_token_hint=right)).left_for


@pytest.mark.parametrize("scope", ["openid", "openid offline_access"])
def test_a_session_that_ended_stops_its_grants_even_if_they_were_not_revoked(scene, scope):
    """security.md 9: the gate looks at the session itself."""
    party = scene.party(grant_types=["authorization_code", "refresh_token"])
    tokens = scene.tokens(party, scope=scope)
    with scene.factory.context(), transaction():
        assert sessions.end_session(scene.person.organisation_id, tokens.claims["sid"], clock.now(), "test")
    with pytest.raises(Refused, match="invalid_token"):
        party.userinfo()
    if tokens.refresh_token:
        with pytest.raises(Refused, match="invalid_grant"):
            party.refresh()
