"""Apps change their registration (RFC 7592)."""

import pytest

from idp import clock
from idp.oauth import dynamic_registration, registration
from idp.oauth.registration import Ours
from idp.store import client_registrations, client_secrets, clients
from tests.drivers.registering_apps import CALLBACK, CLI, FULL, LEAST, PATH, at, bearer, changed, make_token, register


@pytest.fixture
def settings(configure):
    """Let any app register itself."""
    return configure(clients={"registration": "open"})


def test_an_app_reads_its_registration(ask):
    """§2.1, §3: the metadata, the same token; the secret was shown once."""
    made = register(ask, FULL).json
    path, shown = at(made)
    answer = ask("GET", path, **shown)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json == {name: value for name, value in made.items() if not name.startswith("client_secret")}


def test_another_method_is_refused(ask):
    """RFC 9110 §15.5.6: ``Allow`` names the methods, and so does the error."""
    refused = ask("PATCH", PATH, json=LEAST)
    assert (refused.status_code, refused.headers["Allow"]) == (405, "GET, POST, PUT, DELETE")
    assert refused.json["error_description"].startswith("The registration endpoint takes GET, POST, PUT and DELETE only.")


def test_a_change_replaces_everything_and_the_token(ask):
    """§2.2: what is left out is gone; the former token is of no use any more."""
    made = register(ask, FULL).json
    path, shown = at(made)
    new = {"client_id": made["client_id"], "client_secret": made["client_secret"], "client_name": "New", **LEAST}
    answer = ask("PUT", path, json=new, **shown)
    assert answer.status_code == 200
    assert (answer.json["client_name"], answer.json["redirect_uris"]) == ("New", [CALLBACK])
    assert not {"logo_uri", "contacts", "client_secret"} & answer.json.keys()
    assert ask("GET", path, **shown).status_code == 401
    path, shown = at(answer.json)
    assert ask("GET", path, **shown).json == answer.json


def test_changes_of_strangers_are_limited(settings, factory, ask):
    """CWE-770: each change is recorded. An app that came by a token of an operator makes as many as it likes."""
    _, token = make_token(factory)
    for first, last in ((register(ask).json, 429), (register(ask, LEAST, token).json, 200)):
        made = first
        for _ in range(settings.limits.registrations_from_address - 1):
            path, shown = at(made)
            made = ask("PUT", path, json=changed(made), **shown).json
        path, shown = at(made)
        assert ask("PUT", path, json=changed(made), **shown).status_code == last
        assert ask("GET", path, **shown).status_code == (200 if last == 429 else 401)


def test_the_secret_follows_the_method(factory, ask):
    """§2.2: an app that begins to use a secret gets one, and one that stops loses it."""
    made = register(ask).json
    path, shown = at(made)
    public = ask("PUT", path, json=changed(made, token_endpoint_auth_method="none"), **shown).json
    with factory.context():
        assert client_secrets.secrets_of(made["client_id"], clock.now()) == []
    path, shown = at(public)
    again = ask("PUT", path, json=changed(public, token_endpoint_auth_method="client_secret_basic"), **shown).json
    assert again["client_secret"] != made["client_secret"]


@pytest.mark.parametrize(
    ("change", "error"),
    [({"client_id": "other"}, "invalid_client_metadata"), ({"client_id": None}, "invalid_client_metadata"),
     ({"client_secret": "x" * 43}, "invalid_client_metadata"), ({"client_secret": 5}, "invalid_client_metadata"),
     ({"registration_access_token": "x"}, "invalid_request"), ({"client_id_issued_at": 1}, "invalid_request"),
     ({"redirect_uris": []}, "invalid_redirect_uri"),
     ({"grant_types": ["client_credentials"]}, "invalid_client_metadata"),
     ({"subject_type": "other"}, "invalid_client_metadata")],
)  # fmt: skip
def test_wrong_changes_change_nothing(ask, change, error):
    """§2.2: not another client, not a secret of its own choice, not what only we tell."""
    made = register(ask, FULL).json
    path, shown = at(made)
    refused = ask("PUT", path, json=changed(made, **change), **shown)
    assert (refused.status_code, refused.json["error"]) == (400, error)
    assert ask("GET", path, **shown).json["client_name"] == "Stock app"


