"""What people and developers see of an app that an operator disabled."""

from idp.oauth import registration
from tests.drivers.words import THIS_APP_IS_DISABLED
from tests.factories import BY_TESTS


def test_people_read_that_the_app_is_disabled(factory, new_browser, relying_party) -> None:
    """The page does not call it a mistake of the app, nor a client id that nobody has."""
    party = relying_party(factory.make_client())
    with factory.context():
        registration.disable("webshop", BY_TESTS)
    browser = new_browser().open(party.authorize_url())
    assert (browser.status, browser.heading) == (400, THIS_APP_IS_DISABLED)
    assert "unauthorized_client" in browser.text
    assert "The client is disabled." in browser.text
