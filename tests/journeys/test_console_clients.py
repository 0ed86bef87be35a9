"""Apps in the console: operators create, change, test and delete them. Administrators read those that concern them."""

from contextlib import nullcontext

import pytest

from idp import clock as clocks
from idp.audit import Event
from idp.oauth import client_metadata, guides
from idp.store import audit as audit_rows
from idp.store import client_secrets, clients
from idp.web.admin import client_form, client_meanings
from tests.drivers.browser import Browser
from tests.drivers.relying_party import Refused, RelyingParty
from tests.drivers.words import THE_SECRET_HAS_ENDED, THE_SECRET_SHOWN_THIS_ONCE
from tests.factories import CALLBACK, Factory, MadePerson

HOME = "/admin/example-shoes/apps"
ISSUER = "https://id.example.com"
pytestmark = pytest.mark.usefixtures("quiet_shoes")


@pytest.fixture
def anna(factory: Factory, quiet_shoes: str) -> MadePerson:
    return factory.make_user(quiet_shoes, "anna", role="administrator", with_totp=True, email="anna@shoes.example")


def secret_on(browser: Browser) -> str:
    """Return the secret that the page shows."""
    lines = browser.text.splitlines()
    return lines[lines.index(THE_SECRET_SHOWN_THIS_ONCE) + 2]


def row_of(factory: Factory, client_id: str) -> clients.Client:
    with factory.context():
        row = clients.client(client_id)
        assert row is not None
        return row


def test_the_form_has_every_field_with_an_explanation(settings) -> None:
    """The form accepts all that `idp apply` accepts, and explains each field."""
    named = {one.name for one in client_form.fields(settings)}
    own = {"first_party", "minimum_acr", "remember_device", "shared_device", "organisations"}
    assert named == {*client_metadata.MEMBERS, *own, client_meanings.TEXTS}
    assert set(client_meanings.MEANINGS) == named
    words = client_meanings.MEANINGS["token_endpoint_auth_method"].key
    assert [name for name in client_metadata.AUTH_METHODS if name not in words] == [*client_metadata.SECRET_METHODS]


def test_the_page_of_an_app_has_settings_for_its_library(factory, enter, olga) -> None:
    """The console shows what `idp client guide` prints, and nothing for a library that is not there."""
    factory.make_client("stock", redirect_uri=CALLBACK)
    browser = enter(olga, HOME).open(f"{HOME}/stock/about")
    assert "server_metadata_url" not in browser.text
    browser.open(f"{HOME}/stock/about?for=authlib")
    assert f'server_metadata_url="{ISSUER}/.well-known/openid-configuration"' in browser.text
    assert "server_metadata_url" not in browser.open(f"{HOME}/stock/about?for=../authlib").text


@pytest.mark.parametrize(
    ("more", "offered", "missing"),
    [
        ({}, "Spring Boot", "oidc-client-ts"),
        ({"shared_device": True}, "Spring Boot", "Grafana"),
        ({"public": True}, "oidc-client-ts", "Spring Boot"),
        ({"public": True, "application_type": "native", "redirect_uri": "com.example.app:/cb"}, "AppAuth", "Spring Boot"),
        ({"public": True, "application_type": "native", "redirect_uri": "http://127.0.0.1/cb"}, "go-oidc", "Grafana"),
    ],
    ids=["server", "till", "single-page", "phone", "command"],
)
def test_only_libraries_that_fit_the_app_are_offered(factory, enter, olga, more, offered: str, missing: str) -> None:
    """A single-page app has no secret for a library of servers, whatever the address of the page names."""
    factory.make_client("stock", **{"redirect_uri": CALLBACK, **more})
    browser = enter(olga, HOME)
    page = browser.open(f"{HOME}/stock/about").html
    assert offered in page
    assert missing not in page
    name = {one.title.split(" (")[0]: key for key, one in guides.STACKS.items()}[missing]
    there = browser.open(f"{HOME}/stock/about?for={name}").html
    assert f'<option value="{name}"' not in there
    assert "code-1" not in there


