"""Answers to posted forms survive a reload: design.md, "Steps have no routes" (S56, S60; Post/Redirect/Get)."""

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from typing import Any

import pytest
from sqlalchemy import select

from idp import clock as clocks
from idp.db import transaction
from idp.identity import email_links
from idp.identity.credentials import totp
from idp.statements import every
from idp.store import client_secrets, rate_limits
from idp.store.stash import Stashed
from idp.sweeps import sweep
from idp.web.stash import MOST
from tests.drivers.authenticator import Authenticator
from tests.drivers.browser import Browser
from tests.drivers.set_up import key_on
from tests.drivers.words import CHOOSE_A_PASSWORD, SAVE_YOUR_RECOVERY_CODES, THE_SECRET_SHOWN_THIS_ONCE
from tests.factories import Factory, MadePerson

AT = "/admin/example-shoes"
Enter = Callable[..., Browser]


@pytest.fixture
def anna(factory: Factory, quiet_shoes: str) -> MadePerson:
    """Create an administrator."""
    return factory.make_user(quiet_shoes, "anna", role="administrator", with_totp=True, email="anna@shoes.example")


def link_of(factory: Factory, person: MadePerson, purpose: email_links.Purpose) -> str:
    with factory.context(), transaction():
        values = {"email": "anna@shoes.example"}
        token = email_links.make(factory.settings, factory.user(person), purpose, values, email_links.soon(factory.settings))
    return email_links.address_of(factory.settings, purpose, token)


def wrong_answers(browser: Browser, factory: Factory, anna: MadePerson, enter: Enter) -> Iterator[str]:
    """Send one wrong answer by each kind of form, from one browser. Yields the name of each form."""
    browser.open("/account/security").fill(username="anna", password="not this one").submit()
    yield "password"
    browser.fill(username="anna", password=anna.password).submit()
    browser.fill(code=anna.authenticator.wrong()).submit()
    yield "code"
    browser.submit("use_recovery").fill(recovery_code="AAAAAAA-BBBBBBB").submit()
    yield "recovery code"
    browser.open("/reset").fill(organisation="example-shoes", username=" ").submit()
    yield "forgotten password"
    browser.open("/welcome").fill(organisation="example-shoes", username="anna", code="nothing").submit()
    yield "welcome"
    browser.open(link_of(factory, anna, "reset")).fill(new_password="short", new_password_again="short").submit()
    yield "new password"
    with factory.context(), transaction():
        for _ in range(100):
            rate_limits.count_towards_stop(anna.organisation_id, anna.id, "recovery", 100, clocks.now())
    browser.open(link_of(factory, anna, "unlock")).fill(password="not this one").submit()
    yield "unlock"
    enter(anna, "/account/address").fill(email="no address").submit()
    yield "address"
    browser.open("/account/details").fill(name="x" * 300).submit()
    yield "name"
    browser.open(f"{AT}/people/add").fill(username="").submit()
    yield "person"
    browser.open(f"{AT}/groups").submit("Add")
    yield "group"
    browser.open(f"{AT}/people/{anna.id}/edit").fill(email="no address").submit()
    yield "edit"


def test_a_wrong_answer_is_shown_by_get(browser: Browser, factory: Factory, anna: MadePerson, enter: Enter) -> None:
    """S60: after a wrong answer a reload shows the same error. Later it shows the ordinary page."""
    for kind in wrong_answers(browser, factory, anna, enter):
        assert len(browser.hops) > 1, f"{kind}: the error page was not loaded by GET"
        status, errors, address = browser.status, browser.errors, browser.url
        assert (status, bool(errors)) == (422, True), (kind, browser.text)
        browser.reload()
        assert (browser.status, browser.errors) == (status, errors), kind
        plain = address.partition("?")[0]
        assert browser.open(f"{plain}?answer={'a' * 26}").errors == [], kind


def test_a_right_answer_after_a_wrong_one_is_accepted(journey, factory: Factory, quiet_shoes: str, clock) -> None:
    """S56, S61: the right code is posted from the page that a reload showed."""
    ann = factory.make_user(quiet_shoes, "ann", with_totp=True)
    walk = journey(ann).begin().password().code(ann.authenticator.wrong())
    walk.browser.reload()
    assert walk.code().tokens().acr == "mfa"


def test_an_error_is_not_shown_at_another_step(journey, factory: Factory, quiet_shoes: str, clock) -> None:
    """S60: the address of a wrong password shows the code page without an error when the code is due."""
    ann = factory.make_user(quiet_shoes, "ann", with_totp=True)
    walk = journey(ann).begin().password("not this one")
    address = walk.browser.url
    walk.password()
    walk.browser.open(address)
    assert (walk.browser.status, walk.browser.errors) == (200, [])
    assert "code" in walk.browser.fields


