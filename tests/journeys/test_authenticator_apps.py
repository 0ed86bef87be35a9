"""Several authenticator apps of one person, in the profile: added, named, set up again and removed (S7, S28, S53, S78)."""

from collections.abc import Callable

import pytest

from idp.clock import now
from idp.identity.credentials import authenticator_apps, remembered_devices
from idp.identity.users import lookup
from idp.store import audit, outbox
from idp.store.totp import Totp
from tests.drivers.authenticator import Authenticator
from tests.drivers.browser import Browser
from tests.drivers.set_up import codes_on, key_on
from tests.factories import Factory, MadePerson
from tests.journeys.conftest import Journey

ISSUER = "https://id.example.com"
PLACE = "/account/authenticator-apps"
ADD = "Add an authenticator app"


@pytest.fixture
def ann(factory: Factory, quiet_shoes: str) -> MadePerson:
    """Return a person with one app and three recovery codes."""
    return factory.make_user(quiet_shoes, "ann", with_totp=True, recovery_codes=3, email="ann@shoes.example")


def sign_in(browser: Browser, person: MadePerson, **more: bool) -> Browser:
    browser.open("/account/security")
    if "organisation" in browser.fields:
        browser.fill(organisation=person.store_url).submit()
    browser.fill(username=person.username, password=person.password).submit()
    return browser.fill(code=person.authenticator.code(), **more).submit()


def apps(factory: Factory, person: MadePerson) -> list[Totp]:
    with factory.context():
        return list(authenticator_apps.apps_of(factory.user(person)))


def events(factory: Factory, person: MadePerson) -> list[str]:
    with factory.context():
        return [row.event for row in audit.rows(person.organisation_id)]


def codes_left(factory: Factory, person: MadePerson) -> int:
    with factory.context():
        at, user = factory.organisation(person.organisation_id), factory.user(person)
        return lookup.person_of(factory.settings, at, user).recovery_codes_left


def at_scan(browser: Browser, person: MadePerson) -> Authenticator:
    """Walk from the start of the set-up to the QR code. Returns the phone that has scanned it."""
    if "code" in browser.fields:
        browser.fill(code=person.authenticator.code()).submit()
    browser.submit("next")
    if "password" in browser.fields:
        browser.fill(password=person.password).submit()
    browser.submit("next")
    return Authenticator(key_on(browser))


def add(browser: Browser, person: MadePerson, name: str = "") -> Authenticator:
    browser.open(PLACE).submit(ADD)
    phone = at_scan(browser, person)
    browser.fill(code=phone.code(), name=name).submit()
    return phone


def test_a_second_app_is_added_and_signs_in(
    factory: Factory, journey: Callable[..., Journey], new_browser: Callable[..., Browser], ann: MadePerson, clock
) -> None:
    """S22, S53, S78: it takes effect at its first right code. Recovery codes stay, and a mail names the app."""
    browser = sign_in(new_browser(), ann)
    tablet = add(browser, ann, "  My\u2028tablet ")
    assert browser.url == ISSUER + PLACE + "?done=app"
    assert "Your authenticator app is added." in browser.text
    assert [(row.number, row.name) for row in apps(factory, ann)] == [(1, ""), (2, "My tablet")]
    assert apps(factory, ann)[1].label.endswith(" 2")
    assert codes_left(factory, ann) == 3
    with factory.context():
        (row,) = [row for row in audit.rows(ann.organisation_id) if row.event == "factor:set_up"]
        assert row.data["authenticator_app"] == apps(factory, ann)[1].id
        (mail,) = [mail for mail in outbox.mails() if mail.template == "factor_set_up"]
        assert mail.recipient == "ann@shoes.example"
    for phone in (tablet, ann.authenticator):
        clock(minutes=1)
        assert journey(ann, browser=new_browser()).begin().password().code(phone.code()).tokens().acr == "mfa"


def test_the_mails_about_one_app_name_it(new_browser, ann: MadePerson, postman, clock) -> None:
    """S53: the person learns which app was added and which was removed."""
    browser = sign_in(new_browser(), ann)
    postman.bring()
    add(browser, ann, "Tablet")
    (added,) = [mail for mail in postman.bring() if mail.to == "ann@shoes.example"]
    assert added.subject.startswith("An authenticator app was added")
    assert "Name: Tablet" in added.text
    assert "recovery codes" not in added.text
    browser.open(PLACE).click("Remove Authenticator app")
    browser.fill(password=ann.password).submit()
    (removed,) = [mail for mail in postman.bring() if mail.to == "ann@shoes.example"]
    assert removed.subject.startswith("An authenticator app was removed")
    assert "last second factor" not in removed.text