def test_an_operator_creates_an_app_that_works_at_once(app, factory, enter, olga, journey, new_browser, clock) -> None:
    """The secret is shown once, the settings can be copied, and the app signs people in with them."""
    browser = enter(olga, HOME)
    browser.click("Connect an app").click("Fill in every setting yourself")
    browser.fill(client_id="stock", client_name="Stock", redirect_uris=CALLBACK, first_party=True).submit()
    assert browser.heading == "Stock"
    secret = secret_on(browser)
    assert f"OIDC_ISSUER={ISSUER}" in browser.text
    assert "OIDC_CLIENT_ID=stock" in browser.text
    assert secret not in browser.open(f"{HOME}/stock/about").html, "the secret is shown again"
    party = RelyingParty(app, ISSUER, "stock", CALLBACK, secret=secret)
    jan = factory.make_user(anna_shoes(factory), "jan")
    tokens = journey(jan, app=party, browser=new_browser()).begin().password().tokens()
    assert tokens.claims["sub"] == jan.id
    with factory.context():
        made = [row for row in audit_rows.rows(audit_rows.INSTALLATION) if row.event == Event.CLIENT_CREATED]
        assert (made[-1].actor_id, made[-1].client_id) == (olga.id, "stock")


def anna_shoes(factory: Factory) -> str:
    from idp.store import organisations

    with factory.context():
        row = organisations.organisation_at("example-shoes")
        assert row is not None
        return row.id


WRONG = [
    ({"redirect_uris": "http://evil.example/cb"}, "redirect_uris"),
    ({"redirect_uris": ""}, "redirect_uris"),
    ({"client_id": "has space"}, "client_id"),
    ({"client_id": "webshop"}, ""),
    ({"default_max_age": "soon"}, "default_max_age"),
    ({"require_pkce": "false", "token_endpoint_auth_method": "none"}, "require_pkce"),
    ({"claims": "{"}, "claims"),
    ({"claims": '{"sub": "role"}'}, "claims"),
    ({"resource": '{"identifier": "stock"}'}, "resource"),
    ({"logo_uri": "javascript:alert(1)"}, "logo_uri"),
    ({"organisations": "nowhere"}, "organisations"),
    ({"in_languages": "nonsense"}, "in_languages"),
    ({"client_name": "x" * 300}, "client_name"),
]


@pytest.mark.parametrize(("typed", "field"), WRONG, ids=lambda value: str(value)[:30])
def test_invalid_input_is_named_and_kept_in_the_form(factory, enter, olga, typed, field, clock) -> None:
    """Bad input: the page names the error and keeps what was typed. No app is half created."""
    factory.make_client()
    browser = enter(olga, f"{HOME}/add")
    values = {"client_id": "stock", "client_name": "Stock", "redirect_uris": CALLBACK, **typed}
    browser.fill(**values).submit()
    assert browser.status == 422
    assert browser.errors
    assert field in browser.text
    assert browser.value("client_id") == values["client_id"]
    with factory.context():
        assert {row.client_id for row in clients.clients()} == {"webshop"}


def test_an_edit_changes_only_the_edited_fields(factory, enter, olga, clock) -> None:
    """The form shows what is stored. Saving it unchanged changes nothing that matters."""
    shown = {"client_name#nl": "Winkel", "scope": "email a.b c.d", "default_max_age": 600, "contacts": ["it@shoes.example"],
             "id_token_claims": True, "claims": {"team": {"from": "groups", "in": ["access_token"]}},
             "resource": {"identifier": "urn:shop", "scopes": {"a.b": {"": "x"}}, "alg": "ES256", "claims": []}}  # fmt: skip
    factory.make_client(minimum_acr="mfa", shared_device=True, **shown)
    before = row_of(factory, "webshop").metadata_
    browser = enter(olga, f"{HOME}/webshop/edit")
    assert browser.heading == f"Edit {before['client_name']}", "people know apps by name, not by id"
    browser.fill(client_name="Web shop").submit()
    assert "is saved." in browser.text
    after = row_of(factory, "webshop")
    assert after.metadata_ == {**before, "client_name": "Web shop"}
    assert (after.minimum_acr, after.shared_device, after.first_party) == ("mfa", True, True)
    browser.click("Edit")
    browser.fill(in_languages="", default_max_age="", first_party=False, organisations="example-shoes").submit()
    after = row_of(factory, "webshop")
    assert not {"client_name#nl", "default_max_age"} & set(after.metadata_)
    assert (after.first_party, after.organisations) == (False, [anna_shoes(factory)])