def test_what_an_operator_set_stays(settings, factory, ask):
    """Our own members, and grant types that an operator added, survive an app's change; it cannot remove the former."""
    made = register(ask).json
    with factory.context():
        metadata = {**clients.client(made["client_id"]).metadata_, "require_pkce": True}
        metadata["grant_types"] = ["authorization_code", "client_credentials"]
        registration.change(settings, made["client_id"], metadata, Ours(), CLI)
    path, shown = at(made)
    wanted = changed(made, require_pkce=False, grant_types=["authorization_code", "client_credentials"])
    assert ask("PUT", path, json=wanted, **shown).status_code == 200
    with factory.context():
        assert clients.client(made["client_id"]).metadata_["require_pkce"] is True


def test_what_an_operator_takes_away_is_not_taken_back(settings, factory, ask):
    """§2.2: a token that allowed more at the registration does not outweigh the operator who looked at the app since."""
    _, token = make_token(factory, grant_types=("client_credentials",), scopes=("stock.read",))
    wide = {"grant_types": ["authorization_code", "client_credentials"], "scope": "openid stock.read"}
    made = register(ask, {**LEAST, **wide}, token=token).json
    assert made["scope"] == "openid stock.read"
    with factory.context():
        metadata = clients.client(made["client_id"]).metadata_
        less = {**metadata, "grant_types": ["authorization_code"], "scope": "openid"}
        registration.change(settings, made["client_id"], less, Ours(), CLI)
    path, shown = at(made)
    refused = ask("PUT", path, json=changed(made, **wide), **shown)
    assert (refused.status_code, refused.json["error"]) == (400, "invalid_client_metadata")
    answer = ask("PUT", path, json=changed(made, grant_types=["authorization_code"], scope="openid stock.read"), **shown)
    assert (answer.status_code, answer.json["scope"]) == (200, "openid")


def test_a_wrong_token_and_an_unknown_app_get_the_same_answer(factory, ask):
    """§2.1: neither tells which apps exist. An app that an operator registered has no such address."""
    made, other = register(ask).json, register(ask).json
    factory.make_client("webshop")
    path, _ = at(made)
    tries = [
        (path, "wrong"), (path, other["registration_access_token"]), (path, ""),
        (PATH, made["registration_access_token"]),
        (PATH + "?client_id=webshop", "x"), (PATH + "?client_id=nobody", made["registration_access_token"]),
        (PATH + "?client_id=%00", "x"), (PATH + "?client_id=" + "x" * 300, "x"),
    ]  # fmt: skip
    for method in ("GET", "PUT", "DELETE"):
        answers = [ask(method, where, json=LEAST, headers=bearer(token)) for where, token in tries]
        assert {(answer.status_code, answer.data) for answer in answers} == {(401, answers[0].data)}, method
    assert ask("GET", path, **at(made)[1]).status_code == 200


def test_a_deleted_app_is_gone(factory, ask):
    """§2.3: 204, and its token and address with it."""
    made = register(ask).json
    path, shown = at(made)
    gone = ask("DELETE", path, **shown)
    assert (gone.status_code, gone.data, gone.headers["Cache-Control"]) == (204, b"", "no-store")
    assert ask("GET", path, **shown).status_code == 401
    with factory.context():
        assert clients.client(made["client_id"]) is None
        assert client_registrations.registration(made["client_id"]) is None


def test_a_disabled_app_changes_nothing(factory, ask):
    """§2.1: 403. What an operator stopped stays for them to look at."""
    made = register(ask).json
    with factory.context():
        registration.disable(made["client_id"], CLI)
    path, shown = at(made)
    for method in ("GET", "PUT", "DELETE"):
        assert ask(method, path, json=changed(made), **shown).status_code == 403


def test_apps_that_nobody_uses_are_deleted(factory, ask, turned):
    """Only those that came without a token, after a month in which nobody consented to one."""
    _, token = make_token(factory)
    first, kept = register(ask).json, register(ask, token=token).json
    turned.shift(29 * 86_400)
    with factory.context():
        assert dynamic_registration.remove_unused() == 0
    turned.shift(2 * 86_400)
    with factory.context():
        assert dynamic_registration.remove_unused() == 1
        assert clients.client(first["client_id"]) is None
        assert clients.client(kept["client_id"]) is not None
