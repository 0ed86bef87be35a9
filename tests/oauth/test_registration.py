"""Client metadata, and how clients are registered, changed and removed (RFC 7591, OpenID Connect Registration)."""

from functools import partial

import pytest

from idp import batches, clock
from idp.actors import System
from idp.audit import Origin
from idp.errors import Conflict, Invalid, NotFound
from idp.oauth import registration, secret_changes
from idp.oauth.client_metadata import DEVICE_CODE, MEMBERS, validate_metadata
from idp.oauth.clients import Clients, registered, terms
from idp.oauth.registration import Ours
from idp.store import audit, client_secrets, clients
from tests.drivers.relying_party import Refused

CLI = Origin(System("cli"))
LEAST = {"redirect_uris": ["https://app.example/cb"]}
DEFAULTS = {
    "redirect_uris": ["https://app.example/cb"],
    "post_logout_redirect_uris": [],
    "grant_types": ["authorization_code"],
    "response_types": ["code"],
    "id_token_signed_response_alg": "RS256",
    "application_type": "web",
    "subject_type": "public",
    "scope": "openid profile email phone address organisation groups roles",
}
WRONG = [
    ({"redirect_uris": []}, "redirect_uris"),
    ({"redirect_uris": "https://app.example/cb"}, "redirect_uris"),
    ({"redirect_uris": ["http://app.example/cb"]}, "redirect_uris"),
    ({"redirect_uris": ["https://app.example/cb"] * 51}, "redirect_uris"),
    ({"post_logout_redirect_uris": ["javascript:alert(1)"]}, "post_logout_redirect_uris"),
    ({"grant_types": ["password"]}, "grant_types"),
    ({"grant_types": ["refresh_token"]}, "grant_types"),
    ({"grant_types": [["authorization_code"]]}, "grant_types"),
    ({"response_types": ["token"]}, "response_types"),
    ({"response_types": []}, "response_types"),
    ({"token_endpoint_auth_method": "other"}, "token_endpoint_auth_method"),
    ({"token_endpoint_auth_signing_alg": "HS256"}, "token_endpoint_auth_signing_alg"),
    ({"token_endpoint_auth_method": ["none"]}, "token_endpoint_auth_method"),
    ({"id_token_signed_response_alg": "none"}, "id_token_signed_response_alg"),
    ({"id_token_signed_response_alg": "HS256"}, "id_token_signed_response_alg"),
    ({"default_acr_values": ["gold"]}, "default_acr_values"),
    ({"default_max_age": -1}, "default_max_age"),
    ({"default_max_age": True}, "default_max_age"),
    ({"default_max_age": "60"}, "default_max_age"),
    ({"require_auth_time": "yes"}, "require_auth_time"),
    ({"scope": ["openid"]}, "scope"),
    ({"application_type": "desktop"}, "application_type"),
    ({"subject_type": "other"}, "subject_type"),
    ({"subject_type": "pairwise", "redirect_uris": ["https://a.example/", "https://b.example/"]}, "sector_identifier_uri"),
    ({"subject_type": "pairwise", "redirect_uris": ["http://127.0.0.1/"]}, "sector_identifier_uri"),
    ({"subject_type": "pairwise", "redirect_uris": [], "grant_types": [DEVICE_CODE]}, "subject_type"),
    ({"sector_identifier_uri": "http://app.example/"}, "sector_identifier_uri"),
    ({"contacts": "me@app.example"}, "contacts"),
    ({"client_name": ""}, "client_name"),
    ({"client_name": "x" * 201}, "client_name"),
    ({"client_name": "a\u202eb"}, "client_name"),
    ({"client_name": "a\0b"}, "client_name"),
    ({"client_name#nl": 5}, "client_name#nl"),
    ({"logo_uri": "javascript:alert(1)"}, "logo_uri"),
    ({"policy_uri": "data:text/html,x"}, "policy_uri"),
    ({"initiate_login_uri": "http://app.example/"}, "initiate_login_uri"),
]


def test_omitted_members_get_the_standards_defaults(settings):
    """RFC 7591 §2, Registration §2: the standards name these values."""
    assert validate_metadata(LEAST, settings) == DEFAULTS


