"""Token introspection (RFC 7662) and its signed answers (RFC 9701)."""

from datetime import timedelta
from typing import Any

import pytest
from joserfc import jws

from idp import clock
from idp.db import transaction
from idp.store import clients, sessions, users
from tests.drivers.relying_party import RelyingParty, error_of
from tests.drivers.statements import counted
from tests.oauth.conftest import Scene

GRANTS = ["authorization_code", "refresh_token"]
OFFLINE = "openid profile offline_access"
JWT = "application/token-introspection+jwt"
INACTIVE = {"active": False}


@pytest.fixture
def party(scene: Scene) -> RelyingParty:
    """Return a client with a secret that may refresh."""
    return scene.party(grant_types=GRANTS)


def introspect(party: RelyingParty, token: str | None, **more: str) -> dict[str, Any]:
    """Return what a client is told of a token."""
    answer = party.ask("introspection_endpoint", {"token": str(token), **more})
    assert answer.status_code == 200, answer.json
    assert (answer.mimetype, answer.headers["Cache-Control"]) == ("application/json", "no-store")
    return dict(answer.json)


@pytest.mark.parametrize("hint", ["", "refresh_token", "no_such_hint"])
def test_an_access_token_is_described_by_its_own_claims(scene: Scene, party: RelyingParty, hint: str) -> None:
    """RFC 7662 §2.2, RFC 9470 §6.2: with ``acr`` and ``auth_time``. A wrong hint changes nothing (§2.1)."""
    tokens = scene.tokens(party, scope=OFFLINE)
    claims = party.verify(tokens.access_token)
    expected = {**claims, "active": True, "token_type": "Bearer", "scope": OFFLINE}
    assert introspect(party, tokens.access_token, token_type_hint=hint) == expected
    assert {"acr", "auth_time", "client_id", "sub", "exp", "iat", "aud", "iss", "jti"} < set(claims)


def test_a_refresh_token_is_described_to_its_client(scene: Scene, party: RelyingParty, turned: Any) -> None:
    """RFC 7662 §2.2: ``exp`` is the end of its idle time."""
    tokens = scene.tokens(party, scope=OFFLINE)
    found = introspect(party, tokens.refresh_token)
    now = clock.epoch_seconds(clock.now())
    assert found == {
        "active": True,
        "scope": OFFLINE,
        "client_id": "webshop",
        "sub": scene.person.id,
        "iss": scene.settings.issuer,
        "iat": now,
        "exp": now + 30 * 86_400,
        "acr": tokens.acr,
        "auth_time": tokens.claims["auth_time"],
        "organisation_id": scene.person.organisation_id,
    }
    turned.shift(timedelta(days=31))
    assert introspect(party, tokens.refresh_token) == INACTIVE


def test_a_used_refresh_token_is_inactive(scene: Scene) -> None:
    """RFC 7662 §2.2: a public client's token is used once. Only the client itself could ask, and it has no secret."""
    public = scene.party("native", public=True, grant_types=GRANTS)
    used = scene.tokens(public, scope=OFFLINE).refresh_token
    latest = public.refresh(used).refresh_token
    assert introspect(scene.party(), used) == introspect(scene.party(), latest) == INACTIVE


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
def test_another_client_learns_nothing_of_a_token(scene: Scene, party: RelyingParty, kind: str) -> None:
    """RFC 7662 §2.2, §4: the answer is that of an unknown token, so that nobody can try tokens that they found."""
    token = scene.tokens(party, scope=OFFLINE).raw[kind]
    assert introspect(scene.party("other"), token) == INACTIVE


