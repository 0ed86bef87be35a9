"""People sign in at a device without a keyboard, by approving it in a browser (RFC 8628)."""

import re
from datetime import timedelta

import pytest
import time_machine

from idp import clock, sweeps
from idp.db import connection, transaction
from idp.identity.users import status as user_status
from idp.store import audit, clients
from idp.store.polled_requests import PolledRequest
from tests.drivers.relying_party import Refused
from tests.drivers.terminal import DEVICE, GRANTS, approve, ask, codes, enter, error_of, poll
from tests.factories import BY_TESTS


@pytest.fixture
def terminal(scene):
    """Return a price checker: a public client that may use the device grant alone."""
    return scene.party("terminal", public=True, **GRANTS)


def test_the_response_has_both_codes_and_where_to_enter_one(scene, terminal):
    """§3.2, §6.1: eight consonants, readable aloud; the address for a QR code has the code."""
    body = codes(terminal)
    assert re.fullmatch(r"[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}", body["user_code"])
    assert len(body["device_code"]) >= 43
    assert body["verification_uri"] == f"{scene.settings.issuer}/device"
    assert body["verification_uri_complete"] == f"{scene.settings.issuer}/device?user_code={body['user_code']}"
    assert (body["expires_in"], body["interval"]) == (600, 5)
    assert terminal.metadata["device_authorization_endpoint"] == f"{scene.settings.issuer}/oauth/device_authorization"
    assert DEVICE in terminal.metadata["grant_types_supported"]


def test_an_approved_device_gets_the_tokens_of_the_person(scene, terminal):
    """§3.3 to §3.5: the page names the app, the device, its shop and the code; the tokens are the person's."""
    scene.factory.make_shop(scene.person.organisation_id, "utrecht-1", "Utrecht Station")
    sent = {"device_name": "Kassa 3", "shop": "Utrecht-1", "scope": "openid profile offline_access"}
    body = codes(terminal, **sent)
    assert error_of(terminal, body["device_code"]) == "authorization_pending"
    enter(scene, body["user_code"])
    for shown in ("Terminal", "Kassa 3", "Utrecht Station", body["user_code"], scene.person.username):
        assert shown in scene.browser.text
    scene.browser.submit("choice=approve")
    assert "The device is signed in" in scene.browser.text
    tokens = poll(terminal, body["device_code"])
    assert tokens.claims["sub"] == scene.person.id
    assert tokens.claims["sid"]
    assert "nonce" not in tokens.claims
    assert terminal.userinfo(tokens.access_token)["sub"] == scene.person.id
    assert terminal.refresh(tokens.refresh_token).access_token
    with scene.factory.context():
        assert "terminal:approved" in [row.event for row in audit.rows(scene.person.organisation_id)]


@pytest.mark.parametrize("typed", ["{lower}", "{spaced}", "{plain}", " {code} "])
def test_the_code_may_be_typed_in_any_form(scene, terminal, typed: str):
    """§6.1: case, spaces and hyphens do not matter."""
    plain = (code := codes(terminal)["user_code"]).replace("-", "")
    enter(scene, typed.format(code=code, lower=code.lower(), plain=plain, spaced=" ".join(plain)))
    assert code in scene.browser.text


def test_the_address_of_a_qr_code_fills_the_code_in(scene, terminal):
    """§3.3.1: it is shown, to be compared with the device, and nothing is approved by opening it."""
    body = codes(terminal)
    scene.browser.open(body["verification_uri_complete"])
    assert [body["user_code"]] in [form.fields.get("user_code") for form in scene.browser.page.forms]
    assert error_of(terminal, body["device_code"]) == "authorization_pending"


def test_a_device_of_a_shop_that_the_organisation_lacks_is_not_approved(scene, terminal):
    """§5.4: the shop is looked up in the person's own organisation, so nobody can invent one; the request waits on."""
    scene.factory.make_shop(scene.factory.make_organisation("toys"), "utrecht-1", "Utrecht Toys")
    body = codes(terminal, shop="utrecht-1", organisation=scene.person.store_url)
    enter(scene, body["user_code"])
    there = scene.browser.url
    assert (scene.browser.status, "“utrecht-1”" in scene.browser.text, "Toys" in scene.browser.text) == (404, True, False)
    token = scene.browser.open("/device").value("csrf_token")
    answer = scene.browser.send("POST", there, [("choice", "approve"), ("csrf_token", token)])
    assert answer.status == 404
    assert error_of(terminal, body["device_code"]) == "authorization_pending"


