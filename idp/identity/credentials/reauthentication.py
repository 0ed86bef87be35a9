"""Ask for the password once more before something that matters. Guesses count as at sign-in, by the same counter."""

from idp import clock
from idp.audit import Event, Origin, record_about
from idp.config import Settings
from idp.db import outside_transaction, transaction
from idp.errors import say
from idp.identity.credentials import password_check
from idp.identity.lockout.rate_limits import Guess
from idp.store.users import User

WRONG_PASSWORD = say("That is not your password. Check it and try again.")


@outside_transaction
def is_password_of(settings: Settings, user: User, password: str, browser_id: str, origin: Origin) -> bool:
    """Check if ``password`` is that of ``user``. A wrong one is recorded. Raises ``TooMany``, ``Busy``.

    A leaked password confirms as well: the next sign-in tells of it (S31).
    """
    guess = Guess.at(user, password_check.AUTHENTICATOR, browser_id=browser_id, address=origin.address)
    right = password_check.check(settings, user, password, guess, clock.now())
    with transaction():
        if right is not None and right.accept(origin, clock.now()):
            return True
        record_about(origin, Event.PASSWORD_WRONG, user, outcome="failure")
    return False
