"""Users, groups and shops in the console, managed in a browser (S3, S4, S12, S13, S47, S49)."""

import re

import pytest

from idp.db import transaction
from idp.store import outbox, users
from tests.drivers.browser import Browser
from tests.drivers.rival import made_to_wait
from tests.drivers.words import ADD_A_PERSON, INVITE_BY_E_MAIL, RESET_THE_SECOND_FACTOR, SIGN_IN_DETAILS
from tests.factories import Factory, MadePerson

PEOPLE = "/admin/example-shoes/people"


def mails(factory: Factory) -> list[tuple[str, str]]:
    """Return template and recipient of every mail, oldest first."""
    with factory.context():
        return [(mail.template, mail.recipient) for mail in reversed(outbox.mails())]


def listed(browser: Browser) -> list[str]:
    """Return the usernames in a list of users."""
    return [words for href, words in browser.page.links if re.search(r"/people/[a-z0-9]{26}$", href)]


def test_an_administrator_reaches_the_users_of_the_organisation(enter, anna, jan) -> None:
    """S13: the console asks for a second factor and lists the users."""
    browser = enter(anna)
    assert browser.url.endswith("/overview")
    browser.click("People")
    assert browser.heading == "People"
    assert "jan@shoes.example" in browser.text


def test_people_are_found_by_name_username_and_address_and_filtered(factory: Factory, enter, shoes, anna, jan) -> None:
    """The search covers the beginnings of words in all three fields. A percent sign is no wildcard. Filters combine."""
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
    """A page has 25 users. The links keep the search. No user is missing or listed twice. An unknown position leads to the
    first page.
    """
    names = [f"till{number:02}" for number in range(60)]
    for name in names:
        factory.make_user(shoes, name, role="employee")
    browser = enter(anna).open(f"{PEOPLE}?q=till&role=employee")
    assert "60 people" in browser.text
    pages = [listed(browser)]
    while "Next page" in [words for _, words in browser.page.links]:
        pages.append(listed(browser.click("Next page")))
    assert [name for page in pages for name in page] == names
    factory.make_user(shoes, "till005", role="employee")
    assert listed(browser.click("Previous page")) == pages[1]
    assert listed(browser.click("Previous page")) == ["till005", *names[1:25]]
    assert listed(browser.click("Previous page")) == ["till00", "till005", *names[1:24]]
    assert "Previous page" not in [words for _, words in browser.page.links]
    for place in ("after=nobody", "before=%00", "after=", f"before={'x' * 999}"):
        assert listed(browser.open(f"{PEOPLE}?role=employee&{place}"))[0] == "till00"


def test_a_person_is_added_and_edited(factory: Factory, enter, shoes, anna) -> None:
    """S2, S13: a user gets groups, shops and a role. The e-mail address is optional. Changes are kept."""
    factory.make_group(shoes, "Till")
    browser = enter(anna).click(ADD_A_PERSON)
    browser.fill(username="kim", name="Kim").submit()
    assert browser.heading == "Print a code for kim?"
    assert "is added." in browser.text
    browser.click("Cancel").click("Edit")
    box = next(name for form in browser.page.forms for name in form.kinds if name.startswith("group-"))
    browser.fill(**{"name": "Kim de Vries", "role": "manager", box: True, "all_shops": False}).submit()
    assert "are saved." in browser.text
    assert "Kim de Vries" in browser.text
    assert "Manager" in browser.text
    with factory.context():
        kim = users.user_named(shoes, "kim")
        assert kim is not None
        assert [group.name for group in users.groups_of(shoes, kim.id)] == ["Till"]
        assert not kim.all_shops


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("username", "ANNA", "taken"),
        ("username", " ", "Enter a username"),
        ("email", "not an address", "not an e-mail address"),
        ("email", "\ufdfa" * 20 + "@shoes.example", "not an e-mail address"),  # 360 letters when it is compared
        ("phone_number", "call me", "not a telephone number"),
        ("name", "x\ny", "printable"),
        ("role", "owner", "cannot give anybody the role"),
        ("role", "king", "must be one of"),
        ("locale", "tlh", "one of the languages"),
    ],
)
def test_invalid_details_are_refused_and_kept_in_the_form(enter, anna, factory, shoes, field, value, reason) -> None:
    """Bad input: the message is clear, the typed text is kept, and nothing is half-written."""
    browser = enter(anna, f"{PEOPLE}/add")
    token = browser.value("csrf_token")
    form = {"csrf_token": token, "username": "kim", "name": "Kim", "role": "employee", "all_shops": "yes", field: value}
    browser.send("POST", f"https://id.example.com{PEOPLE}/add", list(form.items()))
    assert browser.status in (403, 422)
    assert any(reason in error for error in browser.errors), browser.errors
    assert browser.value("name") == form["name"]
    with factory.context():
        assert users.user_named(shoes, "kim") is None


def act(browser: Browser, person: MadePerson, label: str, password: str) -> Browser:
    """Carry out an action from the user's page, by its dialog and with the password."""
    browser.open(f"{PEOPLE}/{person.id}").click(label)
    return browser.fill(password=password).submit()


