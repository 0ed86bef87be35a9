"""Apps are told when a session ends (OpenID Connect Back-Channel Logout 1.0)."""

import base64
import itertools
import json
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qs, urlencode

import pytest
import time_machine

from idp import clock, sweeps, worker
from idp.cli import doctor
from idp.db import transaction
from idp.identity.organisations import organisations
from idp.identity.sessions import listing, logout_notices
from idp.identity.users import status as user_status
from idp.oauth import backchannel_logout
from idp.store import audit, clients, restore, sessions
from idp.store import logout_notices as store
from idp.web.admin.logout_failures import failures_of
from tests.drivers.app_server import app_server
from tests.factories import BY_TESTS

PATH = "/oidc/backchannel"
EVENT = "http://schemas.openid.net/event/backchannel-logout"


@pytest.fixture
def settings(configure):
    """Let the provider call apps on loopback, as in a demo."""
    return configure(outgoing={"allow": ["127.0.0.0/8"]})


@pytest.fixture
def party(scene, server):
    """Return the webshop, with one person signed in to it."""
    made = scene.party(backchannel_logout_uri=server.address + PATH, backchannel_logout_session_required=True)
    scene.signed_in = scene.tokens(made)
    return made


def tell(scene) -> int:
    """Run one round of the worker. Returns how many notices were accepted."""
    with scene.factory.context():
        logout_notices.note_ended()
        provider = scene.app.extensions["sleutel.oauth"].provider
        return sum(backchannel_logout.tell(provider, client_id) for client_id in logout_notices.due_apps())


def sign_out(scene) -> None:
    """Sign out at the request of the app."""
    scene.browser.open(f"/oauth/logout?{urlencode({'id_token_hint': scene.signed_in.id_token})}")


def token_of(body: str) -> tuple[dict, str]:
    """Return the header of a posted logout token, and the token."""
    form = parse_qs(body)
    assert list(form) == ["logout_token"]
    token = form["logout_token"][0]
    return json.loads(base64.urlsafe_b64decode(token.split(".")[0] + "==")), token


def waiting(scene) -> list[tuple[str, int]]:
    """Return the notices to the webshop that were not accepted: state and tries."""
    with scene.factory.context():
        row = store.latest_failure("webshop")
        return [("failed" if row.failed_at else "waits", row.tries)] if row else []


def test_signing_out_posts_a_logout_token_to_the_app(scene, party, server):
    """§2.4, §2.5, V10.5.5: typ, iss, aud, sub, sid, jti, events, at most two minutes, and no nonce."""
    assert party.metadata["backchannel_logout_supported"] is party.metadata["backchannel_logout_session_supported"] is True
    assert tell(scene) == 0, "the session has not ended"
    sign_out(scene)
    assert tell(scene) == 1
    (request,) = server.requests
    assert request["path"] == PATH
    assert request["headers"]["Content-Type"] == "application/x-www-form-urlencoded"
    header, token = token_of(request["body"])
    claims = party.verify(token)
    assert header["typ"] == "logout+jwt"
    assert header["alg"] == "RS256", "as for the app's ID tokens"
    assert (claims["iss"], claims["aud"]) == (scene.settings.issuer, "webshop")
    assert (claims["sub"], claims["sid"]) == (scene.signed_in.claims["sub"], scene.signed_in.claims["sid"])
    assert claims["events"] == {EVENT: {}}
    assert 0 < claims["exp"] - claims["iat"] <= 120
    assert claims["jti"]
    assert "nonce" not in claims
    assert tell(scene) == 0, "an app is told once"


def test_a_logout_token_is_no_other_token(scene, party, server):
    """V9.2.2: it is no hint, and opens nothing at userinfo."""
    sign_out(scene)
    tell(scene)
    _, token = token_of(server.bodies()[0])
    assert scene.browser.open(party.authorize_url(prompt="none", id_token_hint=token)).left_for.count("login_required")
    with pytest.raises(Exception, match="invalid_token"):
        party.userinfo(token)


