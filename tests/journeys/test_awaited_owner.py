"""An organisation whose owner has not yet taken the invitation: nobody else becomes the owner (S74, S54)."""

import pytest

from idp.actors import Person
from idp.audit import Origin
from idp.errors import Forbidden
from idp.identity.accounts import accounts
from idp.identity.owner import owner_of
from idp.identity.users import status
from idp.store import organisations, users
from tests.drivers.browser import Browser
from tests.drivers.people import everybody
from tests.drivers.postman import Postman
from tests.factories import Factory, MadePerson

FORM = {
    "name": "Toys", "store_url": "toys", "country": "NL", "language": "en", "shop_code": "", "shop_name": "",
    "username": "pim", "email": "pim@toys.example",
}  # fmt: skip


@pytest.fixture
def ada(factory: Factory, enter, olga: MadePerson, postman: Postman) -> MadePerson:
    """Return an administrator of an organisation whose owner, pim, is invited."""
    enter(olga, "/admin/installation/organisations/add").fill(**FORM, password=olga.password).submit()
    postman.bring()
    with factory.context():
        made = organisations.organisation_at("toys")
        assert made is not None
    return factory.make_user(made.id, "ada", role="administrator", with_totp=True, email="ada@toys.example")


def test_an_administrator_cannot_become_the_owner_by_the_invitation_of_another_person(
    factory: Factory, enter, new_browser, postman: Postman, ada: MadePerson
) -> None:
    """The person who takes the invitation becomes the owner: its address is not an administrator's to change."""
    with factory.context():
        made = organisations.organisation_at("toys")
        assert made is not None
        (pim,) = [row for row in everybody(made.id) if row.username == "pim"]
    at = f"/admin/toys/people/{pim.id}"
    browser: Browser = enter(ada, at, new_browser())
    for path in ("edit", "invite", "print-code", "disable"):
        assert browser.open(f"{at}/{path}").status in (403, 404), path
    token = browser.open("/account/details").value("csrf_token")
    browser.send("POST", f"{browser.issuer}{at}/edit", [("csrf_token", token), ("email", "ada@toys.example")])
    assert browser.status in (403, 404)
    assert not postman.bring("ada@toys.example")
    with factory.context():
        by_ada = Origin(Person(ada.id))
        with pytest.raises(Forbidden):
            accounts.change(factory.settings, made, pim, {"email": "ada@toys.example"}, by_ada)
        with pytest.raises(Forbidden):
            status.disable(factory.settings, made, pim, by_ada)
        kept = users.user(made.id, pim.id)
        assert kept is not None
        assert (kept.email, owner_of(made)) == ("pim@toys.example", None)


def test_the_awaited_owner_manages_themselves(factory: Factory, ada: MadePerson) -> None:
    """They begin as an administrator like any other, and change what people change of themselves."""
    with factory.context():
        made = organisations.organisation_at("toys")
        assert made is not None
        (pim,) = [row for row in everybody(made.id) if row.username == "pim"]
        assert accounts.change(factory.settings, made, pim, {"name": "Pim"}, Origin(Person(pim.id))) == ("name",)
