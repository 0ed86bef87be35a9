"""Forget a password and choose a new one."""

NEW = "violet harbour kettle 9"


def forget(browser, person, username: str = "") -> None:
    browser.open("/reset")
    browser.fill(organisation=person.store_url, username=username or person.username).submit()


def choose(browser, link: str, password: str = NEW, again: str = ""):
    browser.open(link)
    return browser.fill(new_password=password, new_password_again=again or password).submit()