def test_a_refusal_ends_the_request(scene, terminal):
    """§3.5: ``access_denied``; a later approval changes nothing."""
    body = codes(terminal)
    enter(scene, body["user_code"])
    scene.browser.submit("choice=deny")
    assert "The device is not signed in" in scene.browser.text
    assert error_of(terminal, body["device_code"]) == "access_denied"
    scene.browser.open("/device").fill(user_code=body["user_code"]).submit()
    assert scene.browser.status == 422
    assert error_of(terminal, body["device_code"]) == "access_denied"


def test_refusing_consent_ends_the_request(scene):
    """A third-party app's device asks for consent first; refusing it refuses the device."""
    party = scene.party("thirdparty", public=True, first_party=False, **GRANTS)
    body = codes(party)
    scene.browser.open("/device").fill(user_code=body["user_code"]).submit()
    while "May Thirdparty see this?" not in scene.browser.text:
        scene._answer()
    assert "You continue to" not in scene.browser.text, "a device takes its tokens itself: nobody continues elsewhere"
    scene.browser.submit("choice=deny")
    assert "The device is not signed in" in scene.browser.text
    assert error_of(party, body["device_code"]) == "access_denied"


def test_polling_too_often_slows_down(scene, terminal):
    """§3.5: each early poll adds five seconds, for it and all that follow."""
    body = codes(terminal)
    with time_machine.travel(clock.now(), tick=False) as turned:
        assert error_of(terminal, body["device_code"]) == "authorization_pending"
        turned.shift(1)
        assert error_of(terminal, body["device_code"]) == "slow_down"
        turned.shift(6)
        assert error_of(terminal, body["device_code"]) == "slow_down"
        turned.shift(15)
        assert error_of(terminal, body["device_code"]) == "authorization_pending"


def test_a_code_expires(scene, terminal):
    """§3.5: ``expired_token``; its user code opens nothing any more, and a sweep deletes it."""
    body = codes(terminal)
    with time_machine.travel(clock.now() + timedelta(seconds=601), tick=False) as turned:
        assert error_of(terminal, body["device_code"]) == "expired_token"
        assert scene.browser.open("/device").fill(user_code=body["user_code"]).submit().status == 422
        turned.shift(2 * 86_400)
        with scene.factory.context():
            sweeps.sweep(scene.settings)
        assert error_of(terminal, body["device_code"]) == "invalid_grant"


def test_tokens_are_handed_out_once(scene, terminal):
    """One conditional statement: the second poll of two gets nothing."""
    body = codes(terminal)
    approve(scene, body["user_code"])
    assert poll(terminal, body["device_code"]).access_token
    assert error_of(terminal, body["device_code"]) == "invalid_grant"


def test_another_client_cannot_use_the_code(scene, terminal):
    """§5.2, RFC 6749 §5.2, §10.4: nor can anybody use none, or an invented one."""
    assert error_of(terminal, "") == "invalid_request"
    assert error_of(terminal, "nonsense") == "invalid_grant"
    other = scene.party("other", public=True, **GRANTS)
    body = codes(terminal)
    approve(scene, body["user_code"])
    assert error_of(other, body["device_code"]) == "invalid_grant"
    assert poll(terminal, body["device_code"]).access_token


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"scope": "unknown"}, "invalid_scope"),
        ({"max_age": "soon"}, "invalid_request"),
        ({"acr_values": "é"}, "invalid_request"),
        ({"organisation": "No Store!"}, "invalid_request"),
        ({"device_name": "x" * 101}, "invalid_request"),
        ({"shop": "a shop"}, "invalid_request"),
        ({"device_name": "\u202ereversed"}, None),
        ({"acr_values": "unknown"}, None),
        ({"redirect_uri": "https://evil.example", "prompt": "none"}, None),
    ],
)
def test_a_request_is_checked_as_an_authorization_request_is(scene, terminal, form: dict[str, str], error: str | None):
    """§3.1: one column of the same checks; what has no meaning here is ignored."""
    status, body = ask(terminal, **form)
    assert body.get("error") == error
    assert status == (200 if error is None else 400)


def test_only_registered_clients_may_ask(scene):
    """§3.1, V10.4.4: the client authenticates as at the token endpoint, and is registered for the grant."""
    plain = scene.party("plain")
    assert ask(plain)[1]["error"] == "unauthorized_client"
    answer = plain.token({"grant_type": DEVICE, "device_code": "x"})
    assert answer.get_json()["error"] == "unauthorized_client"
    secret = scene.party("secret", **GRANTS)
    assert ask(secret)[0] == 200
    secret._secret = "wrong" * 10
    assert ask(secret)[0] == 401


