"""Set up a second factor at the sign-in."""

import re

from tests.drivers.authenticator import Authenticator
from tests.drivers.browser import Browser


def key_on(browser: Browser) -> str:
    """Return the key as text, as a person would type it."""
    found = re.search(r"(?:[A-Z2-7]{4} ){7}[A-Z2-7]{4}", browser.text)
    assert found, browser.text
    return found.group()


def codes_on(browser: Browser) -> list[str]:
    return re.findall(r"\b[a-z2-9]{7}-[a-z2-9]{7}\b", browser.text)


def set_up(browser: Browser) -> tuple[Authenticator, list[str]]:
    """Set up a factor from the start page to the tick. Returns the phone and the codes."""
    browser.submit("next")
    if "password" in browser.fields:
        raise AssertionError("the password was asked for again, though it was just typed")
    browser.submit("next")
    phone = Authenticator(key_on(browser))
    browser.fill(code=phone.code()).submit()
    codes = codes_on(browser)
    browser.fill(noted=True).submit()
    return phone, codes
