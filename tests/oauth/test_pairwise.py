"""Apps of different sectors know a person by different identifiers (OpenID Connect Core §8, Registration §5)."""

import base64
import json
from urllib.parse import urlencode

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from idp import clock, sealing
from idp.actors import System
from idp.audit import Origin
from idp.db import transaction
from idp.errors import Busy, Invalid
from idp.oauth import backchannel_logout, registration
from idp.oauth.client_metadata import TOKEN_EXCHANGE, validate_metadata
from idp.oauth.provider import make_provider
from idp.oauth.registration import Ours
from idp.store import installation_keys
from idp.store.logout_notices import LogoutNotice
from idp.write_gate import MustWait, never_waits
from tests.drivers.app_server import app_server
from tests.drivers.approvals import ask as ask_approval
from tests.drivers.approvals import asked
from tests.drivers.registering_apps import at, make_token
from tests.drivers.relying_party import Refused

CLI = Origin(System("cli"))
GRANTS = ["authorization_code", "refresh_token"]
PAIRWISE = {"subject_type": "pairwise", "grant_types": GRANTS}


@pytest.fixture
def settings(configure):
    """Let the provider call apps on loopback, and apps register themselves."""
    return configure(outgoing={"allow": ["127.0.0.0/8"]}, clients={"registration": "open"})


def party(scene, name, host, **options):
    """Return a pairwise app of a host."""
    return scene.party(name, redirect_uri=f"https://{host}/cb", **{**PAIRWISE, **options})


def claims_of(scene, token):
    """Return the claims of a JWT that we signed."""
    keys = KeySet.import_key_set(scene.app.test_client().get("/oauth/jwks", base_url=scene.settings.issuer).json)
    return jwt.decode(token, keys, algorithms=["ES256", "RS256"]).claims


def as_client(made, name):
    """Return a request's header by which a client proves itself."""
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{made._secret}".encode()).decode()}


def test_sectors_know_a_person_by_different_identifiers(scene):
    """§8.1: one within a sector, another one in each other; no secret of the id shows; public stays the default."""
    one, same, other = (
        party(scene, "one", "a.example"),
        party(scene, "same", "a.example"),
        party(scene, "other", "b.example"),
    )
    subjects = [scene.tokens(app).claims["sub"] for app in (one, same, other, scene.party("plain"))]
    assert subjects[0] == subjects[1]
    assert len(set(subjects)) == 3
    assert subjects[3] == scene.person.id
    assert all(len(subject) <= 255 and subject.isascii() for subject in subjects)
    assert scene.tokens(one).claims["sub"] == subjects[0]
    assert one.metadata["subject_types_supported"] == ["public", "pairwise"]


@pytest.mark.parametrize("address", ["http://localhost:3000/cb", "http://127.0.0.1/cb"])
def test_a_loopback_is_no_sector(settings, address):
    """§8.1: it is the host of every app on every machine. The refusal says so, or one address alone would seem right."""
    with pytest.raises(Invalid, match="no loopback"):
        validate_metadata({"redirect_uris": [address], "subject_type": "pairwise"}, settings)


def test_every_token_and_answer_has_the_same_identifier(scene, ask):
    """§5.3.2, §12.2, RFC 7662 §2.2, Back-Channel Logout §2.4: none of them shows the person's id."""
    app = party(scene, "one", "a.example", response_types=["code", "code id_token"])
    tokens = scene.tokens(app, scope="openid offline_access")
    subject = tokens.claims["sub"]
    refreshed = app.refresh(tokens.refresh_token)
    header = as_client(app, "one")
    seen = [
        refreshed.claims["sub"],
        claims_of(scene, tokens.access_token)["sub"],
        app.userinfo(tokens.access_token)["sub"],
        *(
            ask("POST", "/oauth/introspect", data={"token": token}, headers=header).json["sub"]
            for token in (tokens.access_token, tokens.refresh_token)
        ),
    ]
    scene.browser.open(app.authorize_url(response_type="code id_token", prompt="none"))
    beside_code = app.answer(scene.browser.left_for)["id_token"]
    seen.append(claims_of(scene, beside_code)["sub"])
    with scene.factory.context():
        provider = scene.app.extensions["sleutel.oauth"].provider
        notice = LogoutNotice(
            organisation_id=scene.person.organisation_id, session_id="s", client_id="one", user_id=scene.person.id
        )
        seen.append(claims_of(scene, backchannel_logout.logout_token(provider, provider.clients.get("one"), notice))["sub"])
    assert set(seen) == {subject}
    assert scene.person.id not in (tokens.access_token + str(tokens.claims))


