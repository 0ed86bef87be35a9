"""One kind of token never replaces another (RFC 8725 §3.11, V9.2.2). Every check of a grant looks at several facts."""

import pytest

from idp import clock
from idp.db import transaction
from idp.store import sessions
from tests.drivers.relying_party import Refused


def signed(scene, claims, typ):
    """Return a token that our own key signed with the claims of another kind, so that only the type differs."""
    with scene.app.app_context():
        return scene.app.extensions["sleutel.oauth"].provider.keys.sign("ES256", claims, typ)


def test_an_access_token_of_another_type_is_refused(scene):
    """RFC 9068 §4: the type must be at+jwt, even if every claim is there."""
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
def test_an_access_token_with_another_audience_or_issuer_is_refused(scene, changed):
    """V9.2.1, V9.2.3, V9.2.4: an expired token and an unknown subject are refused too."""
    party = scene.party()
    claims = party.verify(scene.tokens(party).access_token)
    with pytest.raises(Refused, match="invalid_token"):
        party.userinfo(signed(scene, {**claims, **changed}, "at+jwt"))


@pytest.mark.parametrize("missing", ["exp", "aud", "iss", "sub", "jti", "scope", "client_id", "organisation_id"])
def test_an_access_token_without_a_required_claim_is_refused(scene, missing):
    """RFC 9068 §2.2: these claims are required."""
    party = scene.party()
    claims = party.verify(scene.tokens(party).access_token)
    with pytest.raises(Refused, match="invalid_token"):
        party.userinfo(signed(scene, {name: value for name, value in claims.items() if name != missing}, "at+jwt"))


def test_an_access_token_is_refused_as_a_hint(scene):
    """Sign-in and sign-out refuse it, even if it has the claims of an ID token."""
    party = scene.party()
    claims = scene.tokens(party).claims
    hint = signed(scene, claims, "at+jwt")
    assert scene.browser.open(f"/oauth/logout?id_token_hint={hint}").status == 400
    assert "code=" in scene.browser.open(party.authorize_url(prompt="none")).left_for
    assert "login_required" in scene.browser.open(party.authorize_url(prompt="none", id_token_hint=hint)).left_for
    right = signed(scene, claims, "JWT")
    assert "code=" in scene.browser.open(party.authorize_url(prompt="none", id_token_hint=right)).left_for


@pytest.mark.parametrize("scope", ["openid", "openid offline_access"])
def test_an_ended_session_stops_grants_that_were_not_revoked(scene, scope):
    """security.md 9: each use of a grant checks the session itself."""
    party = scene.party(grant_types=["authorization_code", "refresh_token"])
    tokens = scene.tokens(party, scope=scope)
    with scene.factory.context(), transaction():
        assert sessions.end_session(scene.person.organisation_id, tokens.claims["sid"], clock.now(), "test")
    with pytest.raises(Refused, match="invalid_token"):
        party.userinfo()
    if tokens.refresh_token:
        with pytest.raises(Refused, match="invalid_grant"):
            party.refresh()
