"""Owner transfer: which users may offer the ownership to which user, and what ends an offer."""

import pytest
from flask import Flask

from idp.actors import Person
from idp.audit import Origin
from idp.db import transaction
from idp.errors import Conflict, Invalid, NotFound, TooMany
from idp.identity import email_links
from idp.identity.accounts import accounts
from idp.identity.organisations import organisations
from idp.identity.ownership import owner_recovery, transfer
from idp.identity.users import email_address, status
from idp.store import users
from tests.drivers.email_address import press
from tests.drivers.ownership import AT, BOSS, IRIS, events, link_to, mails_by_subject, roles, sign_in_as_iris
from tests.drivers.postman import Postman
from tests.drivers.rival import made_to_wait
from tests.drivers.words import (
    HAND_OVER_THE_OWNERSHIP,
    THE_OFFER_OF_OWNERSHIP_WAS_WITHDRAWN,
    WITHDRAW_THE_OFFER,
    YOU_ARE_THE_OWNER_NOW,
)
from tests.factories import BY_TESTS, Factory, MadePerson


def test_a_newer_offer_replaces_the_earlier_one(
    factory: Factory, new_browser, postman: Postman, offered, jan, boss, iris, shoes, offer
) -> None:
    """Owner transfer: an organisation has at most one offer. The user with the earlier one is told."""
    first = postman.bring()
    offer(jan)
    second = postman.bring()
    assert (IRIS, THE_OFFER_OF_OWNERSHIP_WAS_WITHDRAWN) in mails_by_subject(second)
    for link in (link_to(first, IRIS), link_to(first, BOSS)):
        assert new_browser().open(link).status == 404
    with factory.context():
        found = transfer.waiting(factory.settings, factory.organisation(shoes))
        assert found is not None
        assert found.new_owner.id == jan.id
    offer(jan)
    assert "withdrawn" not in " ".join(mail.subject for mail in postman.bring()), "the new owner was told of a withdrawal"
    assert [event for event, _, _ in events(factory, shoes)] == ["offered", "withdrawn", "offered", "offered"]


def disable_and_enable(factory: Factory, shoes: str, boss: MadePerson, iris: MadePerson) -> None:
    at, by_boss = factory.organisation(shoes), Origin(Person(boss.id))
    status.disable(factory.settings, at, factory.user(iris), by_boss)
    status.enable(factory.settings, at, factory.user(iris), by_boss)


def change_address(factory: Factory, shoes: str, boss: MadePerson, iris: MadePerson) -> None:
    changes = {"email": "new@shoes.example", "email_verified": True}
    accounts.change(factory.settings, factory.organisation(shoes), factory.user(iris), changes, BY_TESTS)


def unverify_address(factory: Factory, shoes: str, boss: MadePerson, iris: MadePerson) -> None:
    accounts.change(factory.settings, factory.organisation(shoes), factory.user(iris), {"email_verified": False}, BY_TESTS)


def become_a_customer(factory: Factory, shoes: str, boss: MadePerson, iris: MadePerson) -> None:
    accounts.change(factory.settings, factory.organisation(shoes), factory.user(iris), {"role": "customer"}, BY_TESTS)


def change_the_owner(factory: Factory, shoes: str, boss: MadePerson, iris: MadePerson) -> None:
    other = factory.make_user(shoes, "other", role="owner", email="other@shoes.example")
    for owner in (other, boss):
        with transaction():
            organisations.set_owner(factory.organisation(shoes), factory.user(owner), BY_TESTS)


def recover_the_owner(factory: Factory, shoes: str, boss: MadePerson, iris: MadePerson) -> None:
    owner_recovery.start(factory.settings, factory.organisation(shoes), BY_TESTS)
    owner_recovery.cancel(factory.settings, factory.organisation(shoes), BY_TESTS)


@pytest.mark.parametrize(
    "in_between",
    [
        disable_and_enable,
        change_address,
        unverify_address,
        become_a_customer,
        change_the_owner,
        recover_the_owner,
    ],
)
def test_an_offer_ends_when_its_conditions_change(
    factory: Factory, new_browser, postman: Postman, offered, boss, iris, shoes, in_between
) -> None:
    """Owner transfer, S48: the new owner is disabled (even briefly), unreachable or elsewhere.
    Or the owner changes, or recovers.
    """
    link = link_to(postman.bring(), IRIS)
    theirs = sign_in_as_iris(new_browser().open(link), iris)
    with factory.context():
        in_between(factory, shoes, boss, iris)
        assert transfer.waiting(factory.settings, factory.organisation(shoes)) is None
    theirs.submit()
    assert theirs.heading != YOU_ARE_THE_OWNER_NOW
    assert roles(factory, boss) == ["owner"]
    assert "taken" not in [event for event, _, _ in events(factory, shoes)]


