"""The console: people, groups and shops, run from a browser by those who may (S3, S4, S12, S13, S47, S49)."""

import re
from collections.abc import Callable

import pytest

from idp.store import outbox, users
from tests.drivers.browser import Browser
from tests.factories import Factory, MadePerson

PEOPLE = "/admin/example-shoes/people"


def mails(factory: Factory) -> list[tuple[str, str]]:
    """Template and recipient of every mail, oldest first."""
    with factory.context():
        return [(mail.template, mail.recipient) for mail in reversed(outbox.mails())]


def listed(browser: Browser) -> list[str]:
    """The usernames in a list of people."""
    return [words for href, words in browser.page.links if re.search(r"/people/[a-z0-9]{26}$", href)]


@pytest.fixture
def shoes(factory: Factory) -> str:
    """An organisation without an owner as yet."""
    return factory.make_organisation(settings={"offer_set_up": False})


@pytest.fixture
def anna(factory: Factory, shoes: str) -> MadePerson:
    """An administrator with a second factor."""
    return factory.make_user(shoes, "anna", role="administrator", with_totp=True, email="anna@shoes.example")


@pytest.fixture
def jan(factory: Factory, shoes: str) -> MadePerson:
    """An employee with a second factor and a verified address."""
    return factory.make_user(shoes, "jan", with_totp=True, recovery_codes=3, email="jan@shoes.example", name="Jan Jansen")


@pytest.fixture
def enter(browser: Browser, clock: Callable[..., None]) -> Callable[..., Browser]:
    """``enter(person)`` signs in at the console, or wherever ``path`` says; half a minute later another code is fresh."""

    def sign_in(person: MadePerson, path: str = "/admin/", browser: Browser = browser) -> Browser:
        browser.open(path)
        if "organisation" in browser.fields:
            browser.fill(organisation=person.store_url).submit()
        browser.fill(username=person.username, password=person.password).submit()
        browser.fill(code=person.authenticator.code()).submit()
        clock(seconds=60)
        return browser

    return sign_in


def test_an_administrator_comes_to_the_people_of_their_organisation(enter, anna, jan) -> None:
    """S13: the console asks for a second factor and shows who there is."""
    browser = enter(anna)
    assert browser.url.endswith(PEOPLE)
    assert browser.heading == "People"
    assert "jan@shoes.example" in browser.text


def test_people_are_found_by_name_username_and_address_and_filtered(factory: Factory, enter, shoes, anna, jan) -> None:
    """Search looks into all three, however written; a percent sign is a percent sign; filters add up."""
    group = factory.make_group(shoes)
    factory.make_user(shoes, "piet", groups=(group,), role="manager")
    browser = enter(anna)
    for typed, found in (("JANSEN", ["jan"]), ("jan@", ["jan"]), ("pie", ["piet"]), ("%", []), ("_", [])):
        browser.open(f"{PEOPLE}?q={typed.replace('%', '%25')}")
        assert listed(browser) == found, typed
    browser.open(PEOPLE).fill(role="manager").submit()
    assert "piet" in browser.text
    assert "jan@shoes.example" not in browser.text
    browser.open(f"{PEOPLE}?page=99999999999999999999&role=boss&group=x")
    assert browser.status == 200


def test_a_long_list_comes_in_pages(factory: Factory, enter, shoes, anna) -> None:
    """25 at a time, next and previous keep what was sought."""
    for number in range(27):
        factory.make_user(shoes, f"till{number:02}", role="employee")
    browser = enter(anna).open(f"{PEOPLE}?role=employee")
    assert "Page 1 of 2" in browser.text
    browser.click("Next")
    assert "till26" in browser.text
    assert "anna" not in [words for _, words in browser.page.links]
    browser.click("Previous")
    assert "till00" in browser.text


