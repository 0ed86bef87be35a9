"""Pushed authorization requests (RFC 9126)."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
import time_machine
from sqlalchemy import select

from idp import clock
from idp.config import Settings
from idp.statements import every
from idp.store import pushed_requests
from tests.drivers.relying_party import Refused
from tests.oauth.conftest import Scene

PUSH = "pushed_authorization_request_endpoint"
PREFIX = "urn:ietf:params:oauth:request_uri:"


@pytest.fixture
def over() -> dict[str, Any]:
    """Return the settings that differ from the defaults of tests."""
    return {}


@pytest.fixture
def settings(configure: Callable[..., Settings], over: dict[str, Any]) -> Settings:
    """Return the settings."""
    return configure(**over)


FAULTS = {
    "no response_type": ({"response_type": None}, "invalid_request"),
    "another flow": ({"response_type": "token"}, "unsupported_response_type"),
    "an address of nobody": ({"redirect_uri": "https://evil.example/cb"}, "invalid_request"),
    "no address": ({"redirect_uri": None}, "invalid_request"),
    "no scope": ({"scope": "bogus"}, "invalid_scope"),
    "a bad challenge": ({"code_challenge": "short"}, "invalid_request"),
    "a plain challenge": ({"code_challenge_method": "plain"}, "invalid_request"),
    "a bad prompt": ({"prompt": "none login"}, "invalid_request"),
    "a bad max_age": ({"max_age": "soon"}, "invalid_request"),
    "bad claims": ({"claims": "{"}, "invalid_request"),
    "a bad mode": ({"response_mode": "web_message"}, "invalid_request"),
    "a request_uri (§2.1)": ({"request_uri": PREFIX + "x"}, "invalid_request"),
    "a hint of nobody": ({"id_token_hint": "a.b.c"}, "login_required"),
    "an impossible level": (
        {"claims": '{"id_token": {"acr": {"essential": true, "value": "gold"}}}'},
        "unmet_authentication_requirements",
    ),
    "too much": (
        {"state": "x" * 4000, "login_hint": "y" * 4000, "nonce": "n" * 900, "claims": "z" * 5000},
        "invalid_request",
    ),
}


def pushed(party, **params):
    """Return the answer of the endpoint to the request that the app would else send by the browser."""
    return party.ask(PUSH, dict(parse_qsl(urlsplit(party.authorize_url(**params)).query)))


def address(party, request_uri: str, **more: str) -> str:
    """Return where the browser goes (§4)."""
    return f"/oauth/authorize?{urlencode({'client_id': party.client_id, 'request_uri': request_uri, **more})}"


def push(party, **params) -> str:
    """Push a request. Returns where the browser goes."""
    answer = pushed(party, **params)
    assert answer.status_code == 201, answer.text
    return address(party, answer.json["request_uri"])


def sign_in(scene: Scene, url: str) -> str:
    """Answer the pages. Returns where the browser left for."""
    scene.browser.open(url)
    if scene.browser.left_for is None:
        scene._answer()
    assert scene.browser.left_for, scene.browser.text[:500]
    return scene.browser.left_for


@pytest.mark.both_engines
def test_a_pushed_request_signs_in(scene, engine):
    """§2.2: 201 with a reference and its seconds, never kept. The browser brings the reference and the client_id alone."""
    party = scene.party()
    answer = pushed(party)
    assert (answer.status_code, set(answer.json)) == (201, {"request_uri", "expires_in"})
    assert answer.json["request_uri"].startswith(PREFIX)
    assert len(answer.json["request_uri"]) >= len(PREFIX) + 43
    assert answer.json["expires_in"] == 60
    assert answer.headers["Cache-Control"] == "no-store"
    url = sign_in(scene, address(party, answer.json["request_uri"]))
    assert party.redeem(party.answer(url)["code"]).claims["nonce"] == party.nonce


@pytest.mark.parametrize("options", [{"public": True}, {"token_endpoint_auth_method": "client_secret_post"}])
def test_clients_authenticate_as_at_the_token_endpoint(scene, options):
    """§2.1: with the registered method, and a public client by its id."""
    party = scene.party(**options)
    assert party.answer(sign_in(scene, push(party)))["code"]


@pytest.mark.parametrize(
    ("headers", "form"),
    [
        ({"Authorization": "Basic d2Vic2hvcDp3cm9uZw=="}, {}),
        ({}, {"client_id": "webshop"}),
        ({}, {"client_id": "nobody", "client_secret": "x"}),
        ({}, {}),
    ],
)
def test_a_client_that_fails_to_authenticate_pushes_nothing(scene, ask, headers, form):
    """§2.3: the errors are those of the token endpoint."""
    sent = dict(parse_qsl(urlsplit(scene.party().authorize_url()).query)) | form
    if not form:
        del sent["client_id"]
    answer = ask("POST", "/oauth/par", data=sent, headers=headers)
    assert (answer.status_code, answer.json["error"]) == (401, "invalid_client")
    assert "Basic" in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize("what", FAULTS)
def test_the_whole_request_is_checked_when_it_is_pushed(scene, what):
    """§2.1 and §2.3: each fault is answered as JSON, with the error that the browser would carry."""
    params, error = FAULTS[what]
    answer = pushed(scene.party(), **params)
    assert (answer.status_code, answer.json["error"]) == (400, error)
    assert "request_uri" not in answer.json


def test_another_client_id_in_the_body_is_refused(scene):
    """RFC 6749 §2.3.1: the client in the header is the one that asks."""
    party, other = scene.party(), scene.party("back-office")
    assert party.ask(PUSH, {"client_id": other.client_id, "response_type": "code"}).json["error"] == "invalid_request"


def test_other_methods_and_bodies_get_json(ask):
    """§2.3: 405 with a true Allow, and JSON for a body that is no form or too large."""
    refused = ask("GET", "/oauth/par")
    assert (refused.status_code, refused.headers["Allow"]) == (405, "POST")
    assert ask("POST", "/oauth/par", json={}).json["error"] == "invalid_request"
    assert ask("POST", "/oauth/par?client_id=x", data={}).json["error"] == "invalid_request"
    assert ask("POST", "/oauth/par", data={"state": "x" * 70_000}).status_code in (400, 413)


def test_what_the_browser_adds_counts_for_nothing(scene):
    """RFC 9101 §6.3: only the pushed parameters are used, except the client_id, which must match."""
    party = scene.party()
    url = push(party, response_mode="fragment") + "&" + urlencode(
        {"redirect_uri": "https://evil.example/cb", "scope": "bogus", "state": "evil", "response_mode": "query",
         "prompt": "none", "nonce": "evil", "response_type": "token"})  # fmt: skip
    left = sign_in(scene, url)
    assert left.startswith(party.redirect_uri + "#")
    assert party.redeem(party.answer(left)["code"]).claims["nonce"] == party.nonce


def test_a_reference_is_bound_to_its_client(scene):
    """§4, §7.1: another client cannot use it, and does not use it up."""
    party, other = scene.party(), scene.party("back-office")
    reference = pushed(party).json["request_uri"]
    assert scene.browser.open(address(other, reference)).status == 400
    assert scene.browser.left_for is None
    assert party.answer(sign_in(scene, address(party, reference)))["code"]


@pytest.mark.parametrize("reference", [PREFIX, PREFIX + "A" * 43, PREFIX + "%00", PREFIX + "x" * 4000])
def test_an_unknown_reference_is_refused(scene, reference):
    """§4: the page says where to go on. An address that the browser names is told, if it is the client's."""
    party = scene.party()
    page = scene.browser.open(address(party, reference))
    assert (page.status, page.left_for) == (400, None)
    party.authorize_url()
    more = {"redirect_uri": party.redirect_uri, "state": party.state}
    with pytest.raises(Refused) as refused:
        party.answer(scene.browser.open(address(party, reference, **more)).left_for)
    assert refused.value.error == "invalid_request_uri"