def test_only_the_owner_offers_and_only_to_eligible_users(
    factory: Factory, enter, new_browser, postman: Postman, shoes, anna, jan, olga, boss, iris
) -> None:
    """Owner transfer, S13: administrators, operators, managers and employees cannot offer it.

    Users of other organisations, customers and users without a verified address cannot get it.
    """
    for person in (anna, olga):
        browser = enter(person, f"{AT}/people/{iris.id}", new_browser())
        assert HAND_OVER_THE_OWNERSHIP not in browser.text
        assert browser.open(f"{AT}/people/{iris.id}/offer-ownership").status == 403
        assert "Only the owner" in browser.text
    for person in (jan, iris):
        theirs = enter(person, "/account/security", new_browser())
        assert theirs.open(f"{AT}/people/{jan.id}/offer-ownership").status == 404
        assert theirs.open(f"{AT}/ownership").status == 404
    bare = factory.make_user(shoes, "bare")
    customer = factory.make_user(shoes, "customer", role="customer", email="c@shoes.example")
    browser = enter(boss, f"{AT}/people/{bare.id}", new_browser())
    assert HAND_OVER_THE_OWNERSHIP not in browser.text
    browser.open(f"{AT}/people/{bare.id}/offer-ownership").fill(password=boss.password).submit()
    assert browser.status == 422
    assert "verified e-mail address" in browser.errors[0]
    assert browser.open(f"{AT}/people/{boss.id}/offer-ownership").status == 403
    toys = factory.make_organisation("toys")
    stranger = factory.make_user(toys, "stranger", email="s@toys.example")
    assert browser.open(f"{AT}/people/{stranger.id}/offer-ownership").status == 404
    with factory.context():
        at, by_boss = factory.organisation(shoes), Origin(Person(boss.id))
        with pytest.raises(Invalid):
            transfer.offer(factory.settings, at, factory.user(customer), by_boss)
        with pytest.raises(NotFound):
            transfer.offer(factory.settings, at, factory.user(stranger), by_boss)
        with pytest.raises(NotFound):
            transfer.withdraw(factory.settings, at, Origin(Person(anna.id)))
    assert postman.bring() == []
    assert events(factory, shoes) == []


def test_administrators_see_an_offer_but_cannot_withdraw_it(factory: Factory, enter, offered, anna) -> None:
    """Owner transfer: their page has no button to withdraw it, and a request to do so gets 404."""
    browser = enter(anna, f"{AT}/ownership")
    assert "iris was offered the ownership" in browser.text
    assert WITHDRAW_THE_OFFER not in browser.text
    assert browser.open(f"{AT}/ownership/withdraw").status == 404


def test_no_offer_is_made_while_the_account_may_be_stolen(
    factory: Factory, enter, new_browser, postman: Postman, boss, iris, shoes, olga, offer
) -> None:
    """Owner transfer, S48, S52: no offer is possible during a recovery, or within 72 hours of an address change."""
    with factory.context():
        owner_recovery.start(factory.settings, factory.organisation(shoes), BY_TESTS)
        with pytest.raises(Conflict):
            offer(iris)
        owner_recovery.cancel(factory.settings, factory.organisation(shoes), BY_TESTS)
        email_address.ask_change(factory.settings, factory.user(boss), "thief@evil.example", Origin(Person(boss.id)))
    press(new_browser(), postman.link("thief@evil.example"))
    browser = enter(boss, f"{AT}/people/{iris.id}/offer-ownership").fill(password=boss.password).submit()
    assert browser.status == 409
    assert "less than 3 days ago" in browser.errors[0]
    assert events(factory, shoes) == []


def test_the_number_of_offers_is_limited(factory: Factory, boss, iris, offer) -> None:
    """Security.md 8: offers must not flood a mailbox."""
    for _ in range(factory.settings.limits.mails_for_account):
        offer(iris)
    with pytest.raises(TooMany):
        offer(iris)


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
def test_an_address_change_and_an_acceptance_do_not_race(
    app: Flask, factory: Factory, postman: Postman, offered, boss, iris, shoes
) -> None:
    """Owner transfer, V15.4.2: both happen at the same moment.
    The acceptance waits, and then finds that the offer is over.
    """
    token = link_to(postman.bring(), IRIS).rpartition("/")[2]

    def accept() -> None:
        transfer.accept(factory.settings, email_links.opened(factory.settings, token, "ownership"), Origin(Person(iris.id)))

    with factory.context(), transaction():
        users.change_user(shoes, iris.id, email="new@shoes.example", email_key="new@shoes.example")
        accepting = made_to_wait(app, accept)
    with pytest.raises(NotFound):
        accepting.result()
    assert roles(factory, boss, iris)[0] == "owner"
