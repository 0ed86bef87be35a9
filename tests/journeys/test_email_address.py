"""The e-mail address: changed by its user or by others, restored, verified by administrators (S52, S54, S55, CS-03)."""

import pytest

from idp import clock as product_clock
from idp.identity.accounts import accounts
from idp.identity.users import email_address
from idp.store import audit as audit_rows
from tests.drivers.email_address import ISSUER, address_of, ann, at_address, press
from tests.drivers.profile import set_up_from_profile
from tests.drivers.words import THIS_WAS_NOT_ME, VERIFY_YOUR_E_MAIL_ADDRESS, YOUR_E_MAIL_ADDRESS_IS_VERIFIED
from tests.factories import BY_TESTS, Factory

__all__ = ["ann", "at_address"]


def change_by_others(factory: Factory, person, **details) -> None:
    with factory.context():
        organisation = factory.organisation(person.organisation_id)
        accounts.change(factory.settings, organisation, factory.user(person), details, BY_TESTS)


def test_a_new_address_counts_once_it_is_confirmed(factory: Factory, at_address, new_browser, postman, ann, clock) -> None:
    """S52, CS-03: the old address stays in use until the button on the linked page is pressed.
    Then both addresses are told.
    """
    browser = at_address(ann)
    browser.fill(email="ann@home.example").submit()
    assert "ann@home.example" in browser.text
    assert address_of(factory, ann) == ("ann@shoes.example", True)
    (mail,) = postman.bring()
    assert mail.to == "ann@home.example"
    assert mail.link.startswith(f"{ISSUER}/link/address/")
    phone = new_browser()
    phone.client.head(mail.link)
    phone.open(mail.link)
    assert "ann" in phone.text
    assert "Example Shoes" in phone.text
    assert phone.headers["Referrer-Policy"] == "no-referrer"
    assert address_of(factory, ann) == ("ann@shoes.example", True), "opening the page changed the address"
    phone.submit()
    assert phone.heading == YOUR_E_MAIL_ADDRESS_IS_VERIFIED
    assert address_of(factory, ann) == ("ann@home.example", True)
    mails = {mail.to: mail for mail in postman.bring()}
    assert set(mails) == {"ann@shoes.example", "ann@home.example"}
    assert THIS_WAS_NOT_ME in mails["ann@shoes.example"].text
    assert "/link/" not in mails["ann@home.example"].text
    assert new_browser().open(mail.link).status == 404


def test_a_change_of_address_needs_a_recent_highest_proof(at_address, ann, clock) -> None:
    """V7.5.1, CS-03: after ten minutes password and code are asked for again, by the page and by a direct POST."""
    browser = at_address(ann)
    token = browser.value("csrf_token")
    clock(minutes=11)
    browser.send("POST", ISSUER + "/account/address", [("csrf_token", token), ("email", "x@evil.example")])
    assert "/sign-in/" in browser.url
    browser.fill(password="not the right one").submit()
    assert browser.errors == ["Error: That is not your password. Check it and try again."], "it named the username"
    browser.fill(password=ann.password).submit()
    assert "code" in browser.fields
    browser.send("POST", ISSUER + "/account/address", [("csrf_token", "forged"), ("email", "x@evil.example")])
    assert browser.status == 403


def test_mail_to_an_unverified_address_has_no_chosen_name(
    factory: Factory, at_address, postman, quiet_shoes: str, clock
) -> None:
    """V2.4.1: a user could otherwise mail text of their own to strangers, by their name."""
    name = "Win a prize at www.evil.example"
    spammer = factory.make_user(quiet_shoes, "spammer", name=name, email="spam@shoes.example")
    at_address(spammer).fill(email="victim@home.example").submit()
    (mail,) = postman.bring()
    assert mail.to == "victim@home.example"
    assert "evil" not in mail.text + mail.html + mail.subject


@pytest.mark.parametrize(
    "typed", ["", "no", "a@b.example\r\nBcc: x@y.example", "a@b.example, c@d.example", "x" * 300 + "@b.example"]
)
def test_an_invalid_address_is_refused(at_address, postman, ann, clock, typed: str) -> None:
    """V1.3.11: text that could reach a mail header or a second recipient is refused, and nothing is sent."""
    browser = at_address(ann).fill(email=typed).submit()
    assert browser.status == 422
    assert browser.errors
    assert postman.bring() == []


