"""The secrets on an app's page, by who reads it."""

from datetime import timedelta

from idp.actors import Person
from idp.audit import Origin
from idp.db import transaction
from idp.identity.organisations import organisations
from idp.oauth import secret_changes
from idp.store import clients
from tests.factories import BY_TESTS


def test_an_operator_sees_which_administrator_made_a_secret(factory, settings, enter, anna, olga, shoes) -> None:
    """S72: the operator's console names the administrator, also once the operators have taken the app over."""
    factory.make_client()
    with factory.context(), transaction():
        organisations.change(factory.organisation(shoes), {"settings": {"administrators_connect_apps": True}}, BY_TESTS)
        clients.change_client("webshop", managed_by=shoes, organisations=[shoes])
    with factory.context():
        secret_changes.rotate_secret(settings, "webshop", Origin(Person(anna.id)), timedelta(days=1))
    at = "/admin/installation/apps/webshop"
    browser = enter(olga, f"{at}/about")
    assert "Created by anna" in browser.text
    browser.open(f"{at}/do/take-over").fill(password=olga.password).submit()
    assert "Created by anna" in browser.open(f"{at}/about").text
