"""The client credentials grant (RFC 6749 §4.4), and what its tokens are good for."""

from typing import Any

import pytest

from idp import clock
from idp.db import transaction
from idp.errors import Invalid
from idp.store import clients
from tests.drivers.relying_party import RelyingParty, error_of
from tests.drivers.statements import counted
from tests.oauth.conftest import Scene

FORM = {"grant_type": "client_credentials"}


def change(scene: Scene, metadata: dict[str, Any] | None = None, **columns: Any) -> None:
    """Change the client after it was registered."""
    with scene.factory.context(), transaction():
        row = clients.client("stock")
        assert row is not None
        clients.change_client("stock", metadata_={**row.metadata_, **(metadata or {})}, **columns)


@pytest.fixture
def party(scene: Scene) -> RelyingParty:
    """Return a client that acts for itself: with scopes of an API, and with scopes that tell about people."""
    made = scene.party("stock", grant_types=["client_credentials"], redirect_uris=[])
    change(scene, {"scope": "openid profile stock.read stock.write"})
    return made


def introspect(party: RelyingParty, token: str) -> dict[str, Any]:
    """Return what the client is told of a token."""
    return dict(party.ask("introspection_endpoint", {"token": token}).json)


def test_a_client_gets_an_access_token_and_nothing_else(scene: Scene, party: RelyingParty) -> None:
    """RFC 6749 §4.4.3, RFC 9068 §2.2: no refresh token, no ID token; ``sub`` is the client."""
    answer = party.token(FORM)
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    assert set(answer.json) == {"access_token", "token_type", "expires_in", "scope"}
    claims = party.verify(answer.json["access_token"])
    assert set(claims) == {"iss", "sub", "aud", "client_id", "iat", "exp", "jti", "scope"}
    assert claims["sub"] == claims["client_id"] == "stock"
    assert claims["scope"] == answer.json["scope"] == "stock.read stock.write"


@pytest.mark.parametrize(
    ("asked", "granted"),
    [("stock.read", "stock.read"), ("stock.read bogus", "stock.read"), ("stock.write stock.read", "stock.read stock.write")],
)
def test_a_client_may_narrow_its_scope(party: RelyingParty, asked: str, granted: str) -> None:
    """RFC 6749 §3.3: the answer tells what was granted."""
    assert party.token({**FORM, "scope": asked}).json["scope"] == granted


@pytest.mark.parametrize("asked", ["openid", "openid profile", "bogus", "offline_access"])
def test_scopes_about_people_need_a_person(party: RelyingParty, asked: str) -> None:
    """RFC 6749 §5.2: nobody signed in, so there is nobody to tell about."""
    answer = party.token({**FORM, "scope": asked})
    assert (answer.status_code, answer.json["error"]) == (400, "invalid_scope")


def test_a_token_without_any_scope_is_still_a_token(scene: Scene, party: RelyingParty) -> None:
    """RFC 9068 §2.2.3: ``scope`` is there only if there is one."""
    change(scene, {"scope": "openid"})
    answer = party.token(FORM).json
    assert "scope" not in answer
    assert "scope" not in party.verify(answer["access_token"])
    assert introspect(party, answer["access_token"])["active"] is True


def test_public_clients_and_others_are_refused(scene: Scene, party: RelyingParty) -> None:
    """RFC 6749 §4.4: "MUST only be used by confidential clients"."""
    assert scene.party("webshop").token(FORM).json["error"] == "unauthorized_client"
    with pytest.raises(Invalid):
        scene.party("native", public=True, grant_types=["client_credentials"])
    public = scene.party("native", public=True)
    with scene.factory.context(), transaction():
        row = clients.client("native")
        assert row is not None
        clients.change_client("native", metadata_={**row.metadata_, "grant_types": ["client_credentials"]})
    assert public.token(FORM).json["error"] == "unauthorized_client"


def test_a_wrong_secret_gets_nothing(scene: Scene, party: RelyingParty, ask) -> None:
    """RFC 6749 §4.4.2: "The client MUST authenticate with the authorization server"."""
    for auth in (None, ("stock", "wrong")):
        answer = ask("POST", "/oauth/token", data=FORM, auth=auth)
        assert (answer.status_code, answer.json["error"]) == (401, "invalid_client")


def test_introspection_tells_of_the_client(scene: Scene, party: RelyingParty) -> None:
    """RFC 7662 §2.2: no person signed in, so there is no ``acr`` and no ``auth_time``."""
    token = party.token(FORM).json["access_token"]
    claims = party.verify(token)
    assert introspect(party, token) == {**claims, "active": True, "token_type": "Bearer"}
    other = scene.party("other").ask("introspection_endpoint", {"token": token})
    assert other.json == {"active": False}


def test_userinfo_refuses_it(party: RelyingParty) -> None:
    """OpenID Connect Core §5.3: userinfo tells about a user."""
    token = party.token(FORM).json["access_token"]
    assert "insufficient_scope" in error_of(lambda: party.userinfo(token))


@pytest.mark.parametrize(
    ("metadata", "columns"),
    [
        ({"grant_types": ["authorization_code"]}, {}),
        ({"token_endpoint_auth_method": "none"}, {}),
        ({}, {"disabled_at": clock.EPOCH}),
    ],
)
def test_a_token_ends_with_what_its_client_is_registered_for(
    scene: Scene, party: RelyingParty, metadata: dict[str, Any], columns: dict[str, Any]
) -> None:
    """RFC 7662 §4: the gate judges these tokens too, although nothing of them is stored."""
    token = party.token(FORM).json["access_token"]
    with scene.app.app_context():
        keys = scene.app.extensions["sleutel.oauth"].provider.keys
        for_api = keys.sign("ES256", {**party.verify(token), "aud": "api"}, "at+jwt")
    api = scene.party("api")
    assert introspect(api, for_api)["active"] is True
    change(scene, metadata, **columns)
    assert introspect(api, for_api) == {"active": False}
    assert "invalid_token" in error_of(lambda: party.userinfo(token))


def test_a_scope_that_the_client_lost_is_not_told(scene: Scene, party: RelyingParty) -> None:
    """S40: each use of a token takes what the client may have at that moment."""
    token = party.token(FORM).json["access_token"]
    change(scene, {"scope": "stock.read"})
    assert introspect(party, token)["scope"] == "stock.read"


def test_revocation_says_that_it_cannot(party: RelyingParty) -> None:
    """RFC 7009 §2.2.1: ``unsupported_token_type``: a 200 would promise what does not happen."""
    token = party.token(FORM).json["access_token"]
    answer = party.ask("revocation_endpoint", {"token": token})
    assert (answer.status_code, answer.json["error"]) == (400, "unsupported_token_type")


def test_nobody_signs_in_by_it(scene: Scene, party: RelyingParty) -> None:
    """RFC 7591 §2.1: a client of this grant alone needs no address and has no response type."""
    row = scene.factory.make_client("machine", grant_types=["client_credentials"], redirect_uris=[])
    with scene.app.app_context():
        found = clients.client(row.client_id)
    assert found is not None
    assert (found.metadata_["redirect_uris"], found.metadata_["response_types"]) == ([], [])


def test_nothing_is_stored(scene: Scene, party: RelyingParty) -> None:
    """Performance: a token takes no write and one read, and a machine may ask for one with each call."""
    party.token(FORM)
    with counted(scene.app) as seen:
        party.token(FORM)
    assert not [one for one in seen if one.startswith(("BEGIN IMMEDIATE", "INSERT", "UPDATE"))], seen
    assert len([one for one in seen if one.startswith("SELECT")]) <= 1, seen
