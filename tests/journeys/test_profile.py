"""The profile's sign-in details and the front page (S6–S10, S15, S25–S28, S46, S51, S53, S54)."""

import re

import pytest

from idp.identity.accounts import accounts
from idp.store import audit as audit_rows
from idp.store import outbox, users
from tests.drivers.authenticator import Authenticator
from tests.drivers.profile import set_up_from_profile
from tests.drivers.set_up import codes_on, key_on
from tests.drivers.words import CHANGE_PASSWORD, MAKE_NEW_CODES, SET_UP_A_SECOND_FACTOR, SET_UP_AGAIN, YOUR_PASSWORD_AGAIN
from tests.factories import BY_TESTS, Factory

ISSUER = "https://id.example.com"
NEW = "violet harbour kettle 9"


def mails(factory: Factory) -> list[tuple[str, str]]:
    """Return template and recipient of every mail, oldest first."""
    with factory.context():
        return [(mail.template, mail.recipient) for mail in reversed(outbox.mails())]


@pytest.fixture
def jan(factory: Factory, quiet_shoes: str):
    return factory.make_user(quiet_shoes, "jan", email="jan@shoes.example")


@pytest.fixture
def ann(factory: Factory, quiet_shoes: str):
    return factory.make_user(quiet_shoes, "ann", with_totp=True, recovery_codes=3, email="ann@shoes.example")


def security(walk):
    walk.tokens()
    return walk.browser.open("/account/security")


def test_any_user_can_set_up_a_second_factor(factory: Factory, journey, new_browser, jan, clock) -> None:
    """S6, S15, S17, S25, S53: in the profile, after the password. Then the page says "active since", and a mail is sent."""
    browser = security(journey(jan).begin().password())
    clock(minutes=1)
    browser.submit("/account/factor/set-up" if browser.offers("/account/factor/set-up") else "Set up")
    browser.submit("next")
    assert "password" in browser.fields, "the password was not asked again (S17)"
    browser.fill(password="not my password at all").submit()
    assert browser.status == 422
    browser.fill(password=jan.password).submit()
    browser.submit("next")
    phone = Authenticator(key_on(browser))
    browser.fill(code=phone.code()).submit()
    browser.fill(noted=True).submit()
    assert "/account/security" in browser.url
    assert "23 November 2026" in browser.text or "November 23, 2026" in browser.text
    assert mails(factory) == [("factor_set_up", "jan@shoes.example")]
    clock(minutes=2)
    later = journey(jan, browser=new_browser()).begin().password()
    assert later.code(phone.code()).tokens().acr == "mfa"


def test_setting_up_again_keeps_issuer_and_label(factory: Factory, journey, new_browser, ann, clock) -> None:
    """S8, S26, S28, S40, S46: secret and codes are new, and the app keeps its entry. Old codes and trust in devices end."""
    browser = security(journey(ann).begin().password().code(remember=True))
    clock(minutes=1)
    browser.submit(SET_UP_AGAIN)
    phone, codes = set_up_from_profile(browser, ann.password)
    assert len(codes) == 12
    assert "/account/security" in browser.url
    assert ("factor_set_up_again", "ann@shoes.example") in mails(factory)
    clock(minutes=2)
    walk = journey(ann).begin(prompt="login", acr_values="mfa mfa-remembered").password()
    assert "code" in walk.browser.fields, "trust in the device outlived the set-up"
    assert walk.code(phone.code()).tokens().acr == "mfa"
    old = journey(ann, browser=new_browser()).begin().password().recovery_code(ann.recovery_codes[0])
    assert old.browser.status == 422


def test_an_unfinished_set_up_keeps_the_old_factor(journey, new_browser, ann, clock) -> None:
    """S20: leaving the new set-up half-way changes nothing."""
    browser = security(journey(ann).begin().password().code())
    clock(minutes=1)
    browser.submit(SET_UP_AGAIN).submit("next")
    browser.fill(password=ann.password).submit()
    browser.submit("next")
    browser.fill(code=Authenticator(key_on(browser)).code()).submit()
    clock(minutes=2)
    assert journey(ann, browser=new_browser()).begin().password().code().tokens().acr == "mfa"


