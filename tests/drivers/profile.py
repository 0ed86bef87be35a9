"""Set up a second factor from the profile."""

from tests.drivers.authenticator import Authenticator
from tests.drivers.set_up import codes_on, key_on


def set_up_from_profile(browser, password: str) -> tuple[Authenticator, list[str]]:
    browser.submit("next")
    if "password" in browser.fields:
        browser.fill(password=password).submit()
    browser.submit("next")
    phone = Authenticator(key_on(browser))
    browser.fill(code=phone.code()).submit()
    codes = codes_on(browser)
    browser.fill(noted=True).submit()
    return phone, codes
