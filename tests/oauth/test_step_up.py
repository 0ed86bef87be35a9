"""Step-up (RFC 9470) on both sides: our userinfo and introspection, and apps and APIs that use ``idp.relying``."""

import asyncio
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask, request
from werkzeug.test import Client as HttpClient
from werkzeug.test import TestResponse

from idp import clock
from idp.db import transaction
from idp.relying import Demand, Guard, asgi, wsgi
from idp.store import clients, remembered_devices
from tests.drivers.relying_party import RelyingParty, error_of
from tests.oauth.conftest import Scene

GRANTS = ["authorization_code", "refresh_token"]
REFUND = Demand("mfa", max_age=300)
CHALLENGE = (
    'Bearer error="insufficient_user_authentication", error_description="A stronger or more recent sign-in is needed.", '
    'acr_values="mfa", max_age="300"'
)


@pytest.fixture
def party(scene: Scene, turned: Any) -> RelyingParty:
    """Return a client with a secret, and a user with a second factor."""
    scene.person = scene.factory.make_user(scene.person.organisation_id, "ann", totp=True)
    return scene.party(grant_types=GRANTS)


def introspected(party: RelyingParty, authorization: str) -> Mapping[str, Any] | None:
    """Return what the provider says about the token of a request: the claims of an API."""
    scheme, _, token = authorization.partition(" ")
    body = party.ask("introspection_endpoint", {"token": token}).json if scheme == "Bearer" and token else {}
    return body if body.get("active") else None


def api_of(party: RelyingParty) -> Flask:
    """Return an API in Flask that pays back money."""
    api = Flask("api")
    guard = Guard(lambda: introspected(party, request.headers.get("Authorization", "")))

    @api.post("/refund/<amount>")
    @guard.require_acr("mfa", max_age=300)
    def refund(amount: str) -> str:
        return f"paid {amount}"

    return api


def pay(api: Any, token: str) -> TestResponse:
    """Ask an API for a refund."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return HttpClient(api).post("/refund/49.95", headers=headers)


def plain(environ: dict[str, Any], start: Any) -> list[bytes]:
    """Pay back, as a plain WSGI application."""
    start("200 OK", [("Content-Type", "text/plain")])
    return [b"paid 49.95"]


@pytest.mark.parametrize("kind", ["flask", "wsgi"])
def test_an_api_demands_and_the_app_obeys(scene: Scene, party: RelyingParty, turned: Any, kind: str) -> None:
    """RFC 9470 §3 to §6: challenge, sign-in with its parameters, a new token, and the same again once that is too old."""
    if kind == "flask":
        api: Any = api_of(party)
    else:
        api = wsgi(plain, REFUND, lambda environ: introspected(party, environ.get("HTTP_AUTHORIZATION", "")))
    tokens = scene.tokens(party, scope="openid offline_access")
    assert pay(api, tokens.access_token).status_code == 200
    turned.shift(301)
    refreshed = party.refresh(tokens.refresh_token).access_token
    refused = pay(api, refreshed)
    assert (refused.status_code, refused.headers["WWW-Authenticate"]) == (401, CHALLENGE)
    assert refused.headers["Cache-Control"] == "no-store"
    demand = Demand.of_challenge(refused.headers["WWW-Authenticate"])
    assert demand == REFUND
    stepped_up = scene.tokens(party, **demand.parameters)
    assert stepped_up.acr == "mfa"
    assert pay(api, stepped_up.access_token).text == "paid 49.95"


def test_a_request_without_a_token_gets_no_error_code(party: RelyingParty) -> None:
    """RFC 6750 §3.1: the challenge of a request without a token tells what is needed, and no error."""
    for token in ("", "x"):
        refused = pay(api_of(party), token)
        assert (refused.status_code, refused.headers["WWW-Authenticate"]) == (401, 'Bearer acr_values="mfa", max_age="300"')


def test_a_page_sends_its_user_to_the_provider(scene: Scene, party: RelyingParty, turned: Any) -> None:
    """RFC 9470 §4: a page has the claims of the ID token, and asks for a sign-in by ``acr_values`` and ``max_age``."""
    held: dict[str, Any] = {}
    guard = Guard(lambda: held, lambda demand: party.authorize_url(**demand.parameters))
    page = guard.require_acr("mfa", max_age=300)(lambda: "refund")
    assert "acr_values=mfa&max_age=300" in page()
    held |= scene.tokens(party, acr_values="mfa", max_age="300").claims
    assert page() == "refund"
    turned.shift(301)
    assert page().startswith(party.metadata["authorization_endpoint"])


def test_asgi_applications_and_websockets_are_guarded() -> None:
    """RFC 9470 §3, for applications of ASGI: start-up passes, a WebSocket is closed before it opens."""
    sent: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(scope["type"])

    async def send(message: Any) -> None:
        sent.append(message)

    async def claims(scope: Any) -> Mapping[str, Any] | None:
        return scope.get("claims")

    guarded = asgi(app, Demand("mfa"), claims)

    def call(**scope: Any) -> list[Any]:
        sent.clear()
        with ThreadPoolExecutor(1) as thread:  # a browser test of the same process may have left its loop running here
            thread.submit(asyncio.run, guarded(scope, app, send)).result()
        return list(sent)

    assert call(type="lifespan") == ["lifespan"]
    assert call(type="http", claims={"acr": "phr"}) == ["http"]
    start, body = call(type="http", claims={"acr": "pwd"})
    assert (start["status"], body["body"]) == (401, b"")
    assert b"insufficient_user_authentication" in dict(start["headers"])[b"www-authenticate"]
    assert call(type="websocket") == [{"type": "websocket.close", "code": 1008}]


NOW = 1_000_000


@pytest.mark.parametrize(
    ("demand", "claims", "met"),
    [
        (Demand("mfa"), {"acr": "mfa"}, True),
        (Demand("mfa"), {"acr": "phrh"}, True),
        (Demand("mfa"), {"acr": "mfa-remembered"}, False),
        (Demand("mfa-remembered"), {"acr": "mfa"}, True),
        (Demand("mfa"), {"acr": "unknown"}, False),
        (Demand("mfa"), {"acr": ["mfa"]}, False),
        (Demand("mfa"), {}, False),
        (Demand("mfa"), None, False),
        (Demand(), {"sub": "x"}, True),
        (Demand(), None, False),
        (Demand(max_age=300), {"auth_time": NOW - 300}, True),
        (Demand(max_age=300), {"auth_time": NOW - 301}, False),
        (Demand(max_age=0), {"auth_time": NOW}, True),
        (Demand(max_age=300), {}, False),
        (Demand(max_age=300), {"auth_time": True}, False),
        (Demand(max_age=300), {"auth_time": str(NOW)}, False),
        (Demand("gold", levels=("silver", "gold")), {"acr": "silver"}, False),
        (Demand("silver", levels=("silver", "gold")), {"acr": "gold"}, True),
    ],
)
def test_claims_are_judged(demand: Demand, claims: Mapping[str, Any] | None, met: bool) -> None:
    """RFC 9470 §6: the order of levels is the provider's; what is no level or no time never passes."""
    assert demand.is_met(claims, NOW) is met


