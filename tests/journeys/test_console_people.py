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
