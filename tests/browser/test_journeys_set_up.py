"""Users set up a second factor in a real Chromium, with and without JavaScript (S14–S24, S44)."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from idp.db import transaction
from idp.store import recovery_codes as code_rows
from tests.browser.conftest import Visitor
from tests.conftest import Live
from tests.drivers.authenticator import Authenticator
from tests.drivers.set_up_pages import codes_on, phone_with_key_on
from tests.drivers.words import (
    COPY_THE_KEY,
    DO_YOU_STILL_HAVE_YOUR_PHONE,
    GET_AN_AUTHENTICATOR_APP,
    IVE_SAVED_THESE_CODES,
    SAVE_YOUR_RECOVERY_CODES,
    SET_UP_A_SECOND_FACTOR,
)
from tests.factories import MadePerson

Visitors = Callable[..., Visitor]
HEADINGS = {
    "en-GB": (SET_UP_A_SECOND_FACTOR, GET_AN_AUTHENTICATOR_APP, "Scan the QR code", SAVE_YOUR_RECOVERY_CODES),
    "nl-NL": ("Stel een tweede factor in", "Installeer een authenticator-app", "Scan de QR-code", "Bewaar je herstelcodes"),
}


@pytest.fixture
def ann(live: Live) -> MadePerson:
    """Make a person who must set up a factor, in an organisation with the group 2FA."""
    shoes = live.factory.make_organisation(owner=True)
    return live.factory.make_user(shoes, "ann", groups=[live.factory.make_group(shoes)], email="ann@shoes.example")


def test_the_set_up_from_start_to_tick(visitor: Visitors, ann: MadePerson, locale: str) -> None:
    """S5, S16–S24, S61, S62: start, apps, scan, a wrong code, the right one, codes and tick. Then the app has its token."""
    start, apps, scan, codes = HEADINGS[locale]
    here = visitor(locale=locale).begin(acr_values="mfa").fill(username=ann.username, password=ann.password).next()
    here.sees(start).next().sees(apps).next().sees(scan)
    phone = phone_with_key_on(here.page)
    here.fill(code=phone.wrong()).next().sees(scan)
    expect(here.page.get_by_role("alert")).to_be_in_viewport()
    assert phone_with_key_on(here.page).shown() == phone.shown(), "the key changed after a wrong code"
    here.fill(code=phone.code()).next().sees(codes)
    assert len(set(codes_on(here.page))) == 12
    here.page.locator("[name=noted]").check()
    here.next()
    assert here.tokens().acr == "mfa"


def test_scripts_make_it_comfortable(visitor: Visitors, ann: MadePerson, tmp_path: Path) -> None:
    """S19, S21–S23: the key is copied, steps go back and forth, codes are copied, printed and downloaded. Without the tick
    it does not go on.
    """
    here = visitor(permissions=["clipboard-read", "clipboard-write"])
    here.begin().fill(username=ann.username, password=ann.password).next().next().next()
    page = here.page
    key = page.locator("#key").inner_text()
    page.get_by_role("button", name=COPY_THE_KEY).click()
    expect(page.get_by_text("Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == key.replace(" ", "")
    here.press("back").reads(GET_AN_AUTHENTICATOR_APP).next()
    assert page.locator("#key").inner_text() == key
    here.fill(code=Authenticator(key).code()).next()
    page.evaluate("window.print = () => { document.title = 'printed' }")
    page.get_by_role("button", name="Print").click()
    expect(page).to_have_title("printed")
    with page.expect_download() as downloading:
        page.get_by_role("link", name="Download").click()
    file = tmp_path / downloading.value.suggested_filename
    downloading.value.save_as(file)
    assert file.name == "example-shoes-ann.txt"
    assert set(codes_on(page)) <= set(file.read_text().split())
    shown = codes_on(page)
    here.next()
    assert page.locator("[name=noted]").evaluate("one => one.validity.valueMissing")
    page.reload()
    assert codes_on(page) == shown
    page.get_by_label(IVE_SAVED_THESE_CODES).check()
    here.next().tokens()


def test_it_works_without_javascript(visitor: Visitors, ann: MadePerson) -> None:
    """Issue: the same steps work without a script. Controls that need one are hidden, and the server checks the tick."""
    here = visitor(java_script_enabled=False)
    page = here.begin(acr_values="mfa").page
    here.fill(username=ann.username, password=ann.password).next().next().next()
    expect(page.get_by_role("button", name=COPY_THE_KEY)).to_have_count(0)
    expect(page.locator(".qr svg")).to_be_visible()
    here.fill(code=phone_with_key_on(page).code()).next()
    expect(page.get_by_role("button", name=re.compile("Print|Copy"))).to_have_count(0)
    expect(page.get_by_role("link", name="Download")).to_be_visible()
    page.locator("[name=noted]").evaluate("one => one.required = false")
    here.next().complains("Save the codes first")
    page.locator("[name=noted]").check()
    here.next()
    assert here.tokens().acr == "mfa"


def test_optional_set_up_is_offered_once(visitor: Visitors, live: Live) -> None:
    """S16: "Not now" leads to the app and is remembered."""
    jan = live.factory.make_user(live.factory.make_organisation())
    here = visitor().begin().fill(username=jan.username, password=jan.password).next()
    here.reads(SET_UP_A_SECOND_FACTOR).press("not_now").tokens()
    here.begin(prompt="login").fill(password=jan.password).next().tokens()


def test_the_last_recovery_code_opens_the_set_up_alone(visitor: Visitors, live: Live, quiet_shoes: str) -> None:
    """S43, S44: one code left shows a notice. The last code only allows a new set-up."""
    bea = live.factory.make_user(quiet_shoes, "bea", with_totp=True, recovery_codes=2)
    first, last = bea.recovery_codes
    here = visitor().begin().fill(username=bea.username, password=bea.password).next()
    here.press("use_recovery").fill(recovery_code=first).next().sees(DO_YOU_STILL_HAVE_YOUR_PHONE)
    expect(here.page.get_by_text("You have one recovery code left")).to_be_visible()
    here.press("choice", "carry_on").tokens()
    here.begin(prompt="login").fill(password=bea.password).next()
    here.press("use_recovery").fill(recovery_code=last).next().sees("Set up your second factor again")
    expect(here.page.locator("[name=not_now]")).to_have_count(0)
    here.next().next()
    here.fill(code=phone_with_key_on(here.page).code()).next()
    here.page.get_by_label(IVE_SAVED_THESE_CODES).check()
    here.next()
    assert here.tokens().acr == "mfa"
    with live.factory.context(), transaction():
        row = code_rows.active_recovery_set(bea.organisation_id, bea.id)
        assert row is not None
        assert code_rows.unspent_recovery_codes(row.organisation_id, row.id) == 12
