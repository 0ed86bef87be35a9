"""Commands about relying apps."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from idp.oauth import registration
from idp.oauth.registration import Ours
from idp.store import client_lists, clients, organisations
from tests.cli.conftest import ANNA, POS, SHOP, Idp
from tests.drivers.client_keys import jwks, key
from tests.factories import BY_TESTS


@pytest.fixture
def shop(idp: Idp) -> Idp:
    """Make a shop with an owner, Anna and the till."""
    idp.apply(SHOP + ANNA + POS)
    return idp


def test_a_client_is_made_from_json_and_its_secret_shown_once(shop: Idp) -> None:
    """Issue: `client create -` reads metadata as JSON. It prints the stored client with id and secret as JSON."""
    given = {"client_name": "Stock", "redirect_uris": ["https://stock.example.com/cb"], "organisations": ["example-shoes"]}
    made = shop.json("client", "create", "-", stdin=json.dumps(given))
    assert len(made["client_secret"]) >= 43
    assert made["token_endpoint_auth_method"] == "client_secret_basic"
    assert made["token_endpoint_auth_methods"] == ["client_secret_basic", "client_secret_post"]
    shown = shop.json("client", "show", made["client_id"])
    assert "client_secret" not in shown
    assert shown == {key: value for key, value in made.items() if key != "client_secret"}
    assert shown["organisations"] == ["example-shoes"]


def test_a_public_client_gets_no_secret(idp: Idp) -> None:
    """RFC 7591 §3.2.1: only a confidential client gets a client_secret."""
    given = {"redirect_uris": ["https://a.example.com/cb"], "token_endpoint_auth_method": "none"}
    assert "client_secret" not in idp.json("client", "create", "-", stdin=json.dumps(given))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "not JSON"),
        ("[]", "must be one object"),
        ("[" * 100_000, "standard input"),
        (r'{"redirect_uris": ["https://a.example/"], "authorization_details_types": ["a\u0000"]}', "not JSON: NUL"),
        ('{"redirect_uris": ["https://a.example/"], "redirect_uris": []}', "not JSON: a member is there twice"),
        ("{}", "redirect_uris: At least one address"),
        ('{"redirect_uris": ["http://shop.example/"]}', "redirect_uris: "),
        ('{"redirect_uris": ["https://a.example/"], "first_party": "yes"}', "first_party: "),
        ('{"redirect_uris": ["https://a.example/"], "organisations": ["none"]}', "There is no organisation none"),
        ('{"redirect_uris": ["https://a.example/"], "organisations": "none"}', "organisations: "),
        ('{"redirect_uris": ["https://a.example/"], "minimum_acr": 3}', "minimum_acr: "),
        ('{"redirect_uris": ["https://a.example/"], "client_secret": "short"}', "client_secret: "),
        ('{"redirect_uris": ["https://a.example/"], "client_id": 3}', "client_id: must be text"),
    ],
)
def test_wrong_metadata_is_refused_with_its_member(idp: Idp, text: str, reason: str) -> None:
    """Issue: errors name the place, and no client is made."""
    assert reason in idp("client", "create", "-", stdin=text, code=1).stderr
    assert idp("client", "list").stdout == ""


def test_a_method_that_is_named_is_kept_apart_from_the_default(idp: Idp) -> None:
    """A client that names its method is held to it; what `client show` prints can be given to `client create`."""
    given = {"client_id": "a", "redirect_uris": ["https://a.example/cb"], "token_endpoint_auth_method": "client_secret_post"}
    made = idp.json("client", "create", "-", stdin=json.dumps(given))
    assert made["token_endpoint_auth_methods"] == ["client_secret_post"]
    again = {**idp.json("client", "show", "a"), "client_id": "b"}
    assert idp.json("client", "create", "-", stdin=json.dumps(again))["token_endpoint_auth_methods"] == [
        "client_secret_post"
    ]


def test_an_unknown_client_gets_one_clear_line(idp: Idp) -> None:
    """This holds for show and delete."""
    assert "there is no client 'x'" in idp("client", "show", "x", code=1).stderr
    assert "There is no app" in idp("client", "delete", "x", code=1).stderr


def test_it_is_told_which_clients_go_without_pkce(idp: Idp) -> None:
    """`client list`, `client show` and the doctor name them; the installation may demand PKCE of all."""
    rules = {"old": False, "new": True, "usual": None}
    for client_id, rule in rules.items():
        given = {"client_id": client_id, "redirect_uris": ["https://a.example/cb"], "require_pkce": rule}
        made = idp.json("client", "create", "-", stdin=json.dumps(given))
        assert made["require_pkce"] is rule
        assert idp.json("client", "show", client_id)["require_pkce"] is rule
    listed = {line.split()[0]: line for line in idp("client", "list").stdout.splitlines()}
    assert " no PKCE " in listed["old"]
    assert " PKCE or nonce " in listed["usual"]
    assert " PKCE  " in listed["new"]
    assert "not required of old; 1 app may send a nonce instead" in idp("doctor").stdout
    demanded = {"IDP_CLIENTS__REQUIRE_PKCE": "true"}
    assert "no app goes without it; 0 apps" in idp("doctor", env=demanded).stdout
    assert json.loads(idp("client", "show", "old", env=demanded).stdout)["require_pkce"] is True


def test_the_doctor_names_apps_whose_certificate_no_proxy_passes(idp: Idp) -> None:
    """RFC 8705 §2: without the proxy's headers they cannot authenticate. Registering them is refused then as well."""
    method = {"token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_subject_dn": "CN=till,O=Shop"}
    given = json.dumps({"client_id": "till", "grant_types": ["client_credentials"], **method})
    assert "client_certificate_header" in idp("client", "create", "-", stdin=given, code=1).stderr
    passed = {
        "IDP_SERVER__TRUSTED_PROXIES": "127.0.0.1",
        "IDP_SERVER__CLIENT_CERTIFICATE_HEADER": "Client-Cert",
        "IDP_SERVER__CLIENT_CERTIFICATE_VERIFIED_HEADER": "X-Client-Verify",
    }
    made = json.loads(idp("client", "create", "-", stdin=given, env=passed).stdout)
    assert "client_secret" not in made
    assert "1 app authenticating with one" in idp("doctor", env=passed).stdout
    assert "no proxy passes what till must show" in idp("doctor", code=1).stdout


