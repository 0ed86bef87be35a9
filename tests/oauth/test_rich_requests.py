"""Rich authorization requests (RFC 9396): a person allows one act, such as a refund up to an amount, each time."""

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from idp.db import transaction
from idp.errors import Invalid
from idp.store import clients
from tests.drivers import approvals, terminal
from tests.drivers.relying_party import RelyingParty, error_of
from tests.oauth.conftest import Scene

TILL = "https://till.example.com/api"
TYPE = {
    "fields": {"amount": "amount", "receipt": "text"},
    "words": {"en": "Refund {amount} euro for receipt {receipt}", "nl": "{amount} euro terugbetalen voor bon {receipt}"},
}
RESOURCE = {"identifier": TILL, "scopes": {"till.read": "See the till"}, "details": {"refund": TYPE}}
REFUND = {"type": "refund", "amount": "49.95", "receipt": "R-17"}
SECOND = {**REFUND, "amount": "5", "receipt": "R-18"}
WRONG = "invalid_authorization_details"
REFRESHES = {"grant_types": ["authorization_code", "refresh_token"]}


@pytest.fixture
def party(scene: Scene) -> RelyingParty:
    """Return an app of the organisation's own that may ask for refunds at the till's API."""
    scene.party("till", redirect_uris=[], grant_types=[], resource=RESOURCE)
    scene.party("other", redirect_uris=[], grant_types=[], resource={**RESOURCE, "identifier": "urn:x", "details": {},
                "scopes": {"other.read": "See"}})  # fmt: skip
    return scene.party(authorization_details_types=["refund"], scope="openid offline_access other.read", **REFRESHES)


def asked(*details: Any) -> str:
    """Return the parameter."""
    return json.dumps(details)


def refused(scene: Scene, party: RelyingParty, **params: str) -> str:
    """Return the error of a request that is answered at once."""
    left = scene.browser.open(party.authorize_url(**params)).left_for
    return parse_qs(urlsplit(str(left)).query)["error"][0]


def test_a_person_allows_an_act_and_the_api_is_told_of_it(scene: Scene, party: RelyingParty) -> None:
    """§7, §9: in the token response, in the access token for its API, and in introspection."""
    tokens = scene.tokens(party, authorization_details=asked(REFUND))
    claims = party.verify(tokens.access_token)
    assert tokens.raw["authorization_details"] == claims["authorization_details"] == [REFUND]
    assert claims["aud"] == TILL
    body = scene.parties["till"].ask("introspection_endpoint", {"token": tokens.access_token}).json
    assert (body["active"], body["authorization_details"]) == (True, [REFUND])


@pytest.mark.parametrize(("language", "words"), [("en", "Refund 49.95 euro for"), ("nl", "49.95 euro terugbetalen voor")])
def test_the_page_says_what_is_allowed(scene: Scene, party: RelyingParty, language: str, words: str) -> None:
    """§11: apps of the organisation's own ask too. What they may see without asking is not asked."""
    scene.browser.open(party.authorize_url(authorization_details=asked(REFUND), ui_locales=language))
    scene._answer()
    assert f"{words} " in scene.browser.text
    assert "R-17 (Till)" in scene.browser.text
    assert "Who you are" not in scene.browser.text
    scene.browser.open("/account/apps")
    assert "You allowed this" not in scene.browser.text


def test_it_is_asked_each_time(scene: Scene, party: RelyingParty) -> None:
    """§11: what was allowed once is not allowed again, and never silently."""
    for _ in range(2):
        scene.tokens(party, authorization_details=asked(REFUND))
        assert refused(scene, party, prompt="none", authorization_details=asked(REFUND)) == "consent_required"
    assert "code" in party.answer(scene.browser.open(party.authorize_url(prompt="none")).left_for)


def test_a_person_may_refuse(scene: Scene, party: RelyingParty) -> None:
    """§5: the app gets no code."""
    scene.browser.open(party.authorize_url(authorization_details=asked(REFUND)))
    scene._answer()
    scene.browser.submit("Deny")
    assert "error=access_denied" in str(scene.browser.left_for)