def test_removing_a_factor_asks_for_the_password(factory: Factory, journey, new_browser, ann, clock) -> None:
    """S7, S27, S28, S53: the factor, its codes and trust in devices then end, and a mail reports it."""
    browser = security(journey(ann).begin().password().code(remember=True))
    browser.click("Remove")
    assert "about to remove" in browser.text
    assert "password" not in browser.fields
    browser.click("Next")
    browser.fill(password="not my password at all").submit()
    assert browser.status == 422
    browser.fill(password=ann.password).submit()
    assert "/account/security" in browser.url
    assert ("factor_removed", "ann@shoes.example") in mails(factory)
    assert journey(ann, browser=new_browser()).begin().password().tokens().acr == "pwd"


def test_a_compulsory_factor_shows_its_reason_instead_of_remove(factory: Factory, journey, quiet_shoes: str, clock) -> None:
    """S7: the page names the group, and a forged removal is refused."""
    group = factory.make_group(quiet_shoes)
    ann = factory.make_user(quiet_shoes, "ann", with_totp=True, groups=[group])
    browser = security(journey(ann).begin().password().code())
    assert "Required by the group 2FA" in browser.text
    assert not any("Remove" in words for _, words in browser.page.links)
    token = browser.value("csrf_token")
    address = "https://id.example.com/account/factor/remove"
    browser.send("POST", address, [("csrf_token", token), ("password", ann.password)])
    assert browser.status == 403
    assert "2FA" in browser.text


def test_a_factor_can_be_removed_after_leaving_its_group(factory: Factory, journey, quiet_shoes: str, clock) -> None:
    """S9: it stays active."""
    group = factory.make_group(quiet_shoes)
    ann = factory.make_user(quiet_shoes, "ann", with_totp=True, groups=[group])
    with factory.context():
        from idp.db import transaction

        with transaction():
            users.put_in_groups(quiet_shoes, ann.id, [])
    walk = journey(ann).begin().password()
    assert "code" in walk.browser.fields
    browser = security(walk.code())
    assert any("Remove" in words for _, words in browser.page.links)


def test_the_recommendation_can_be_dismissed(factory: Factory, journey, jan, clock) -> None:
    """S10, I1: the notice recommends a factor to all other users. A dismissal is audited, and the notice stays away."""
    browser = security(journey(jan).begin().password())
    dismiss = next(form for form in browser.page.forms if form.action.endswith("/notice/dismiss"))
    browser.send("POST", "https://id.example.com" + dismiss.action, [("csrf_token", browser.value("csrf_token"))])
    assert not any(form.action.endswith("/notice/dismiss") for form in browser.page.forms)
    assert not any(form.action.endswith("/notice/dismiss") for form in browser.reload().page.forms)
    with factory.context():
        events = [row.event for row in audit_rows.rows(jan.organisation_id)]
    assert events.count("factor:offer_declined") == 1


def test_new_recovery_codes_keep_the_app(factory: Factory, journey, new_browser, ann, clock) -> None:
    """S46, S53: new codes replace the old ones, and a mail reports it."""
    browser = security(journey(ann).begin().password().code())
    clock(minutes=1)
    browser.submit(MAKE_NEW_CODES).submit("next")
    browser.fill(password=ann.password).submit()
    codes = codes_on(browser)
    assert len(codes) == 12
    browser.fill(noted=True).submit()
    assert ("recovery_codes_made", "ann@shoes.example") in mails(factory)
    clock(minutes=2)
    old = journey(ann, browser=new_browser()).begin().password().recovery_code(ann.recovery_codes[0])
    assert old.browser.status == 422
    new = journey(ann, browser=new_browser()).begin().password().recovery_code(codes[5])
    assert new.browser.submit("choice=carry_on").left_for is not None
    assert journey(ann, browser=new_browser()).begin().password().code().tokens().acr == "mfa"


def test_a_password_change_ends_other_sessions_and_trust(factory: Factory, journey, new_browser, ann, clock) -> None:
    """S40, S51, V7.4.3: the present password is asked for first.
    Other sessions and trust in devices end, and a mail reports it.
    """
    other = journey(ann, browser=new_browser()).begin(scope="openid").password().code(remember=True)
    tokens = other.tokens()
    clock(minutes=2)
    browser = security(journey(ann).begin().password().code())
    clock(minutes=1)
    browser.submit(CHANGE_PASSWORD)
    assert "password" in browser.fields
    browser.fill(password=ann.password).submit()
    if "code" in browser.fields:
        browser.fill(code=ann.authenticator.code()).submit()
    browser.fill(new_password=NEW, new_password_again=NEW).submit()
    assert "/account/security" in browser.url
    assert mails(factory)[-1] == ("password_changed", "ann@shoes.example")
    with pytest.raises(Exception, match="invalid_token"):
        other.app.userinfo(tokens.access_token)
    clock(minutes=2)
    again = other.begin(acr_values="mfa mfa-remembered")
    assert "password" in again.browser.fields
    again.password(NEW)
    assert "code" in again.browser.fields, "trust in the device outlived the password"


