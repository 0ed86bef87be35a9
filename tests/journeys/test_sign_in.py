"""Sign in at a relying app, step by step (S29–S40, S56–S62)."""

from tests.drivers.browser import Browser
from tests.drivers.words import FORGOT_YOUR_PASSWORD, WHO_IS_SIGNING_IN
from tests.factories import Factory


def test_username_and_password_lead_back_to_the_app(browser: Browser, factory: Factory, relying_party) -> None:
    """S30, S61: the sign-in ends in the requesting app, with a token that reports a password."""
    shoes = factory.make_organisation(settings={"offer_set_up": False})
    jan = factory.make_user(shoes)
    app = relying_party(factory.make_client())
    browser.open(app.authorize_url())
    browser.fill(username=jan.username, password=jan.password).submit()
    tokens = app.callback(browser.left_for)
    assert tokens.acr == "pwd"
    assert tokens.amr == ["pwd"]
    assert tokens.claims["sub"] == jan.id


def test_a_picked_language_stays_for_the_next_user(
    browser: Browser, factory: Factory, journey, relying_party, quiet_shoes: str, clock
) -> None:
    """S35, S62: the app requests Dutch, and a user picks English at the chooser. The next user reads English."""
    jan = factory.make_user(quiet_shoes)
    till = relying_party(factory.make_client("till", shared_device=True))
    journey(jan, app=till).begin().password().tokens()
    assert "Wie logt er in?" in journey(jan, app=till).begin(ui_locales="nl").browser.text
    assert WHO_IS_SIGNING_IN in browser.submit("English").text
    assert FORGOT_YOUR_PASSWORD in browser.submit("choice=other").text


def test_a_picked_language_stays_in_a_new_sign_in(browser: Browser, factory: Factory, journey, clock) -> None:
    """S60, S62: an expired form and a reloaded page keep their language."""
    jan = factory.make_user(factory.make_organisation())
    for stale in ("sent", "loaded"):
        journey(jan).begin(ui_locales="nl").browser.submit("English")
        clock(hours=2)
        again = browser.submit() if stale == "sent" else browser.reload()
        assert "This page was out of date" in again.text
        assert FORGOT_YOUR_PASSWORD in again.text