def by_disabling(scene) -> None:
    person = scene.person
    with scene.factory.context():
        organisation, user = scene.factory.organisation(person.organisation_id), scene.factory.user(person)
        user_status.disable(scene.settings, organisation, user, BY_TESTS)


def by_profile(scene) -> None:
    with scene.factory.context():
        listing.end_own(scene.factory.user(scene.person), scene.signed_in.claims["sid"], BY_TESTS)


def by_console(scene) -> None:
    with scene.factory.context():
        organisation = scene.factory.organisation(scene.person.organisation_id)
        listing.end_of(scene.settings, organisation, scene.signed_in.claims["sid"], BY_TESTS)


def by_removing(scene) -> None:
    with scene.factory.context(), transaction():
        organisations.remove(scene.factory.organisation(scene.person.organisation_id), BY_TESTS)


def by_restore(scene) -> None:
    with scene.factory.context(), transaction():
        restore.end_sign_ins(clock.now())


@pytest.mark.parametrize("end", [sign_out, by_disabling, by_profile, by_console, by_removing, by_restore])
def test_every_end_of_a_session_reaches_the_app(scene, party, server, end: Callable[..., None]):
    """Signing out, disabling the person, removing the organisation, and a restore."""
    end(scene)
    assert tell(scene) == 1
    assert party.verify(token_of(server.bodies()[0])[1])["sid"] == scene.signed_in.claims["sid"]


def test_rows_of_a_removed_organisation_go_after_its_notices_are_written(scene, party, server):
    """A sweep that comes before the worker's round writes the notices too."""
    by_removing(scene)
    with scene.factory.context():
        sweeps.sweep(scene.settings)
        assert sessions.live_session(scene.person.organisation_id, scene.signed_in.claims["sid"], clock.now()) is None
    assert tell(scene) == 1


def test_only_apps_of_the_session_that_want_it_are_told(scene, party, server):
    """An app that was not used, and one without an address, get nothing."""
    with app_server() as unused:
        scene.party("unused", redirect_uri="https://a.example/cb", backchannel_logout_uri=unused.address + "/")
        plain = scene.party("plain", redirect_uri="https://b.example/cb")
        scene.tokens(plain)
        sign_out(scene)
        assert tell(scene) == 1
        assert not unused.requests


def test_an_offline_grant_of_a_session_that_ran_out_is_not_told(scene, party, server):
    """A session that only ran out ends nothing at an app."""
    with time_machine.travel(clock.now() + timedelta(days=2)):
        assert tell(scene) == 0
    assert not server.requests


def test_204_is_acceptance_too(scene, party, server):
    """§2.8: some frameworks answer it for an empty body."""
    server.status = 204
    sign_out(scene)
    assert (tell(scene), waiting(scene)) == (1, [])


def test_a_refused_token_is_not_sent_again_and_noted(scene, party, server):
    """§2.8: 400 says that the request is invalid or that the logout failed. It would be refused again."""
    server.status = 400
    sign_out(scene)
    assert tell(scene) == 0
    assert waiting(scene) == [("failed", 1)]
    with time_machine.travel(clock.now() + timedelta(hours=5)):
        server.status = 200
        assert tell(scene) == 0
    assert len(server.requests) == 1
    with scene.factory.context():
        row = audit.rows(scene.person.organisation_id)[-1]
        assert (row.event, row.outcome, row.subject_id) == ("login:app_not_told", "failure", scene.person.id)


@pytest.mark.parametrize(
    ("status", "headers"), [(500, {}), (503, {}), (404, {}), (302, {"Location": "/elsewhere"}), (307, {})]
)
def test_another_answer_is_tried_again_with_growing_pauses(scene, party, server, status: int, headers: dict[str, str]):
    """A redirect is not followed: the token would go to an address that nobody registered."""
    server.status, server.headers = status, headers
    sign_out(scene)
    with time_machine.travel(clock.now(), tick=False) as turned:
        tries = []
        for _ in range(200):
            before = len(server.requests)
            tell(scene)
            tries.append(len(server.requests) - before)
            turned.shift(10)
        sent = [number for number, one in enumerate(tries) if one]
        pauses = [later - earlier for earlier, later in itertools.pairwise(sent)]
        assert pauses == sorted(pauses)
        assert 5 <= len(sent) <= 9
        assert {one["path"] for one in server.requests} == {PATH}
        server.status = 200
        turned.shift(3600)
        assert tell(scene) == 1
    assert len({token_of(body)[1] for body in server.bodies()}) == len(server.bodies()), "each try has a new token"