def test_a_notice_for_a_user_without_address_goes_to_the_owner(factory: Factory, journey, quiet_shoes: str, clock) -> None:
    """S54: the notice names the user."""
    pim = factory.make_user(quiet_shoes, "pim")
    browser = security(journey(pim).begin().password())
    clock(minutes=1)
    browser.submit("Set up")
    set_up_from_profile(browser, pim.password)
    assert mails(factory) == [("factor_set_up", "owner@shoes.example")]


def test_an_old_proof_is_renewed_before_a_change(journey, ann, clock) -> None:
    """V7.5.1: a change of sign-in details needs a proof of the highest level from the last ten minutes."""
    browser = security(journey(ann).begin().password().code())
    clock(minutes=11)
    browser.click("Remove")
    assert "password" in browser.fields
    assert "/sign-in/" in browser.url
    browser.fill(password=ann.password).submit()
    assert "code" in browser.fields


def test_a_page_for_a_new_password_needs_a_recent_proof(journey, ann, clock) -> None:
    """V7.5.1, S51: after ten minutes password and code are asked for again, and the posted password is not saved."""
    browser = security(journey(ann).begin().password().code())
    clock(minutes=1)
    browser.submit(CHANGE_PASSWORD).fill(password=ann.password).submit()
    browser.fill(code=ann.authenticator.code()).submit()
    clock(minutes=11)
    browser.fill(new_password=NEW, new_password_again=NEW).submit()
    assert "password" in browser.fields
    browser.fill(password=ann.password).submit()
    browser.fill(code=ann.authenticator.code()).submit()
    browser.fill(new_password=NEW, new_password_again=NEW).submit()
    assert "/account/security" in browser.url


def test_a_required_set_up_blocks_the_whole_profile(app, factory: Factory, journey, quiet_shoes: str, jan, clock) -> None:
    """S5, S3: a signed-in user joins the group. Every page and form then leads to the set-up and changes nothing."""
    browser = security(journey(jan).begin().password())
    token, group = browser.value("csrf_token"), factory.make_group(quiet_shoes)
    with factory.context():
        organisation = factory.organisation(quiet_shoes)
        accounts.change(factory.settings, organisation, factory.user(jan), {"groups": (group,)}, BY_TESTS)
    walked = 0
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith("/account/"):
            path = ISSUER + re.sub("<[^>]+>", "x", rule.rule)
            for method in {"GET", "POST"} & set(rule.methods or ()):
                data = {"csrf_token": token, "name": "Somebody", "email": "other@home.example", "language": "nl"}
                browser.send(method, path, list(data.items()) if method == "POST" else [])
                expected = YOUR_PASSWORD_AGAIN if path.endswith("/passkeys/add") else SET_UP_A_SECOND_FACTOR
                assert browser.heading == expected, (method, path)
                walked += 1
    assert walked > 20
    assert mails(factory) == []
    with factory.context():
        assert (factory.user(jan).name, factory.user(jan).locale) == ("", "")


def test_the_front_page_shows_user_and_organisation(journey, jan) -> None:
    """Design: user, apps, security and sign out. A visitor who is not signed in sees a way to sign in."""
    walk = journey(jan).begin().password()
    walk.tokens()
    browser = walk.browser.open("/")
    assert "jan" in browser.text
    assert "Webshop" in browser.text
    browser.submit("Sign out")
    assert "Webshop" not in browser.text
    browser.submit("Sign in")
    assert "password" in browser.fields


@pytest.mark.parametrize(
    "path",
    [
        "/account/factor/set-up",
        "/account/factor/remove",
        "/account/recovery-codes",
        "/account/password",
        "/account/devices/x/forget",
        "/account/notice/dismiss",
        "/account/language",
        "/sign-out",
        "/sign-in",
        "/language",
    ],
)
def test_no_form_works_without_the_csrf_token(journey, jan, path: str) -> None:
    """V3.5.1: every state-changing form needs the token of its browser. GET never changes anything."""
    walk = journey(jan).begin().password()
    walk.tokens()
    walk.browser.send("POST", "https://id.example.com" + path, [("csrf_token", "forged"), ("language", "nl")])
    assert walk.browser.status == 403
    assert "Sign out" in walk.browser.open("/").text