def test_hints_lead_back_to_the_person(scene, ask):
    """§3.1.2.1, §5.5.1: id_token_hint and a requested sub mean the person; another sector's identifier means nobody."""
    app, other = party(scene, "one", "a.example"), party(scene, "other", "b.example")
    tokens, others = scene.tokens(app), scene.tokens(other)

    def answer(**params):
        scene.browser.open(app.authorize_url(prompt="none", **params))
        try:
            return app.callback(scene.browser.left_for).claims["sub"]
        except Refused as refused:
            return refused.error

    def wanted(subject):
        return answer(claims=json.dumps({"id_token": {"sub": {"value": subject}}}))

    subject = tokens.claims["sub"]
    assert answer(id_token_hint=tokens.id_token) == subject
    assert wanted(subject) == subject
    for wrong in (others.claims["sub"], scene.person.id, subject[:-4] + "AAAA", "", "x" * 56, "é"):
        assert wanted(wrong) == "login_required", wrong
    signed_out = scene.browser.client.get(
        "/oauth/logout", base_url=scene.settings.issuer, query_string={"id_token_hint": tokens.id_token}
    )
    assert signed_out.status_code in (200, 303)
    assert answer() == "login_required"  # the hint proved the session, so nobody was asked


def test_a_hint_made_before_a_change_of_the_type_is_read(scene):
    """An operator may change the type while people are signed in."""
    app = scene.party("one", redirect_uri="https://a.example/cb", grant_types=GRANTS)
    public = scene.tokens(app)
    with scene.factory.context():
        registration.change(scene.settings, "one", {"redirect_uris": ["https://a.example/cb"], **PAIRWISE}, Ours(True), CLI)
    scene.browser.open(app.authorize_url(prompt="none", id_token_hint=public.id_token))
    pairwise = app.callback(scene.browser.left_for)
    assert pairwise.claims["sub"] != scene.person.id
    with pytest.raises(Refused, match="invalid_token"):
        app.userinfo(public.access_token)  # it names the person by an identifier that the app has lost
    with scene.factory.context():
        registration.change(scene.settings, "one", {"redirect_uris": ["https://a.example/cb"]}, Ours(True), CLI)
    scene.browser.open(app.authorize_url(prompt="none", id_token_hint=pairwise.id_token))
    assert app.callback(scene.browser.left_for).claims["sub"] == scene.person.id