def test_a_level_that_is_none_is_a_mistake_of_the_program() -> None:
    """Nobody could meet it, so it must not be found out in production."""
    with pytest.raises(ValueError, match="mfaa"):
        Demand("mfaa")


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (CHALLENGE, REFUND),
        ('DPoP error="insufficient_user_authentication", acr_values="gold phr mfa"', Demand("phr")),
        ("Bearer error=insufficient_user_authentication, max_age=5", Demand(max_age=5)),
        ('Bearer realm="x", DPoP algs="ES256", error="insufficient_user_authentication", max_age="x"', Demand()),
        ('Bearer error="invalid_token"', None),
        ("", None),
        ("=" * 100, None),
        ('Bearer error="insufficient_user_authentication"' + " " * 9_000, None),
    ],
)
def test_a_challenge_is_read(header: str, expected: Demand | None) -> None:
    """RFC 9470 §3 and §4: what cannot be read demands nothing."""
    assert Demand.of_challenge(header) == expected


def test_the_challenge_keeps_the_scheme_of_the_token() -> None:
    """RFC 9470 §3, RFC 9449 §7.1: a bound token is answered in its scheme."""
    assert REFUND.challenge({"token_type": "DPoP"}).startswith('DPoP error="insufficient_user_authentication"')


def test_userinfo_demands_what_the_client_needs_now(scene: Scene, party: RelyingParty) -> None:
    """RFC 9470 §3: a minimum that was raised since is a challenge, because the user can meet it."""
    scene.person = scene.factory.make_user(scene.person.organisation_id, "jo")
    access = scene.tokens(party).access_token
    assert party.userinfo(access)["sub"] == scene.person.id
    with scene.factory.context(), transaction():
        clients.change_client("webshop", minimum_acr="mfa")
    error = error_of(lambda: party.userinfo(access))
    demand = Demand.of_challenge(error)
    assert demand is not None
    assert demand.parameters == {"acr_values": "mfa"}
    assert party.ask("introspection_endpoint", {"token": access}).json == {"active": False}


def test_userinfo_demands_a_sign_in_when_trust_in_the_device_is_over(scene: Scene, party: RelyingParty, turned: Any) -> None:
    """S38, RFC 9470 §3: the trust counted when the token was made; a sign-in brings the level back."""
    scene.browser.open(party.authorize_url(acr_values="mfa"))
    scene._answer()
    scene.browser.fill(code=scene.person.authenticator.code(), remember_device=True).submit()
    party.callback(scene.browser.left_for)
    turned.shift(timedelta(days=1))
    tokens = scene.tokens(party, acr_values="mfa-remembered", prompt="login")
    assert (tokens.acr, tokens.amr) == ("mfa-remembered", ["pwd"])
    with scene.factory.context(), transaction():
        assert remembered_devices.revoke_devices(scene.person.organisation_id, scene.person.id, clock.now())
    demand = Demand.of_challenge(error_of(lambda: party.userinfo(tokens.access_token)))
    assert demand is not None
    assert demand.parameters == {"acr_values": "mfa-remembered"}


def test_the_package_stands_alone() -> None:
    """Relying apps take it without the server: no Flask, no SQLAlchemy, nothing else of ours."""
    program = "import sys; old = set(sys.modules); import idp.relying; print(*(set(sys.modules) - old))"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert {name for name in loaded if name.startswith("idp.")} == {
        "idp.relying",
        "idp.relying.applications",
        "idp.relying.demand",
        "idp.relying.views",
    }
    assert not {name.partition(".")[0] for name in loaded} - set(sys.stdlib_module_names) - {"idp"}