def test_unknown_members_are_ignored(settings):
    """RFC 7591 §2. Names in other languages are kept (§2.2)."""
    given = {**LEAST, "software_id": "x", "client_name#nl": "Kassa", "grant_types#nl": ["x"], "logo_uri": None}
    assert validate_metadata(given, settings) == {**DEFAULTS, "client_name#nl": "Kassa"}
    assert "software_id" not in MEMBERS


@pytest.mark.parametrize(("wrong", "field"), WRONG, ids=[str(wrong) for wrong, _ in WRONG])
def test_wrong_metadata_is_refused_with_the_name_of_its_field(settings, wrong, field):
    """V1.2.2, V10.4.4: each field has its own check."""
    with pytest.raises(Invalid) as refused:
        validate_metadata({**LEAST, **wrong}, settings)
    assert refused.value.field == field


def test_checked_metadata_passes_again_unchanged(settings):
    """Stored metadata can be merged with a change, and the result is checked as a whole."""
    full = {**LEAST, "client_name": "Kassa", "default_acr_values": ["mfa"], "default_max_age": 60, "scope": "openid bogus"}
    once = validate_metadata(full, settings)
    assert once["scope"] == "openid"
    assert validate_metadata(once, settings) == once


def client_events():
    """Return the audit rows about clients."""
    return [row for row in audit.rows("") if row.event.startswith("client:")]


def register(settings, client_id="app", metadata=None, secret=None, **ours):
    """Register a client with the shortest metadata."""
    return registration.register(settings, client_id, metadata or LEAST, Ours(**ours), secret, CLI)


def test_registering_makes_an_id_and_a_secret_and_is_audited(database, settings):
    """I1: the secret has 256 bits and is shown once."""
    row, secret = register(settings, client_id=None)
    assert len(row.client_id) == 20
    assert len(secret) == 43
    assert registered(row).check_client_secret(secret)
    assert [(entry.event, entry.client_id) for entry in client_events()] == [("client:created", row.client_id)]


@pytest.mark.parametrize("client_id", ["", "a b", "é", "a/b", "x" * 201, "-a", "a\0", "abcdefghijklmnopqrstuvwx23", '"'])
def test_a_client_id_never_looks_like_a_user_id(database, settings, client_id):
    """R97-14, V9.2.4: 26 letters and digits of our ids are a user's sub, so a client may not have them."""
    with pytest.raises(Invalid):
        register(settings, client_id=client_id)


def test_a_client_id_is_registered_once(database, settings):
    """A registration never replaces an existing client."""
    register(settings)
    with pytest.raises(Conflict):
        register(settings)


def test_public_clients_have_no_secret(database, settings):
    """RFC 6749 §2.1: they cannot keep one."""
    public = {**LEAST, "token_endpoint_auth_method": "none"}
    assert register(settings, metadata=public)[1] == ""
    with pytest.raises(Invalid):
        register(settings, client_id="other", metadata=public, secret="x" * 40)
    with pytest.raises(Invalid):
        secret_changes.rotate_secret(settings, "app", CLI)


@pytest.mark.parametrize(
    ("application_type", "given", "kept"),
    [("web", None, True), ("native", None, False), ("native", True, True), ("web", False, False)],
)
def test_native_apps_offer_remembered_devices_only_if_registered_so(database, settings, application_type, given, kept):
    """S39: other apps offer them unless their metadata turns it off."""
    row, _ = register(settings, metadata={**LEAST, "application_type": application_type}, remember_device=given)
    assert row.remember_device is kept


def test_an_unknown_minimum_acr_is_refused(database, settings):
    """A typing error must not remove the required level."""
    with pytest.raises(Invalid):
        register(settings, minimum_acr="gold")


