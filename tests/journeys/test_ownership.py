"""Owner transfer: both the owner and the new owner confirm it."""

import pytest

from idp.identity.ownership import transfer
from tests.drivers.authenticator import Authenticator
from tests.drivers.email_address import press
from tests.drivers.ownership import ANNA, AT, BOSS, IRIS, events, link_to, mails_by_subject, owner_id, roles, sign_in_as_iris
from tests.drivers.postman import Postman
from tests.drivers.set_up import key_on
from tests.drivers.words import (
    BECOME_THE_OWNER,
    HAND_OVER_THE_OWNERSHIP,
    SIGN_IN_DETAILS,
    THE_OFFER_OF_OWNERSHIP_WAS_WITHDRAWN,
    THE_OFFER_WAS_WITHDRAWN,
    WITHDRAW_THE_OFFER,
    YOU_ARE_THE_OWNER_NOW,
)
from tests.factories import Factory


def test_the_ownership_is_transferred_after_both_confirm(
    factory: Factory, enter, new_browser, postman: Postman, shoes, anna, boss, iris
) -> None:
    """Owner transfer, S13, S54: offered with the password, accepted when signed in.
    Roles, owner, audit log and mails change with it.
    """
    browser = enter(boss, f"{AT}/settings").click("Owner")
    browser.click("People").click("iris").click(HAND_OVER_THE_OWNERSHIP)
    assert browser.heading == "Offer iris the ownership?"
    assert "You then become an administrator." in browser.text
    browser.fill(password="not it at all").submit()
    assert browser.status == 422
    browser.fill(password=boss.password).submit()
    assert "iris gets the offer by e-mail." in browser.text
    mails = postman.bring()
    assert mails_by_subject(mails) == {
        (IRIS, "Will you be the owner of Example Shoes?"),
        (BOSS, "You offered the ownership to iris"),
    }
    assert "valid until" in next(mail.text for mail in mails if mail.to == IRIS)
    assert "iris was offered the ownership" in browser.open(f"{AT}/ownership").text
    assert roles(factory, boss, iris) == ["owner", "manager"]
    theirs = new_browser().open(link_to(mails, IRIS))
    assert "/sign-in/" in theirs.url
    sign_in_as_iris(theirs, iris)
    assert theirs.heading == BECOME_THE_OWNER
    theirs.submit()
    assert theirs.heading == YOU_ARE_THE_OWNER_NOW
    assert roles(factory, boss, iris) == ["administrator", "owner"]
    assert owner_id(factory, shoes) == iris.id
    assert events(factory, shoes) == [("offered", "boss", "iris"), ("given", "iris", "boss"), ("taken", "iris", "iris")]
    subject = "iris is now the owner of Example Shoes"
    assert mails_by_subject(postman.bring()) == {(BOSS, subject), (IRIS, subject), (ANNA, subject)}
    assert "Pending offer" not in browser.open(f"{AT}/ownership").text
    assert browser.open(f"{AT}/people/{iris.id}/edit").status == 403


def test_a_new_owner_without_a_second_factor_sets_one_up_first(
    factory: Factory, new_browser, postman: Postman, shoes, boss, offer
) -> None:
    """Owner transfer, S10: a password and the mail are not enough to become the owner."""
    iris = factory.make_user(shoes, "iris", email=IRIS)
    offer(iris)
    theirs = new_browser().open(link_to(postman.bring(), IRIS))
    theirs.fill(username="iris", password=iris.password).submit()
    assert "set up" in theirs.heading.lower()
    theirs.submit("next").submit("next")
    theirs.fill(code=Authenticator(key_on(theirs)).code()).submit()
    theirs.fill(noted=True).submit()
    assert theirs.heading == BECOME_THE_OWNER
    theirs.submit()
    assert roles(factory, iris) == ["owner"]


def test_a_stolen_offer_mail_gives_no_access(
    factory: Factory, enter, new_browser, postman: Postman, offered, boss, iris
) -> None:
    """Owner transfer: any other reader, signed in or not, must sign in as the new owner, both to read and to press."""
    link = link_to(postman.bring(), IRIS)
    for theirs in (new_browser(), enter(boss, browser=new_browser())):
        theirs.open(link)
        assert "/sign-in/" in theirs.url
        assert "password" in theirs.fields
        token = theirs.value("csrf_token")
        theirs.send("POST", "https://id.example.com/link/ownership", [("csrf_token", token), ("token", link.split("/")[-1])])
        assert "/sign-in/" in theirs.url
    theirs.open("/account/security")
    assert theirs.heading == SIGN_IN_DETAILS, "opening the link signed the owner out"
    assert roles(factory, boss, iris) == ["owner", "manager"]


def test_a_sign_in_of_another_user_does_not_accept_an_offer(
    factory: Factory, new_browser, postman: Postman, offered, jan, boss, iris
) -> None:
    """Owner transfer: the sign-in of another user does not count, whatever its level."""
    theirs = new_browser().open(link_to(postman.bring(), IRIS))
    theirs.fill(username="jan", password=jan.password).submit()
    assert theirs.status == 422
    assert "as the person that this request is for" in theirs.errors[0]
    assert roles(factory, boss, iris, jan) == ["owner", "manager", "employee"]


