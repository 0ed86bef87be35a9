"""Connect an app by what it is: three fields, and settings that work at once (S71)."""

from collections.abc import Callable

import pytest

from idp.oauth.client_kinds import KINDS, KINDS_OF_ADMINISTRATORS
from idp.oauth.client_permissions import SETTING
from idp.store import clients, organisations
from idp.web.admin.client_connect import ASKED_FOR
from tests.drivers.browser import Browser
from tests.drivers.relying_party import RelyingParty
from tests.drivers.words import THE_SECRET_SHOWN_THIS_ONCE
from tests.factories import Factory, MadePerson

HOME = "/admin/example-shoes/apps"
BOOTS = "/admin/example-boots/apps/connect"
ISSUER = "https://id.example.com"


@pytest.fixture
def here(enter: Callable[..., Browser], quiet_shoes: str, olga: MadePerson) -> Browser:
    """Sign the operator in at the list of apps."""
    return enter(olga, HOME)


def made(factory: Factory) -> list[clients.Client]:
    with factory.context():
        return list(clients.clients())


def test_a_web_shop_is_connected_with_three_fields(app, factory, here, quiet_shoes, journey, new_browser) -> None:
    """The answer has the secret, settings for the library, and a way to try it; the app signs people in with them."""
    here.click("Connect an app").click("Web shop")
    here.fill(name="Shoes online", address="Shop.Shoes.Example/nl", stack="allauth").submit()
    assert here.heading == "Shoes online"
    assert "“Shoes online” is connected" in here.text
    lines = here.text.splitlines()
    secret = lines[lines.index(THE_SECRET_SHOWN_THIS_ONCE) + 2]
    assert "SOCIALACCOUNT_PROVIDERS" in here.text, "the settings of the library are not shown"
    assert "?for=allauth" in here.url
    (row,) = made(factory)
    assert (row.organisations, row.first_party, row.metadata_["client_uri"]) == (
        [quiet_shoes], False, "https://shop.shoes.example/nl",
    )  # fmt: skip
    callback = "https://shop.shoes.example/accounts/oidc/sleutel/login/callback/"
    party = RelyingParty(app, ISSUER, row.client_id, callback, secret=secret)
    jan = factory.make_user(quiet_shoes, "jan")
    walk = journey(jan, app=party, browser=new_browser()).begin(scope="openid profile email").password()
    assert walk.browser.heading, "people are asked before the app sees anything"
    assert "Test this app" in [words for _, words in here.page.links]


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_can_be_connected(factory, here, kind) -> None:
    """No kind ends nowhere: what is asked is enough, and the page of the new app is shown."""
    here.open(f"{HOME}/connect/{kind}")
    address = "nl.shoes.app" if kind == "phone" else "https://app.shoes.example"
    wanted = {"name": "Kassa", "address": address, "scopes": "stock.read = See the stock"}
    here.fill(**{name: value for name, value in wanted.items() if name in here.fields}).submit()
    assert (here.status, here.heading) == (200, "Kassa")
    (row,) = made(factory)
    assert (THE_SECRET_SHOWN_THIS_ONCE in here.text) is not row.is_public
    for path in (f"{HOME}/{row.client_id}/about", f"{HOME}/{row.client_id}/edit"):
        assert here.open(path).status == 200
    here.submit()
    assert here.status == 200, here.text
    (again,) = made(factory)
    assert again.metadata_ == row.metadata_, "saving the form unchanged changes the app"


def test_a_wrong_address_is_told_at_its_field(factory, here) -> None:
    """Bad input: the page keeps what was typed, and the error belongs to the field. Nothing is half connected."""
    here.open(f"{HOME}/connect/shop").fill(name="Shop", address="http://shop.example").submit()
    assert here.status == 422
    assert "must begin with https://" in here.text
    assert (here.value("name"), here.value("address")) == ("Shop", "http://shop.example")
    assert here.open(f"{HOME}/connect/nothing").status == 404
    assert made(factory) == []
    with factory.context():
        assert organisations.organisation_at("example-shoes")


def test_a_callback_that_was_entered_as_the_address_is_no_home_page(factory, here) -> None:
    """People would open it from their home page, without an answer for the app in it."""
    here.open(f"{HOME}/connect/shop").fill(name="Shop", address="shop.example/callback").submit()
    (row,) = made(factory)
    assert row.metadata_["redirect_uris"] == ["https://shop.example/callback"]
    assert row.metadata_["client_uri"] == "https://shop.example/"


def test_the_settings_of_an_api_say_what_it_must_check(here) -> None:
    """RFC 9068 §4: an API compares audience, scope and algorithm of access tokens; nobody gets an ID token for it."""
    here.open(f"{HOME}/connect/api")
    scopes = "stock.read = See\nstock.write = Change"
    here.fill(name="Stock", address="https://stock.shoes.example/api", scopes=scopes).submit()
    lines = here.text.splitlines()
    assert "OIDC_AUDIENCE=https://stock.shoes.example/api" in lines
    assert "OIDC_API_SCOPES=stock.read stock.write" in lines
    assert "OIDC_ACCESS_TOKEN_SIGNING_ALG=RS256" in lines
    assert "OIDC_ID_TOKEN_SIGNING_ALG" not in here.text
    assert "resource=https://stock.shoes.example/api" in here.text
    assert "Test this app" not in here.text
    here.fill(**{"for": "pyjwt"}).submit("Show the settings")
    assert 'ISSUER, AUDIENCE = "https://id.example.com", "https://stock.shoes.example/api"' in here.text
    assert '@needs("stock.read")' in here.text
    assert "The secret is not shown here" not in here.text
    here.open(f"{HOME}/connect/device").fill(name="Scale").submit()
    assert "OIDC_AUDIENCE" not in here.text
    assert "OIDC_ID_TOKEN_SIGNING_ALG=RS256" in here.text.splitlines()


@pytest.mark.parametrize(("kind", "asked"), [("api", "what apps may do with it"), ("device", "the name of the device")])
def test_the_page_of_a_kind_of_operators_says_what_to_ask_for(factory, enter, kind: str, asked: str) -> None:
    """The installation administrator connects an API or a device: pages say so, and posting to them connects nothing."""
    boots = factory.make_organisation("example-boots", settings={"offer_set_up": False, SETTING: True})
    bob = factory.make_user(boots, "bob", role="administrator", with_totp=True, email="bob@boots.example")
    there = enter(bob, BOOTS)
    assert "The installation administrator connects these" in there.text
    there.open(f"{BOOTS}/{kind}")
    assert there.status == 403
    assert "Ask the installation administrator to connect it" in there.text
    assert "Say that it is for “" in there.text
    assert asked in there.text
    token = there.open("/account/details").value("csrf_token")
    values = [("csrf_token", token), ("name", "Stock"), ("address", "a.example"), ("scopes", "a.b = A")]
    there.send("POST", f"{ISSUER}{BOOTS}/{kind}", values)
    assert there.status == 403
    assert made(factory) == []
    assert there.open(f"{BOOTS}/toaster").status == 404
    assert set(ASKED_FOR) == set(KINDS) - set(KINDS_OF_ADMINISTRATORS)