def test_how_an_app_sends_its_requests_is_set_by_name(idp: Idp, tmp_path) -> None:
    """RFC 9101, RFC 9126, JARM: `client create` and `apply` take the members of the standards, keys as a table."""
    own = {
        "jwks": jwks(key("ES256")), "request_object_signing_alg": "ES256", "require_signed_request_object": True,
        "require_pushed_authorization_requests": True, "authorization_signed_response_alg": "ES256",
        "response_types": ["code", "code id_token"],
    }  # fmt: skip
    given = {"client_id": "a", "redirect_uris": ["https://a.example/cb"], **own}
    idp.json("client", "create", "-", stdin=json.dumps(given))
    assert own.items() <= idp.json("client", "show", "a").items()
    only = {"keys": [key("ES256").as_dict(private=True)]}
    refused = idp("client", "create", "-", stdin=json.dumps({**given, "client_id": "b", "jwks": only}), code=1)
    assert "jwks" in refused.stderr
    assert str(key("ES256").as_dict(private=True)["d"]) not in refused.stderr
    public = key("Ed25519").as_dict(private=False)
    file = tmp_path / "apps.toml"
    file.write_text(
        '[[clients]]\nclient_id = "c"\nredirect_uris = ["https://a.example/cb"]\nclient_secret = "' + "s" * 40 + '"\n'
        "require_signed_request_object = true\nrequire_pushed_authorization_requests = true\n"
        f'[[clients.jwks.keys]]\nkty = "OKP"\ncrv = "Ed25519"\nx = "{public["x"]}"\n',
        "utf-8",
    )
    idp("apply", str(file))
    shown = idp.json("client", "show", "c")
    assert shown["jwks"] == {"keys": [{"kty": "OKP", "crv": "Ed25519", "x": public["x"]}]}
    assert shown["require_signed_request_object"] is shown["require_pushed_authorization_requests"] is True