@pytest.mark.parametrize(
    "wrong",
    [
        "x", "{}", "[]", "[1]", '[{"type":"refund","type":"refund"}]', "[" * 900, asked({}), asked({"type": ["refund"]}),
        asked({**REFUND, "type": "payment"}), asked({**REFUND, "more": 1}), asked({"type": "refund", "amount": "1"}),
        asked({**REFUND, "amount": 49.95}), asked({**REFUND, "amount": "-1"}), asked({**REFUND, "amount": "1.999"}),
        asked({**REFUND, "receipt": ""}), asked({**REFUND, "receipt": "a\u202eb"}), asked({**REFUND, "receipt": "x" * 201}),
        asked({**REFUND, "receipt": "\ud800"}), asked({**REFUND, "locations": ["https://evil.example"]}),
        asked({**REFUND, "locations": TILL}), asked(*[REFUND] * 6), asked({**REFUND, "receipt": None}),
    ],
)  # fmt: skip
def test_details_that_do_not_fit_their_type_are_refused(scene: Scene, party: RelyingParty, wrong: str) -> None:
    """§5: "MUST refuse to process any unknown authorization details type or authorization details not conforming"."""
    assert refused(scene, party, authorization_details=wrong) == "invalid_authorization_details"


def test_a_client_without_the_type_may_not_ask(scene: Scene, party: RelyingParty) -> None:
    """§10: ``authorization_details_types`` of the client, at each use of the grant too."""
    plain = scene.party("plain")
    assert refused(scene, plain, authorization_details=asked(REFUND)) == "invalid_authorization_details"
    tokens = scene.tokens(party, scope="openid offline_access", authorization_details=asked(REFUND))
    with scene.factory.context(), transaction():
        row = clients.client(party.client_id)
        assert row is not None
        clients.change_client(party.client_id, metadata_={**row.metadata_, "authorization_details_types": []})
    again = party.refresh(tokens.refresh_token)
    assert "authorization_details" not in again.raw
    assert party.verify(again.access_token)["aud"] == party.issuer


def test_another_api_learns_of_no_act(scene: Scene, party: RelyingParty) -> None:
    """§9.1: a token holds only the details of the API that it is for."""
    params = {"scope": "openid offline_access other.read", "resource": f"{TILL} urn:x"}
    code = scene.code(party, authorization_details=asked(REFUND), **params)
    assert error_of(lambda: party.redeem(code)) == "invalid_target"
    tokens = party.redeem(code, resource="urn:x")
    assert "authorization_details" not in party.verify(tokens.access_token)
    assert "authorization_details" not in party.refresh(tokens.refresh_token, resource=party.issuer).raw
    assert party.refresh(tokens.refresh_token, resource=TILL).raw["authorization_details"] == [REFUND]


def test_a_token_request_narrows_what_was_granted(scene: Scene, party: RelyingParty) -> None:
    """§6: at the code and at each refresh a subset, as it was granted; the grant keeps the rest."""
    code = scene.code(party, scope="openid offline_access", authorization_details=asked(REFUND, SECOND))
    for wider in (asked({**REFUND, "amount": "50.00"}), asked({**REFUND, "amount": "1"}), asked(REFUND, {}), "[]", "x"):
        assert error_of(lambda sent=wider: party.redeem(code, authorization_details=sent)) == WRONG
    tokens = party.redeem(code, authorization_details=asked(SECOND))
    assert tokens.raw["authorization_details"] == party.verify(tokens.access_token)["authorization_details"] == [SECOND]
    assert party.refresh(tokens.refresh_token).raw["authorization_details"] == [REFUND, SECOND]
    turned_round = json.dumps([dict(reversed(REFUND.items()))])
    again = party.refresh(tokens.refresh_token, authorization_details=turned_round)
    assert again.raw["authorization_details"] == [REFUND]
    assert error_of(lambda: party.refresh(tokens.refresh_token, authorization_details=asked({"type": "other"}))) == WRONG
    introspected = party.ask("introspection_endpoint", {"token": tokens.refresh_token}).json
    assert introspected["authorization_details"] == [REFUND, SECOND]


