"""Apps register themselves (RFC 7591, OpenID Connect Registration 1.0)."""

import json
from contextlib import suppress

import pytest

from idp import clock
from idp.errors import Invalid
from idp.oauth import registration, registration_tokens, self_registered
from idp.oauth.client_metadata import MEMBERS, validate_metadata
from idp.oauth.errors import OAuthError
from idp.oauth.registration import Ours
from idp.oauth.self_registered import CALLED, Allowed
from idp.store import audit, client_registrations, clients
from tests.drivers.registering_apps import ABOUT_IT, CALLBACK, CLI, FULL, LEAST, PATH, at, changed, make_token, register
from tests.drivers.relying_party import RelyingParty


@pytest.fixture
def mode():
    """Return which apps may register themselves."""
    return "open"


@pytest.fixture
def limits():
    """Return limits of the installation."""
    return {"registrations_from_address": 10_000}


@pytest.fixture
def settings(configure, mode, limits):
    """Return the settings that every other fixture uses."""
    return configure(clients={"registration": mode}, limits=limits)


class TestOff:
    """V10.4.7."""

    @pytest.fixture
    def settings(self, configure):
        """Return the defaults."""
        return configure()

    def test_registration_is_off_by_default(self, ask):
        """V10.4.7: the endpoint is not there, and discovery does not name it."""
        for method in ("GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD"):
            assert ask(method, PATH, json=LEAST).status_code == 404, method
        assert "registration_endpoint" not in ask("GET", "/.well-known/openid-configuration").json


