"""The shortest journey: an app sends a person to sign in, who enters a password and returns with an ID token."""

from flask import Flask

from idp.config import Settings
from tests.drivers.browser import Browser
from tests.drivers.relying_party import RelyingParty
from tests.factories import Factory


def test_a_password_sign_in_returns_to_the_app_with_acr_and_amr(
    app: Flask, settings: Settings, factory: Factory, browser: Browser
) -> None:
    """S16, S30, S61: username and password, then "not now". The app's ID token has the ``acr`` and ``amr`` of a password."""
    person = factory.make_user(factory.make_organisation())
    client = factory.make_client()
    shop = RelyingParty(app, settings.issuer, client.client_id, client.redirect_uri, secret=client.secret)
    browser.open(shop.authorize_url(scope="openid profile"))
    browser.fill(username=person.username, password=person.password).submit()
    browser.submit("Not now")
    tokens = shop.callback(browser.left_for)
    assert (tokens.acr, tokens.amr) == ("pwd", ["pwd"])
    assert tokens.claims["sub"] == person.id
    assert shop.userinfo()["sub"] == person.id


def test_a_user_with_an_authenticator_is_asked_for_its_code(
    app: Flask, settings: Settings, factory: Factory, browser: Browser
) -> None:
    """S1, S34: the user enters a code, and the app reads that in ``acr`` and ``amr``."""
    person = factory.make_user(factory.make_organisation(), with_totp=True)
    client = factory.make_client(public=True)
    shop = RelyingParty(app, settings.issuer, client.client_id, client.redirect_uri)
    browser.open(shop.authorize_url())
    browser.fill(username=person.username, password=person.password).submit()
    assert "code" in browser.fields
    browser.fill(code=person.authenticator.code()).submit()
    tokens = shop.callback(browser.left_for)
    assert tokens.acr == "mfa"
    assert set(tokens.amr) == {"pwd", "otp", "mfa"}