def test_a_grant_without_a_person_has_no_details(scene: Scene, party: RelyingParty) -> None:
    """§6: ``client_credentials`` is refused, not answered with less than was asked for."""
    robot = scene.party("robot", grant_types=["client_credentials"], redirect_uris=[], scope="other.read",
                        authorization_details_types=["refund"])  # fmt: skip
    form = {"grant_type": "client_credentials", "authorization_details": asked(REFUND)}
    assert error_of(lambda: robot.take(robot.token(form))) == WRONG


def test_a_device_asks_for_an_act(scene: Scene, party: RelyingParty) -> None:
    """§3 with RFC 8628: the page that approves the device says what is allowed, once; a poll narrows."""
    device = scene.party("device", public=True, authorization_details_types=["refund"], **terminal.GRANTS)
    assert terminal.ask(device, authorization_details=asked({**REFUND, "amount": 1}))[1]["error"] == WRONG
    assert terminal.ask(scene.party("plain", **terminal.GRANTS), authorization_details=asked(REFUND))[1]["error"] == WRONG
    body = terminal.codes(device, authorization_details=asked(REFUND, SECOND))
    terminal.enter(scene, body["user_code"])
    assert "Sign in on this device?" in scene.browser.text
    for words in ("Refund 49.95 euro for receipt R-17 (Till)", "Refund 5 euro for receipt R-18 (Till)"):
        assert words in scene.browser.text
    scene.browser.submit("choice=approve")
    assert terminal.error_of(device, body["device_code"], authorization_details=asked({**REFUND, "amount": "90"})) == WRONG
    tokens = terminal.poll(device, body["device_code"], authorization_details=asked(SECOND))
    assert party.verify(tokens.access_token)["authorization_details"] == [SECOND]
    assert device.refresh(tokens.refresh_token).raw["authorization_details"] == [REFUND, SECOND]


def test_a_till_asks_a_manager_for_an_act(scene: Scene, party: RelyingParty) -> None:
    """§3 with CIBA: the manager sees the words of the API; the till gets what was approved, and introspection tells it."""
    till = scene.party("cash", authorization_details_types=["refund"], **approvals.GRANTS)
    assert approvals.ask(till, authorization_details=asked({"type": "payment"}))[1]["error"] == WRONG
    body = approvals.asked(till, authorization_details=asked(REFUND), binding_message="Mrs Vos is here")
    scene.tokens(scene.party("webshop"))
    scene.browser.open("/").click("Mrs Vos is here")
    assert "Refund 49.95 euro for receipt R-17 (Till)" in scene.browser.text
    scene.browser.submit("choice=approve")
    tokens = approvals.poll(till, body["auth_req_id"])
    introspected = scene.parties["till"].ask("introspection_endpoint", {"token": tokens.access_token}).json
    assert introspected["authorization_details"] == tokens.raw["authorization_details"] == [REFUND]


@pytest.mark.parametrize(
    "details",
    [
        [], {"refund": 1}, {"refund": {"fields": {}}}, {"refund": {"fields": {"amount": "money"}, "words": "{amount}"}},
        {"refund": {"fields": {"type": "text"}, "words": "{type}"}}, {"a b": TYPE}, {"refund": {**TYPE, "words": "Refund"}},
        {"refund": {**TYPE, "words": {"en": "Refund {amount}"}}}, {"refund": {**TYPE, "words": {"is": "x"}}},
        {"refund": {**TYPE, "words": "{amount} {receipt} {more}"}}, {"refund": {**TYPE, "words": "{amount.x} {receipt}"}},
    ],
)  # fmt: skip
def test_a_wrong_type_is_refused(scene: Scene, details: Any) -> None:
    """The words show every field: people allow nothing that they do not see."""
    with pytest.raises(Invalid) as wrong:
        scene.factory.make_client("wrong", resource={**RESOURCE, "details": details})
    assert wrong.value.field == "resource"
