"""Every page can be read in another language from where one is (S62)."""

import sqlite3
from urllib.parse import urlsplit

import pytest
from flask import Flask
from sqlalchemy.exc import OperationalError

from idp import languages
from idp.config import Settings
from idp.web import pages
from tests.browser.pictures import LEAVES
from tests.browser.samples import SAMPLES
from tests.drivers.browser import Browser
from tests.drivers.page import Page


def test_every_page_offers_every_language_by_its_own_name(app: Flask) -> None:
    """S76: whatever page a stranger or a signed-in person sees, they can read it in another language from there."""
    without = []
    for name in SAMPLES.keys() - {LEAVES}:
        with app.test_request_context("/"):
            page = Page(pages.render(*SAMPLES[name]).get_data(as_text=True))
        offered = {button.text for form in page.forms for button in form.buttons if button.name == "language"}
        without += [name] if len(offered) < len(languages.LANGUAGES) - 1 else []
    assert without == []
    assert dict(languages.named()).items() >= {"nl": "Nederlands", "en": "English"}.items()


PAGES = (
    "/", "/sign-in/unknown", "/reset", "/welcome", "/device", "/device?user_code=BCDF-GHJK", "/device/approved", "/unlock",
    "/no-such-page", "/no-such%C3%A9page?q=%E2%82%AC&language=en", "/oauth/authorize?client_id=nobody", "/reset/choose",
    "/oauth/authorize?" + "x" * 9_000, "/oauth/logout?post_logout_redirect_uri=https%3A%2F%2Fevil.example",
)  # fmt: skip


def test_a_stranger_reads_any_page_in_another_language(app: Flask, settings: Settings) -> None:
    """S76, S62: the switch leads back to the same page, and the browser keeps the choice. It needs no script."""
    for path in PAGES:
        page = Browser(app, settings.issuer).open(path)
        status, there = page.status, urlsplit(page.url).path
        page.submit("language=nl")
        assert (page.page.language, page.status, urlsplit(page.url).path) == ("nl", status, there)
        assert page.open("/welcome").page.language == "nl"


def test_an_outage_can_be_read_in_another_language(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    """S76: the switch needs no database while that is away."""
    browser.open("/reset")

    def away(*_: object, **__: object) -> None:
        raise OperationalError("", {}, sqlite3.OperationalError("database is locked"))

    monkeypatch.setattr("idp.store.browsers.browser_of", away)
    page = browser.open("/account/security")
    assert (page.status, page.page.language) == (503, "en")
    assert (page.submit("language=nl").status, page.page.language) == (503, "nl")