def test_a_person_is_added_and_edited(factory: Factory, enter, shoes, anna) -> None:
    """S2, S13: with groups, shops and a role; the e-mail address is optional; what changed is kept."""
    factory.make_group(shoes, "Till")
    browser = enter(anna).click("Add a person")
    browser.fill(username="kim", name="Kim").submit()
    assert browser.heading == "kim"
    assert "Added." in browser.text
    browser.click("Edit")
    box = next(name for form in browser.page.forms for name in form.kinds if name.startswith("group-"))
    browser.fill(**{"name": "Kim de Vries", "role": "manager", box: True, "all_shops": False}).submit()
    assert "Saved." in browser.text
    assert "Kim de Vries" in browser.text
    assert "Manager" in browser.text
    with factory.context():
        kim = users.user_named(shoes, "kim")
        assert kim is not None
        assert [group.name for group in users.groups_of(shoes, kim.id)] == ["Till"]
        assert not kim.all_shops


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("username", "ANNA", "taken"),
        ("username", " ", "needed"),
        ("email", "not an address", "not an e-mail address"),
        ("phone_number", "call me", "not a telephone number"),
        ("name", "x\ny", "printable"),
        ("role", "owner", "cannot give anybody the role"),
        ("role", "king", "must be one of"),
        ("locale", "tlh", "one of the languages"),
    ],
)
def test_wrong_details_are_refused_and_kept_in_the_form(enter, anna, factory, shoes, field, value, said) -> None:
    """Bad input: a clear message, what was typed is still there, nothing half-written."""
    browser = enter(anna, f"{PEOPLE}/add")
    token = browser.value("csrf_token")
    form = {"csrf_token": token, "username": "kim", "name": "Kim", "role": "employee", "all_shops": "yes", field: value}
    browser.send("POST", f"https://id.example.com{PEOPLE}/add", list(form.items()))
    assert browser.status in (403, 422)
    assert any(said in error for error in browser.errors), browser.errors
    assert browser.value("name") == form["name"]
    with factory.context():
        assert users.user_named(shoes, "kim") is None


def act(browser: Browser, person: MadePerson, label: str, password: str) -> Browser:
    """From the person's page through the question, with the password."""
    browser.open(f"{PEOPLE}/{person.id}").click(label)
    return browser.fill(password=password).submit()


@pytest.mark.parametrize(
    ("label", "template", "says"),
    [
        ("Reset the second factor", "factor_reset", "must set up a second factor"),
        ("Remove the second factor", "factor_removed", "A password alone is then enough"),
    ],
)
def test_a_second_factor_is_reset_or_removed(factory, enter, new_browser, anna, jan, label, template, says) -> None:
    """S47, S53: the page says what will happen and wants the administrator's own password; open sessions end; mail goes."""
    theirs = new_browser()
    enter(jan, "/account/security", theirs)
    browser = enter(anna).open(f"{PEOPLE}/{jan.id}").click(label)
    assert says in browser.text
    browser.fill(password=jan.password + "!").submit()
    assert browser.status == 422
    assert "not your password" in browser.errors[0]
    assert mails(factory) == []
    browser.fill(password=anna.password).submit()
    assert "Done." in browser.text
    assert "Not active" in browser.text
    assert mails(factory) == [(template, "jan@shoes.example")]
    assert "password" in theirs.open("/account/security").fields, "an open session went on"
    theirs.fill(username="jan", password=jan.password).submit()
    assert "code" not in theirs.fields
    assert ("set up" in theirs.heading.lower()) is (template == "factor_reset")


def test_a_one_time_password_is_ticked_and_sent(factory: Factory, enter, new_browser, anna, jan) -> None:
    """S49: a tick in the form, a question, and a mail to the person alone; the old password stops working."""
    browser = enter(anna).open(f"{PEOPLE}/{jan.id}/edit")
    browser.fill(one_time_password=True).submit()
    assert browser.heading == "Send jan a one-time password?"
    browser.fill(password=anna.password).submit()
    assert "Sent." in browser.text
    assert mails(factory) == [("one_time_password", "jan@shoes.example")]
    theirs = new_browser().open("/account/security")
    theirs.fill(username="jan", password=jan.password).submit()
    assert theirs.status == 422


def test_the_form_says_where_a_one_time_password_cannot_be_sent(factory: Factory, enter, shoes, anna) -> None:
    """S54: without a verified address nothing secret is mailed, and nothing changes."""
    kim = factory.make_user(shoes, "kim")
    browser = enter(anna).open(f"{PEOPLE}/{kim.id}/edit")
    assert "cannot be sent" in browser.text
    assert "one_time_password" not in browser.fields
    browser.open(f"{PEOPLE}/{kim.id}/one-time-password")
    browser.fill(password=anna.password).submit()
    assert browser.status == 422
    assert "no verified e-mail address" in browser.errors[0]
    with factory.context():
        assert not factory.user(kim).must_change_password


