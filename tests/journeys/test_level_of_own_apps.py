"""The lowest level of an app that administrators manage, where an operator has demanded one (S71)."""

from idp.db import transaction
from idp.identity.organisations import organisations
from idp.oauth import registration
from idp.oauth.registration import Ours
from tests.drivers.browser import Browser
from tests.factories import BY_TESTS, Factory

HOME = "/admin/example-shoes/apps"


def test_administrators_never_go_below_the_level_of_the_operators(
    factory: Factory, enter, new_browser, anna, olga, shoes
) -> None:
    """S71: an operator demands a level of an app that administrators manage. They may ask for more, and go back to that."""
    with factory.context():
        with transaction():
            settings = {"settings": {"administrators_connect_apps": True}}
            organisations.change(factory.organisation(shoes), settings, BY_TESTS)
        metadata = {"client_name": "Zeepkist", "redirect_uris": ["https://soap.shoes.example/callback"]}
        own = Ours(organisations=(shoes,), managed_by=shoes)
        made, _ = registration.register(factory.settings, None, metadata, own, None, BY_TESTS)
    edit = f"{HOME}/{made.client_id}/edit?all=1"

    def chosen(level: str, there: Browser | None = None) -> str:
        (there or browser).open(edit).fill(minimum_acr=level).submit()
        with factory.context():
            return registration.client_there(made.client_id).minimum_acr

    browser = enter(anna, HOME)
    assert (chosen("mfa"), chosen("")) == ("mfa", ""), "their own choice is theirs to take back"
    by_operators = enter(olga, HOME, new_browser())
    assert chosen("mfa-remembered", by_operators) == "mfa-remembered"
    assert chosen("") == "mfa-remembered"
    assert browser.status == 422
    assert "demands at least mfa-remembered here." in browser.errors[0]
    assert (chosen("mfa"), chosen("mfa-remembered")) == ("mfa", "mfa-remembered")
    assert chosen("pwd") == "mfa-remembered"
    assert chosen("", by_operators) == ""
    assert (chosen("mfa"), chosen("")) == ("mfa", "")