def test_a_wrong_first_code_adds_nothing_and_keeps_the_name(factory: Factory, new_browser, ann: MadePerson) -> None:
    """S20: nothing changes until the code is right. The typed name is there again."""
    browser = sign_in(new_browser(), ann)
    browser.open(PLACE).submit(ADD)
    phone = at_scan(browser, ann)
    browser.fill(code=phone.wrong(), name="Tablet").submit()
    assert browser.status == 422
    assert browser.value("name") == "Tablet"
    assert len(apps(factory, ann)) == 1
    browser.submit("not_now")
    assert len(apps(factory, ann)) == 1


def test_without_recovery_codes_new_ones_come_with_a_further_app(factory: Factory, new_browser, quiet_shoes: str) -> None:
    """S21, S22: a person without codes gets them, and everything takes effect at the tick. The first app stays."""
    bob = factory.make_user(quiet_shoes, "bob", with_totp=True)
    browser = sign_in(new_browser(), bob)
    add(browser, bob)
    assert len(codes_on(browser)) == 12
    assert len(apps(factory, bob)) == 1
    browser.fill(noted=True).submit()
    assert [row.number for row in apps(factory, bob)] == [1, 2]
    assert codes_left(factory, bob) == 12


def test_remembered_devices_outlive_a_further_app_and_end_with_a_removal(
    factory: Factory, new_browser, ann: MadePerson, clock
) -> None:
    """S40: the phone of a removed app may be stolen; a new app takes nothing away."""
    browser = sign_in(new_browser(), ann, remember_device=True)
    add(browser, ann, "Tablet")

    def devices() -> int:
        with factory.context():
            return len(remembered_devices.devices_of(factory.user(ann), now()))

    assert devices() == 1
    browser.open(PLACE).click("Remove Tablet")
    assert "last second factor" not in browser.text
    browser.fill(password="not my password at all").submit()
    assert browser.status == 422
    browser.fill(password=ann.password).submit()
    assert "The authenticator app is removed." in browser.text
    assert [row.number for row in apps(factory, ann)] == [1]
    assert devices() == 0
    assert codes_left(factory, ann) == 3


def test_one_app_is_set_up_again_and_the_others_stay(factory: Factory, journey, new_browser, ann: MadePerson, clock) -> None:
    """S8, S26, S78: the new phone takes the place, the label and the name of the old one."""
    tablet = factory.give_app(ann, "Tablet")
    before = apps(factory, ann)
    browser = sign_in(new_browser(), ann).open(PLACE).submit("Set up again Authenticator app")
    phone = at_scan(browser, ann)
    browser.fill(code=phone.code()).submit()
    browser.fill(noted=True).submit()
    after = apps(factory, ann)
    assert [(row.number, row.name) for row in after] == [(1, ""), (2, "Tablet")]
    assert after[0].id != before[0].id
    assert after[1].id == before[1].id
    clock(minutes=1)
    walk = journey(ann, browser=new_browser()).begin().password().code(ann.authenticator.code())
    assert walk.browser.status == 422, "the old phone still works"
    assert walk.code(tablet.code()).tokens().acr == "mfa"


def test_an_app_is_renamed_by_a_fresh_proof_alone(factory: Factory, new_browser, ann: MadePerson, clock) -> None:
    """V7.5.1: at an open session an attacker could swap names, and the person would then remove the wrong app."""
    browser = sign_in(new_browser(), ann).open(PLACE)
    browser.fill(name=" Work\u2028phone  " + "x" * 80).submit()
    assert "The name of the authenticator app is saved." in browser.text
    (row,) = apps(factory, ann)
    assert (row.name[:11], len(row.name)) == ("Work phone ", 60)
    clock(minutes=11)
    browser.open(PLACE).fill(name="Yours").submit()
    assert "/sign-in/" in browser.url
    assert apps(factory, ann)[0].name == row.name


def test_a_compulsory_last_app_cannot_be_removed(factory: Factory, new_browser, quiet_shoes: str) -> None:
    """S7: the page says why. With a second app, either one can go."""
    eve = factory.make_user(quiet_shoes, "eve", with_totp=True, groups=[factory.make_group(quiet_shoes)])
    browser = sign_in(new_browser(), eve).open(PLACE)
    assert "Required by the group 2FA" in browser.text
    (only,) = apps(factory, eve)
    assert browser.open(f"{PLACE}/{only.id}/remove").status == 403
    factory.give_app(eve, "Tablet")
    browser.open(f"{PLACE}/{only.id}/remove").fill(password=eve.password).submit()
    assert [row.name for row in apps(factory, eve)] == ["Tablet"]
    assert "Required by the group 2FA" in browser.text