class TestRegistering:
    """RFC 7591 §3."""

    def test_an_app_gets_all_of_its_registration(self, settings, ask):
        """RFC 7591 §3.2.1: 201, the metadata as registered, the credentials once, and no cache keeps it."""
        metadata = ask("GET", "/.well-known/openid-configuration").json
        assert metadata["registration_endpoint"] == settings.issuer + PATH
        answer = register(ask, FULL)
        made = answer.json
        assert answer.status_code == 201
        assert (answer.headers["Cache-Control"], answer.headers["Pragma"]) == ("no-store", "no-cache")
        assert made.keys() - FULL.keys() == ABOUT_IT | {"id_token_signed_response_alg", "subject_type"}
        assert {name: made[name] for name in FULL} == FULL
        assert made["client_secret_expires_at"] == 0
        assert abs(made["client_id_issued_at"] - clock.now().timestamp()) < 60
        assert made["registration_client_uri"] == f"{settings.issuer}{PATH}?client_id={made['client_id']}"
        with_defaults = register(ask).json
        assert with_defaults["token_endpoint_auth_method"] == "client_secret_basic"
        assert (with_defaults["grant_types"], with_defaults["response_types"]) == (["authorization_code"], ["code"])
        assert with_defaults["scope"] == "openid profile email phone address"

    def test_a_public_app_gets_no_secret(self, ask):
        """RFC 7591 §3.2.1: client_secret_expires_at is there "if client_secret is issued"."""
        made = register(ask, {**LEAST, "token_endpoint_auth_method": "none"}).json
        assert not {"client_secret", "client_secret_expires_at"} & made.keys()

    def test_people_sign_in_at_an_app_and_are_always_asked(self, settings, scene, ask):
        """Nobody has looked at it: consent is asked, in words that say so; nothing makes it one of our own."""
        made = register(ask, {**FULL, "first_party": True, "minimum_acr": "", "id_token_claims": True}).json
        assert not {"first_party", "id_token_claims"} & made.keys()
        party = RelyingParty(
            scene.app, settings.issuer, made["client_id"], CALLBACK, secret=made["client_secret"], post=True
        )
        scene.browser.open(party.authorize_url(scope="openid profile"))
        scene.browser.fill(username=scene.person.username, password=scene.person.password).submit()
        assert "registered itself" in scene.browser.text
        assert "app.example" in scene.browser.text
        scene.browser.submit()
        assert party.callback(scene.browser.left_for).claims["aud"] in (made["client_id"], [made["client_id"]])
        with scene.factory.context():
            row = clients.client(made["client_id"])
            assert not row.first_party
            with pytest.raises(Invalid, match="registered itself"):
                registration.change(settings, row.client_id, row.metadata_, Ours(first_party=True), CLI)
            registration_tokens.adopt(row.client_id, CLI)
            registration.change(settings, row.client_id, row.metadata_, Ours(first_party=True), CLI)
        path, shown = at(made)
        assert ask("GET", path, **shown).status_code == 401

    @pytest.mark.parametrize(
        "grant", ["client_credentials", "urn:ietf:params:oauth:grant-type:token-exchange",
                  "urn:openid:params:grant-type:ciba", "urn:ietf:params:oauth:grant-type:device_code"]
    )  # fmt: skip
    def test_powerful_grants_need_a_token_that_allows_them(self, factory, ask, grant):
        """V10.4.4: an operator decides which app acts for itself, or signs people in elsewhere."""
        wanted = {**LEAST, "grant_types": ["authorization_code", grant]}
        assert register(ask, wanted).json["error"] == "invalid_client_metadata"
        _, token = make_token(factory, grant_types=(grant,), uses=1)
        made = register(ask, wanted, token)
        assert made.json["grant_types"] == ["authorization_code", grant]

    def test_scopes_of_apis_need_a_token_that_allows_them(self, factory, ask):
        """RFC 7591 §2: other scopes are left out, and the answer tells that."""
        factory.make_client("api", resource={"identifier": "https://api.example", "scopes": {"till:refund": {"": "Refund"}}})
        wanted = {**LEAST, "scope": "openid till:refund unknown"}
        assert register(ask, wanted).json["scope"] == "openid"
        _, token = make_token(factory, scopes=("till:refund",))
        assert register(ask, wanted, token).json["scope"] == "openid till:refund"

    def test_a_software_statement_is_refused(self, ask):
        """RFC 7591 §3.2.2: we trust no issuer of one, and ignoring it could mislead the app."""
        for statement, error in (("a.b.c", "unapproved_software_statement"), (5, "invalid_software_statement")):
            refused = register(ask, {**LEAST, "software_statement": statement})
            assert (refused.status_code, refused.json["error"]) == (400, error)

    @pytest.mark.parametrize(
        "address",
        ["javascript:alert(1)", "data:text/html,x", "vbscript:x", "http://app.example/cb", "https://app.example/cb#f",
         "https://*.app.example/cb", "https://app.example/../cb", "https://u@app.example/", "https://app.example\\@x/",
         "com.app:/cb", "", 5, None, "//app.example/cb", "https://app.example/%2e%2e/x", "HTTPS://app.example/"],
    )  # fmt: skip
    def test_bad_redirect_addresses_have_an_error_of_their_own(self, ask, address):
        """RFC 7591 §3.2.2, RFC 9700 §2.1: invalid_redirect_uri, in a description that quotes nothing."""
        refused = register(ask, {"redirect_uris": [address]})
        assert (refused.status_code, refused.json["error"]) == (400, "invalid_redirect_uri")
        assert "app.example" not in refused.json["error_description"]
        for name in ("logo_uri", "post_logout_redirect_uris", "jwks_uri", "backchannel_logout_uri"):
            value = [address] if name.endswith("s") else address
            if address not in (None, "com.app:/cb"):
                wrong = register(ask, {**LEAST, name: value})
                assert wrong.json["error"] == "invalid_client_metadata", (name, address)

    def test_addresses_inside_our_network_are_refused(self, ask):
        """V1.3.6: what we would call is no machine of ours; a name is judged when it is called."""
        for host in ("127.0.0.1", "10.0.0.7", "169.254.169.254", "[::1]", "[::ffff:10.0.0.7]", "localhost"):
            for name in CALLED:
                address = f"https://{host}/x"
                refused = register(ask, {**LEAST, name: [address] if name == "request_uris" else address})
                assert refused.json["error"] == "invalid_client_metadata", (name, host)

    def test_only_json_objects_are_read(self, ask):
        """RFC 7591 §3.1: a JSON document, no member twice, bounded; the query is no place for it."""
        for body in (
            b"",
            b"{",
            b"[]",
            b"5",
            b'"x"',
            b'{"a":1,"a":2}',
            b'{"a":NaN}',
            b"\xff",
            b"[" * 50_000,
            b'{"a":"\\ud800"}',
        ):
            assert ask("POST", PATH, data=body, content_type="application/json").status_code == 400, body[:20]
        assert ask("POST", PATH, data=LEAST).json["error"] == "invalid_request"
        assert ask("POST", PATH + "?redirect_uris=x", json=LEAST).json["error"] == "invalid_request"
        assert ask("POST", PATH, json={**LEAST, "x": "y" * 200_000}).status_code == 413

    def test_apps_in_browsers_may_call_it(self, ask):
        """As the other endpoints for machines: no cookie matters, so any origin may."""
        preflight = ask("OPTIONS", PATH, headers={"Origin": "https://app.example"})
        assert preflight.headers["Access-Control-Allow-Methods"] == "GET, POST, PUT, DELETE"
        assert "Authorization" in preflight.headers["Access-Control-Allow-Headers"]
        assert register(ask).headers["Access-Control-Allow-Origin"] == "*"

    def test_registrations_are_in_the_audit_log(self, factory, ask):
        """I1: who, what and by which token; no secret and no name."""
        made = register(ask).json
        path, shown = at(made)
        ask("DELETE", path, **shown)
        with factory.context():
            rows = [row for row in audit.rows("") if row.client_id == made["client_id"]]
        assert [(row.event, row.data.get("token")) for row in rows] == [("client:created", "open"), ("client:deleted", None)]