def test_an_old_sign_in_does_not_accept_an_offer(enter, clock, new_browser, postman: Postman, offered, iris) -> None:
    """Owner transfer: opening and pressing need a proof of the new owner from the last ten minutes."""
    theirs = enter(iris, "/account/security", new_browser())
    clock(minutes=11)
    theirs.open(link_to(postman.bring(), IRIS))
    assert "/sign-in/" in theirs.url
    sign_in_as_iris(theirs, iris)
    clock(minutes=11)
    theirs.submit()
    assert "/sign-in/" in theirs.url
    sign_in_as_iris(theirs, iris)
    assert theirs.submit().heading == YOU_ARE_THE_OWNER_NOW


def test_an_offer_link_works_once(factory: Factory, enter, new_browser, postman: Postman, offered, shoes, iris) -> None:
    """Owner transfer, I2: a second press has no effect. Its browser sees the result, and others that the link is gone."""
    link = link_to(postman.bring(), IRIS)
    theirs = sign_in_as_iris(new_browser().open(link), iris)
    sent = [(name, values[0]) for name, values in theirs.page.forms[0].fields.items()]
    theirs.submit()
    done = theirs.heading
    assert theirs.send("POST", "https://id.example.com/link/ownership", sent).heading == done
    assert theirs.open(link).heading == done
    assert new_browser().open(link).status == 404
    assert [event for event, _, _ in events(factory, shoes)] == ["offered", "given", "taken"]


def test_accepting_an_offer_needs_the_csrf_token(new_browser, postman: Postman, offered, iris, factory, boss) -> None:
    """ASVS V3.5.1: another site cannot press the button in the new owner's browser."""
    link = link_to(postman.bring(), IRIS)
    theirs = sign_in_as_iris(new_browser().open(link), iris)
    assert theirs.send("POST", "https://id.example.com/link/ownership", [("token", link.split("/")[-1])]).status == 403
    assert roles(factory, boss, iris) == ["owner", "manager"]


@pytest.mark.parametrize("who", ["boss", "olga"])
def test_an_offer_is_withdrawn_in_the_console(
    factory: Factory, enter, new_browser, postman: Postman, request, offered, olga, boss, shoes, who
) -> None:
    """Owner transfer: the owner or an operator withdraws it. Both sides are told, and the link stops working."""
    link = link_to(postman.bring(), IRIS)
    browser = enter(request.getfixturevalue(who), f"{AT}/ownership").click(WITHDRAW_THE_OFFER)
    assert "iris can no longer accept the offer" in browser.text
    browser.submit(WITHDRAW_THE_OFFER)
    assert "The offer to iris is withdrawn." in browser.text
    assert "Pending offer" not in browser.text
    assert {mail.to for mail in postman.bring()} == {BOSS, IRIS}
    assert new_browser().open(link).status == 404
    assert browser.open(f"{AT}/ownership/withdraw").status == 404
    assert [(event, subject) for event, _, subject in events(factory, shoes)] == [("offered", "iris"), ("withdrawn", "iris")]


def test_the_owner_withdraws_an_unknown_offer_from_the_mail(
    factory: Factory, new_browser, postman: Postman, offered, boss, iris, shoes
) -> None:
    """Owner transfer: a thief may have signed in as the owner. So the owner's link needs one press and no sign-in."""
    mails = postman.bring()
    assert press(new_browser(), link_to(mails, BOSS)).heading == THE_OFFER_WAS_WITHDRAWN
    for link in (link_to(mails, BOSS), link_to(mails, IRIS)):
        assert new_browser().open(link).status == 404
    assert mails_by_subject(postman.bring()) == {(address, THE_OFFER_OF_OWNERSHIP_WAS_WITHDRAWN) for address in (BOSS, IRIS)}
    assert events(factory, shoes)[-1] == ("withdrawn", "boss", "iris")


def test_an_offer_expires_after_three_days(factory: Factory, clock, new_browser, postman: Postman, offered, shoes) -> None:
    """Owner transfer: after 72 hours neither link works, and the console shows no offer."""
    mails = postman.bring()
    clock(hours=71, minutes=59)
    assert "/sign-in/" in new_browser().open(link_to(mails, IRIS)).url
    clock(minutes=2)
    for link in (link_to(mails, IRIS), link_to(mails, BOSS)):
        assert new_browser().open(link).status == 404
    with factory.context():
        assert transfer.waiting(factory.settings, factory.organisation(shoes)) is None


def test_the_new_owner_is_picked_from_a_list(factory: Factory, enter, new_browser, shoes, boss) -> None:
    """Owner transfer: the owner's page finds people by name, and says why somebody cannot be chosen. Others see no list."""
    iris = factory.make_user(shoes, "iris", name="Iris Bakker", role="manager", email="iris@shoes.example")
    factory.make_user(shoes, "bakker", name="Bakker", role="customer", email="b@shoes.example")
    factory.make_user(shoes, "bakker2", name="Bakker")
    admin = factory.make_user(shoes, "adam", role="administrator", with_totp=True, email="adam@shoes.example")
    browser = enter(boss, f"{AT}/ownership")
    assert "adam" in browser.text
    assert "iris" not in browser.text
    assert "can start a recovery" not in browser.text
    browser.open(f"{AT}/ownership?q=bakk")
    assert "A customer cannot be the owner." in browser.text
    assert "There is no verified e-mail address." in browser.text
    chosen = [href for href, _ in browser.page.links if href.endswith("/offer-ownership")]
    assert chosen == [f"{AT}/people/{iris.id}/offer-ownership"]
    assert "Nobody was found. Type the beginning" in browser.open(f"{AT}/ownership?q=%25%00x").text
    theirs = enter(admin, f"{AT}/ownership?q=bakk", new_browser()).text
    assert "bakker" not in theirs
    assert "the installation administrator can start a recovery" in theirs
