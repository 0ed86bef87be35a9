"""Token exchange (RFC 8693): an API calls another one for the same person."""

from typing import Any
from urllib.parse import urlencode

import pytest
from werkzeug.test import TestResponse

from idp import clock
from idp.db import transaction
from idp.errors import Invalid
from idp.oauth import token_exchange
from idp.oauth.access_tokens import active_behind
from idp.oauth.client_metadata import TOKEN_EXCHANGE
from idp.store import clients, users
from tests.drivers.dpop import ProofKey, bound, nonce_of, url_of
from tests.drivers.relying_party import RelyingParty
from tests.oauth.conftest import Scene

ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
JWT = "urn:ietf:params:oauth:token-type:jwt"
ORDERS, STOCK, PAY = (f"https://{name}.example.com/api" for name in ("orders", "stock", "pay"))
SCOPES = "openid offline_access orders.read orders.write stock.read"
INACTIVE = {"active": False}


@pytest.fixture
def orders(scene: Scene, turned: Any) -> RelyingParty:
    """Return an API that may call the stock, and whose tokens the app has."""
    api(scene, "stock", STOCK, "stock.read", "stock.write")
    api(scene, "pay", PAY, "pay.out")
    return api(
        scene,
        "orders",
        ORDERS,
        "orders.read",
        "orders.write",
        grant_types=[TOKEN_EXCHANGE, "client_credentials"],
        scope="stock.read stock.write orders.read",
        token_exchange_resources=[STOCK, PAY],
    )


def api(scene: Scene, name: str, identifier: str, *scopes: str, **options: Any) -> RelyingParty:
    """Return the client that is an API."""
    words = dict.fromkeys(scopes, "Words for people")
    made = {"grant_types": ["client_credentials"], **options}
    return scene.party(name, redirect_uris=[], resource={"identifier": identifier, "scopes": words}, **made)


@pytest.fixture
def app_(scene: Scene, orders: RelyingParty) -> RelyingParty:
    """Return the app that people sign in to."""
    return scene.party(grant_types=["authorization_code", "refresh_token"], scope=SCOPES)


def code(scene: Scene, app_: RelyingParty) -> str:
    """Return a code of a sign-in that asks for both APIs."""
    both = urlencode({"resource": [ORDERS, STOCK]}, doseq=True)
    scene.browser.open(f"{app_.authorize_url(scope=SCOPES)}&{both}")
    while not scene.browser.left_for:
        scene._answer()
    return app_.answer(scene.browser.left_for)["code"]


@pytest.fixture
def received(scene: Scene, app_: RelyingParty) -> str:
    """Return the access token that the app shows to the orders."""
    tokens = app_.redeem(code(scene, app_), resource=ORDERS)
    assert tokens.raw["scope"] == "orders.read orders.write"
    return tokens.access_token


def ask(party: RelyingParty, token: str, **over: str) -> TestResponse:
    """Exchange a token for one for the stock. An empty text leaves a parameter out."""
    form = {
        "grant_type": TOKEN_EXCHANGE,
        "subject_token": token,
        "subject_token_type": ACCESS_TOKEN,
        "resource": STOCK,
        **over,
    }
    return party.token({name: value for name, value in form.items() if value})


def introspect(party: RelyingParty, token: str) -> dict[str, Any]:
    """Return what a client is told of a token."""
    return dict(party.ask("introspection_endpoint", {"token": token}).json)


def test_an_api_gets_a_token_for_another_one(scene: Scene, orders: RelyingParty, received: str, turned: Any) -> None:
    """§2.2.1, §4.1: same person, same proofs, only scopes of the stock; ``act`` names the API. It ends with the first."""
    before = orders.verify(received)
    turned.shift(60)
    answer = ask(orders, received)
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    claims = orders.verify(answer.json["access_token"])
    assert {name: answer.json[name] for name in ("issued_token_type", "token_type", "scope", "expires_in")} == {
        "issued_token_type": ACCESS_TOKEN,
        "token_type": "Bearer",
        "scope": "stock.read",
        "expires_in": before["exp"] - clock.epoch_seconds(clock.now()),
    }
    assert {"refresh_token", "id_token"}.isdisjoint(answer.json)
    same = ("iss", "sub", "organisation_id", "acr", "auth_time", "exp")
    assert {name: claims[name] for name in same} == {name: before[name] for name in same}
    assert (claims["aud"], claims["client_id"], claims["act"]) == (STOCK, "orders", {"sub": "orders"})
    stock = introspect(scene.parties["stock"], answer.json["access_token"])
    assert (stock["active"], stock["act"], stock["scope"]) == (True, {"sub": "orders"}, "stock.read")
    assert introspect(scene.parties["pay"], answer.json["access_token"]) == INACTIVE


