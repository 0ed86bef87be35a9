"""The password once more, before something that cannot be undone."""

from idp.identity import confirming
from idp.store.users import User
from idp.web import browser
from idp.web.reset import origin

WRONG_PASSWORD = confirming.WRONG_PASSWORD


def password_fits(user: User, password: str) -> bool:
    """Whether ``password`` is that of ``user``, who is signed in here; raises ``TooMany`` after too many guesses."""
    return confirming.password_fits(browser.settings(), user, password, browser.visit().browser_id, origin(user.id))