def test_a_second_change_voids_the_first(factory: Factory, at_address, new_browser, postman, ann, clock) -> None:
    """CS-03: only the address that was requested last can be confirmed."""
    browser = at_address(ann).fill(email="first@home.example").submit()
    first = postman.link("first@home.example")
    browser.fill(email="second@home.example").submit()
    second = postman.link("second@home.example")
    assert press(new_browser(), second).status == 200
    assert new_browser().open(first).status == 404
    assert address_of(factory, ann)[0] == "second@home.example"


def test_a_customers_username_follows_the_address(
    factory: Factory, at_address, new_browser, postman, quiet_shoes, clock
) -> None:
    """S2: a user who signs in with the address uses the new one. Only the reader of an address learns that it is taken."""
    old, taken = "kees@home.example", "piet@home.example"
    kees = factory.make_user(quiet_shoes, old, role="customer", email=old)
    factory.make_user(quiet_shoes, taken, role="customer", email=taken)
    browser = at_address(kees).fill(email=taken).submit()
    assert browser.status == 200
    refused = press(new_browser(), postman.link(taken))
    assert refused.status == 409
    assert address_of(factory, kees)[0] == old
    browser.fill(email="kees@new.example").submit()
    press(new_browser(), postman.link("kees@new.example"))
    with factory.context():
        assert factory.user(kees).username == "kees@new.example"
    press(new_browser(), postman.link(old))
    with factory.context():
        assert factory.user(kees).username == old


def test_both_addresses_are_told_of_a_change_by_others(factory: Factory, new_browser, postman, ann, clock) -> None:
    """S52: an administrator or a file made the change. No link undoes it, and the new address must be verified."""
    change_by_others(factory, ann, email="ann@new.example")
    assert address_of(factory, ann) == ("ann@new.example", False)
    mails = {mail.to: mail for mail in postman.bring()}
    assert set(mails) == {"ann@shoes.example", "ann@new.example"}
    assert "/link/" not in mails["ann@shoes.example"].text
    press(new_browser(), mails["ann@new.example"].link)
    assert address_of(factory, ann) == ("ann@new.example", True)


def test_administrators_change_their_own_address_in_the_profile(
    factory: Factory, enter, quiet_shoes, postman, clock
) -> None:
    """S52: at an open console an attacker could otherwise redirect the mail, without a proof and for good."""
    chief = factory.make_user(quiet_shoes, "chief", role="administrator", with_totp=True, email="chief@shoes.example")
    browser = enter(chief, f"/admin/example-shoes/people/{chief.id}/edit")
    browser.fill(email="thief@evil.example").submit()
    assert browser.status == 422
    assert "in your profile" in browser.text
    assert address_of(factory, chief) == ("chief@shoes.example", True)
    assert postman.bring() == []
    browser.fill(email="chief@shoes.example", name="The Chief").submit()
    assert browser.status == 200


def test_the_owner_is_notified_for_users_without_a_verified_address(
    factory: Factory, at_address, new_browser, postman, quiet_shoes, clock
) -> None:
    """S54: the notice about a first address goes to the owner and names the user. The link goes to the user only."""
    pim = factory.make_user(quiet_shoes, "pim")
    at_address(pim).fill(email="pim@home.example").submit()
    press(new_browser(), postman.link("pim@home.example"))
    mails = {mail.to: mail for mail in postman.bring()}
    assert set(mails) == {"owner@shoes.example", "pim@home.example"}
    assert "pim" in mails["owner@shoes.example"].text
    assert "/link/" not in mails["owner@shoes.example"].text


def test_a_link_works_only_for_its_user_and_purpose(at_address, new_browser, postman, ann, clock) -> None:
    """V2.3.1: a wrong purpose, another organisation and a forged form have no effect. Nor does a second press."""
    at_address(ann).fill(email="ann@home.example").submit()
    link = postman.link("ann@home.example")
    token = link.rpartition("/")[2]
    for path in ("/reset/", "/welcome/", "/link/verify/", "/link/undo/", "/link/nonsense/"):
        assert new_browser().open(path + token).status == 404
    page = new_browser().open(link)
    page.send("POST", ISSUER + "/link/address", [("csrf_token", "forged"), ("token", token)])
    assert page.status == 403
    mine = page.open(link).value("csrf_token")
    for purpose, expected in (("verify", 404), ("undo", 404), ("address", 200), ("address", 200)):
        page.send("POST", f"{ISSUER}/link/{purpose}", [("csrf_token", mine), ("token", token)])
        assert page.status == expected, purpose
    assert postman.bring("ann@home.example") != [], "the notice of the change was not sent"
    page.send("POST", f"{ISSUER}/link/address", [("csrf_token", mine), ("token", token)])
    assert postman.bring("ann@home.example") == [], "a second press had an effect"