def test_an_api_has_its_identifier_and_scopes_alone(idp: Idp, tmp_path) -> None:
    """RFC 8707: `client create` and `apply` register APIs. A scope says by itself which API it is for."""
    resource = {"identifier": "https://stock.example.com/api", "scopes": {"stock.read": "See the stock"}}
    given = {"client_id": "stock", "grant_types": [], "resource": resource}
    made = idp.json("client", "create", "-", stdin=json.dumps(given))
    assert made["resource"] == {
        **resource, "scopes": {"stock.read": {"": "See the stock"}}, "alg": "RS256", "claims": [], "details": {},
    }  # fmt: skip
    others = ({"identifier": "urn:other"}, {"scopes": {"other.read": "See it"}}, {"identifier": "https://id.example.com/"})
    for other in others:
        again = {**given, "client_id": "other", "resource": {**resource, **other}}
        assert "resource" in idp("client", "create", "-", stdin=json.dumps(again), code=1).stderr
    file = tmp_path / "apps.toml"
    file.write_text(
        '[[clients]]\nclient_id = "stock"\ngrant_types = []\nclient_secret = "' + "s" * 40 + '"\n'
        '[clients.resource]\nidentifier = "https://stock.example.com/api"\nclaims = ["role", "groups"]\n'
        '[clients.resource.scopes]\n"stock.read" = { nl = "De voorraad zien", en = "See the stock" }\n'
        '[[clients]]\nclient_id = "shop"\nredirect_uris = ["https://a.example/cb"]\nscope = "openid stock.read"\n'
        'token_endpoint_auth_method = "none"\n',
        "utf-8",
    )
    idp("apply", str(file))
    assert idp.json("client", "show", "stock")["resource"]["claims"] == ["role", "groups"]
    assert idp.json("client", "show", "shop")["scope"] == "openid stock.read"


def test_a_secret_is_replaced_and_ended(shop: Idp) -> None:
    """S72: the command line shows the age and the last use of each secret, and ends one now."""
    made = shop("client", "secret", "new", "pos", "--overlap", "7d").stdout.strip()
    assert len(made) >= 43
    first, second = (line.split() for line in shop("client", "secret", "list", "pos").stdout.splitlines())
    assert (first[6], second[6]) == ("apply", "cli")
    assert "ends" in first
    assert second[-2:] == ["no", "end"]
    assert "1 valid secret left" in shop("client", "secret", "end", "pos", first[0]).stdout
    assert "is no longer valid" in shop("client", "secret", "end", "pos", first[0], code=1).stderr
    assert "There is no app" in shop("client", "secret", "list", "x", code=1).stderr
    shop("client", "secret", "new", "pos", "--overlap", "2d", code=2)
    shop("client", "secret", "new", "pos", "--overlap", "now")
    assert len(shop("client", "secret", "list", "pos").stdout.splitlines()) == 1


def test_an_app_of_administrators_is_adopted(shop: Idp, inside: Callable[[], Any]) -> None:
    """S71: the command says who can no longer change the app."""
    with inside():
        at = organisations.organisation_at("example-shoes")
        assert at is not None
        ours = Ours(organisations=(at.id,), managed_by=at.id)
        row, _ = registration.register(
            shop.settings, None, {"redirect_uris": ["https://a.example/cb"]}, ours, None, BY_TESTS
        )
    told = shop("client", "adopt", row.client_id).stdout
    assert told == f"{row.client_id} is taken over: only operators can change it now.\n"
    with inside():
        assert clients.some([row.client_id])[0].managed_by == ""


def test_long_lists_are_read_in_batches(shop: Idp, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lists of clients and of registration tokens have each row once, whatever a batch holds."""
    monkeypatch.setattr(client_lists, "CHUNK", 2)
    for number in range(4):
        given = {"client_id": f"app-{number}", "redirect_uris": ["https://a.example/cb"]}
        shop("client", "create", "-", stdin=json.dumps(given))
        shop("registration-token", "create", f"token {number}")
    listed = [line.split()[0] for line in shop("client", "list").stdout.splitlines()]
    assert listed == ["app-0", "app-1", "app-2", "app-3", "pos"]
    assert shop("client", "list", "--self-registered").stdout == ""
    names = [line.split()[2] for line in shop("registration-token", "list").stdout.splitlines()]
    assert sorted(names) == ["0", "1", "2", "3"]


def test_a_sixth_secret_is_refused_on_one_line(shop: Idp) -> None:
    """S72: the command says what to do, as the console does."""
    for _ in range(4):
        assert shop("client", "secret", "new", "pos", "--overlap", "7d").stdout
    refused = shop("client", "secret", "new", "pos", "--overlap", "7d", code=1).stderr
    assert "An app has at most 5 working secrets. End one first" in refused
    assert len(shop("client", "secret", "list", "pos").stdout.splitlines()) == 5
    assert shop("client", "secret", "new", "pos", "--overlap", "now").stdout
    assert len(shop("client", "secret", "list", "pos").stdout.splitlines()) == 1
