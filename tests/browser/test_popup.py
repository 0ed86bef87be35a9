"""An app that opens the sign-in in a popup gets its answer at ``window.opener`` (HTML §7.1.3)."""

import pytest
from playwright.sync_api import Browser

from tests.conftest import Live
from tests.drivers import chromium as chromium_driver
from tests.drivers.relying_party import RelyingParty


@pytest.fixture
def app_at(live: Live, relying_app: str) -> RelyingParty:
    """Serve an app at another origin."""
    made = live.factory.make_client(redirect_uri=f"{relying_app}/callback")
    return RelyingParty(live.app, live.settings.issuer, made.client_id, made.redirect_uri, secret=made.secret)


def test_a_popup_keeps_its_opener(live: Live, chromium: Browser, relying_app: str, app_at: RelyingParty) -> None:
    """The opener survives every redirect, page and form of a sign-in."""
    at = live.factory.make_organisation(settings={"offer_set_up": False})
    jan = live.factory.make_user(at, "jan")
    with chromium_driver.new_context(chromium) as context:
        page = context.new_page()
        page.goto(f"{relying_app}/start")
        with page.expect_popup() as opened:
            page.evaluate("address => { window.open(address, 'sign-in', 'width=500,height=700') }", app_at.authorize_url())
        popup = opened.value
        popup.fill("[name=username]", jan.username)
        popup.fill("[name=password]", jan.password)
        popup.press("[name=password]", "Enter")
        popup.wait_for_url(f"{relying_app}/callback**")
        assert popup.evaluate("window.opener !== null")
        popup.evaluate("window.opener.postMessage(location.href, location.origin)")
        assert app_at.answer(popup.url)["code"]
