"""Resource indicators (RFC 8707) and JWT access tokens for APIs (RFC 9068): the audience of a token, and what it tells."""

from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from joserfc.jws import extract_compact

from idp import clock
from idp.db import transaction
from idp.errors import Invalid
from idp.store import clients
from tests.drivers.relying_party import RelyingParty, error_of
from tests.drivers.statements import counted
from tests.oauth.conftest import Scene

STOCK, PAYROLL = "https://stock.example.com/api", "urn:example:payroll"
READ = {"": "See what is in stock", "nl": "Zien wat er op voorraad is"}
APIS: dict[str, dict[str, Any]] = {
    "stock": {"identifier": STOCK, "scopes": {"stock.read": READ, "stock.write": "Change it"}, "claims": ["role", "groups"]},
    "payroll": {"identifier": PAYROLL, "scopes": {"payroll:read": "See what people earn"}, "alg": "ES256"},
}
REGISTERED = "openid profile offline_access stock.read payroll:read"
REFRESHES = {"grant_types": ["authorization_code", "refresh_token"]}


@pytest.fixture
def apis(scene: Scene) -> Scene:
    """Return a scene with two APIs and a manager who is in a group."""
    for client_id, resource in APIS.items():
        scene.party(client_id, redirect_uris=[], grant_types=[], resource=resource)
    at = scene.person.organisation_id
    group = scene.factory.make_group(at, "Tills", requires_mfa=False)
    scene.person = scene.factory.make_user(at, "ann", role="manager", groups=(group,), name="Ann Smit")
    return scene


@pytest.fixture
def party(apis: Scene) -> RelyingParty:
    """Return a client that is registered for some scopes of both APIs, and that refreshes."""
    return apis.party(scope=REGISTERED, **REFRESHES)


def several(party: RelyingParty, **params: Any) -> str:
    """Return the address of a request that names several resources."""
    named = params.pop("resource")
    return f"{party.authorize_url(**params)}&{urlencode([('resource', one) for one in named])}"


def code_of(scene: Scene, party: RelyingParty, url: str) -> str:
    """Return the code of a request whose address is given."""
    scene.browser.open(url)
    while not scene.browser.left_for:
        scene._answer()
    return party.answer(scene.browser.left_for)["code"]


def header_of(token: str) -> dict[str, Any]:
    """Return a token's header."""
    return dict(extract_compact(token.encode()).headers())


def test_a_token_is_for_the_resource_alone(apis: Scene, party: RelyingParty) -> None:
    """RFC 8707 §2, RFC 9068 §2: audience, scopes of that API only, its algorithm, and the claims that it reads."""
    tokens = apis.tokens(party, scope="openid profile stock.read stock.write payroll:read", resource=STOCK)
    claims = party.verify(tokens.access_token)
    assert (claims["aud"], claims["scope"], tokens.raw["scope"]) == (STOCK, "stock.read", "stock.read")
    assert (claims["role"], claims["groups"], claims["sub"]) == ("manager", ["Tills"], apis.person.id)
    assert {"acr", "auth_time", "organisation_id", "client_id", "iss"} <= set(claims)
    assert (header_of(tokens.access_token)["alg"], header_of(tokens.access_token)["typ"]) == ("RS256", "at+jwt")
    assert tokens.claims["aud"] == party.client_id
    assert not {"name", "profile"} & set(claims)


def test_userinfo_refuses_a_token_for_another_audience(apis: Scene, party: RelyingParty) -> None:
    """RFC 9700 §2.3: a resource server cannot use its token here. Our own identifier gets one for userinfo."""
    tokens = apis.tokens(party, scope="openid profile offline_access stock.read", resource=STOCK)
    assert "invalid_token" in error_of(party.userinfo)
    ours = party.refresh(tokens.refresh_token, resource=party.issuer)
    assert ours.raw["scope"] == "openid profile offline_access"
    assert party.verify(ours.access_token)["aud"] == party.issuer
    assert party.userinfo()["name"] == "Ann Smit"


