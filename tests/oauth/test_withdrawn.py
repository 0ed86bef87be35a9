"""Each use of a grant gives only what its client may have now (S40). Rights may have been withdrawn since."""

from datetime import timedelta
from typing import Any

import pytest

from idp import clock
from idp.db import transaction
from idp.store import clients, consents, sessions
from tests.drivers.relying_party import error_of

GRANTS = ["authorization_code", "refresh_token"]
ALL = "openid profile email organisation offline_access"


@pytest.fixture
def party(scene):
    """Return a client that may refresh, with a user who has an address."""
    scene.person = scene.factory.make_user(scene.person.organisation_id, "ann", email="ann@shoes.example", name="Ann")
    return scene.party(grant_types=GRANTS)


def change(scene, party, metadata: dict[str, Any] | None = None, **columns: Any) -> None:
    """Change a client while its grants are active."""
    with scene.factory.context(), transaction():
        row = clients.client(party.client_id)
        clients.change_client(party.client_id, metadata_={**row.metadata_, **(metadata or {})}, **columns)


def test_a_scope_withdrawn_from_the_client_is_no_longer_granted(scene, party):
    """Refresh, redemption of a code, and userinfo with an earlier access token all omit the scope."""
    before = scene.tokens(party, scope=ALL)
    code = scene.code(party, scope=ALL)
    change(scene, party, {"scope": "openid profile offline_access"})
    old = party.userinfo(before.access_token)
    assert "name" in old
    assert not {"email", "role", "organisation_id"} & set(old)
    after = party.refresh(before.refresh_token)
    assert after.raw["scope"] == "openid profile offline_access"
    assert "organisation" not in after.claims
    assert "email" not in party.userinfo(after.access_token)
    assert party.redeem(code).raw["scope"] == "openid profile offline_access"


def test_a_refresh_cannot_request_a_withdrawn_scope(scene, party):
    """RFC 6749 §5.2: ``scope`` names the remaining scopes. If none remains, the error is ``invalid_scope``."""
    token = scene.tokens(party, scope=ALL).refresh_token
    change(scene, party, {"scope": "openid profile offline_access"})
    assert party.refresh(token, scope="openid email").raw["scope"] == "openid"
    assert error_of(lambda: party.refresh(token, scope="email")) == "invalid_scope"
    change(scene, party, {"scope": "profile offline_access"})
    assert party.refresh(token).id_token is None


GONE = {
    "all scopes": ({"scope": "phone"}, {}),
    "offline_access": ({"scope": "openid profile email organisation"}, {}),
    "the grant types": ({"grant_types": [], "response_types": []}, {}),
    "the client, disabled": ({}, {"disabled_at": clock.EPOCH}),
    "the organisation": ({}, {"organisations": ["elsewhere"]}),
    "the level, raised": ({}, {"minimum_acr": "mfa"}),
    "first party": ({}, {"first_party": False}),
}


@pytest.mark.parametrize("what", GONE)
def test_a_refresh_token_ends_when_its_client_loses_a_right(scene, party, what):
    """security.md 9: offline access, the grant type, the client, its organisations, its minimum level, first-party."""
    token = scene.tokens(party, scope=ALL).refresh_token
    metadata, columns = GONE[what]
    change(scene, party, metadata, **columns)
    assert error_of(lambda: party.refresh(token)) in ("invalid_grant", "unauthorized_client", "invalid_client")


@pytest.mark.parametrize("what", [name for name in GONE if name != "offline_access"])
def test_codes_and_access_tokens_end_when_their_client_loses_a_right(scene, party, what):
    """security.md 9: this holds within the five minutes of an access token and the minute of a code."""
    access = scene.tokens(party, scope=ALL).access_token
    code = scene.code(party, scope=ALL)
    metadata, columns = GONE[what]
    change(scene, party, metadata, **columns)
    # A level can be reached by another sign-in, which userinfo tells (RFC 9470 §3).
    expected = "insufficient_user_authentication" if what == "the level, raised" else "invalid_token"
    assert expected in error_of(lambda: party.userinfo(access))
    assert error_of(lambda: party.redeem(code)) in ("invalid_grant", "unauthorized_client", "invalid_client")


def test_without_offline_access_a_grant_ends_with_its_session(scene, party, turned):
    """Only ``offline_access`` lets a grant outlive its session."""
    access = scene.tokens(party, scope=ALL).access_token
    turned.shift(timedelta(minutes=2))
    change(scene, party, {"scope": "openid profile"})
    assert party.userinfo(access)["name"] == "Ann"
    scene.browser.forget_cookies()
    with scene.factory.context(), transaction():
        sessions.end_sessions_of(scene.person.organisation_id, scene.person.id, clock.now(), "signed_out")
    assert "invalid_token" in error_of(lambda: party.userinfo(access))


def test_a_code_for_a_withdrawn_redirect_address_is_refused(scene, party):
    """RFC 6749 §10.6: the address may have been withdrawn because an attacker reads what it receives."""
    code = scene.code(party)
    change(scene, party, {"redirect_uris": ["https://shop.example.com/elsewhere"]})
    assert error_of(lambda: party.redeem(code)) == "invalid_grant"


def test_withdrawn_consent_ends_what_an_app_gets(scene, party):
    """Core §3.1.2.4: the present consent counts. Without it, the app gets nothing."""
    other = scene.party("other", first_party=False, grant_types=GRANTS, redirect_uri="https://other.example/cb")
    tokens = scene.tokens(other, scope="openid profile email offline_access", prompt="login consent")
    at, who = scene.person.organisation_id, scene.person.id
    with scene.factory.context(), transaction():
        consents.give_consent(at, who, "other", ["openid", "profile", "offline_access"], clock.now())
    assert other.refresh(tokens.refresh_token).raw["scope"] == "openid profile offline_access"
    assert "email" not in other.userinfo(tokens.access_token)
    with scene.factory.context(), transaction():
        consents.revoke_consent(at, who, "other", clock.now())
    assert error_of(lambda: other.refresh(tokens.refresh_token)) == "invalid_grant"
    assert "invalid_token" in error_of(lambda: other.userinfo(tokens.access_token))
