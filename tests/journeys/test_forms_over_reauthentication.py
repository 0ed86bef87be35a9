"""A form survives a reauthentication, which says what it is for and can be cancelled."""

import re
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest

from idp.identity.users import lookup
from idp.store import sessions
from idp.web.unsaved import LEFT_OUT
from tests.drivers.browser import Browser
from tests.drivers.words import CONFIRM_THAT_IT_IS_YOU, RESET_THE_SECOND_FACTOR, SIGN_IN_DETAILS
from tests.factories import Factory, MadePerson
from tests.journeys import sensitive_world as made
from tests.journeys.sensitive_world import World

AT = "/admin/example-shoes"
TEMPLATES = Path(__file__).parents[2] / "templates"


@pytest.fixture
def world(factory: Factory, shoes: str, anna: MadePerson, boss: MadePerson, olga: MadePerson) -> World:
    """Create an organisation with one object of every kind."""
    return World(factory, shoes, {"anna": anna, "boss": boss, "olga": olga})


def prove(browser: Browser, person: MadePerson) -> Browser:
    """Reauthenticate."""
    assert browser.heading == CONFIRM_THAT_IT_IS_YOU, browser.text
    browser.fill(password=person.password).submit()
    return browser.fill(code=person.authenticator.code()).submit()


FORMS = {
    "add a person": ("anna", lambda w: f"{AT}/people/add",
                     {"username": "eve", "email": "eve@shoes.example", "role": "manager", "all_shops": False}, "People"),
    "edit a person": ("anna", lambda w: w.path(w.person(), "edit"),
                      {"name": "Other", "email": "eve@evil.example", "one_time_password": True}, "People"),
    "a group": ("anna", lambda w: f"{AT}/groups", {"name": "Cash", "requires_mfa": True}, "Groups"),
    "a requirement": ("anna", lambda w: f"{AT}/groups/{w.group(requires_mfa=True).id}",
                      {"name": "Cash", "requires_mfa": False}, "Groups"),
    "a member": ("anna", lambda w: f"{AT}/groups/{w.group(requires_mfa=True).id}", {"username": "jan"}, "Groups"),
    "settings": ("anna", lambda w: f"{AT}/settings",
                 {"name": "New Shoes", "password_min_length": "20", "offer_set_up": True, "language-en": False}, "Settings"),
    "a rule": ("olga", lambda w: f"{AT}/policies/add",
               {"name": "AU", "starts": "2031-01-01", "countries": "AU", "role-owner": True}, "Policies"),
    "an existing rule": ("olga", lambda w: f"{AT}/policies/edit?name={w.rule()}", {"ends": "2040-01-01"}, "Policies"),
    "an app": ("olga", lambda w: f"{AT}/apps/add",
               {"client_id": "stock", "redirect_uris": "https://stock.example/", "first_party": True,
                "token_endpoint_auth_method": "client_secret_post"}, "Apps"),
    "an existing app": ("olga", lambda w: f"{AT}/apps/{w.client()}/edit",
                             {"redirect_uris": "https://stock.example/", "minimum_acr": "mfa"}, "Apps"),
    "one's own address": ("jan", lambda w: "/account/address", {"email": "jan@home.example"}, "E-mail address"),
}  # fmt: skip
"""Forms: the user, the address, the fields, and the purpose that the reauthentication names."""


def held(browser: Browser, names: dict[str, object]) -> dict[str, object]:
    """Return the values of these fields in the page's form."""
    form = next(form for form in browser.page.forms if all(name in form.kinds for name in names))
    ticks = {name for name, kind in form.kinds.items() if kind == "checkbox"}
    return {name: bool(form.fields[name]) if name in ticks else form.fields[name][0] for name in names}