@pytest.mark.parametrize(
    ("label", "template", "says", "done"),
    [
        (RESET_THE_SECOND_FACTOR, "factor_reset", "must set up a second factor", "The second factor of jan is reset."),
        ("Remove the second factor", "factor_removed", "A password alone is then enough", "factor of jan is removed."),
    ],
)
def test_a_second_factor_is_reset_or_removed(factory, enter, new_browser, anna, jan, label, template, says, done) -> None:
    """S47, S53: the page says what will happen and asks for the administrator's password.
    Open sessions end, and mail is sent.
    """
    theirs = new_browser()
    enter(jan, "/account/security", theirs)
    browser = enter(anna).open(f"{PEOPLE}/{jan.id}").click(label)
    assert says in browser.text
    browser.fill(password=jan.password + "!").submit()
    assert browser.status == 422
    assert "not your password" in browser.errors[0]
    assert mails(factory) == []
    browser.fill(password=anna.password).submit()
    assert done in browser.text
    assert "Not active" in browser.text
    assert mails(factory) == [(template, "jan@shoes.example")]
    assert "password" in theirs.open("/account/security").fields, "an open session did not end"
    theirs.fill(username="jan", password=jan.password).submit()
    assert "code" not in theirs.fields
    assert ("set up" in theirs.heading.lower()) is (template == "factor_reset")


def test_a_one_time_password_is_mailed_to_its_user(factory: Factory, enter, new_browser, anna, jan) -> None:
    """S49: a checkbox in the form, a confirmation, and a mail to the user only. The old password stops working."""
    browser = enter(anna).open(f"{PEOPLE}/{jan.id}/edit")
    browser.fill(one_time_password=True).submit()
    assert browser.heading == "Send jan a one-time password?"
    browser.fill(password=anna.password).submit()
    assert "jan gets a one-time password by e-mail." in browser.text
    assert mails(factory) == [("one_time_password", "jan@shoes.example")]
    theirs = new_browser().open("/account/security")
    theirs.fill(username="jan", password=jan.password).submit()
    assert theirs.status == 422


def test_the_form_says_when_a_one_time_password_cannot_be_sent(factory: Factory, enter, shoes, anna) -> None:
    """S54: without a verified address no secret is mailed, and nothing changes."""
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


def test_disable_enable_unlock_and_end_sessions(factory: Factory, enter, new_browser, anna, jan) -> None:
    """A disabled user is signed out at once, and an enabled one may sign in again. Each action asks first."""
    theirs = new_browser()
    enter(jan, "/account/security", theirs)
    browser = act(enter(anna), jan, "End all sessions", anna.password)
    assert "password" in theirs.open("/account/security").fields
    browser.open(f"{PEOPLE}/{jan.id}").click("Disable").submit("Disable")
    assert "disabled" in browser.text
    theirs.fill(username="jan", password=jan.password).submit()
    assert theirs.status == 422
    browser.open(f"{PEOPLE}/{jan.id}").click("Unblock").submit("Unblock")
    browser.open(f"{PEOPLE}/{jan.id}").click("Enable").submit("Enable")
    assert "jan can sign in again." in browser.text
    assert "disabled" not in browser.text
    theirs.fill(username="jan", password=jan.password).submit()
    assert "code" in theirs.fields


def test_sensitive_actions_need_a_fresh_proof(enter, clock, anna, jan) -> None:
    """Ten minutes after the last proof, the user reauthenticates before the dialog is shown."""
    browser = enter(anna)
    clock(minutes=11)
    browser.open(f"{PEOPLE}/{jan.id}/reset-factor")
    assert "password" in browser.fields
    assert "/sign-in/" in browser.url
    browser.fill(password=anna.password).submit()
    browser.fill(code=anna.authenticator.code()).submit()
    assert browser.heading == "Reset the second factor of jan?"


def test_a_new_user_without_an_address_gets_a_printed_code(factory: Factory, enter, new_browser, shoes, anna) -> None:
    """Staff may have no address. The code is shown once, works once, and leads to a password of their own."""
    kim = factory.make_user(shoes, "kim", password="")
    browser = enter(anna).open(f"{PEOPLE}/{kim.id}").click("Print a code").submit("Print a code")
    code = re.search(r"(?:[a-z0-9]{4}-){5}[a-z0-9]{4}", browser.text)
    assert code
    theirs = new_browser().open("/welcome")
    theirs.fill(organisation="example-shoes", username="kim", code=code[0]).submit()
    assert "new_password" in theirs.fields
    theirs.fill(new_password="violet harbour kettle 9", new_password_again="violet harbour kettle 9").submit()
    signed_in = new_browser().open("/account/security")
    signed_in.fill(username="kim", password="violet harbour kettle 9").submit()
    assert signed_in.heading == SIGN_IN_DETAILS


def test_a_new_user_is_invited_by_mail(factory: Factory, enter, shoes, anna) -> None:
    """The invitation goes to the stored address. A user who has signed in before is not invited."""
    kim = factory.make_user(shoes, "kim", password="", email="kim@shoes.example", email_verified=False)
    browser = enter(anna).open(f"{PEOPLE}/{kim.id}").click(INVITE_BY_E_MAIL)
    browser.submit(INVITE_BY_E_MAIL)
    assert "kim gets the invitation by e-mail." in browser.text
    assert mails(factory) == [("invitation", "kim@shoes.example")]
    browser.open(f"{PEOPLE}/{anna.id}/invite").fill(password=anna.password).submit()
    assert browser.status == 409


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
def test_a_username_taken_concurrently_is_refused(app, factory: Factory, enter, shoes, anna, jan) -> None:
    """S2, S13: the form reports it and keeps the typed text, as for a name that was taken long ago."""
    piet = factory.make_user(shoes, "piet")
    browser = enter(anna).open(f"{PEOPLE}/{jan.id}/edit").fill(username="Kim")
    with factory.context():
        with transaction():
            users.change_user(shoes, piet.id, username="kim", username_key="kim")
            saving = made_to_wait(app, browser.submit, begins_itself=True)
        saving.result(timeout=30)
    assert (browser.status, browser.value("username")) == (422, "Kim")
    assert "The username Kim is taken." in browser.errors[0]