def test_a_grant_for_several_resources_gives_a_token_for_each(apis: Scene, party: RelyingParty) -> None:
    """RFC 8707 §2.2: the token request chooses one of them. Two at once would let one API use the token at the other."""
    wanted = "openid offline_access stock.read payroll:read"
    code = code_of(apis, party, several(party, scope=wanted, resource=[STOCK, PAYROLL]))
    assert error_of(lambda: party.redeem(code)) == "invalid_target"
    tokens = party.redeem(code, resource=PAYROLL)
    claims = party.verify(tokens.access_token)
    assert (claims["aud"], claims["scope"], "role" in claims) == (PAYROLL, "payroll:read", False)
    assert header_of(tokens.access_token)["alg"] == "ES256"
    form: dict[str, Any] = {"grant_type": "refresh_token", "refresh_token": str(tokens.refresh_token)}
    both = party.token({**form, "resource": [STOCK, PAYROLL]})
    assert (both.status_code, both.json["error"]) == (400, "invalid_target")
    assert party.verify(party.refresh(tokens.refresh_token, resource=STOCK).access_token)["aud"] == STOCK


def test_refreshing_narrows_and_never_widens(apis: Scene, party: RelyingParty) -> None:
    """RFC 8707 §2.2: a resource that the person's grant does not cover is refused, and the refresh token stays."""
    tokens = apis.tokens(party, scope="openid offline_access stock.read", resource=STOCK)
    for wrong in (PAYROLL, "https://unknown.example", "not-absolute", f"{STOCK}#part", "https:///x"):
        assert error_of(lambda named=wrong: party.refresh(tokens.refresh_token, resource=named)) == "invalid_target"
    assert party.refresh(tokens.refresh_token).raw["scope"] == "stock.read"
    assert error_of(lambda: party.refresh(tokens.refresh_token, scope="payroll:read")) == "invalid_scope"


def test_a_public_client_keeps_its_refresh_token_after_a_wrong_resource(apis: Scene) -> None:
    """RFC 9700 §4.14: the rotated token is not used up by a request that is refused."""
    party = apis.party("till", public=True, scope=REGISTERED, **REFRESHES)
    tokens = apis.tokens(party, scope="openid offline_access stock.read", resource=STOCK)
    assert error_of(lambda: party.refresh(tokens.refresh_token, resource=PAYROLL)) == "invalid_target"
    assert party.verify(party.refresh(tokens.refresh_token).access_token)["aud"] == STOCK


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({"resource": "https://unknown.example"}, "invalid_target"),
        ({"resource": "stock"}, "invalid_target"),
        ({"resource": f"{STOCK}#x"}, "invalid_target"),
        ({"resource": "http://[x"}, "invalid_target"),
        ({"resource": STOCK, "scope": "openid"}, "invalid_scope"),
        ({"resource": STOCK, "scope": "openid stock.write"}, "invalid_scope"),
        ({"resource": " ".join(f"urn:a:{number}" for number in range(11))}, "invalid_target"),
        ({"resource": "https://a.example/\x01"}, "invalid_request"),
    ],
)
def test_a_resource_that_cannot_be_had_is_an_error_for_the_app(
    apis: Scene, party: RelyingParty, params: dict[str, str], error: str
) -> None:
    """RFC 8707 §2: unknown, malformed, with a fragment, or without a scope that the client may have of it."""
    left = apis.browser.open(party.authorize_url(**{"scope": "openid stock.read", **params})).left_for
    assert parse_qs(urlsplit(left).query)["error"] == [error]


def test_a_client_without_a_scope_of_the_resource_gets_no_token_for_it(apis: Scene) -> None:
    """Least privilege: the registration names the scopes of APIs, and by them the APIs."""
    party = apis.party("reader", scope="openid profile")
    left = apis.browser.open(party.authorize_url(scope="openid stock.read", resource=STOCK)).left_for
    assert parse_qs(urlsplit(left).query)["error"] == ["invalid_target"]


def test_scopes_of_resources_that_are_not_named_are_left_out(apis: Scene, party: RelyingParty) -> None:
    """RFC 6749 §5.1: the answer tells the scope. The token is for us, as without any API."""
    tokens = apis.tokens(party, scope="openid profile stock.read")
    assert tokens.raw["scope"] == "openid profile"
    assert party.verify(tokens.access_token)["aud"] == party.issuer
    assert party.userinfo()["name"] == "Ann Smit"


def test_other_parameters_still_come_once(apis: Scene, party: RelyingParty) -> None:
    """RFC 6749 §3.1: ``resource`` alone may be repeated."""
    left = apis.browser.open(f"{party.authorize_url()}&scope=openid").left_for
    assert parse_qs(urlsplit(left).query)["error"] == ["invalid_request"]


