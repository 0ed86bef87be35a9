"""Passkeys of users in the console: shown on the user's page and removed there (S47, S53)."""

from tests.drivers.passkeys import ISSUER, rows
from tests.drivers.security_key import SecurityKey
from tests.factories import Factory

YUBIKEY = bytes.fromhex("cb69481e8ff7403993ec0a2729a154a8")


def test_an_administrator_lists_and_removes_a_passkey(factory: Factory, anna, jan, enter, postman) -> None:
    """S47, S53, S54: the page shows name, maker and last use. Removal asks for the password and sends a mail."""
    factory.give_passkey(jan, SecurityKey(ISSUER, aaguid=YUBIKEY), "Desk")
    postman.bring()
    browser = enter(anna).open(f"/admin/example-shoes/people/{jan.id}")
    assert "YubiKey 5 · Added on" in browser.text
    assert "Not used yet." in browser.text
    browser.click("Remove Passkey Desk")
    assert browser.heading == "Remove the passkey Desk of jan?"
    browser.fill(password="not the password").submit()
    assert browser.status == 422
    browser.fill(password=anna.password).submit()
    assert " is removed." in browser.text
    assert rows(factory, jan) == []
    assert [mail.to for mail in postman.bring() if "passkey" in mail.subject] == ["jan@shoes.example"]


def test_only_a_passkey_of_that_user_can_be_removed(factory: Factory, anna, jan, enter) -> None:
    """IDOR: a passkey of another user gets 404 here. Administrators remove their own passkeys in the profile."""
    eve = factory.make_user(jan.organisation_id, "eve")
    factory.give_passkey(jan, SecurityKey(ISSUER))
    (theirs,) = rows(factory, jan)
    browser = enter(anna)
    assert browser.open(f"/admin/example-shoes/people/{eve.id}/passkeys/{theirs.id}/remove").status == 404
    assert browser.open(f"/admin/example-shoes/people/{anna.id}/passkeys/{theirs.id}/remove").status == 403
    assert len(rows(factory, jan)) == 1