def test_the_audience_of_a_token_may_ask(scene: Scene, party: RelyingParty) -> None:
    """RFC 7662 §2: a resource server asks about the tokens that are presented to it."""
    claims = party.verify(scene.tokens(party, scope=OFFLINE).access_token)
    for audience, expected in (("api", True), (["elsewhere", "api"], True), (["elsewhere"], False), ([], False), (1, False)):
        with scene.app.app_context():
            keys = scene.app.extensions["sleutel.oauth"].provider.keys
            token = keys.sign("ES256", {**claims, "aud": audience}, "at+jwt")
        assert introspect(scene.party("api"), token)["active"] is expected, audience
        assert "invalid_token" in error_of(lambda token=token: party.userinfo(token))


@pytest.mark.parametrize("token", ["x", "a.b", "a.b.c", "e30.e30.e30", "é", "a" * 26 + ".x", "." * 30_000])
def test_an_unknown_token_is_inactive(scene: Scene, token: str) -> None:
    """RFC 7662 §2.2: "the authorization server SHOULD NOT include any additional information about an inactive token"."""
    assert introspect(scene.party(), token) == INACTIVE


def test_an_id_token_is_inactive(scene: Scene, party: RelyingParty) -> None:
    """RFC 9068 §4: the type tells an access token from an ID token, although we signed both."""
    assert introspect(party, scene.tokens(party).id_token) == INACTIVE


def test_clients_without_a_secret_and_strangers_are_refused(scene: Scene, ask) -> None:
    """RFC 7662 §2.1: "the endpoint MUST also require some form of authorization", against scanning for tokens."""
    public = scene.party("native", public=True, grant_types=GRANTS)
    tokens = scene.tokens(public, scope=OFFLINE)
    answer = public.ask("introspection_endpoint", {"token": tokens.access_token})
    assert (answer.status_code, answer.json["error"]) == (401, "invalid_client")
    answer = ask("POST", "/oauth/introspect", data={"token": tokens.access_token}, auth=("webshop", "wrong"))
    assert (answer.status_code, answer.json["error"]) == (401, "invalid_client")


def test_bad_requests_are_told(scene: Scene, ask) -> None:
    """RFC 7662 §2.1: a POST with one token in its body, and a true ``Allow`` for other methods."""
    assert scene.party().ask("introspection_endpoint", {}).json["error"] == "invalid_request"
    assert ask("POST", "/oauth/introspect?token=x").json["error"] == "invalid_request"
    for method in ("GET", "HEAD", "PUT"):
        answer = ask(method, "/oauth/introspect")
        assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")


def withdraw(scene: Scene, what: str) -> None:
    """Withdraw something that the grant rests on."""
    at, who, now = scene.person.organisation_id, scene.person.id, clock.now()
    with scene.factory.context(), transaction():
        if what == "the user":
            users.change_user(at, who, disabled_at=now)
        elif what == "the session":
            sessions.end_sessions_of(at, who, now, "signed_out")
        elif what == "the level":
            clients.change_client("webshop", minimum_acr="mfa")
        else:
            row = clients.client("webshop")
            clients.change_client("webshop", metadata_={**row.metadata_, "scope": "phone"})


@pytest.mark.parametrize("what", ["the user", "the session", "the level", "the scopes"])
@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
def test_a_withdrawal_shows_at_once(scene: Scene, party: RelyingParty, what: str, kind: str) -> None:
    """RFC 7662 §4: the token "has not been revoked" is checked live, through the one gate."""
    token = scene.tokens(party, scope=OFFLINE).raw[kind]
    assert introspect(party, token)["active"] is True
    withdraw(scene, what)
    assert introspect(party, token) == INACTIVE


def test_only_scopes_that_remain_are_told(scene: Scene, party: RelyingParty) -> None:
    """S40: a scope that the client lost since is not told."""
    tokens = scene.tokens(party, scope=OFFLINE)
    with scene.factory.context(), transaction():
        row = clients.client("webshop")
        clients.change_client("webshop", metadata_={**row.metadata_, "scope": "openid offline_access"})
    assert introspect(party, tokens.access_token)["scope"] == "openid offline_access"
    assert introspect(party, tokens.refresh_token)["scope"] == "openid offline_access"


