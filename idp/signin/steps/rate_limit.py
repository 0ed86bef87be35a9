"""Counting a guess at a second factor before it is checked, and the words when a lockout has closed it.

No step: the steps that take a factor count here.
"""

from idp.identity.lockout import lockout, rate_limits
from idp.identity.lockout.rate_limits import Admitted, Guess
from idp.signin.step import StepContext
from idp.store.users import User


def admit(work: StepContext, user: User | None, authenticator: str, *, typed: str = "", after_password: bool) -> Admitted:
    """Count a guess, or raise ``TooMany``. ``typed``: what is throttled if it belongs to no user.

    ``after_password``: the password was right, so the page may tell its owner how the lockout is lifted.
    """
    where = {"browser_id": work.visit.browser_id, "address": work.visit.address}
    guess = Guess.at(user, authenticator, entered=typed, **where)
    try:
        return rate_limits.gate(work.settings, guess, work.case.now)
    except rate_limits.Stopped as stop:
        if user is None or work.known_user is None or user.id != work.known_user.id or not after_password:
            raise
        raise stop.saying(lockout.told_at_the_door(work.settings, user, authenticator)) from stop