def test_a_reference_expires_before_its_use(scene):
    """§2.2: after ``expires_in`` seconds no browser can use it."""
    party = scene.party()
    with time_machine.travel(clock.now(), tick=False) as turned:
        late, in_time = push(party), push(party)
        turned.shift(59)
        assert scene.browser.open(in_time).status == 200
        turned.shift(1)
        assert scene.browser.open(late).heading == "This address is no longer valid"
        assert scene.browser.status == 400


def test_a_reference_is_used_by_one_browser(scene, new_browser):
    """§7.3: a reference that leaked, in a log or a history, opens nothing in another browser."""
    party = scene.party()
    url = push(party)
    assert party.answer(sign_in(scene, url))["code"]
    assert new_browser().open(url).status == 400
    assert new_browser().open(url).left_for is None


def test_reload_and_a_long_sign_in_do_no_harm(scene):
    """S60, §4: the same browser may load the address again, and the sign-in carries the request itself."""
    party = scene.party()
    with time_machine.travel(clock.now(), tick=False) as turned:
        url = push(party)
        scene.browser.open(url)
        turned.shift(600)
        scene.browser.open(url)
        assert "password" in scene.browser.fields
        turned.shift(900)
        assert party.answer(sign_in(scene, scene.browser.url))["code"]


def test_a_sign_in_that_ended_begins_the_pushed_request_again(scene):
    """S60: days later its address still leads to the app, with the pushed state and nonce."""
    party = scene.party()
    with time_machine.travel(clock.now(), tick=False) as turned:
        scene.browser.open(push(party))
        there = scene.browser.url
        turned.shift(2 * 86_400)
        scene.browser.open(there)
        scene._answer()
        assert party.redeem(party.answer(scene.browser.left_for)["code"]).claims["nonce"] == party.nonce