def test_exchanged_tokens_and_approvals_keep_it(scene):
    """RFC 8693, CIBA §7.1: the API behind sees the app's identifier, and a hint of the app names the person."""
    words = {"orders.read": "Words"}
    api = {"redirect_uris": [], "grant_types": [TOKEN_EXCHANGE, "client_credentials"], "scope": "orders.read"}
    stock = scene.party(
        "stock", resource={"identifier": "https://stock.example", "scopes": words},
        token_exchange_resources=["https://stock.example"], **api,
    )  # fmt: skip
    app = party(
        scene, "one", "a.example", scope="openid orders.read", grant_types=[*GRANTS, "urn:openid:params:grant-type:ciba"]
    )
    scene.browser.open(
        app.authorize_url(scope="openid orders.read") + "&" + urlencode({"resource": "https://stock.example"})
    )
    while not scene.browser.left_for:
        scene._answer()
    tokens = app.redeem(app.answer(scene.browser.left_for)["code"])
    form = {
        "grant_type": TOKEN_EXCHANGE, "subject_token": tokens.access_token, "resource": "https://stock.example",
        "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
    }  # fmt: skip
    exchanged = stock.token(form).json
    subject = tokens.claims["sub"]
    assert claims_of(scene, exchanged["access_token"])["sub"] == subject
    assert stock.ask("introspection_endpoint", {"token": exchanged["access_token"]}).json["sub"] == subject
    assert asked(app, login_hint=None, id_token_hint=tokens.id_token)["auth_req_id"]
    assert ask_approval(app, login_hint=subject)[1]["error"] == "unknown_user_id"


def test_sectors_cannot_compare_sessions(scene):
    """§8.1: all apps of a browser share its session, so its id is pairwise too. Signing out still finds it by the hint."""
    apps = [party(scene, name, host) for name, host in (("one", "a.example"), ("same", "a.example"), ("other", "b.example"))]
    sids = [scene.tokens(app).claims["sid"] for app in (*apps, scene.party("plain"))]
    assert sids[0] == sids[1]
    assert len(set(sids)) == 3
    with scene.factory.context():
        provider = scene.app.extensions["sleutel.oauth"].provider
        notice = LogoutNotice(
            organisation_id=scene.person.organisation_id, session_id=sids[3], client_id="one", user_id=scene.person.id
        )
        logout_token = backchannel_logout.logout_token(provider, provider.clients.get("one"), notice)
    assert claims_of(scene, logout_token)["sid"] == sids[0]


@pytest.mark.parametrize("before", [PAIRWISE, {"grant_types": GRANTS}], ids=["pairwise", "public"])
def test_an_app_cannot_move_into_the_sector_of_another(ask, before):
    """§8.1: with refresh tokens, and the redirect address of another app, it would learn that sector's identifiers."""
    own, others = "https://a.example/cb", "https://victim.example/cb"
    made = ask("POST", "/oauth/register", json={"redirect_uris": [own], **before}).json

    def change(**wanted):
        path, shown = at(made)
        answer = ask("PUT", path, json={"client_id": made["client_id"], "grant_types": GRANTS, **wanted}, **shown)
        made.update(answer.json)
        return answer.status_code

    assert change(redirect_uris=[others], subject_type="pairwise") == 400
    assert change(redirect_uris=[own + "2"], subject_type="pairwise") == (200 if before is PAIRWISE else 400)
    assert change(redirect_uris=[others]) == 200
    assert change(redirect_uris=[others], subject_type="pairwise") == 400


def test_identifiers_survive_new_sealing_keys(scene, configure):
    """§8.1 "never reassigned": the key lies sealed in the database, moves to the new sealing key, and goes with a backup."""
    app = party(scene, "one", "a.example")
    subject = scene.tokens(app).claims["sub"]
    new = "new:" + base64.b64encode(b"n" * 32).decode()
    rotated = configure(secrets=[new, *scene.settings.secrets])
    with scene.factory.context():
        sealing.reseal(rotated)
        assert not sealing.left_behind(rotated).get("installation key")
        alone = make_provider(configure(secrets=[new]))
        assert alone.subjects.subject(alone.clients.get("one"), scene.person.id) == subject
        lost = make_provider(configure(secrets=["other:" + base64.b64encode(b"o" * 32).decode()]))
        with pytest.raises(Busy):
            lost.subjects.subject(lost.clients.get("one"), scene.person.id)
        with transaction():  # of two processes that make the key at the same moment, the first one's stays
            assert not installation_keys.insert_key("pairwise", b"x", clock.now())


