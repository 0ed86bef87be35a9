"""An app asks a person for an approval, who gives it at a device of their own (OpenID Connect CIBA Core 1.0)."""

import json

import pytest
import time_machine

from idp import clock
from idp.db import connection, transaction
from idp.errors import Invalid
from idp.identity.users import status as user_status
from idp.mail.letters import compose
from idp.oauth import backchannel_authentication
from idp.store import audit, outbox, polled_requests
from idp.store import users as user_rows
from idp.store.polled_requests import PolledRequest
from tests.drivers.approvals import GRANTS, ask, asked, error_of, open_approval, poll
from tests.factories import BY_TESTS

TOKEN = "8d67dc78-7faa-4d41-aabd-67707b374255"


@pytest.fixture
def settings(configure):
    """Let the provider call apps on loopback."""
    return configure(outgoing={"allow": ["127.0.0.0/8"]})


@pytest.fixture
def till(scene):
    """Return a till that asks managers for approval, and make the person of the scene a manager with an address."""
    with scene.factory.context(), transaction():
        address = {"email": "jan@shoes.example", "email_verified_at": clock.now()}
        user_rows.change_user(scene.person.organisation_id, scene.person.id, **address)
    return scene.party("till", **GRANTS)


def mails(scene) -> list[str]:
    """Return the text of the mails that wait."""
    with scene.factory.context():
        return [str(compose(scene.settings, one).get_body(("plain",)).get_content()) for one in outbox.mails()]


def link(scene) -> str:
    """Return the path of the link in the only mail."""
    (text,) = mails(scene)
    return "/approve/" + text.partition("/approve/")[2].split()[0]


def test_a_person_approves_from_the_mail(scene, till):
    """§4, §7.1, §7.3, §11: the mail leads to the sign-in and to the page with the message; the till gets the tokens."""
    assert till.metadata["backchannel_token_delivery_modes_supported"] == ["poll", "ping"]
    scene.factory.make_shop(scene.person.organisation_id, "utrecht-1", "Utrecht Station")
    sent = {"binding_message": "Refund € 49.95", "device_name": "Kassa 3", "shop": "utrecht-1", "scope": "openid profile"}
    body = asked(till, **sent)
    assert len(body["auth_req_id"]) >= 43
    assert (body["expires_in"], body["interval"]) == (600, 5)
    assert error_of(till, body["auth_req_id"]) == "authorization_pending"
    assert "Refund € 49.95" in mails(scene)[0]
    open_approval(scene, link(scene))
    for shown in ("Till", "Refund € 49.95", "Kassa 3", "Utrecht Station", "jan"):
        assert shown in scene.browser.text
    scene.browser.submit("choice=approve")
    assert "You approved the request" in scene.browser.text
    tokens = poll(till, body["auth_req_id"])
    assert (tokens.claims["sub"], tokens.claims["aud"]) == (scene.person.id, "till")
    assert till.userinfo(tokens.access_token)["sub"] == scene.person.id
    assert error_of(till, body["auth_req_id"]) == "invalid_grant", "tokens are handed out once"
    with scene.factory.context():
        events = [row.event for row in audit.rows(scene.person.organisation_id)]
        assert [one for one in events if one.startswith("approval:")] == ["approval:asked", "approval:given"]


def test_a_person_who_is_signed_in_finds_it_on_the_front_page(scene, till):
    """The profile shows what waits, and only to the person who is asked."""
    scene.tokens(scene.party("webshop"))
    asked(till, binding_message="Refund 49.95")
    assert "Till: Refund 49.95" in scene.browser.open("/").text
    scene.browser.open(link(scene)).submit("choice=deny")
    assert "You denied the request" in scene.browser.text
    assert "Refund 49.95" not in scene.browser.open("/").text


def test_a_refusal_is_told(scene, till):
    """§11: ``access_denied``."""
    body = asked(till)
    open_approval(scene, link(scene))
    scene.browser.submit("choice=deny")
    assert error_of(till, body["auth_req_id"]) == "access_denied"
    assert scene.browser.open(link(scene)).status == 404