@pytest.mark.parametrize("what", FORMS)
def test_a_form_is_filled_in_again_after_reauthentication(
    factory: Factory, enter, clock: Callable[..., None], world: World, jan: MadePerson, what: str
) -> None:
    """S60: the page says that nothing was saved yet. The user saves the form by its own button, also after a reload."""
    who, address, typed, purpose = FORMS[what]
    person = {**world.actors, "jan": jan}[who]
    browser, path = enter(person, "/account/sessions"), address(world)
    browser.open(path).fill(**typed)
    clock(minutes=11)
    browser.submit()
    assert re.findall("Confirm that it is you|To continue to: .+", browser.text) == [
        browser.heading,
        f"To continue to: {purpose}",
    ]
    assert "remember_device" not in browser.fields
    browser.fill(password=person.password).submit()
    assert f"Confirm that it is you, to continue to: {purpose}" in browser.text
    assert "remember_device" not in browser.fields
    browser.fill(code=person.authenticator.code()).submit()
    for _ in range(2):
        assert browser.url.split("?")[0].endswith(path.split("?")[0])
        assert held(browser, typed) == typed
        assert "You confirmed that it is you. Nothing has been saved yet" in browser.text
        browser.reload()
    browser.fill(**typed).submit()
    assert browser.status == 200
    assert not browser.errors
    assert "Nothing has been saved" not in browser.text


def test_reauthentication_does_not_carry_out_the_form(factory: Factory, enter, clock, world: World, anna) -> None:
    """ASVS V7.5.3: an intruder may post a form at an open session.
    Its owner sees it first, and the proof does not save it.
    """
    target = world.person()
    browser = enter(anna, world.path(target, "edit"))
    clock(minutes=11)
    browser.open(world.path(target, "edit")).fill(email="eve@evil.example").submit()
    prove(browser, anna)
    assert browser.value("email") == "eve@evil.example"
    with factory.context():
        assert factory.user(target).email != "eve@evil.example"


def test_a_reauthentication_can_be_cancelled(factory: Factory, enter, new_browser, clock, world: World, anna, jan) -> None:
    """entry 15: the user returns to the form with the typed text, or to the page before it. Nothing changes."""
    target = world.person()
    browser = enter(anna, f"{AT}/people")
    clock(minutes=11)
    browser.open(world.path(target, "edit")).fill(role="manager").submit()
    browser.click("Cancel")
    assert browser.value("role") == "manager"
    assert "Nothing has been saved. To save this form, you must confirm that it is you." in browser.text
    browser.open(f"{AT}/people/{target.id}").click("Disable")
    assert browser.heading == CONFIRM_THAT_IT_IS_YOU
    browser.click("Cancel")
    assert browser.heading == target.username
    enter(jan, "/account/security", own := new_browser())
    clock(minutes=11)
    own.open("/account/security").click("Remove")
    assert own.heading == CONFIRM_THAT_IT_IS_YOU
    assert own.click("Cancel").heading == SIGN_IN_DETAILS
    with factory.context():
        assert factory.user(target).role == "employee"


def test_a_reauthentication_confirms_its_dialog_for_a_minute(factory: Factory, enter, clock, world: World, anna) -> None:
    """S47, entry 15: the user typed the password for this dialog, so the dialog does not ask for it again."""
    one, other = world.person(), world.person()
    browser = enter(anna, f"{AT}/people")
    clock(minutes=11)
    prove(browser.open(world.path(one, "reset-factor")), anna)
    assert browser.heading == f"Reset the second factor of {one.username}?"
    assert "password" not in browser.fields
    browser.submit(RESET_THE_SECOND_FACTOR)
    clock(seconds=61)
    browser.open(world.path(other, "reset-factor"))
    assert "password" in browser.fields
    with factory.context():
        assert factory.user(one).must_set_up_since is not None
        assert factory.user(other).must_set_up_since is None


def test_a_dialog_open_for_over_a_minute_asks_for_the_password(factory, enter, clock, world: World, anna) -> None:
    """The minute is over when the button is pressed. The dialog shows its password field, and nothing is done."""
    target = world.person()
    browser = enter(anna, f"{AT}/people")
    clock(minutes=11)
    prove(browser.open(world.path(target, "reset-factor")), anna)
    clock(seconds=61)
    browser.submit(RESET_THE_SECOND_FACTOR)
    assert (browser.status, browser.errors[0]) == (422, "Error: Enter your password to confirm.")
    browser.fill(password=anna.password).submit()
    with factory.context():
        assert factory.user(target).must_set_up_since is not None


