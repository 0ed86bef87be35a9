"""The password once more, before something that cannot be undone: throttled as at sign-in."""

from idp import clock, db
from idp.errors import say
from idp.identity import passwords, throttle
from idp.store.users import User
from idp.web import browser

WRONG_PASSWORD = say("That is not your password. Check it and try again.")


def password_fits(user: User, password: str) -> bool:
    """Whether ``password`` is that of ``user``, who is signed in here; raises ``TooMany`` after too many guesses."""
    settings = browser.settings()
    with settings.hasher.slot():
        guess = throttle.gate(
            settings,
            organisation_id=user.organisation_id,
            user_id=user.id,
            typed="",
            authenticator="password",
            browser_id=browser.visit().browser_id,
            address=browser.address(),
            now=clock.now(),
        )
        db.release()
        fits = passwords.verify(settings, user, password[: passwords.MAX_LENGTH])
    if fits:
        with db.transaction():
            guess.succeeded()
    return fits