def test_a_refusal_at_the_consent_is_told_and_audited(scene, till):
    """A third-party app asks for consent first. Only the person who is asked gets there, so the audit log names them."""
    party = scene.party("thirdparty", first_party=False, **GRANTS)
    body = asked(party, scope="openid profile")
    scene.browser.open(link(scene))
    while "May Thirdparty see this?" not in scene.browser.text:
        scene._answer()
    scene.browser.submit("choice=deny")
    assert error_of(party, body["auth_req_id"]) == "access_denied"
    with scene.factory.context():
        (denied,) = [row for row in audit.rows(scene.person.organisation_id) if row.event == "approval:denied"]
    assert (denied.subject_id, denied.outcome) == (scene.person.id, "failure")


def test_only_the_person_who_is_asked_can_decide(scene, till):
    """The link opens nothing for somebody else: their sign-in is not the one that is asked for."""
    body = asked(till)
    other = scene.factory.make_user(scene.person.organisation_id, "kim")
    path, scene.person = link(scene), other
    scene.tokens(scene.party("webshop"))
    scene.browser.open(path)
    assert "choice" not in scene.browser.text
    assert "Do you approve this?" not in scene.browser.text
    assert error_of(till, body["auth_req_id"]) == "authorization_pending"


def test_the_level_that_the_till_asks_for_is_reached_first(scene, till):
    """§7.1 ``acr_values``, at the one sign-in machine: a password alone approves nothing that needs a second factor."""
    with scene.factory.context():
        scene.person = scene.factory.make_user(scene.person.organisation_id, "mia", with_totp=True, email="m@shoes.example")
    body = asked(till, acr_values="mfa", max_age="300", login_hint="mia")
    scene.browser.open(link(scene))
    while "code" not in scene.browser.fields:
        scene._answer()
    scene.browser.fill(code=scene.person.authenticator.code()).submit()
    scene.browser.submit("choice=approve")
    assert poll(till, body["auth_req_id"]).acr == "mfa"


def test_an_id_token_names_the_person_too(scene, till):
    """§7.1 ``id_token_hint``: an ID token that was issued to this client, and none of another client."""
    both = scene.party("both", grant_types=["authorization_code", *GRANTS["grant_types"]])
    hint = scene.tokens(both).id_token
    assert asked(both, login_hint=None, id_token_hint=hint)["auth_req_id"]
    for other in (hint, "a.b.c"):
        assert ask(till, login_hint=None, id_token_hint=other)[1]["error"] == "invalid_request"


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"login_hint": None}, "invalid_request"),
        ({"id_token_hint": "a.b.c"}, "invalid_request"),
        ({"login_hint": None, "login_hint_token": "a.b.c"}, "invalid_request"),
        ({"login_hint": "nobody"}, "unknown_user_id"),
        ({"organisation": "elsewhere"}, "unknown_user_id"),
        ({"organisation": None}, "unknown_user_id"),
        ({"scope": "profile"}, "invalid_scope"),
        ({"scope": None}, "invalid_scope"),
        ({"binding_message": "x" * 101}, "invalid_binding_message"),
        ({"shop": "utrecht-1"}, "invalid_request"),
        ({"binding_message": "a\u2028b"}, "invalid_binding_message"),
        ({"requested_expiry": "0"}, "invalid_request"),
        ({"requested_expiry": "soon"}, "invalid_request"),
        ({"acr_values": "é"}, "invalid_request"),
        ({"max_age": "-1"}, "invalid_request"),
    ],
)
def test_a_wrong_request_says_what_is_wrong(scene, till, form: dict[str, str | None], error: str):
    """§13: the errors of the authentication request. Nobody gets a mail."""
    status, body = ask(till, **form)
    assert (status, body["error"]) == (400, error)
    assert mails(scene) == []


def test_a_disabled_person_is_unknown(scene, till):
    """V7.4.2: nobody is asked who cannot sign in; one who was asked before gets no tokens."""
    body = asked(till)
    open_approval(scene, link(scene))
    scene.browser.submit("choice=approve")
    with scene.factory.context():
        organisation = scene.factory.organisation(scene.person.organisation_id)
        user_status.disable(scene.settings, organisation, scene.factory.user(scene.person), BY_TESTS)
    assert ask(till)[1]["error"] == "unknown_user_id"
    assert error_of(till, body["auth_req_id"]) == "invalid_grant"