def test_a_change_returns_exactly_the_changed_fields(database, settings):
    """`idp apply` prints them. A change without effect writes no audit row (I1)."""
    register(settings)
    known = Clients()
    assert known.get("app").name == "app"
    assert registration.change(settings, "app", LEAST, Ours(), CLI) == ()
    changed = registration.change(settings, "app", {**LEAST, "client_name": "Kassa"}, Ours(minimum_acr="mfa"), CLI)
    assert changed == ("client_name", "minimum_acr")
    assert known.get("app").name == "Kassa"
    assert terms(known.get("app"), "https://app.example/cb", settings).minimum_level == 3
    assert [entry.event for entry in client_events()] == ["client:created", "client:changed"]


def test_a_slow_reader_keeps_no_former_apis(database, settings, monkeypatch):
    """Many requests share the cache: what one has read before a change must not stay after it."""
    api = {"identifier": "https://stock.example.com/api", "scopes": {"stock.read": "See what is in stock"}}
    known, read = Clients(), clients.clients

    def slowly():
        rows = read()
        registration.change(settings, "app", LEAST, Ours(), CLI)
        known.get("app")  # a request that sees the change
        return rows

    register(settings)
    registration.change(settings, "app", {**LEAST, "resource": api}, Ours(), CLI)
    monkeypatch.setattr(clients, "clients", slowly)
    known.resources()
    monkeypatch.undo()
    assert known.resources() == {}


def test_a_given_secret_replaces_all_others(database, settings):
    """`idp apply --set-credentials` sets the secret that its file has."""
    _, old = register(settings)
    secret_changes.set_secret(settings, "app", "y" * 40, CLI)
    known = Clients().get("app")
    assert known.check_client_secret("y" * 40)
    assert not known.check_client_secret(old)


def test_changing_an_unknown_client_raises_not_found(database, settings):
    """The console shows a 404, and the command line a message."""
    for act in (registration.disable, registration.remove, partial(secret_changes.rotate_secret, settings)):
        with pytest.raises(NotFound):
            act("nobody", CLI)


def test_removing_a_client_ends_its_tokens_and_secrets(scene):
    """I3: a client that is registered again under the same id gets none of them back."""
    party = scene.party(grant_types=["authorization_code", "refresh_token"])
    tokens = scene.tokens(party, scope="openid offline_access")
    with scene.factory.context():
        row = clients.client(party.client_id)
        metadata = dict(row.metadata_)
        registration.remove(party.client_id, CLI)
        assert client_secrets.secrets_of(party.client_id, clock.now()) == []
        registration.register(scene.settings, party.client_id, metadata, Ours(first_party=True), None, CLI)
    with pytest.raises(Refused, match="invalid_token"):
        party.userinfo(tokens.access_token)


def test_registration_finishes_an_interrupted_removal_of_the_same_id(scene, monkeypatch):
    """I3, I9: after a crash between two batches of a removal, a new client of that id gets no old tokens."""
    party = scene.party(grant_types=["authorization_code", "refresh_token"])
    tokens = [scene.tokens(party, scope="openid offline_access") for _ in range(3)]
    monkeypatch.setattr(batches, "BATCH", 1)

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    with scene.factory.context():
        metadata = dict(clients.client(party.client_id).metadata_)
        with monkeypatch.context() as cut:
            cut.setattr(batches.time, "sleep", crash)
            with pytest.raises(KeyboardInterrupt):
                registration.remove(party.client_id, CLI)
        assert clients.client(party.client_id) is None
        registration.register(scene.settings, party.client_id, metadata, Ours(first_party=True), None, CLI)
    for one in tokens:
        with pytest.raises(Refused, match="invalid_token"):
            party.userinfo(one.access_token)


def test_a_client_serves_only_its_organisations(scene):
    """Issue "organisations": sign-in checks this, and so does every later use."""
    party = scene.party(grant_types=["authorization_code", "refresh_token"])
    tokens = scene.tokens(party, scope="openid offline_access")
    other = scene.factory.make_organisation("other-shoes")
    with scene.factory.context():
        metadata = dict(clients.client(party.client_id).metadata_)
        registration.change(scene.settings, party.client_id, metadata, Ours(first_party=True, organisations=(other,)), CLI)
    with pytest.raises(Refused, match="invalid_grant"):
        party.refresh(tokens.refresh_token)
    with pytest.raises(Refused, match="invalid_token"):
        party.userinfo(tokens.access_token)
