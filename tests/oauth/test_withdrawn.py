"""What was withdrawn since a grant was made: every use of the grant takes what its client may have now (S40)."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine

from idp import clock
from idp.db import transaction
from idp.store import clients, consents, sessions
from tests.drivers.relying_party import Refused

GRANTS = ["authorization_code", "refresh_token"]
ALL = "openid profile email organisation offline_access"


@pytest.fixture
def turned():
    """A clock that only the test moves."""
    with time_machine.travel(clock.now(), tick=False) as traveller:
        yield traveller


@pytest.fixture
def party(scene):
    """A client that may refresh, of a person who has an address."""
    scene.person = scene.factory.make_user(scene.person.organisation_id, "ann", email="ann@shoes.example", name="Ann")
    return scene.party(grant_types=GRANTS)


def change(scene, party, metadata: dict[str, Any] | None = None, **columns: Any) -> None:
    """Change a client while its grants live."""
    with scene.factory.context(), transaction():
        row = clients.client(party.client_id)
        clients.change_client(party.client_id, metadata_={**row.metadata_, **(metadata or {})}, **columns)


def error_of(use: Callable[[], Any]) -> str:
    """The OAuth error of a use, empty where it works."""
    try:
        use()
    except Refused as refused:
        return refused.error
    return ""


def test_a_scope_withdrawn_from_the_client_is_no_longer_granted(scene, party):
    """Issue 7.3: neither at refresh, nor at userinfo with an access token made before, nor at the redemption of a code."""
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


def test_a_scope_that_was_withdrawn_cannot_be_asked_for_at_refresh(scene, party):
    """RFC 6749 §5.2: what remains of it is told in ``scope``; where nothing remains it is ``invalid_scope``."""
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
def test_a_refresh_token_ends_with_what_it_rests_on(scene, party, what):
    """security.md 9: offline access, the grant type, the client, its organisations, its minimum, its standing as our own."""
    token = scene.tokens(party, scope=ALL).refresh_token
    metadata, columns = GONE[what]
    change(scene, party, metadata, **columns)
    assert error_of(lambda: party.refresh(token)) in ("invalid_grant", "unauthorized_client", "invalid_client")


@pytest.mark.parametrize("what", [name for name in GONE if name != "offline_access"])
def test_an_access_token_and_a_code_end_with_what_they_rest_on(scene, party, what):
    """security.md 9: also within the five minutes that an access token lives, and the minute of a code."""
    access = scene.tokens(party, scope=ALL).access_token
    code = scene.code(party, scope=ALL)
    metadata, columns = GONE[what]
    change(scene, party, metadata, **columns)
    assert "invalid_token" in error_of(lambda: party.userinfo(access))
    assert error_of(lambda: party.redeem(code)) in ("invalid_grant", "unauthorized_client", "invalid_client")


def test_without_offline_access_a_grant_ends_with_its_session(scene, party, turned):
    """A grant that outlives its session does so by ``offline_access`` alone."""
    access = scene.tokens(party, scope=ALL).access_token
    turned.shift(timedelta(minutes=2))
    change(scene, party, {"scope": "openid profile"})
    assert party.userinfo(access)["name"] == "Ann"
    scene.browser.forget_cookies()
    with scene.factory.context(), transaction():
        sessions.end_sessions_of(scene.person.organisation_id, scene.person.id, clock.now(), "signed_out")
    assert "invalid_token" in error_of(lambda: party.userinfo(access))


def test_a_code_for_an_address_that_was_withdrawn_is_worth_nothing(scene, party):
    """RFC 6749 §10.6: the address may have been withdrawn because somebody else reads what comes there."""
    code = scene.code(party)
    change(scene, party, {"redirect_uris": ["https://shop.example.com/elsewhere"]})
    assert error_of(lambda: party.redeem(code)) == "invalid_grant"


def test_what_the_person_no_longer_allows_is_not_given(scene, party):
    """Core §3.1.2.4: the present consent counts; where it was taken back, nothing is given."""
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