@pytest.mark.parametrize(
    "over",
    [
        {"resource": "", "audience": STOCK},
        {"audience": STOCK},
        {"subject_token_type": JWT},
        {"requested_token_type": JWT},
        {"requested_token_type": ACCESS_TOKEN},
        {"scope": "stock.read"},
    ],
)
def test_a_request_may_be_worded_in_several_ways(orders: RelyingParty, received: str, over: dict[str, str]) -> None:
    """§2.1, §3: our access tokens are JWTs, and ``audience`` may name the API."""
    assert orders.verify(ask(orders, received, **over).json["access_token"])["aud"] == STOCK


WRONG = {
    "no subject": ({"subject_token": ""}, "invalid_request"),
    "no type": ({"subject_token_type": ""}, "invalid_request"),
    "an ID token": ({"subject_token_type": "urn:ietf:params:oauth:token-type:id_token"}, "invalid_request"),
    "a refresh token wanted": (
        {"requested_token_type": "urn:ietf:params:oauth:token-type:refresh_token"},
        "invalid_request",
    ),
    "no resource": ({"resource": ""}, "invalid_request"),
    "no address": ({"resource": "stock"}, "invalid_target"),
    "unknown": ({"resource": "https://unknown.example.com/"}, "invalid_target"),
    "not listed": ({"resource": ORDERS}, "invalid_target"),
    "not granted": ({"resource": PAY}, "invalid_target"),
    "two": ({"resource": STOCK, "audience": PAY}, "invalid_target"),
    "ourselves": ({"resource": "https://id.example.com"}, "invalid_target"),
    "a scope not granted": ({"scope": "stock.write"}, "invalid_scope"),
    "a scope not registered": ({"scope": "orders.write"}, "invalid_scope"),
    "userinfo's scope": ({"scope": "openid"}, "invalid_scope"),
    "junk": ({"subject_token": "a.b.c"}, "invalid_request"),
    "an actor without type": ({"actor_token": "x"}, "invalid_request"),
    "a type without actor": ({"actor_token_type": ACCESS_TOKEN}, "invalid_request"),
    "a junk actor": ({"actor_token": "x", "actor_token_type": ACCESS_TOKEN}, "invalid_request"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_request_is_refused(orders: RelyingParty, received: str, what: str) -> None:
    """§2.2.2: never a wider scope, and never a resource that is not listed for the client."""
    over, error = WRONG[what]
    answer = ask(orders, received, **over)
    assert (answer.status_code, answer.json["error"]) == (400, error)


def change(scene: Scene, client_id: str, metadata: dict[str, Any] | None = None, **columns: Any) -> None:
    """Change a client while its tokens are active."""
    with scene.factory.context(), transaction():
        row = clients.client(client_id)
        assert row is not None
        clients.change_client(client_id, metadata_={**row.metadata_, **(metadata or {})}, **columns)


def test_only_the_apps_own_api_may_exchange(scene: Scene, orders: RelyingParty, app_: RelyingParty, received: str) -> None:
    """§2.1: a token that another client found is of no use to it; a client needs the grant type and a secret."""
    assert ask(app_, received).json["error"] == "unauthorized_client"
    thief = {"grant_types": [TOKEN_EXCHANGE], "token_exchange_resources": [STOCK], "scope": "stock.read"}
    assert ask(scene.party("thief", redirect_uris=[], **thief), received).json["error"] == "invalid_request"
    with pytest.raises(Invalid):
        scene.party("public", public=True, redirect_uris=[], **thief)


def test_the_access_token_of_no_user_is_no_subject(orders: RelyingParty) -> None:
    """§1.1: there is nobody to act for."""
    token = orders.token({"grant_type": "client_credentials", "scope": "orders.read"}).json["access_token"]
    assert ask(orders, token).json["error"] == "invalid_request"


def test_an_actor_is_named_and_the_chain_is_kept(scene: Scene, orders: RelyingParty, received: str) -> None:
    """§4.1: ``act`` nests the actors before; a chain ends somewhere."""
    own = orders.token({"grant_type": "client_credentials", "scope": "orders.read"}).json["access_token"]
    answer = ask(orders, received, actor_token=own, actor_token_type=ACCESS_TOKEN).json
    assert orders.verify(answer["access_token"])["act"] == {"sub": "orders", "client_id": "orders"}
    change(scene, "stock", {"grant_types": [TOKEN_EXCHANGE], "token_exchange_resources": [STOCK], "scope": "stock.read"})
    stock, token, length = scene.parties["stock"], answer["access_token"], 1
    while (answer := ask(stock, token)).status_code == 200:
        token, length = answer.json["access_token"], length + 1
    act = stock.verify(token)["act"]
    assert (length, act["sub"], act["act"]["sub"]) == (5, "stock", "stock")
    assert answer.json["error"] == "invalid_request"


def test_an_exchange_never_widens_what_a_token_says_of_its_own_api(
    scene: Scene, orders: RelyingParty, app_: RelyingParty
) -> None:
    """§2.1: a token that was narrowed stays narrow at the API that it is for."""
    change(scene, "orders", {"token_exchange_resources": [ORDERS], "scope": "orders.read orders.write"})
    wide = app_.redeem(code(scene, app_), resource=ORDERS)
    narrow = app_.refresh(wide.refresh_token, scope="orders.read", resource=ORDERS).access_token
    assert ask(orders, narrow, resource=ORDERS).json["scope"] == "orders.read"
    assert ask(orders, narrow, resource=ORDERS, scope="orders.write").json["error"] == "invalid_scope"


GONE: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "the grant type": ("orders", {"grant_types": ["client_credentials"]}, {}),
    "the resource": ("orders", {"token_exchange_resources": [PAY]}, {}),
    "the scope of the API": ("orders", {"scope": "orders.read"}, {}),
    "the organisation of the API": ("orders", {}, {"organisations": ["elsewhere"]}),
    "the API, disabled": ("orders", {}, {"disabled_at": clock.EPOCH}),
    "the app, disabled": ("webshop", {}, {"disabled_at": clock.EPOCH}),
    "the level": ("webshop", {}, {"minimum_acr": "mfa"}),
    "the scope": ("webshop", {"scope": "openid orders.read"}, {}),
}


@pytest.mark.parametrize("what", [*GONE, "the user"])
def test_what_is_withdrawn_ends_exchanged_tokens_too(scene: Scene, orders: RelyingParty, received: str, what: str) -> None:
    """RFC 7662 §4: app, person and API are judged at each use, through the one gate."""
    token = ask(orders, received).json["access_token"]
    stock = scene.parties["stock"]
    assert introspect(stock, token)["active"] is True
    if what == "the user":
        with scene.factory.context(), transaction():
            users.change_user(scene.person.organisation_id, scene.person.id, disabled_at=clock.now())
    else:
        client_id, metadata, columns = GONE[what]
        change(scene, client_id, metadata, **columns)
    assert introspect(stock, token) == INACTIVE
    assert ask(orders, received).status_code in (400, 401)


def test_an_exchanged_token_revokes_nothing_of_the_app(
    scene: Scene, orders: RelyingParty, app_: RelyingParty, received
) -> None:
    """RFC 7009 §2.1: the grant is the app's."""
    token = ask(orders, received).json["access_token"]
    assert orders.ask("revocation_endpoint", {"token": token}).json["error"] == "invalid_grant"
    assert introspect(app_, received)["active"] is True


def test_an_exchanged_token_is_bound_to_the_key_of_the_api(scene: Scene, orders: RelyingParty, app_: RelyingParty) -> None:
    """RFC 9449 §5: the key is that of the request; the app's own key stays with the app."""
    key, own = ProofKey(), ProofKey()
    key.nonce = own.nonce = nonce_of(app_)
    received = bound(app_, key, code(scene, app_), resource=ORDERS)["access_token"]
    form = {"grant_type": TOKEN_EXCHANGE, "subject_token": received, "subject_token_type": ACCESS_TOKEN, "resource": STOCK}
    answer = orders.ask("token_endpoint", form, {"DPoP": own.proof("POST", url_of(orders))}).json
    assert answer["token_type"] == "DPoP"
    assert orders.verify(answer["access_token"])["cnf"] == {"jkt": own.thumbprint}


def test_an_expired_subject_is_refused(orders: RelyingParty, received: str, scene: Scene, turned: Any) -> None:
    """§2.2.2."""
    turned.shift(scene.settings.lifetimes.access_token_seconds)
    assert ask(orders, received).json["error"] == "invalid_request"


def test_a_subject_that_expires_during_the_exchange_gives_no_longer_life(
    orders: RelyingParty, received: str, scene: Scene, turned: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No chain of exchanges outlives its first token, also where its last second passes between check and mint."""

    def slowly(*args: Any) -> Any:
        turned.shift(1)
        return active_behind(*args)

    turned.shift(scene.settings.lifetimes.access_token_seconds - 1)
    monkeypatch.setattr(token_exchange, "active_behind", slowly)
    answer = ask(orders, received).json
    assert answer["expires_in"] == 0
    assert introspect(orders, answer["access_token"]) == INACTIVE
