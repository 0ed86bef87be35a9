"""The password once more, before something that cannot be undone."""

from flask import request

from idp.identity import confirming
from idp.signin.case import Needs
from idp.store.users import User
from idp.web import browser
from idp.web.account.person import me
from idp.web.reset import origin

WRONG_PASSWORD = confirming.WRONG_PASSWORD


def password_fits(user: User, password: str) -> bool:
    """Whether ``password`` is that of ``user``, who is signed in here; raises ``TooMany`` after too many guesses.

    Raises ``SignInFirst`` where the session ended while the password was hashed: what it allowed before is not done.
    """
    fits = confirming.password_fits(browser.settings(), user, password, browser.visit().browser_id, origin(user.id))
    if fits:
        me(Needs(return_to=request.path, subject=user.id))
    return fits