def test_a_notice_is_given_up_after_a_day(scene, party, server):
    """The app's own session is over by then. The audit log, `idp doctor` and the console keep that it was not told."""
    server.status = 500
    sign_out(scene)
    with time_machine.travel(clock.now(), tick=False) as turned:
        for _ in range(40):
            tell(scene)
            turned.shift(3601)
        assert waiting(scene)[0][0] == "failed"
        assert 20 <= len(server.requests) <= 30
        with scene.factory.context():
            assert "webshop: 0 wait, 1 not accepted (status 500)" in doctor.logouts(scene.settings).words
            assert failures_of("webshop").failed == 1


def test_an_app_that_does_not_listen_is_left_alone_until_its_next_try(scene, party, server):
    """One dead app costs one try for each pause, however many sessions wait for it."""
    other = scene.factory.make_user(scene.person.organisation_id, "kim")
    sign_out(scene)
    with scene.factory.context(), transaction():
        client = clients.client("webshop")
        clients.change_client("webshop", metadata_={**client.metadata_, "backchannel_logout_uri": "http://127.0.0.1:9/x"})
        assert store.note_ended(["webshop"], clock.now(), 10) == 1
        for number in range(3):
            store._note(other.organisation_id, f"session{number}", "webshop", other.id, clock.now())
    assert tell(scene) == 0
    with scene.factory.context():
        assert logout_notices.due_apps() == []
        assert [(name, waits, failed) for name, waits, failed, _ in store.troubled()] == [("webshop", 1, 0)]
    with time_machine.travel(clock.now() + timedelta(seconds=11)), scene.factory.context():
        assert logout_notices.due_apps() == ["webshop"]


def test_a_hanging_app_holds_up_no_other_app(scene, party, server):
    """The couriers of the worker: each app has a thread of its own."""
    with app_server() as hanging:
        hanging.gate.clear()
        slow = scene.party("hanging", redirect_uri="https://a.example/cb", backchannel_logout_uri=hanging.address + "/")
        scene.tokens(slow)
        sign_out(scene)
        couriers = worker.Couriers(scene.app.extensions["sleutel.oauth"].provider, scene.app.app_context, threading.Event())
        with scene.factory.context():
            couriers.start()
        assert hanging.arrived.acquire(timeout=20)
        assert server.arrived.acquire(timeout=20)
        with scene.factory.context():
            couriers.start()
        assert len(hanging.requests) == 1, "one request at a time for each app"
        hanging.gate.set()
        for thread in couriers._busy.values():
            thread.join(20)


def test_two_workers_send_a_notice_once(scene, party, server):
    """A notice is leased for the time of its request."""
    sign_out(scene)
    with scene.factory.context():
        logout_notices.note_ended()
        now = clock.now()
        with transaction():
            assert store.lease("webshop", now, now + backchannel_logout.LEASE) is not None
            assert store.lease("webshop", now, now + backchannel_logout.LEASE) is None
        assert logout_notices.note_ended() == 0
    with time_machine.travel(clock.now() + timedelta(minutes=3)):
        assert tell(scene) == 1, "a worker that crashed leaves it to the next one"


def test_an_address_on_the_private_network_is_not_called(scene, configure, server):
    """V1.3.6: without `[outgoing] allow` no loopback, private or link-local address is reached."""
    party = scene.party(backchannel_logout_uri=server.address + PATH)
    scene.signed_in = scene.tokens(party)
    sign_out(scene)
    shut = replace(scene.app.extensions["sleutel.oauth"].provider, settings=configure())
    with scene.factory.context():
        logout_notices.note_ended()
        assert backchannel_logout.tell(shut, "webshop") == 0
    assert not server.requests
    assert waiting(scene) == [("waits", 1)]
