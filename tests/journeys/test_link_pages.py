"""The pages of all mailed links use the reader's language and the organisation's brand (S29, S62)."""

from collections.abc import Callable
from typing import get_args

import pytest

from idp.clock import now
from idp.config import Settings
from idp.db import transaction
from idp.identity import email_links
from idp.identity.organisations import organisations
from idp.store import rate_limits
from tests.drivers.browser import Browser
from tests.drivers.password_reset import NEW
from tests.drivers.words import THIS_LINK_DOES_NOT_WORK_ANY_MORE
from tests.factories import BY_TESTS, PASSWORD, Factory, MadePerson

EMAIL = "ann@shoes.example"
ENGLISH, DUTCH, BRAND = '<html lang="en"', '<html lang="nl"', "/brand/0b3d91.css"
CHOSEN = {"new_password": NEW, "new_password_again": NEW}
TYPED = {"reset": CHOSEN, "invitation": CHOSEN, "unlock": {"password": PASSWORD}}


@pytest.fixture
def ann(factory: Factory, quiet_shoes: str) -> MadePerson:
    """Create a user who reads Dutch. Her organisation has a brand, and is not the only one."""
    factory.make_organisation("another-shop")
    with factory.context(), transaction():
        organisations.change(factory.organisation(quiet_shoes), {"settings": {"colour": "#0b3d91"}}, BY_TESTS)
    return factory.make_user(quiet_shoes, "ann", with_totp=True, email=EMAIL, locale="nl")


@pytest.fixture
def at_link(
    factory: Factory, settings: Settings, new_browser: Callable[..., Browser], ann: MadePerson
) -> Callable[[email_links.Purpose], Browser]:
    """Return ``at_link("reset")``, which opens a link of Ann's in an English browser."""

    def follow(purpose: email_links.Purpose) -> Browser:
        with factory.context(), transaction():
            for _ in range(100):
                rate_limits.count_towards_stop(ann.organisation_id, ann.id, "recovery", 100, now())
            token = email_links.make(settings, factory.user(ann), purpose, {"email": EMAIL}, email_links.soon(settings))
        return new_browser(languages="en").open(email_links.address_of(settings, purpose, token))

    return follow


@pytest.mark.parametrize("purpose", sorted({*get_args(email_links.Purpose)} - {"bypass"}))  # a code without a page
def test_a_link_page_uses_its_users_language_and_brand(
    at_link: Callable[[email_links.Purpose], Browser], ann: MadePerson, purpose: email_links.Purpose
) -> None:
    """S29, S62: the link names its user. The page uses that user's language and the organisation's brand."""
    page = at_link(purpose)
    if "/sign-in/" in page.url:
        page.fill(username=ann.username, password=ann.password).submit().fill(code=ann.authenticator.code()).submit()
    assert page.status == 200
    assert DUTCH in page.html
    assert BRAND in page.html


@pytest.mark.parametrize("purpose", ["reset", "verify"])
def test_the_page_after_a_link_keeps_its_language(
    at_link: Callable[[email_links.Purpose], Browser], purpose: email_links.Purpose
) -> None:
    """S62: the page after the button does not know the user, and keeps the language. An invalid language is ignored."""
    page = at_link(purpose).fill(**TYPED.get(purpose, {})).submit()
    address, _, language = page.url.partition("?")
    assert (address.rpartition("/")[2], language) == ("done", "language=nl")
    assert DUTCH in page.html
    for nonsense in ("", "?language=", "?language=xx", '?language="><b>'):
        assert ENGLISH in page.open(address + nonsense).html, nonsense


@pytest.mark.parametrize("purpose", [*TYPED, "verify", "address"])
def test_a_used_link_reports_its_result_to_its_browser(
    at_link: Callable[[email_links.Purpose], Browser],
    new_browser: Callable[..., Browser],
    clock,
    purpose: email_links.Purpose,
) -> None:
    """Back, a second tab and a second press show that the action was done.
    For other browsers the link is gone.
    """
    page = at_link(purpose)
    address, shown = page.url, page.page
    done = page.fill(**TYPED.get(purpose, {})).submit().heading
    assert (page.status, page.open(address).status, page.heading) == (200, 200, done)
    form = next(form for form in shown.forms if "token" in form.fields)
    page.send("POST", page.issuer + form.action, [(name, values[0]) for name, values in form.fields.items()])
    assert (page.status, page.heading) == (200, done)
    stranger = new_browser().open(address)
    assert (stranger.status, stranger.heading) == (404, THIS_LINK_DOES_NOT_WORK_ANY_MORE)
    clock(minutes=61)
    assert page.open(address).status == 404


def test_a_single_organisations_brand_is_on_every_link_page(
    factory: Factory, settings: Settings, quiet_shoes: str, browser: Browser
) -> None:
    """S29: the logo is on the last page, and on the page of an invalid link."""
    jan = factory.make_user(quiet_shoes, "jan", email="jan@shoes.example")
    with factory.context(), transaction():
        organisations.change(factory.organisation(quiet_shoes), {"settings": {"colour": "#0b3d91"}}, BY_TESTS)
        token = email_links.make(settings, factory.user(jan), "verify", {"email": jan.username}, email_links.soon(settings))
    address = email_links.address_of(settings, "verify", token)
    assert BRAND in browser.open(address).html
    assert BRAND in browser.open(address[:-1]).html
    assert BRAND in browser.open("/link/verify/done").html