class TestSectorIdentifiers:
    """§8.1, Registration §5: a document at an address lists the redirect addresses of its sector."""

    @pytest.fixture
    def server(self):
        """Serve the document."""
        with app_server() as running:
            running.documents["/sector"] = json.dumps(["https://a.example/cb", "https://b.example/cb"]).encode()
            running.documents["/text"] = b'"https://a.example/cb"'
            running.documents["/broken"] = b"["
            yield running

    def wanted(self, server, path="/sector", **over):
        """Return the metadata of an app of two hosts."""
        both = ["https://a.example/cb", "https://b.example/cb"]
        return {"redirect_uris": both, "subject_type": "pairwise", "sector_identifier_uri": server.address + path, **over}

    def test_the_document_must_list_every_redirect_address(self, server, ask, factory, settings):
        """Registration §5: fetched and checked when an app registers, and when its addresses change."""
        by_operator = {"headers": {"Authorization": f"Bearer {make_token(factory)[1]}"}}  # loopback is not for strangers
        made = ask("POST", "/oauth/register", json=self.wanted(server), **by_operator)
        assert (made.status_code, made.json["subject_type"]) == (201, "pairwise")
        assert len(server.requests) == 1
        cases = (
            {"redirect_uris": ["https://c.example/cb"]}, {"sector_identifier_uri": server.address + "/text"},
            {"sector_identifier_uri": server.address + "/broken"}, {"sector_identifier_uri": server.address + "/none"},
            {"sector_identifier_uri": "http://127.0.0.1:1/"},
        )  # fmt: skip
        for wrong in cases:
            refused = ask("POST", "/oauth/register", json=self.wanted(server, **wrong), **by_operator)
            assert (refused.status_code, refused.json["error"]) == (400, "invalid_client_metadata"), wrong
        path = made.json["registration_client_uri"].removeprefix(settings.issuer)
        header = {"Authorization": "Bearer " + made.json["registration_access_token"]}
        more = {**self.wanted(server), "client_id": made.json["client_id"], "redirect_uris": ["https://c.example/cb"]}
        assert ask("PUT", path, json=more, headers=header).json["error"] == "invalid_client_metadata"
        with factory.context():
            registration.register(settings, "ours", self.wanted(server), Ours(), None, CLI)
            with pytest.raises(Invalid):
                registration.register(settings, "other", self.wanted(server, path="/text"), Ours(), None, CLI)
            asked_before = len(server.requests)
            registration.change(settings, "ours", {**self.wanted(server), "client_name": "New"}, Ours(), CLI)
            assert len(server.requests) == asked_before  # nothing that it is about has changed

    def test_an_event_loop_never_waits_for_the_document(self, server, ask):
        """A thread answers instead, and nothing was counted or written before."""
        never_waits.set(True)
        try:
            with pytest.raises(MustWait):
                ask("POST", "/oauth/register", json=self.wanted(server))
        finally:
            never_waits.set(False)
        assert server.requests == []

    def test_inside_addresses_are_never_called(self, configure, factory):
        """SSRF: the document is fetched as everything that an app names, through [outgoing]."""
        with factory.context(), pytest.raises(Invalid) as refused:
            registration.register(
                configure(), "x", {"redirect_uris": ["https://a.example/cb"], "subject_type": "pairwise",
                                   "sector_identifier_uri": "https://127.0.0.1/sector"}, Ours(), None, CLI,
            )  # fmt: skip
        assert refused.value.field == "sector_identifier_uri"

    def test_apps_of_one_document_are_one_sector(self, scene, server):
        """§8.1: the host of the document is the sector, whatever hosts its apps have."""
        uri = {"sector_identifier_uri": server.address + "/sector"}
        first, second = party(scene, "one", "a.example", **uri), party(scene, "two", "b.example", **uri)
        third = party(scene, "three", "a.example")
        subjects = [scene.tokens(app).claims["sub"] for app in (first, second, third)]
        assert subjects[0] == subjects[1] != subjects[2]