def test_only_registered_confidential_clients_may_ask(scene, till):
    """§4, §7.1: the client authenticates, and is registered for the grant."""
    assert ask(scene.party("webshop"))[1]["error"] == "unauthorized_client"
    assert error_of(scene.party("other", **GRANTS), asked(till)["auth_req_id"]) == "invalid_grant"
    till._secret = "wrong" * 10
    assert ask(till)[0] == 401
    with pytest.raises(Invalid):
        scene.factory.make_client("public", public=True, **GRANTS)
    with pytest.raises(Invalid):
        scene.factory.make_client("ping", backchannel_token_delivery_mode="ping", **GRANTS)


def test_a_request_expires_when_the_app_says(scene, till):
    """§7.1 ``requested_expiry``, at most as long as ours; §11 ``expired_token`` and ``slow_down``."""
    body = asked(till, requested_expiry="60")
    assert body["expires_in"] == 60
    assert asked(till, requested_expiry="86400")["expires_in"] == 600
    with time_machine.travel(clock.now(), tick=False) as turned:
        assert error_of(till, body["auth_req_id"]) == "authorization_pending"
        assert error_of(till, body["auth_req_id"]) == "slow_down"
        turned.shift(61)
        assert error_of(till, body["auth_req_id"]) == "expired_token"


def test_many_requests_do_not_fill_a_mailbox(scene, till):
    """Mails to one person are limited; the profile shows every request all the same."""
    for number in range(scene.settings.limits.mails_for_account + 3):
        asked(till, binding_message=f"Refund {number}")
    assert len(mails(scene)) == scene.settings.limits.mails_for_account
    scene.tokens(scene.party("webshop"))
    assert "Refund 7" in scene.browser.open("/").text


@pytest.fixture
def pinged(scene, till, server):
    """Return a till that wants to be told instead of polling."""
    endpoint = {"backchannel_client_notification_endpoint": server.address + "/cb"}
    return scene.party("pinged", backchannel_token_delivery_mode="ping", **endpoint, **GRANTS)


def ping(scene) -> int:
    """Run the worker's round for the till. Returns how many decisions it has heard."""
    with scene.factory.context():
        provider = scene.app.extensions["sleutel.oauth"].provider
        return sum(backchannel_authentication.ping(provider, one) for one in polled_requests.apps_to_ping())


@pytest.mark.parametrize("choice", ["approve", "deny"])
def test_the_app_is_told_of_the_decision(scene, pinged, server, choice: str):
    """§10.2: the request's id, with the token that the app gave for it; once, and not before the decision."""
    body = asked(pinged, client_notification_token=TOKEN)
    assert ping(scene) == 0
    open_approval(scene, link(scene))
    scene.browser.submit(f"choice={choice}")
    assert ping(scene) == 1
    (request,) = server.requests
    assert json.loads(request["body"]) == {"auth_req_id": body["auth_req_id"]}
    assert request["headers"]["Authorization"] == f"Bearer {TOKEN}"
    assert request["headers"]["Content-Type"] == "application/json"
    assert ping(scene) == 0
    if choice == "approve":
        assert poll(pinged, body["auth_req_id"]).access_token


@pytest.mark.parametrize("status", [500, 302])
def test_a_ping_that_fails_is_repeated_until_the_request_expires(scene, pinged, server, status: int):
    """A redirect is not followed; the app may poll as well, so nothing is lost that it does not hear."""
    server.status = status
    asked(pinged, client_notification_token=TOKEN)
    open_approval(scene, link(scene))
    scene.browser.submit("choice=approve")
    with time_machine.travel(clock.now(), tick=False) as turned:
        for _ in range(70):
            assert ping(scene) == 0
            turned.shift(10)
        assert 3 <= len(server.requests) <= 12
        with scene.factory.context():
            assert list(polled_requests.apps_to_ping()) == []


@pytest.mark.parametrize("token", [None, "short", "x" * 1025, "has spaces in it but is long"])
def test_a_client_that_is_pinged_gives_a_token_for_it(scene, pinged, token: str | None):
    """§7.1: REQUIRED for ping; at most 1,024 characters, and at least 128 bits."""
    assert ask(pinged, client_notification_token=token)[1]["error"] == "invalid_request"


def test_nothing_stored_is_a_secret(scene, pinged):
    """Digests, and what the app is told with is sealed."""
    body = asked(pinged, client_notification_token=TOKEN)
    with scene.factory.context():
        stored = str([*connection().execute(PolledRequest.__table__.select())])
    assert not {body["auth_req_id"], TOKEN} & set(stored.replace("'", " ").split())
