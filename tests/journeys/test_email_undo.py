"""The link “This was not me” restores the old address and ends a thief's access (S52, CS-03)."""

import pytest

from idp.actors import Person
from idp.audit import Origin
from idp.identity.ownership import transfer
from idp.identity.users import email_address
from idp.store import passkeys, users
from tests.drivers.email_address import ISSUER, address_of, ann, at_address, press
from tests.drivers.passkeys import options_on, post
from tests.drivers.password_reset import NEW, choose, forget
from tests.drivers.security_key import SecurityKey
from tests.drivers.set_up import codes_on
from tests.drivers.words import ADD_A_PASSKEY, THE_CHANGE_WAS_UNDONE, THIS_WAS_NOT_ME, YOUR_PASSWORD_IS_SET
from tests.factories import Factory

__all__ = ["ann", "at_address"]


def test_this_was_not_me_restores_the_address(
    factory: Factory, at_address, journey, new_browser, postman, ann, clock
) -> None:
    """S52, CS-03: within 72 hours the old address is restored and sessions end. Only a mailed link sets a new password."""
    thief = at_address(ann).fill(email="thief@evil.example").submit()
    press(new_browser(), postman.link("thief@evil.example"))
    back = postman.link("ann@shoes.example")
    clock(hours=71)
    own = new_browser().open(back)
    assert "ann@shoes.example" in own.text
    own.submit()
    assert own.heading == THE_CHANGE_WAS_UNDONE
    assert address_of(factory, ann) == ("ann@shoes.example", True)
    assert "Sign out" not in thief.open("/").text
    assert journey(ann, browser=new_browser()).begin().password().browser.status == 422, "the stolen password still works"
    mails = postman.bring()
    assert {mail.to for mail in mails} == {"ann@shoes.example", "thief@evil.example"}
    (notice,) = [mail for mail in mails if mail.to == "thief@evil.example"]
    assert "previous mailbox" in " ".join(notice.text.split())
    assert not any("/link/" in one or "/reset/" in one for one in notice.links)
    choose(own, next(mail.link for mail in mails if "/reset/" in mail.text))
    assert own.heading == YOUR_PASSWORD_IS_SET
    assert "code" in journey(ann, browser=new_browser()).begin().password(NEW).browser.fields


def test_an_address_cannot_be_restored_after_three_days(at_address, new_browser, postman, ann, clock) -> None:
    """CS-03: 72 hours."""
    at_address(ann).fill(email="ann@home.example").submit()
    press(new_browser(), postman.link("ann@home.example"))
    back = postman.link("ann@shoes.example")
    clock(hours=72, seconds=1)
    assert new_browser().open(back).status == 404


def test_a_second_change_keeps_the_first_undo_link(factory: Factory, at_address, new_browser, postman, ann, clock) -> None:
    """CS-03: a thief changes the address twice and confirms both changes. The user's own undo link still works."""
    thief = at_address(ann).fill(email="one@evil.example").submit()
    press(new_browser(), postman.link("one@evil.example"))
    back = postman.link("ann@shoes.example")
    clock(minutes=1)
    thief.open("/account/address").fill(email="two@evil.example").submit()
    press(new_browser(), postman.link("two@evil.example"))
    thiefs = postman.link("one@evil.example")
    clock(minutes=1)
    assert press(new_browser(), back).heading == THE_CHANGE_WAS_UNDONE
    assert address_of(factory, ann)[0] == "ann@shoes.example"
    assert new_browser().open(thiefs).status == 404


def with_passkey(browser, key: SecurityKey, person):
    """Add a passkey, and decline the recovery codes that are offered."""
    browser.open("/account/passkeys").submit(ADD_A_PASSKEY)
    if "code" in browser.fields:
        browser.fill(code=person.authenticator.code()).submit()
    if "password" in browser.fields:
        browser.fill(password=person.password).submit()
    post(browser, key.make(options_on(browser)))
    if 'data-options="' in browser.html:
        post(browser, key.show(options_on(browser)))
    browser.submit("not_now")
    return browser


def sign_in_with(key: SecurityKey, walk):
    return post(walk.begin().browser, key.show(options_on(walk.browser)))


def passkeys_in(factory: Factory, person) -> int:
    with factory.context():
        return len(passkeys.passkeys_of(person.organisation_id, person.id))


def test_undoing_a_change_ends_a_thiefs_passkeys(
    factory: Factory, at_address, journey, new_browser, postman, ann, clock
) -> None:
    """S52, security.md 13: passkeys made before or after the change stop working. The later ones are deleted."""
    before, after = SecurityKey(ISSUER), SecurityKey(ISSUER)
    thief = with_passkey(at_address(ann), before, ann)
    clock(minutes=1)
    post(thief.open("/account/address"), before.show(options_on(thief)))
    thief.fill(email="thief@evil.example").submit()
    press(new_browser(), postman.link("thief@evil.example"))
    back = next(mail.link for mail in postman.bring("ann@shoes.example") if THIS_WAS_NOT_ME in mail.text)
    clock(minutes=1)
    with_passkey(thief, after, ann)
    assert sign_in_with(after, journey(ann, browser=new_browser())).left_for, "the passkey did not work even before"
    clock(hours=1)
    press(new_browser(), back)
    assert passkeys_in(factory, ann) == 1
    for key in (before, after):
        refused = sign_in_with(key, journey(ann, browser=new_browser()))
        assert refused.status == 422
        assert "new_password" not in refused.fields
    (mail,) = [mail for mail in postman.bring("ann@shoes.example") if "/reset/" in mail.text]
    assert "Passkeys that were added" in mail.text
    choose(new_browser(), mail.link)
    assert "code" in journey(ann, browser=new_browser()).begin().password(NEW).browser.fields
    assert sign_in_with(before, journey(ann, browser=new_browser())).status == 422, (
        "the old passkey works with the new password"
    )