def test_the_page_that_posts_may_be_reloaded(scene):
    """S60: with form_post the browser stands at the authorization endpoint."""
    party = scene.party()
    scene.tokens(party)
    url = push(party, response_mode="form_post")
    for _ in range(2):
        scene.browser.open(url)
        assert scene.browser.status == 200
        assert party.answer(scene.browser.left_for, scene.browser.left_with)["code"]


@pytest.mark.parametrize(
    ("over", "member"), [({}, True), ({"clients": {"require_pushed_authorization_requests": True}}, None)]
)
def test_a_client_that_must_push_is_refused_otherwise(scene, member):
    """§5, §6: the error goes to the app. What it pushed is not refused when it is read again after the sign-in."""
    found = scene.party("first").metadata["require_pushed_authorization_requests"]
    assert found is (member is None)
    party = scene.party(require_pushed_authorization_requests=member)
    with pytest.raises(Refused, match="must push") as refused:
        party.answer(scene.browser.open(party.authorize_url()).left_for)
    assert refused.value.error == "invalid_request"
    forged = scene.browser.open(party.authorize_url(came_by="pushed"))
    assert "error=invalid_request" in (forged.left_for or "")
    assert party.answer(sign_in(scene, push(party)))["code"]


def test_what_is_stored_is_a_digest_and_a_sealed_text(scene):
    """V11: neither the reference nor a parameter is in the row."""
    party = scene.party()
    reference = pushed(party).json["request_uri"]
    with scene.factory.context():
        row = every(select(pushed_requests.PushedRequest))[0]
    text = f"{row.digest!r} {row.sealed}"
    assert reference.removeprefix(PREFIX) not in text
    assert party.state not in text
    assert len(row.digest) == 32


def test_metadata_names_the_endpoint(ask, settings):
    """§5."""
    found = ask("GET", "/.well-known/oauth-authorization-server").json
    assert found[PUSH] == settings.issuer + "/oauth/par"
    assert found["require_pushed_authorization_requests"] is False