def test_barring_letting_in_unlocking_and_ending_sessions(factory: Factory, enter, new_browser, anna, jan) -> None:
    """Disabled is out at once; enabled is in again; each asks first."""
    theirs = new_browser()
    enter(jan, "/account/security", theirs)
    browser = act(enter(anna), jan, "End all sessions", anna.password)
    assert "password" in theirs.open("/account/security").fields
    act(browser, jan, "Disable", anna.password)
    assert "disabled" in browser.text
    theirs.fill(username="jan", password=jan.password).submit()
    assert theirs.status == 422
    browser.open(f"{PEOPLE}/{jan.id}").click("Unlock").submit("Unlock")
    browser.open(f"{PEOPLE}/{jan.id}").click("Enable").submit("Enable")
    assert "disabled" not in browser.text
    theirs.fill(username="jan", password=jan.password).submit()
    assert "code" in theirs.fields


def test_the_owner_is_out_of_reach_of_administrators(factory: Factory, enter, shoes, anna) -> None:
    """S47: not edited, disabled or reset; the page says so, and forged addresses are refused. Nor may anybody do it to
    themselves here, and nobody becomes more than the one who makes them."""
    owner = factory.make_user(shoes, "boss", role="owner", with_totp=True, email="boss@shoes.example")
    browser = enter(anna).open(f"{PEOPLE}/{owner.id}")
    assert "Only the owner may change the owner" in browser.text
    assert not any(f"{owner.id}/" in href and "explain" not in href for href, _ in browser.page.links)
    for name in ("edit", "reset-factor", "remove-factor", "disable", "one-time-password", "end-sessions", "unlock"):
        assert browser.open(f"{PEOPLE}/{owner.id}/{name}").status == 403, name
    for name in ("reset-factor", "disable"):
        browser.open(f"{PEOPLE}/{anna.id}/{name}").fill(password=anna.password).submit()
        assert browser.status == 403, name
        assert "This is you" in browser.errors[0]
    browser.open(f"{PEOPLE}/{anna.id}/edit")
    assert "owner" not in next(form.choices["role"] for form in browser.page.forms if "role" in form.kinds)


def test_the_last_owner_stays(factory: Factory, enter, shoes) -> None:
    """An owner cannot become something less while they are the only one."""
    boss = factory.make_user(shoes, "boss", role="owner", with_totp=True, email="boss@shoes.example")
    browser = enter(boss).open(f"{PEOPLE}/{boss.id}/edit")
    browser.fill(role="employee").submit()
    assert browser.status == 403
    assert "must keep an owner" in browser.errors[0]


def test_grave_acts_want_a_fresh_proof(enter, clock, anna, jan) -> None:
    """Ten minutes after the last proof it is asked again, before the question is; then the question comes."""
    browser = enter(anna)
    clock(minutes=11)
    browser.open(f"{PEOPLE}/{jan.id}/reset-factor")
    assert "password" in browser.fields
    assert "/sign-in/" in browser.url
    browser.fill(password=anna.password).submit()
    browser.fill(code=anna.authenticator.code()).submit()
    assert browser.heading == "Reset the second factor of jan?"


def test_a_group_that_requires_a_second_factor_bites_at_the_next_sign_in(enter, new_browser, factory, shoes, anna) -> None:
    """S3, S4: made in the console, with somebody put in; whose page then says why, and on which day at which app."""
    kim = factory.make_user(shoes, "kim")
    factory.make_client("till", minimum_acr="mfa")
    browser = enter(anna).open("/admin/example-shoes/groups")
    browser.fill(name="2FA", requires_mfa=True).submit()
    browser.fill(username="nobody").submit()
    assert browser.status == 422
    assert "Nobody here" in browser.errors[0]
    browser.fill(username="KIM").submit()
    assert "1 person is in it" in browser.text
    browser.open(f"{PEOPLE}/{kim.id}")
    assert "Required by the group 2FA" in browser.text
    browser.click("Why, and from when?")
    assert "A second factor is needed, or a remembered device." in browser.text
    browser.fill(client="till", on="2030-01-01").submit()
    assert browser.page.ids.count("why") == 1
    assert "A second factor is needed." in browser.text
    theirs = new_browser().open("/account/security")
    theirs.fill(username="kim", password=kim.password).submit()
    assert "set up" in theirs.heading.lower()


def test_the_console_speaks_dutch(enter, new_browser, anna, jan) -> None:
    """S62: every page of one's work in the other language."""
    browser = enter(anna, browser=new_browser(languages="nl"))
    assert browser.heading == "Mensen"
    for path, heading in (("groups", "Groepen"), ("shops", "Winkels"), ("policies", "Regels"), ("settings", "Instellingen")):
        assert browser.open(f"/admin/example-shoes/{path}").heading == heading