class TestInitialAccessTokens:
    """RFC 7591 §1.2, §3: an operator's token."""

    @pytest.fixture
    def mode(self):
        """Let only apps with a token register themselves."""
        return "token"

    def test_without_a_usable_token_nobody_registers(self, factory, ask):
        """RFC 6750 §3: 401 with the scheme, the same for unknown, expired, revoked and used-up tokens."""
        row, revoked = make_token(factory)
        with factory.context():
            registration_tokens.revoke(row.id, CLI)
        _, used = make_token(factory, uses=1)
        assert register(ask, token=used).status_code == 201
        answers = [register(ask, token=token) for token in ("", "unknown", "é", revoked, used)]
        assert {(answer.status_code, answer.json["error"]) for answer in answers} == {(401, "invalid_token")}
        assert len({answer.json["error_description"] for answer in answers}) == 1
        assert answers[0].headers["WWW-Authenticate"].startswith("Bearer ")

    def test_a_token_expires(self, factory, ask, turned):
        """Its days are over, also with uses left."""
        _, token = make_token(factory, days=1, uses=5)
        assert register(ask, token=token).status_code == 201
        turned.shift(86_401)
        assert register(ask, token=token).status_code == 401

    def test_refused_metadata_uses_nothing_up(self, factory, ask):
        """A developer corrects an error and tries again."""
        _, token = make_token(factory, uses=1)
        assert register(ask, {"redirect_uris": []}, token).status_code == 400
        assert [register(ask, token=token).status_code for _ in range(2)] == [201, 401]

    def test_an_app_serves_the_organisations_of_its_token(self, factory, ask):
        """Its apps are of no use to people of others."""
        organisation_id = factory.make_organisation("its-shoes")
        _, token = make_token(factory, organisations=(organisation_id,))
        made = register(ask, token=token).json
        with factory.context():
            assert clients.client(made["client_id"]).organisations == [organisation_id]

    def test_only_digests_are_stored(self, factory, ask):
        """V11, V13.3.1: a reader of the database can neither register nor change a registration."""
        row, token = make_token(factory)
        made = register(ask, token=token).json
        with factory.context():
            known = client_registrations.registration(made["client_id"])
        assert row.digest != token.encode()
        assert (len(row.digest), len(known.digest)) == (32, 32)
        assert known.token_id == row.id

    @pytest.mark.parametrize(
        ("terms", "field"),
        [({"days": 0}, "days"), ({"days": 10_000}, "days"), ({"uses": 0}, "uses"),
         ({"grant_types": ("password",)}, "grant_type"),
         ({"scopes": ("openid",)}, "scope")],
    )  # fmt: skip
    def test_terms_are_checked(self, factory, terms, field):
        """A typing error makes no token."""
        with pytest.raises(Invalid) as refused:
            make_token(factory, **terms)
        assert refused.value.field == field


class TestLimits:
    """V2.4.1: many requests of one address."""

    @pytest.fixture
    def limits(self):
        """Return low limits."""
        return {"registrations_from_address": 5, "client_failures": 5}

    def test_an_address_may_register_some_apps(self, ask):
        """A full window is told as such, with the time to wait. A token has its own bound."""
        assert [register(ask).status_code for _ in range(6)] == [201] * 5 + [429]
        assert int(register(ask).headers["Retry-After"]) > 0

    def test_guesses_are_limited(self, ask):
        """They are counted as wrong client secrets of the address are."""
        assert [register(ask, token="wrong").status_code for _ in range(6)] == [401] * 5 + [429]


GARBAGE = (
    None, True, 0, -1, 1.5, 10**400, "", " ", "\0", "x" * 5_000, "\u202e", "é\ud7ff", "{{7*7}}", "%s%n", "https://",
    "https://[", "http://[::1", "https://a:99999999/", [], [[]], [None], [{}], ["x"] * 60, {}, {"a": {"b": []}},
    {"keys": [5]}, {"keys": {}},     [{"kty": "RSA", "n": "AQAB", "e": "AQAB"}], "urn:x", "none",
)  # fmt: skip


OTHERS = ("client_name#nl", "client_name#" + "x" * 60, "software_statement", "client_id", "unknown", "\0", "é")


def test_no_mutated_registration_is_an_error_of_ours(settings, ask):
    """V1.2, V16.5: every member with every kind of value is taken or refused, here and in a change; never 500."""
    made = register(ask, FULL).json
    for at_name, name in enumerate((*MEMBERS, *OTHERS)):
        for value in GARBAGE:
            with suppress(OAuthError), self_registered.errors_of_metadata():
                validate_metadata(self_registered.limited({**FULL, name: value}, Allowed()), settings)
        body = json.dumps({**FULL, name: GARBAGE[at_name % len(GARBAGE)]})
        answer = ask("POST", PATH, data=body, content_type="application/json")
        assert answer.status_code in (201, 400), (name, answer.data)
        path, shown = at(made)
        answer = ask("PUT", path, json=changed(made, **{name: [{"x": None}]}), **shown)
        assert answer.status_code in (200, 400), name
        made = answer.json if answer.status_code == 200 else made