@pytest.mark.parametrize(
    ("typed", "stored", "shown"),
    [("", None, "always, or a nonce instead"), ("true", True, "always"), ("false", False, "not needed")],
)
def test_the_console_tells_which_apps_go_without_pkce(factory, enter, olga, typed, stored, shown, clock) -> None:
    """The list and the app's page say when it must use PKCE, and the form sets it."""
    factory.make_client()
    browser = enter(olga, f"{HOME}/webshop/edit")
    browser.fill(require_pkce=typed).submit()
    assert row_of(factory, "webshop").metadata_.get("require_pkce") is stored
    assert f"<dt>PKCE</dt> <dd>{shown}</dd>" in " ".join(browser.html.split())
    assert browser.click("Edit").value("require_pkce") == typed
    assert f'<td data-name="PKCE">{shown}</td>' in browser.open(HOME).html


def test_a_secret_is_rotated_with_an_overlap(app, factory, enter, olga, journey, new_browser, clock) -> None:
    """Issues 3, 11: the new secret is shown once, and the old one works for one more day, unless another time is chosen."""
    made = factory.make_client()
    browser = enter(olga, f"{HOME}/webshop/about")
    browser.submit("New secret")
    assert "1 day, so that" in browser.text
    assert browser.fill(password="not my password").submit().status == 422
    browser.fill(password=olga.password).submit()
    fresh = secret_on(browser)
    jan = factory.make_user(anna_shoes(factory), "jan")
    for secret in (made.secret, fresh):
        party = RelyingParty(app, ISSUER, "webshop", CALLBACK, secret=secret)
        assert journey(jan, app=party, browser=new_browser()).begin().password().tokens()
    clock(hours=25)
    old = journey(jan, app=RelyingParty(app, ISSUER, "webshop", CALLBACK, secret=made.secret), browser=new_browser())
    with pytest.raises(Refused, match="invalid_client"):
        old.begin().password().tokens()


def test_a_sixth_secret_is_refused(factory, enter, olga) -> None:
    """S72: page and answer say what to do. With an overlap of nothing the others end, so there is room."""
    factory.make_client("webshop")
    browser = enter(olga, f"{HOME}/webshop/about")
    for _ in range(4):
        assert "at most 5 working secrets" not in browser.open(f"{HOME}/webshop/about").text
        browser.open(f"{HOME}/webshop/secrets/new?overlap=7d").fill(password=olga.password).submit()
    assert "at most 5 working secrets" in browser.open(f"{HOME}/webshop/about").text
    browser.open(f"{HOME}/webshop/secrets/new?overlap=7d").fill(password=olga.password).submit()
    assert (browser.status, "at most 5 working secrets. End one first" in browser.errors[0]) == (409, True)
    browser.open(f"{HOME}/webshop/secrets/new?overlap=now").fill(password=olga.password).submit()
    assert secret_on(browser)
    assert "at most 5 working secrets" not in browser.open(f"{HOME}/webshop/about").text


