"""Set up a second factor in a real browser."""

from playwright.sync_api import Page

from tests.drivers.authenticator import Authenticator


def phone_with_key_on(page: Page) -> Authenticator:
    """Return an app into which the page's key was typed."""
    return Authenticator(page.locator("#key").inner_text())


def codes_on(page: Page) -> list[str]:
    """Return the recovery codes of the page."""
    return page.locator("#codes li").all_inner_texts()
