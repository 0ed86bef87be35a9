"""Token revocation (RFC 7009)."""

import pytest

from idp.store import audit, grants
from tests.drivers.relying_party import RelyingParty, error_of
from tests.drivers.statements import counted
from tests.oauth.conftest import Scene

GRANTS = ["authorization_code", "refresh_token"]
OFFLINE = "openid offline_access"


@pytest.fixture(params=["confidential", "public"])
def party(scene: Scene, request: pytest.FixtureRequest) -> RelyingParty:
    """Return a client that may refresh, with a secret and without."""
    return scene.party(grant_types=GRANTS, public=request.param == "public")


def status_of(party: RelyingParty, token: str, **more: str) -> int:
    """Revoke a token. Returns the status."""
    return party.ask("revocation_endpoint", {"token": token, **more}).status_code


def is_over(party: RelyingParty, access: str, refresh: str | None) -> bool:
    """Return whether both tokens have ended. Fails if only one has."""
    ended = {"invalid_token" in error_of(lambda: party.userinfo(access)), error_of(lambda: party.refresh(refresh)) != ""}
    assert len(ended) == 1
    return ended.pop()


@pytest.mark.parametrize("hint", ["", "refresh_token", "access_token", "no_such_hint"])
@pytest.mark.parametrize("kind", ["refresh_token", "access_token"])
def test_either_token_ends_its_whole_grant(scene: Scene, party: RelyingParty, kind: str, hint: str) -> None:
    """RFC 7009 §2.1: tokens of one grant end together. A wrong or unknown hint changes nothing."""
    tokens = scene.tokens(party, scope=OFFLINE)
    answer = party.ask("revocation_endpoint", {"token": tokens.raw[kind], **({"token_type_hint": hint} if hint else {})})
    assert (answer.status_code, answer.data) == (200, b"")
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert is_over(party, tokens.access_token, tokens.refresh_token)
    assert status_of(party, tokens.raw[kind]) == 200


def test_a_rotated_refresh_token_ends_the_grant_too(scene: Scene) -> None:
    """RFC 9700 §4.14.2: an app that lost the answer of its last refresh must be able to sign out."""
    party = scene.party(grant_types=GRANTS, public=True)
    used = scene.tokens(party, scope=OFFLINE).refresh_token
    latest = party.refresh(used)
    assert status_of(party, str(used)) == 200
    assert is_over(party, latest.access_token, latest.refresh_token)


def test_other_grants_of_the_user_remain(scene: Scene, party: RelyingParty) -> None:
    """RFC 7009 §2.1: only tokens "based on the same authorization grant" end."""
    first, second = scene.tokens(party, scope=OFFLINE), scene.tokens(party, scope=OFFLINE)
    assert status_of(party, str(first.refresh_token)) == 200
    assert not is_over(party, second.access_token, second.refresh_token)


@pytest.mark.parametrize("token", ["x", "a.b", "a.b.c", "e30.e30.e30", "é", "a" * 26 + ".x", "." * 30_000])
def test_an_unknown_token_needs_nothing_more(scene: Scene, token: str) -> None:
    """RFC 7009 §2.2: "invalid tokens do not cause an error response"."""
    assert status_of(scene.party(), token) == 200


def test_an_id_token_is_no_token_to_revoke(scene: Scene, party: RelyingParty) -> None:
    """RFC 9068 §4: the type tells an access token from an ID token."""
    tokens = scene.tokens(party, scope=OFFLINE)
    assert status_of(party, str(tokens.id_token)) == 200
    assert not is_over(party, tokens.access_token, tokens.refresh_token)


@pytest.mark.parametrize("kind", ["refresh_token", "access_token"])
def test_another_clients_token_is_refused(scene: Scene, party: RelyingParty, kind: str) -> None:
    """RFC 7009 §2.1: the server verifies "whether the token was issued to the client making the revocation request"."""
    tokens = scene.tokens(party, scope=OFFLINE)
    answer = scene.party("other").ask("revocation_endpoint", {"token": tokens.raw[kind]})
    assert (answer.status_code, answer.json["error"]) == (400, "invalid_grant")
    assert not is_over(party, tokens.access_token, tokens.refresh_token)


def test_the_client_authenticates(scene: Scene, ask) -> None:
    """RFC 7009 §2.1: "The authorization server first validates the client credentials"."""
    party = scene.party(grant_types=GRANTS)
    tokens = scene.tokens(party, scope=OFFLINE)
    for data, auth in (({}, None), ({"client_id": "webshop"}, None), ({}, ("webshop", "wrong"))):
        answer = ask("POST", "/oauth/revoke", data={"token": tokens.refresh_token, **data}, auth=auth)
        assert (answer.status_code, answer.json["error"]) == (401, "invalid_client")
    assert not is_over(party, tokens.access_token, tokens.refresh_token)


def test_bad_requests_are_told(scene: Scene, ask) -> None:
    """RFC 7009 §2.1: a POST with one token in its body, and a true ``Allow`` for other methods."""
    party = scene.party()
    answer = party.ask("revocation_endpoint", {})
    assert (answer.status_code, answer.json["error"]) == (400, "invalid_request")
    assert ask("POST", "/oauth/revoke?token=x").json["error"] == "invalid_request"
    assert ask("POST", "/oauth/revoke", json={"token": "x"}).json["error"] == "invalid_request"
    for method in ("GET", "HEAD", "PUT", "DELETE"):
        answer = ask(method, "/oauth/revoke")
        assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")


@pytest.mark.both_engines
def test_one_revocation_is_audited_and_the_second_changes_nothing(scene: Scene, engine: str) -> None:
    """V7.2.1: one conditional statement revokes; the audit log names the grant and the client, and no token."""
    party = scene.party(grant_types=GRANTS)
    refresh = str(scene.tokens(party, scope=OFFLINE).refresh_token)
    assert status_of(party, refresh) == status_of(party, refresh) == 200
    with scene.app.app_context():
        rows = [row for row in audit.rows(scene.person.organisation_id) if row.event == "grant:revoked"]
        (row,) = rows
        kept = grants.grant(scene.person.organisation_id, row.data["grant"])
    assert kept is not None
    assert (row.client_id, row.subject_id, row.actor_id) == ("webshop", scene.person.id, "")
    assert kept.revoked_why == row.data["why"] == "revoked_by_client"
    assert refresh not in str(row.data)


def test_junk_takes_no_write_lock(scene: Scene) -> None:
    """Performance: an unknown token costs no transaction, so that a flood of junk keeps no writer waiting."""
    party = scene.party()
    status_of(party, "x.y")
    with counted(scene.app) as seen:
        status_of(party, "x.y")
    assert not [statement for statement in seen if statement.startswith(("BEGIN IMMEDIATE", "UPDATE", "INSERT"))]


def test_metadata_names_the_endpoint(scene: Scene) -> None:
    """RFC 8414 §2: public clients may use it too."""
    metadata = scene.party().metadata
    assert metadata["revocation_endpoint"] == f"{scene.settings.issuer}/oauth/revoke"
    assert "none" in metadata["revocation_endpoint_auth_methods_supported"]
