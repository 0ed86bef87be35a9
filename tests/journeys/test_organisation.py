"""Step 1 asks for the store URL, and must not reveal which organisations exist (S2, S29)."""

import pytest

from idp.db import transaction
from idp.store import removals
from tests.factories import Factory


@pytest.fixture
def two(factory: Factory) -> tuple[str, str]:
    """Create two organisations, so that the store URL is asked for."""
    quiet = {"settings": {"offer_set_up": False}}
    return factory.make_organisation("shoes", name="Shoes of Rotterdam", **quiet), factory.make_organisation("hats", **quiet)


@pytest.mark.parametrize(
    "typed", ["shoes", "SHOES", "https://shoes.example.com/pos?x=1", "shoes.example.com:8443", " Shoes "]
)
def test_the_store_url_is_accepted_in_any_form(factory: Factory, journey, two, typed: str) -> None:
    """S29: scheme, path, port, the rest of the host name and case do not count."""
    jan = factory.make_user(two[0])
    walk = journey(jan).begin()
    walk.browser.fill(organisation=typed).submit()
    assert walk.password().tokens().claims["sub"] == jan.id


def test_an_unknown_store_url_fails_only_at_the_password(factory: Factory, journey, new_browser, two) -> None:
    """S29: nobody can list the organisations. Page and error are the same, and no name is shown."""
    jan = factory.make_user(two[0])
    pages = []
    for name in ("shoes", "no-such-shop"):
        walk = journey(jan, browser=new_browser()).begin()
        walk.browser.fill(organisation=name).submit()
        assert "Rotterdam" not in walk.browser.html
        pages.append((walk.browser.heading, walk.browser.fields))
        walk.browser.fill(username="jan", password="not the password at all").submit()
        pages.append((walk.browser.status, tuple(walk.browser.errors)))
    assert pages[:2] == pages[2:]


def test_one_username_in_two_organisations_is_two_users(factory: Factory, journey, new_browser, two) -> None:
    """S2: usernames are unique within their organisation. No address is needed."""
    people = [factory.make_user(organisation, "jan") for organisation in two]
    subjects = {journey(who, browser=new_browser()).begin().password().tokens().claims["sub"] for who in people}
    assert subjects == {who.id for who in people}


def test_the_device_remembers_the_organisation_and_shows_its_name(factory: Factory, journey, two) -> None:
    """S29: the second time, step 1 is skipped and the name may be shown."""
    jan = factory.make_user(two[0])
    walk = journey(jan)
    walk.begin().password().tokens()
    walk.browser.open("/").submit("Sign out")
    walk.begin()
    assert "organisation" not in walk.browser.fields
    assert "Shoes of Rotterdam" in walk.browser.text


def test_the_request_may_name_the_organisation(factory: Factory, journey, two) -> None:
    """S29: the ``organisation`` parameter skips step 1. It shows no name, because anybody can send it."""
    jan = factory.make_user(two[0])
    walk = journey(jan).begin(organisation="shoes")
    assert "username" in walk.browser.fields
    assert "Rotterdam" not in walk.browser.html
    assert walk.password().tokens().claims["sub"] == jan.id


def test_a_client_of_one_organisation_skips_step_one(factory: Factory, journey, relying_party, two) -> None:
    """S29: a client that serves one organisation names it, and accepts no user of another."""
    app = relying_party(factory.make_client("shoes-till", organisations=(two[0],)))
    jan, other = factory.make_user(two[0]), factory.make_user(two[1], "piet")
    walk = journey(jan, app).begin()
    assert "Shoes of Rotterdam" in walk.browser.text
    assert walk.password().tokens().claims["sub"] == jan.id
    walk.browser.open("/").submit("Sign out")
    walk.begin().browser.fill(username=other.username, password=other.password).submit()
    assert walk.browser.left_for is None


def test_one_organisation_needs_no_store_url(factory: Factory, journey) -> None:
    """S29: step 1 is skipped if the installation has one organisation."""
    jan = factory.make_user(factory.make_organisation(settings={"offer_set_up": False}))
    assert "username" in journey(jan).begin().browser.fields


def test_an_operators_sign_in_does_not_bring_back_step_one(journey, enter, browser, anna, olga) -> None:
    """S29: a remembered organisation counts only if the app serves it. The operators' organisation is no shop."""
    enter(olga).open("/").submit("Sign out")
    walk = journey(anna).begin()
    assert browser.fields >= {"username", "password"}
    assert walk.password().code().tokens().claims["sub"] == anna.id


def test_a_deleted_organisation_is_not_remembered(factory: Factory, journey, browser, quiet_shoes: str) -> None:
    """S29: then only one is left, and its store URL is not asked for."""
    gone = factory.make_organisation("hats", settings={"offer_set_up": False})
    journey(factory.make_user(gone)).begin().password().tokens()
    with factory.context(), transaction():
        removals.close_organisation(gone, "~")
    journey(factory.make_user(quiet_shoes)).begin()
    assert browser.fields >= {"username", "password"}


def test_the_store_url_can_be_changed(factory: Factory, journey, two) -> None:
    """S29: after a wrong store URL the user can return to step 1."""
    jan = factory.make_user(two[0])
    walk = journey(jan).begin()
    walk.browser.fill(organisation="hats").submit()
    walk.browser.submit("other_organisation")
    assert walk.browser.fields == {"organisation"}
    assert walk.password().tokens().claims["sub"] == jan.id


@pytest.mark.parametrize("typed", ["", "   ", "///", "https://"])
def test_an_empty_store_url_gets_a_field_message(factory: Factory, journey, two, typed: str) -> None:
    """S29: the error about text without an organisation is shown at the field."""
    jan = factory.make_user(two[0])
    walk = journey(jan).begin()
    walk.browser.fill(organisation=typed).submit()
    assert walk.browser.status == 422
    assert "store URL" in walk.browser.errors[0]


def test_a_username_is_accepted_in_any_case_and_width(factory: Factory, journey, two, clock) -> None:
    """S2: JAN and ｊａｎ are jan."""
    jan = factory.make_user(two[0])
    for typed in ("JAN", "ｊａｎ", " jan "):
        clock(seconds=1)
        walk = journey(jan).begin(organisation="shoes", prompt="login")
        if "username" in walk.browser.fields:
            walk.browser.fill(username=typed)
        walk.browser.fill(password=jan.password).submit()
        assert walk.tokens().claims["sub"] == jan.id