def test_the_api_is_told_of_its_tokens(apis: Scene, party: RelyingParty) -> None:
    """RFC 7662 §2.1: the client that is the API introspects what is for it. Another API learns nothing."""
    token = apis.tokens(party, scope="openid stock.read", resource=STOCK).access_token
    body = apis.parties["stock"].ask("introspection_endpoint", {"token": token}).json
    assert (body["active"], body["aud"], body["scope"]) == (True, STOCK, "stock.read")
    assert (body["role"], body["groups"]) == ("manager", ["Tills"])
    assert apis.parties["payroll"].ask("introspection_endpoint", {"token": token}).json == {"active": False}


def test_a_third_party_asks_in_the_words_of_the_api(apis: Scene) -> None:
    """RFC 8707 §3: people see what an app may do where. Consent to one API is none to another."""
    party = apis.party("partner", first_party=False, scope=REGISTERED)
    apis.browser.open(party.authorize_url(scope="openid stock.read", resource=STOCK, ui_locales="nl"))
    apis._answer()
    assert "Zien wat er op voorraad is (Stock)" in apis.browser.text
    apis.tokens(party, scope="openid stock.read", resource=STOCK)
    silent = {"prompt": "none", "scope": "openid payroll:read", "resource": PAYROLL}
    left = apis.browser.open(party.authorize_url(**silent)).left_for
    assert parse_qs(urlsplit(left).query)["error"] == ["consent_required"]
    assert "See what is in stock (Stock)" in apis.browser.open("/account/apps").text


def test_a_resource_that_is_gone_gets_no_more_tokens(apis: Scene, party: RelyingParty) -> None:
    """S40: each refresh takes what is registered at that moment."""
    tokens = apis.tokens(party, scope="openid offline_access stock.read", resource=STOCK)
    with apis.factory.context(), transaction():
        clients.change_client("stock", disabled_at=clock.now())
    assert error_of(lambda: party.refresh(tokens.refresh_token, resource=STOCK)) == "invalid_target"


def test_a_client_acts_for_itself_at_a_resource(apis: Scene) -> None:
    """RFC 8707 §2.2 with RFC 6749 §4.4: the token request names the resource; no person's claims are in the token."""
    machine = apis.party("machine", redirect_uris=[], grant_types=["client_credentials"], scope=REGISTERED)
    form = {"grant_type": "client_credentials"}
    claims = machine.verify(machine.token({**form, "resource": STOCK}).json["access_token"])
    assert (claims["aud"], claims["scope"], claims["sub"], "role" in claims) == (STOCK, "stock.read", "machine", False)
    assert machine.verify(machine.token({**form, "scope": "payroll:read"}).json["access_token"])["aud"] == PAYROLL
    for wrong in ({}, {"resource": "urn:x:y"}, {"resource": STOCK, "scope": "payroll:read"}):
        assert machine.token({**form, **wrong}).json["error"] == "invalid_target"


@pytest.mark.parametrize(
    "resource",
    [
        [], "https://stock.example.com", {}, {"identifier": STOCK}, {"identifier": STOCK, "scopes": {}},
        {"identifier": f"{STOCK}#x", "scopes": {"a.b": "x"}}, {"identifier": "stock", "scopes": {"a.b": "x"}},
        {"identifier": "https://a b", "scopes": {"a.b": "x"}}, {"identifier": STOCK, "scopes": {"email": "x"}},
        {"identifier": STOCK, "scopes": {"claim:email": "x"}}, {"identifier": STOCK, "scopes": {"a.b": ""}},
        {"identifier": STOCK, "scopes": {"a.b": {"is": "x"}}}, {"identifier": STOCK, "scopes": {"a.b": "x"}, "alg": "none"},
        {"identifier": STOCK, "scopes": {"a.b": "x"}, "claims": ["email"]},
        {"identifier": STOCK, "scopes": {"a.b": "x"}, "more": 1}, {"identifier": STOCK, "scopes": {"a .b": "x"}},
    ],
)  # fmt: skip
def test_a_wrong_registration_of_a_resource_is_refused(scene: Scene, resource: Any) -> None:
    """RFC 8707 §2: an absolute URI without a fragment. A scope's name cannot be taken for one of ours."""
    with pytest.raises(Invalid) as refused:
        scene.factory.make_client("wrong", resource=resource)
    assert refused.value.field == "resource"


def test_requests_without_a_resource_read_nothing_of_apis(apis: Scene) -> None:
    """A client that uses none pays nothing for it."""
    party = apis.party("plain", scope="openid profile")
    apis.tokens(party, scope="openid profile")
    with counted(apis.app) as seen:
        apis.tokens(party, scope="openid profile")
    assert not [one for one in seen if "ORDER BY clients.client_id" in one]
