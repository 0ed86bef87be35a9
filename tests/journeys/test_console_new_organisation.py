"""An operator adds an organisation with its first shop and its owner, who takes the invitation (S74)."""

from idp import clock
from idp.config import Settings
from idp.db import transaction
from idp.identity import mail_limits
from idp.identity.owner import owner_of
from idp.store import organisations, rate_limits, users
from tests.drivers.postman import Postman
from tests.factories import Factory, MadePerson

ADD = "/admin/installation/organisations/add"
FORM = {
    "name": "Toys & Co", "store_url": "toys", "country": "nl", "language": "nl", "shop_code": "dam", "shop_name": "Dam",
    "username": "pim", "email": "pim@toys.example",
}  # fmt: skip


def test_an_operator_adds_an_organisation_whose_owner_is_invited(
    factory: Factory, enter, new_browser, postman: Postman, olga: MadePerson
) -> None:
    """S12, S54, S74: nothing is half made. The person is the owner once the invitation has verified the address."""
    browser = enter(olga)
    browser.click("Add an organisation")
    for wrong, words in (
        ({"store_url": "Toys Co"}, "Use small letters"), ({"email": "pim"}, "not an e-mail address"),
        ({"country": "Nederland"}, "two capital letters"), ({"shop_code": "a b"}, "without spaces"),
        ({"username": ""}, "Enter a username"),
    ):  # fmt: skip
        browser.open(ADD).fill(**{**FORM, **wrong}, password=olga.password).submit()
        assert (browser.status, words in browser.errors[0]) == (422, True), (wrong, browser.errors)
        with factory.context():
            assert organisations.organisation_at("toys") is None, wrong
    browser.open(ADD).fill(**FORM, password=olga.password).submit()
    assert "Toys & Co is added, and pim is invited." in browser.text
    with factory.context():
        made = organisations.organisation_at("toys")
        assert made is not None
        pim = users.user_named(made.id, "pim")
        assert (made.name, made.country, made.settings["languages"][0]) == ("Toys & Co", "NL", "nl")
        assert [shop.code for shop in organisations.shops(made.id)] == ["dam"]
        assert pim is not None
        assert (pim.role, owner_of(made)) == ("administrator", None)
    there = new_browser().open(postman.link("pim@toys.example")).submit()
    there.fill(new_password="a long enough phrase", new_password_again="a long enough phrase").submit()
    with factory.context():
        owner = owner_of(made)
        assert owner is not None
        assert (owner.username, owner.role, owner.email_verified_at is not None) == ("pim", "owner", True)


def test_an_owner_who_cannot_be_invited_leaves_no_organisation(
    factory: Factory, settings: Settings, enter, olga: MadePerson
) -> None:
    """S54: an operator's mails are limited. Without the invitation nothing is made, so the same form works later."""
    browser = enter(olga, ADD)
    with factory.context(), transaction():
        until = clock.ahead(minutes=15)
        for _ in range(settings.limits.mails_by_person):
            rate_limits.admit_ip(mail_limits.BY, olga.id, settings.limits.mails_by_person, clock.now(), until)
    browser.fill(**FORM, password=olga.password).submit()
    assert browser.status == 429
    with factory.context():
        assert organisations.organisation_at("toys") is None


def test_only_operators_add_organisations(factory: Factory, enter, anna: MadePerson) -> None:
    """V8.2.2: an administrator finds no such page, neither there nor in their own organisation."""
    browser = enter(anna)
    for path in (ADD, "/admin/example-shoes/organisations/add"):
        assert browser.open(path).status == 404
