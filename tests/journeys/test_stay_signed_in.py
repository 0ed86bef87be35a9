"""Staying signed in on a device that nobody else uses, where the organisation offers it."""

import pytest

from idp.db import transaction
from idp.identity.organisations import organisations
from tests.factories import BY_TESTS, Factory

TICK = "stay_signed_in"


@pytest.fixture
def shop(factory: Factory) -> str:
    """Create an organisation that offers to stay signed in for a week."""
    return factory.make_organisation(settings={"offer_set_up": False, "stay_signed_in_days": 7})


@pytest.fixture
def ann(factory: Factory, shop: str):
    return factory.make_user(shop, "ann")


@pytest.fixture
def bea(factory: Factory, shop: str):
    return factory.make_user(shop, "bea", with_totp=True)


def known(walk):
    """Sign in once, so that the device knows the organisation, and sign out."""
    walk.begin().password().tokens()
    walk.browser.open("/").submit("Sign out")
    return walk


def signs_in_silently(walk) -> bool:
    """Return whether the app gets tokens without a question."""
    walk.begin(prompt="none")
    return "code=" in walk.browser.left_for


def test_who_ticks_it_stays_signed_in_until_the_day(journey, ann, clock) -> None:
    """The session outlives a closed browser and pauses, for the days that the page names, and no longer."""
    walk = known(journey(ann)).begin()
    walk.browser.fill(stay_signed_in=True)
    walk.password().tokens()
    assert "7 days" not in walk.browser.restart().open("/account/sessions").page.text
    assert "Stays signed in until" in walk.browser.page.text
    for _ in range(6):
        clock(hours=25)
        assert signs_in_silently(walk)
        walk.browser.restart()
    clock(hours=24)
    assert not signs_in_silently(walk)


def test_who_does_not_tick_it_is_signed_out_as_ever(journey, ann, clock) -> None:
    """The session ends with the browser, and an hour after its last use."""
    walk = known(journey(ann)).begin().password()
    walk.tokens()
    clock(minutes=59)
    assert signs_in_silently(walk)
    clock(minutes=61)
    assert not signs_in_silently(walk)
    walk.begin().password().tokens()
    walk.browser.restart()
    assert not signs_in_silently(walk)


def test_it_holds_through_wrong_answers_and_step_ups(journey, bea, ann, clock) -> None:
    """The tick is still there after a wrong password. A step-up renews the cookie, which lasts as long as the session."""
    walk = known(journey(ann))
    walk.person = bea
    walk.begin().browser.fill(stay_signed_in=True)
    walk.password("wrong")
    assert any(form.fields.get(TICK) == ["yes"] for form in walk.browser.page.forms)
    walk.password().code().tokens()
    clock(days=1)
    assert signs_in_silently(walk)
    walk.begin(prompt="login")
    assert TICK not in walk.browser.fields
    walk.password().code().tokens()
    walk.browser.restart()
    clock(days=1)
    assert signs_in_silently(walk)


def test_the_console_asks_each_day_who_stays_signed_in(journey, factory, shop, ann, clock) -> None:
    """N63-21: everybody's data is not open for days to a finder of the device. Apps and the own profile stay open."""
    eva = factory.make_user(shop, "eva", role="administrator", with_totp=True, email="eva@shoes.example")
    walk = known(journey(ann))
    walk.person = eva
    walk.begin().browser.fill(stay_signed_in=True)
    walk.password().code().tokens()
    people, export = "/admin/example-shoes/people", "/admin/example-shoes/people/export.csv"
    clock(hours=23)
    assert walk.browser.open(people).heading == "People"
    clock(hours=2)
    for address in (people, export, "/admin/"):
        walk.browser.open(address)
        assert "password" in walk.browser.fields, address
    assert walk.browser.open("/account/security").status == 200
    assert "password" not in walk.browser.fields
    assert signs_in_silently(walk)
    walk.browser.open(people).fill(password=eva.password).submit()
    walk.browser.fill(code=eva.authenticator.code()).submit()
    assert walk.browser.heading == "People"


@pytest.mark.parametrize("shared", [True, False], ids=["a shared device", "the organisation ended it"])
def test_it_is_not_offered_where_it_may_not_be(shared, journey, factory, shop, ann, relying_party) -> None:
    """A shared device never offers it, nor an organisation that does not want it. A form that says so changes nothing."""
    app = relying_party(factory.make_client("till", shared_device=shared))
    walk = known(journey(ann, app=app))
    if not shared:
        with factory.context(), transaction():
            organisations.change(factory.organisation(shop), {"settings": {"stay_signed_in_days": 0}}, BY_TESTS)
    walk.begin()
    if shared:
        walk.browser.submit(f"choice={ann.id}")
    assert TICK not in walk.browser.fields
    if "username" in walk.browser.fields:
        walk.browser.fill(username=ann.username)
    walk.browser.fill(password=ann.password).submit(stay_signed_in="yes")
    walk.tokens()
    walk.browser.restart()
    assert not signs_in_silently(walk)


def test_it_reveals_no_organisation(journey, factory, ann) -> None:
    """S29: pages on which a store URL was typed look alike, whether or not an organisation has it and offers this."""
    factory.make_organisation("hats", name="Hats")
    walk = journey(ann).begin()
    for typed in (ann.store_url, "nobody-here"):
        walk.begin()
        if "organisation" not in walk.browser.fields:
            walk.browser.submit("other_organisation")
        walk.browser.fill(organisation=typed).submit()
        assert "password" in walk.browser.fields
        assert TICK not in walk.browser.fields