def test_a_wrong_code_says_so_and_many_of_them_wait(scene, terminal):
    """§5.1: guesses are counted for their address before they are checked."""
    for _ in range(scene.settings.limits.address_failures):
        answer = scene.browser.open("/device").fill(user_code="BBBB-BBBB").submit()
        assert answer.status == 422
    body = codes(terminal)
    assert scene.browser.open("/device").fill(user_code=body["user_code"]).submit().status == 429


def test_the_level_that_the_device_asks_for_is_reached_first(scene, terminal):
    """``acr_values`` and the client's minimum hold here as at the authorization endpoint."""
    person = scene.factory.make_user(scene.person.organisation_id, "mia", with_totp=True)
    scene.person = person
    body = codes(terminal, acr_values="mfa")
    scene.browser.open("/device").fill(user_code=body["user_code"]).submit()
    wanted = {"organisation": person.store_url, "username": person.username, "password": person.password}
    while "code" not in scene.browser.fields:
        scene.browser.fill(**{name: value for name, value in wanted.items() if name in scene.browser.fields}).submit()
    scene.browser.fill(code=person.authenticator.code()).submit()
    scene.browser.submit("choice=approve")
    assert poll(terminal, body["device_code"]).acr == "mfa"


def test_the_gate_is_asked_at_the_poll(scene, terminal):
    """A person who was disabled, or a client that lost the grant type, after the approval: no tokens."""
    body = codes(terminal)
    approve(scene, body["user_code"])
    with scene.factory.context():
        person = scene.person
        organisation = scene.factory.organisation(person.organisation_id)
        user_status.disable(scene.settings, organisation, scene.factory.user(person), BY_TESTS)
    assert error_of(terminal, body["device_code"]) == "invalid_grant"


def test_a_client_that_loses_the_grant_type_loses_its_grants(scene):
    """Grants depend on the grant type by which they were made."""
    party = scene.party("both", public=True, grant_types=[DEVICE, "authorization_code", "refresh_token"])
    body = codes(party, scope="openid offline_access")
    approve(scene, body["user_code"])
    tokens = poll(party, body["device_code"])
    with scene.factory.context(), transaction():
        row = clients.client("both")
        clients.change_client("both", metadata_={**row.metadata_, "grant_types": ["authorization_code", "refresh_token"]})
    with pytest.raises(Refused, match="invalid_grant"):
        party.refresh(tokens.refresh_token)


def test_an_organisation_that_the_client_does_not_serve_is_refused(scene):
    """The sign-in takes nobody of another organisation."""
    other = scene.factory.make_organisation("toys")
    party = scene.party("terminal", public=True, organisations=(other,), **GRANTS)
    body = codes(party)
    scene.browser.open("/device").fill(user_code=body["user_code"]).submit()
    scene._answer()
    assert "choice=approve" not in scene.browser.text
    assert error_of(party, body["device_code"]) == "authorization_pending"


def test_a_forged_decision_changes_nothing(scene, terminal):
    """V3.5.1: both forms need the token of their browser."""
    body = codes(terminal)
    assert scene.browser.send("POST", scene.settings.issuer + "/device", [("user_code", body["user_code"])]).status == 403
    enter(scene, body["user_code"])
    there = scene.browser.url
    assert scene.browser.send("POST", there, [("choice", "approve")]).status == 403
    assert error_of(terminal, body["device_code"]) == "authorization_pending"


def test_a_request_without_a_decision_leaves_no_secret_in_the_database(scene, terminal):
    """Codes are stored as a digest and as a keyed MAC."""
    body = codes(terminal)
    with scene.factory.context():
        row = str([*connection().execute(PolledRequest.__table__.select())])
    for secret in (body["device_code"], body["user_code"], body["user_code"].replace("-", "").lower()):
        assert secret not in row


def test_a_second_approval_of_one_code_is_told_that_it_is_over(scene, terminal, new_browser):
    """Two browsers decide at once: one decision counts."""
    body = codes(terminal)
    enter(scene, body["user_code"])
    first, scene.browser = scene.browser, new_browser()
    enter(scene, body["user_code"])
    first.submit("choice=approve")
    scene.browser.submit("choice=deny")
    assert scene.browser.status == 404
    assert poll(terminal, body["device_code"]).access_token
