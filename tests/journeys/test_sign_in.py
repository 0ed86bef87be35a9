"""Signing in at a relying app, step by step (S29–S40, S56–S62)."""

from tests.drivers.browser import Browser
from tests.factories import Factory


def test_username_and_password_lead_back_to_the_app(browser: Browser, factory: Factory, relying_party) -> None:
    """S30, S61: signing in ends in the app that asked, with a token that says a password was given."""
    shoes = factory.make_organisation(settings={"offer_set_up": False})
    jan = factory.make_user(shoes)
    app = relying_party(factory.make_client())
    browser.open(app.authorize_url())
    browser.fill(username=jan.username, password=jan.password).submit()
    tokens = app.callback(browser.left_for)
    assert tokens.acr == "pwd"
    assert tokens.amr == ["pwd"]
    assert tokens.claims["sub"] == jan.id