def test_a_leaked_secret_is_ended_now(app, factory, enter, olga, journey, new_browser, clock) -> None:
    """S72: each secret has its age, its maker and its last use. One ends at once; the audit log and the page say so."""
    made = factory.make_client()
    jan = factory.make_user(anna_shoes(factory), "jan")
    party = RelyingParty(app, ISSUER, "webshop", CALLBACK, secret=made.secret)
    assert journey(jan, app=party, browser=new_browser()).begin().password().tokens()
    browser = enter(olga, f"{HOME}/webshop/about")
    assert "Not used yet." not in browser.text
    browser.fill(overlap="7d").submit("New secret")
    assert "7 days, so that" in browser.text
    fresh = secret_on(browser.fill(password=olga.password).submit())
    assert "olga" in browser.open(f"{HOME}/webshop/about").text
    assert "Not used yet." in browser.text
    first, second = [address for address, words in browser.page.links if words == "End now"]
    browser.open(first)
    assert "The app must use its other secret." in browser.text
    browser.fill(password=olga.password).submit()
    assert THE_SECRET_HAS_ENDED in browser.text
    for secret, works in ((made.secret, False), (fresh, True)):
        walk = journey(jan, app=RelyingParty(app, ISSUER, "webshop", CALLBACK, secret=secret), browser=new_browser())
        with nullcontext() if works else pytest.raises(Refused, match="invalid_client"):
            walk.begin().password().tokens()
    assert "It is the only secret" in browser.open(second).text
    assert browser.fill(password=olga.password).submit().status == 200
    assert "The app has no working secret" in browser.text
    assert "How long do the current secrets keep working?" not in browser.text
    assert browser.open(first).status == 404
    assert browser.open(f"{HOME}/webshop/secrets/new?overlap=2d").status == 404
    assert "Secret of an app ended" in browser.open("/admin/example-shoes/audit?trail=installation").text


def test_an_app_is_disabled_enabled_and_deleted(factory, enter, olga, journey, new_browser, clock) -> None:
    """Each page says what will happen and asks for the password. The app's tokens end with it."""
    jan = factory.make_user(anna_shoes(factory), "jan")
    walk = journey(jan, browser=new_browser()).begin().password()
    tokens = walk.tokens()
    browser = enter(olga, f"{HOME}/webshop/about")
    browser.click("Disable")
    assert "stop working at once" in browser.text
    browser.fill(password=olga.password).submit()
    with pytest.raises(Refused):
        walk.app.userinfo(tokens.access_token)
    browser.click("Enable")
    browser.fill(password=olga.password).submit()
    assert walk.app.userinfo(tokens.access_token)["sub"] == jan.id
    browser.click("Delete")
    browser.fill(password=olga.password).submit()
    assert browser.url.partition("?")[0].endswith(HOME)
    with pytest.raises(Refused):
        walk.app.userinfo(tokens.access_token)
    assert browser.open(f"{HOME}/webshop/about").status == 404


def test_administrators_read_their_apps_and_change_none(factory, enter, anna, quiet_shoes, clock) -> None:
    """V8.2.2: an app of another organisation is not found, and neither is any route that changes an app."""
    boots = factory.make_organisation("example-boots")
    factory.make_client("kassa", organisations=(quiet_shoes, boots), contacts=["it@boots.example"])
    factory.make_client("secret-boots", organisations=(boots,))
    browser = enter(anna, HOME)
    assert "Kassa" in browser.text
    assert "Secret" not in browser.text
    browser.click("Kassa")
    assert "OIDC_CLIENT_ID=kassa" in browser.text
    assert "example-boots" not in browser.text
    assert "it@boots.example" not in browser.text
    assert not any(words in ("Edit", "Delete", "End now") for _, words in browser.page.links)
    with factory.context():
        (secret,) = client_secrets.valid_secrets("kassa", clocks.now())
    ending = f"kassa/secrets/{secret.id}/end"
    hidden = ("secret-boots/about", "secret-boots/test", "nobody/about", "add", "kassa/edit", "kassa/do/delete", ending)
    hidden += ("connect", "connect/shop")
    for path in hidden:
        assert browser.open(f"{HOME}/{path}").status == 404
    token = browser.open("/account/details").value("csrf_token")
    for path in ("add", "connect/shop", "kassa/edit", "kassa/do/delete", "kassa/secrets/new", ending):
        browser.send("POST", f"{ISSUER}{HOME}/{path}", [("csrf_token", token), ("password", anna.password)])
        assert browser.status == 404
    assert row_of(factory, "kassa")