def test_undoing_a_change_removes_apps_that_were_added_since(
    factory: Factory, at_address, journey, new_browser, postman, ann, clock
) -> None:
    """S52: a thief at an open session added an app. It ends with the change; the app from before stays."""
    thief = at_address(ann)
    clock(minutes=1)
    thief.fill(email="thief@evil.example").submit()
    press(new_browser(), postman.link("thief@evil.example"))
    back = next(mail.link for mail in postman.bring("ann@shoes.example") if THIS_WAS_NOT_ME in mail.text)
    clock(minutes=1)
    thiefs = factory.give_app(ann, "Mine")
    press(new_browser(), back)
    (mail,) = [mail for mail in postman.bring("ann@shoes.example") if "/reset/" in mail.text]
    assert "Authenticator apps that were added" in mail.text
    choose(new_browser(), mail.link)
    walk = journey(ann, browser=new_browser()).begin().password(NEW).code(thiefs.code())
    assert walk.browser.status == 422
    assert walk.code().tokens().acr == "mfa"


@pytest.mark.parametrize("since", [True, False])
def test_undoing_a_change_ends_recovery_codes_that_were_made_since(
    factory: Factory, at_address, journey, new_browser, postman, ann, clock, since: bool
) -> None:
    """S52: a thief's codes must not replace the second factor for good. Those of before stay."""
    thief = at_address(ann)

    def make() -> str:
        clock(minutes=1)
        thief.open("/account/security").submit("Make new codes")
        if "code" in thief.fields:
            thief.fill(code=ann.authenticator.code()).submit()
        thief.submit("next")
        if "password" in thief.fields:
            thief.fill(password=ann.password).submit()
        code = codes_on(thief)[0]
        thief.fill(noted=True).submit()
        return code

    code = "" if since else make()
    clock(minutes=1)
    thief.open("/account/address").fill(email="thief@evil.example").submit()
    press(new_browser(), postman.link("thief@evil.example"))
    back = next(mail.link for mail in postman.bring("ann@shoes.example") if THIS_WAS_NOT_ME in mail.text)
    code = make() if since else code
    press(new_browser(), back)
    (mail,) = [mail for mail in postman.bring("ann@shoes.example") if "/reset/" in mail.text]
    assert ("Recovery codes that were made" in mail.text) == since
    choose(new_browser(), mail.link)
    walk = journey(ann, browser=new_browser()).begin().password(NEW).recovery_code(code)
    assert walk.browser.status == (422 if since else 200)


def test_the_old_mailbox_alone_does_not_skip_the_factor(
    factory: Factory, at_address, journey, new_browser, postman, quiet_shoes, clock
) -> None:
    """Security.md 10: another person may read an abandoned mailbox.
    It gives a new password, and the factor is still asked for.
    """
    kim, key = factory.make_user(quiet_shoes, "kim", email="kim@old.example"), SecurityKey(ISSUER)
    browser = at_address(kim).fill(email="kim@new.example").submit()
    press(new_browser(), postman.link("kim@new.example"))
    back = postman.link("kim@old.example")
    clock(minutes=1)
    with_passkey(browser, key, kim)
    press(new_browser(), back)
    assert passkeys_in(factory, kim) == 1
    choose(new_browser(), next(mail.link for mail in postman.bring("kim@old.example") if "/reset/" in mail.text))
    walk = journey(kim, browser=new_browser()).begin().password(NEW)
    assert not walk.browser.left_for
    post(walk.browser, key.show(options_on(walk.browser)))
    assert walk.browser.left_for


def test_undoing_a_change_voids_an_ownership_offer(factory: Factory, quiet_shoes: str, new_browser, postman, clock) -> None:
    """S52, I3: otherwise an accomplice of the thief becomes the owner days later."""
    iris = factory.make_user(quiet_shoes, "iris", role="administrator", with_totp=True, email="iris@shoes.example")
    with factory.context():
        organisation, owner = factory.organisation(quiet_shoes), users.user_named(quiet_shoes, "owner")
        assert owner is not None
        transfer.offer(factory.settings, organisation, factory.user(iris), Origin(Person(owner.id)))
        email_address.ask_change(factory.settings, owner, "thief@evil.example", Origin(Person(owner.id)))
    mails = {mail.to: mail for mail in postman.bring()}
    press(new_browser(), mails["thief@evil.example"].link)
    press(new_browser(), next(mail.link for mail in postman.bring("owner@shoes.example") if THIS_WAS_NOT_ME in mail.text))
    with factory.context():
        assert transfer.waiting(factory.settings, organisation) is None
    assert new_browser().open(mails["iris@shoes.example"].link).status == 404


@pytest.mark.parametrize("way", ["forgotten", "ended"])
def test_a_pending_change_ends_with_its_session(
    factory: Factory, at_address, journey, new_browser, postman, ann, clock, way: str
) -> None:
    """S52, V7.4.3: a new password, or the end of that session, voids the pending link of a thief."""
    at_address(ann, browser=new_browser(agent="Thief")).fill(email="thief@evil.example").submit()
    waiting = postman.link("thief@evil.example")
    clock(minutes=1)
    if way == "forgotten":
        forget(new_browser(), ann)
        choose(new_browser(), postman.link("ann@shoes.example"))
    else:
        walk = journey(ann).begin().password().code()
        walk.tokens()
        ends = [form for form in walk.browser.open("/account/sessions").page.forms if form.action.endswith("/end")]
        token = walk.browser.value("csrf_token")
        walk.browser.send("POST", ISSUER + ends[-1].action, [("csrf_token", token)])
    assert new_browser().open(waiting).status == 404
    assert address_of(factory, ann) == ("ann@shoes.example", True)