def test_a_revoked_token_is_inactive_and_an_expired_one_too(scene: Scene, party: RelyingParty, turned: Any) -> None:
    """RFC 7009 §2.1, RFC 7662 §2.2."""
    first, second = scene.tokens(party, scope=OFFLINE), scene.tokens(party, scope=OFFLINE)
    party.ask("revocation_endpoint", {"token": str(first.refresh_token)})
    assert introspect(party, first.access_token) == INACTIVE
    turned.shift(scene.settings.lifetimes.access_token_seconds)
    assert introspect(party, second.access_token) == INACTIVE
    assert introspect(party, second.refresh_token)["active"] is True


@pytest.mark.parametrize("alg", ["RS256", "ES256"])
def test_the_answer_is_a_signed_jwt_for_who_asks_for_one(scene: Scene, alg: str) -> None:
    """RFC 9701 §4 and §5: with a type of its own, for this client, and without ``sub`` and ``exp`` of its own."""
    party = scene.party(grant_types=GRANTS, introspection_signed_response_alg=alg)
    token = scene.tokens(party, scope=OFFLINE).access_token
    plain = introspect(party, token)
    for sent, expected in ((token, plain), ("x", INACTIVE)):
        answer = party.ask("introspection_endpoint", {"token": sent}, {"Accept": JWT})
        assert (answer.mimetype, answer.headers["Cache-Control"]) == (JWT, "no-store")
        claims = party.verify(answer.text)
        assert set(claims) == {"iss", "aud", "iat", "token_introspection"}
        assert (claims["iss"], claims["aud"]) == (scene.settings.issuer, "webshop")
        assert claims["token_introspection"] == expected
        header = jws.extract_compact(answer.data).headers()
        assert (header["typ"], header["alg"]) == ("token-introspection+jwt", alg)


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("*/*", "application/json"),
        ("application/json", "application/json"),
        (f"{JWT};q=0, */*", "application/json"),
        (f"{JWT};q=0.5, application/json", "application/json"),
        (f"{JWT}, application/json;q=0.5", JWT),
        (f"{JWT};q=junk,,;", "application/json"),
    ],
)
def test_the_form_of_the_answer_is_negotiated(scene: Scene, accept: str, kind: str) -> None:
    """RFC 9701 §4, RFC 9110 §12.5.1."""
    answer = scene.party().ask("introspection_endpoint", {"token": "x"}, {"Accept": accept})
    assert answer.status_code == 200
    assert answer.mimetype == kind


def test_a_signed_answer_is_no_token(scene: Scene, party: RelyingParty) -> None:
    """RFC 9701 §8.1: it must not be taken for an access token or a hint."""
    token = scene.tokens(party).access_token
    answer = party.ask("introspection_endpoint", {"token": token}, {"Accept": JWT}).text
    assert introspect(party, answer) == INACTIVE
    assert "invalid_token" in error_of(lambda: party.userinfo(answer))


@pytest.mark.both_engines
def test_introspection_runs_as_few_statements_as_userinfo(scene: Scene, party: RelyingParty, engine: str) -> None:
    """The client comes from memory; the grant with user, session and consent is one read."""
    token = scene.tokens(party, scope=OFFLINE).access_token
    introspect(party, token)
    with counted(scene.app) as seen:
        introspect(party, token)
    assert len([one for one in seen if one.startswith("SELECT")]) == 2, seen


def test_metadata_names_endpoint_methods_and_algorithms(party: RelyingParty, scene: Scene) -> None:
    """RFC 8414 §2, RFC 9701 §7."""
    metadata = party.metadata
    assert metadata["introspection_endpoint"] == f"{scene.settings.issuer}/oauth/introspect"
    assert "none" not in metadata["introspection_endpoint_auth_methods_supported"]
    assert metadata["introspection_signing_alg_values_supported"] == ["RS256", "ES256"]