def test_a_second_press_shows_no_error(journey, factory: Factory, quiet_shoes: str, monkeypatch) -> None:
    """A code that is sent twice confirms the set-up once, and the next page shows no error."""
    ann = factory.make_user(quiet_shoes, "ann", groups=[factory.make_group(quiet_shoes)])
    browser = journey(ann).begin().password().browser.submit("next").submit("next")
    browser.fill(code=Authenticator(key_on(browser)).code())
    first, looked_up = copy(browser), totp.spent_around
    first.client = browser.client.application.test_client()
    first.client._cookies = dict(browser.client._cookies)

    def after_the_first(*args: Any) -> Any:
        monkeypatch.setattr(totp, "spent_around", looked_up)
        with ThreadPoolExecutor(1) as other:
            other.submit(first.submit).result()
        return looked_up(*args)

    monkeypatch.setattr(totp, "spent_around", after_the_first)
    browser.submit()
    assert (first.heading, browser.heading) == (SAVE_YOUR_RECOVERY_CODES, SAVE_YOUR_RECOVERY_CODES)
    assert (browser.status, browser.errors) == (200, [])


def test_a_kept_answer_belongs_to_its_browser(journey, new_browser, factory: Factory, quiet_shoes: str, clock) -> None:
    """Security.md 16: the reference alone gives no access."""
    ann = factory.make_user(quiet_shoes, "ann", with_totp=True)
    journey(ann).begin()
    mine = new_browser().open("/account/security").open("/reset").fill(organisation="example-shoes", username=" ").submit()
    other = new_browser().open("/account/security").open(mine.url)
    assert (mine.status, mine.reload().status, other.status) == (422, 422, 200)


def pages_with_a_secret(browser: Browser, enter: Enter, olga: MadePerson, noor: MadePerson) -> Iterator[str]:
    """Yield pages that a POST produced, each with the secret that it shows."""
    enter(olga, f"{AT}/apps/add")
    browser.fill(client_id="stock", client_name="Stock", redirect_uris="https://stock.example/cb", first_party=True).submit()
    yield secret_on(browser)
    browser.open(f"{AT}/apps/stock/secrets/new").fill(password=olga.password).submit()
    yield secret_on(browser)


def secret_on(browser: Browser) -> str:
    lines = browser.text.splitlines()
    return lines[lines.index(THE_SECRET_SHOWN_THIS_ONCE) + 2]


def test_a_secret_is_kept_for_a_reload_only(browser: Browser, new_browser, factory, enter, olga, anna, clock) -> None:
    """V14.2.1, S60: the same browser and session sees it for some minutes. Afterwards the app's page is shown."""
    browser.open(f"{AT}/apps/add")
    if "organisation" not in browser.fields:
        browser.submit("other_organisation")
    for secret in pages_with_a_secret(browser, enter, olga, anna):
        made = secrets_of(factory)
        address = browser.url
        assert secret in browser.reload().html
        assert secrets_of(factory) == made, "the reload made another secret"
        assert browser.open(address.partition("?")[0]).heading == "Stock"
        assert secret not in browser.html
        stranger = new_browser()
        assert secret not in enter(olga, address, stranger).html
    clock(minutes=11)
    browser.open(address)
    assert (browser.status, secret in browser.html) == (200, False)


def secrets_of(factory: Factory) -> int:
    with factory.context():
        return len(client_secrets.valid_secrets("stock", clocks.now()))


def test_a_secret_is_gone_after_signing_out(browser: Browser, factory: Factory, enter, olga, anna, clock) -> None:
    """V7.4.1: the next user of the browser does not see it."""
    for secret in pages_with_a_secret(browser, enter, olga, anna):
        address = browser.url
        browser.open("/").submit("Sign out")
        assert secret not in browser.open(address).html
        clock(minutes=1)
        assert secret not in enter(olga, address).html
        break


def test_a_form_sent_in_a_loop_stores_few_answers(browser: Browser, factory: Factory, quiet_shoes: str, clock) -> None:
    """V15.2.2: a browser has few kept answers, and expired ones are swept."""
    factory.make_user(quiet_shoes, "ann")
    browser.open("/account/security").open("/reset")
    for _ in range(MOST):
        browser.fill(organisation="example-shoes", username=" ").submit()
    assert 0 < kept_in(factory) <= MOST
    clock(hours=2)
    with factory.context():
        sweep(factory.settings)
    assert kept_in(factory) == 0


def kept_in(factory: Factory) -> int:
    with factory.context():
        return len(every(select(Stashed)))


def test_a_printed_code_survives_a_reload(browser: Browser, factory: Factory, enter, quiet_shoes, anna, clock) -> None:
    """S13, S60: the code on the page stays the valid one. After it is gone, the user's page is shown."""
    kim = factory.make_user(quiet_shoes, "kim", password="")
    enter(anna, f"{AT}/people/{kim.id}/print-code").submit("Print a code")
    (code,) = set(re.findall(r"\b[0-9a-z]{4}(?:-[0-9a-z]{4}){5}\b", browser.text))
    address = browser.url
    assert code in browser.reload().text
    paper = Browser(browser.client.application, browser.issuer).open("/welcome")
    paper.fill(organisation="example-shoes", username="kim", code=code).submit()
    assert paper.heading == CHOOSE_A_PASSWORD
    assert paper.reload().heading == CHOOSE_A_PASSWORD
    clock(minutes=11)
    assert (browser.open(address).status, code in browser.text) == (200, False)