def test_the_password_of_the_sign_in_confirms_nothing(enter, world: World, anna, browser, clock) -> None:
    """S47: a dialog asks for the password, even just after the sign-in."""
    browser.open(f"{AT}/people")
    browser.fill(username=anna.username, password=anna.password).submit()
    browser.fill(code=anna.authenticator.code()).submit()
    assert "password" in browser.open(world.path(world.person(), "reset-factor")).fields


def test_ones_own_factor_is_removed_with_one_password(enter, clock, factory: Factory, jan) -> None:
    """S27: the dialog has two pages. It does not ask again for the password of the reauthentication."""
    browser = enter(jan, "/account/security")
    clock(minutes=11)
    prove(browser.open("/account/factor/remove"), jan).click("Next")
    assert "password" not in browser.fields
    browser.submit("Remove")
    with factory.context():
        at = factory.organisation(jan.organisation_id)
        assert not lookup.person_of(factory.settings, at, factory.user(jan)).has_factor


def test_a_form_outlives_the_session_for_its_author_only(factory: Factory, enter, clock, world: World, anna, boss) -> None:
    """Entry 15: after an hour's pause the form returns for the same user, and for no other user."""
    browser = enter(anna, f"{AT}/shops")
    clock(minutes=61)
    browser.fill(code="two", name="Two").submit()
    assert "/sign-in/" in browser.url
    with factory.context():
        assert sessions.sessions_of(anna.organisation_id, anna.id, factory.user(anna).created_at, None, 9)
    browser.fill(username=boss.username, password=boss.password).submit()
    browser.fill(code=boss.authenticator.code()).submit()
    assert (browser.value("name"), browser.heading) == ("", "Shops")
    there = browser.url
    browser.open("/").submit("Sign out")
    clock(seconds=60)
    browser.open(there)
    browser.fill(username=anna.username, password=anna.password).submit()
    browser.fill(code=anna.authenticator.code()).submit()
    assert (browser.value("code"), browser.value("name")) == ("two", "Two")
    assert "Nothing has been saved" in browser.text


def test_forms_of_the_profile_outlive_the_session(enter, clock, jan: MadePerson) -> None:
    """Entry 15: each form of the page returns with what was typed or chosen. Its own button saves it."""
    for typed in ({"name": "Jan de Vries"}, {"time_zone": "Asia/Tokyo"}):
        browser = enter(jan, "/account/details")
        clock(minutes=61)
        browser.fill(**typed).submit()
        browser.fill(username=jan.username, password=jan.password).submit()
        browser.fill(code=jan.authenticator.code()).submit()
        assert held(browser, typed) == typed
        assert "Nothing has been saved" in browser.text
        assert held(browser.fill(**typed).submit(), typed) == typed
        assert "Nothing has been saved" not in browser.text
        browser.open("/").submit("Sign out")
        clock(seconds=60)


def test_a_file_must_be_chosen_again_and_the_page_says_so(enter, clock, anna, app) -> None:
    """Entry 15: a form cannot be filled in with a file."""
    browser = enter(anna, f"{AT}/settings")
    clock(minutes=11)
    token = browser.value("csrf_token")
    form = {"csrf_token": token, "logo": (BytesIO(b"picture"), "logo.png")}
    answer = browser.client.post(
        f"{AT}/settings/logo", data=form, base_url=browser.issuer, content_type="multipart/form-data"
    )
    prove(browser.open(answer.headers["Location"]), anna)
    assert "Choose the file again: it could not be kept." in browser.text
    assert browser.heading == "Settings"


def test_a_renamed_passkey_keeps_the_name_that_was_typed(enter, clock, world: World, factory, jan, new_browser) -> None:
    """Entry 15: a form within a list returns opened at its place."""
    made.passkey(world, jan)
    browser = enter(jan, "/account/sessions").open("/account/passkeys")
    clock(minutes=11)
    browser.fill(name="Work").submit()
    browser.click("Cancel")
    assert browser.value("name") == "Work"


def test_no_password_field_is_kept() -> None:
    """ASVS V14.2.3: every password field of the pages is left out."""
    pages = "".join(path.read_text("utf-8") for path in TEMPLATES.rglob("*.html"))
    named = set(re.findall(r'password_field\([^}]*?name="(\w+)"', pages))
    assert {"password", "csrf_token"} | named <= LEFT_OUT
    assert named
