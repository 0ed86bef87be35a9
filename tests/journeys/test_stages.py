"""A form names its step and stage. An answer to another stage has no effect and shows the current page (S60, S22)."""

from copy import copy

import pytest

from idp import clock
from idp.db import transaction
from idp.identity.users import status
from idp.store import organisations, users
from tests.drivers.authenticator import Authenticator
from tests.drivers.browser import Browser
from tests.drivers.set_up import codes_on, key_on
from tests.drivers.stages import events
from tests.drivers.words import CHANGE_PASSWORD, CHOOSE_A_NEW_PASSWORD, GET_AN_AUTHENTICATOR_APP, WHO_IS_SIGNING_IN
from tests.factories import BY_TESTS, PASSWORD, Factory, MadePerson


def tab(browser: Browser) -> Browser:
    """Return another tab of the same browser at the same page. It shares the cookies."""
    return copy(browser).reload()


def organisation(factory: Factory, store_url: str) -> str:
    with factory.context():
        found = organisations.organisation_at(store_url)
        assert found is not None
        return found.id


@pytest.fixture
def offered(factory: Factory, journey) -> Browser:
    """Return a browser at the offer of a set-up."""
    shop = factory.make_organisation("offering-shoes")
    walk = journey(factory.make_user(shop, "ann")).begin().password()
    assert walk.browser.offers("not_now")
    return walk.browser


def require(factory: Factory) -> None:
    """Make the offered set-up compulsory while the page is open, as a reset by an administrator does."""
    shop_id = organisation(factory, "offering-shoes")
    with factory.context(), transaction():
        ann = users.user_named(shop_id, "ann")
        assert ann is not None
        users.change_user(shop_id, ann.id, must_set_up_since=clock.now())


def test_pressing_start_twice_starts_once(offered: Browser) -> None:
    """S18: the second press does not answer "I have an app" on a page that the user has not seen."""
    again = tab(offered)
    offered.submit("next")
    again.submit("next")
    assert again.heading == offered.heading == GET_AN_AUTHENTICATOR_APP


@pytest.mark.parametrize("presses", [0, 1, 2], ids=["start", "apps", "scan"])
def test_not_now_has_no_effect_when_compulsory(factory: Factory, offered: Browser, presses: int) -> None:
    """S5: "Not now" and "Cancel" of an older page show the current page. They answer no question and count no guess."""
    for _ in range(presses):
        offered.submit("next")
    heading = offered.heading
    require(factory)
    offered.submit("not_now")
    assert (offered.status, offered.heading, offered.errors) == (200, heading, [])
    assert not offered.offers("not_now")
    assert "code:wrong" not in events(factory, organisation(factory, "offering-shoes"))


def test_a_tick_confirms_only_the_codes_of_its_page(factory: Factory, offered: Browser) -> None:
    """S21, S22: a second tab began again. The first tab's tick does not activate codes that it never showed."""
    first = to_codes(offered)
    old = tab(first)
    with factory.context():
        shop = organisations.organisation_at("offering-shoes")
        ann = users.user_named(shop.id, "ann") if shop else None
        assert shop is not None
        assert ann is not None
        status.end_sessions(factory.settings, shop, ann, BY_TESTS)
    first.reload().fill(username="ann", password=PASSWORD).submit()
    to_codes(first)
    shown = codes_on(old)
    old.fill(noted=True).submit()
    assert codes_on(old) == codes_on(first) != shown
    assert "factor:set_up" not in events(factory, shop.id)
    assert old.fill(noted=True).submit().left_for is not None


def to_codes(browser: Browser) -> Browser:
    browser.submit("next").submit("next")
    return browser.fill(code=Authenticator(key_on(browser)).code()).submit()


def test_a_code_for_another_field_counts_no_guess(factory: Factory, journey, quiet_shoes: str) -> None:
    """S41, S60: another tab returned to the code of the app. A recovery code sent then is neither spent nor counted."""
    ann = factory.make_user(quiet_shoes, "ann", with_totp=True, recovery_codes=2)
    browser = journey(ann).begin().password().browser
    old = tab(browser.submit("use_recovery"))
    browser.submit("use_app")
    old.fill(recovery_code=ann.recovery_codes[0]).submit()
    assert (old.status, old.errors) == (200, [])
    assert "code" in old.fields
    assert "recovery:code_used" not in events(factory, quiet_shoes)


def test_a_password_counts_only_at_the_organisation_of_its_page(factory: Factory, new_browser) -> None:
    """S30: another tab changed the store URL. A password typed for the first one is no wrong guess at the second."""
    for name in ("one", "two"):
        factory.make_user(factory.make_organisation(name), "ann")
    browser = new_browser().open("/").submit("Sign in").fill(organisation="one").submit()
    old = tab(browser)
    browser.submit("Change the store URL").fill(organisation="two").submit()
    old.fill(username="ann", password="a wrong one").submit()
    assert (old.status, old.errors) == (200, [])
    assert "two" in old.text
    assert "password:wrong" not in events(factory, organisation(factory, "two"))


def test_a_compulsory_new_password_cannot_be_postponed(factory: Factory, enter, shoes: str, jan: MadePerson) -> None:
    """S50: "Not now" of an older page shows the current page, without an error about an empty field."""
    browser = enter(jan, "/account/security").submit(CHANGE_PASSWORD)
    browser.fill(password=jan.password).submit().fill(code=jan.authenticator.code()).submit()
    with factory.context(), transaction():
        users.change_user(shoes, jan.id, must_change_password=True)
    browser.submit("not_now")
    assert (browser.status, browser.heading, browser.errors) == (200, CHOOSE_A_NEW_PASSWORD, [])
    assert not browser.offers("not_now")


def test_the_chooser_accepts_only_choices_it_offers(factory: Factory, enter, relying_party, jan: MadePerson) -> None:
    """S35: a form without a choice, or with an unknown one, signs nobody out."""
    browser = enter(jan)
    till = relying_party(factory.make_client("till", shared_device=True))
    browser.open(till.authorize_url())
    for choice in ("", "nobody"):
        post_choice(browser, choice)
        assert browser.heading == WHO_IS_SIGNING_IN
    assert browser.submit(f"choice={jan.id}").left_for is not None


def post_choice(browser: Browser, choice: str) -> None:
    form = next(form for form in browser.page.forms if "step" in form.fields)
    data = [(name, value) for name, values in form.fields.items() for value in values]
    browser.send("POST", browser.issuer + form.action, [*data, ("choice", choice)])