def test_the_last_app_takes_recovery_codes_with_it(factory: Factory, journey, new_browser, ann: MadePerson) -> None:
    """S28: without a factor the codes replace nothing. The password alone signs in then."""
    browser = sign_in(new_browser(), ann).open(PLACE).click("Remove Authenticator app")
    assert "last second factor" in browser.text
    browser.fill(password=ann.password).submit()
    assert apps(factory, ann) == []
    assert codes_left(factory, ann) == 0
    assert journey(ann, browser=new_browser()).begin().password().tokens().acr == "pwd"


def test_a_sixth_app_is_not_offered_and_not_added(factory: Factory, new_browser, ann: MadePerson) -> None:
    """S78: the page says so; a form that was kept open leads back to it. A number that is free again is given again."""
    for name in ("b", "c", "d"):
        factory.give_app(ann, name)
    browser = sign_in(new_browser(), ann).open(PLACE)
    token = browser.value("csrf_token")
    factory.give_app(ann, "e")
    browser.send("POST", f"{ISSUER}{PLACE}/add", [("csrf_token", token)])
    assert browser.url == ISSUER + PLACE
    assert "You cannot have more authenticator apps." in browser.text
    assert not browser.offers(ADD)
    browser.click("Remove b").fill(password=ann.password).submit()
    add(browser, ann, "f")
    assert [(row.number, row.name) for row in apps(factory, ann)] == [(1, ""), (2, "f"), (3, "c"), (4, "d"), (5, "e")]


def test_an_app_that_was_removed_in_the_meantime_replaces_no_other(
    factory: Factory, new_browser, ann: MadePerson, clock
) -> None:
    """S20, S78: its set-up was begun in another browser. The app that stays is not replaced."""
    factory.give_app(ann, "Tablet")
    first, second = apps(factory, ann)
    browser = sign_in(new_browser(), ann).open(PLACE).submit("Set up again Tablet")
    other = sign_in(new_browser(), ann)
    other.open(f"{PLACE}/{second.id}/remove").fill(password=ann.password).submit()
    clock(minutes=1)
    phone = at_scan(browser.reload().fill(username=ann.username, password=ann.password).submit(), ann)
    browser.fill(code=phone.code()).submit()
    assert "Your authenticator apps were changed a moment ago." in browser.errors[0]
    assert [row.id for row in apps(factory, ann)] == [first.id]


def test_apps_of_other_people_are_not_found(factory: Factory, new_browser, ann: MadePerson) -> None:
    """IDOR: another person's app, in this organisation or another one, is answered as an unknown id is."""
    toys = factory.make_organisation("toys", settings={"offer_set_up": False})
    theirs = apps(factory, ann)[0].id
    for at in (ann.organisation_id, toys):
        eve = factory.make_user(at, "eve", with_totp=True)
        browser = sign_in(new_browser(), eve).open(PLACE)
        token = browser.value("csrf_token")
        for totp_id in (theirs, "nobody"):
            place = f"{ISSUER}{PLACE}/{totp_id}"
            for act in ("rename", "remove", "set-up"):
                data = [("csrf_token", token), ("name", "mine"), ("password", eve.password)]
                assert browser.send("POST", f"{place}/{act}", data).status == 404, act
            assert browser.open(f"{place}/remove").status == 404
        assert browser.send("POST", f"{ISSUER}{PLACE}/add", []).status == 403
    assert [(row.id, row.name) for row in apps(factory, ann)] == [(theirs, "")]


def test_a_recovery_code_and_a_new_app_replace_all_apps(
    factory: Factory, journey, new_browser, ann: MadePerson, clock
) -> None:
    """S45: the person has none of their phones. The page says that the new app replaces all of them."""
    tablet = factory.give_app(ann, "Tablet")
    browser = journey(ann, browser=new_browser()).begin().password().browser
    browser.submit("use_recovery").fill(recovery_code=ann.recovery_codes[0]).submit().submit("choice=again")
    phone = at_scan(browser, ann)
    assert "This app replaces all your authenticator apps." in browser.text
    browser.fill(code=phone.code()).submit()
    browser.fill(noted=True).submit()
    assert [row.number for row in apps(factory, ann)] == [1]
    clock(minutes=1)
    walk = journey(ann, browser=new_browser()).begin().password()
    for old in (ann.authenticator, tablet):
        assert walk.code(old.code()).browser.status == 422
    assert walk.code(phone.code()).tokens().acr == "mfa"