@pytest.fixture
def boss(factory: Factory, quiet_shoes: str):
    return factory.make_user(quiet_shoes, "boss", role="administrator", email="boss@shoes.example", email_verified=False)


def test_an_administrator_verifies_from_the_mail_about_the_factor(
    factory: Factory, journey, new_browser, postman, boss, clock
) -> None:
    """S53, S55: the mail has a verify button for administrators. The owner gets no notice of a new user's first factor."""
    walk = journey(boss).begin().password()
    phone, _ = set_up_from_profile(walk.browser, boss.password)
    assert walk.browser.heading == VERIFY_YOUR_E_MAIL_ADDRESS
    mails = postman.bring()
    assert [mail.to for mail in mails] == ["boss@shoes.example"]
    link = next(mail.link for mail in mails if mail.to == "boss@shoes.example")
    new_browser().client.get(link)
    assert not address_of(factory, boss)[1], "a GET verified the address"
    press(new_browser(), link)
    assert address_of(factory, boss)[1]
    assert walk.browser.reload().left_for, "the reminder is still shown"
    clock(minutes=2)
    later = journey(boss, browser=new_browser()).begin().password().code(phone.code())
    assert later.tokens().acr == "mfa"


def test_an_administrator_is_reminded_until_the_console_closes(
    factory: Factory, journey, new_browser, postman, quiet_shoes, clock
) -> None:
    """S55: each sign-in reminds, and can go on. After seven days the console is closed until the address is verified."""
    boss = factory.make_user(
        quiet_shoes, "boss", role="administrator", email="boss@shoes.example", email_verified=False, totp=True
    )
    walk = journey(boss).begin().password().code()
    assert "7 days" in walk.browser.text
    walk.browser.submit("choice=sent")
    assert "We've sent you an e-mail" in walk.browser.text
    assert walk.browser.submit("choice=later").left_for
    first = postman.link("boss@shoes.example")
    clock(days=6, hours=23)
    assert is_open(factory, boss)
    clock(hours=2)
    assert not is_open(factory, boss)
    late = journey(boss, browser=new_browser()).begin().password().code()
    assert "no access to the console" in late.browser.text
    assert new_browser().open(first).status == 404, "the link of a week ago still works"
    late.browser.submit("choice=sent")
    press(new_browser(), postman.link("boss@shoes.example"))
    assert is_open(factory, boss)
    assert late.browser.reload().left_for


def is_open(factory: Factory, person) -> bool:
    with factory.context():
        return email_address.console_is_open(factory.user(person), product_clock.now())


def test_only_administrators_are_reminded_once_per_session(
    factory: Factory, journey, new_browser, quiet_shoes, clock
) -> None:
    """S55: employees see no reminder. Within a session neither the next app nor a silent request is interrupted."""
    jan = factory.make_user(quiet_shoes, "jan", email="jan@shoes.example", email_verified=False)
    assert journey(jan).begin().password().browser.left_for
    boss = factory.make_user(
        quiet_shoes, "boss", role="administrator", email="b@shoes.example", email_verified=False, totp=True
    )
    walk = journey(boss, browser=new_browser()).begin().password().code()
    walk.browser.submit("choice=later")
    walk.tokens()
    assert walk.begin().browser.left_for
    assert "code=" in str(walk.begin(prompt="none").browser.left_for)


def test_the_trail_has_every_address_change_by_ids_only(
    factory: Factory, at_address, new_browser, postman, ann, clock
) -> None:
    """S52, I1: requested, changed and restored are audited once each."""
    at_address(ann).fill(email="thief@evil.example").submit()
    press(new_browser(), postman.link("thief@evil.example"))
    press(new_browser(), postman.link("ann@shoes.example"))
    with factory.context():
        rows = [row for row in audit_rows.rows(ann.organisation_id) if row.event.startswith("address:")]
    assert [row.event for row in rows] == ["address:change_asked", "address:changed", "address:restored"]
    assert all(row.subject_id == ann.id for row in rows)
    assert "@" not in str([row.data for row in rows])
