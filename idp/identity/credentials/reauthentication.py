"""The password once more, before something that matters: throttled as at sign-in, by the same counter (security.md 8)."""

from idp import clock
from idp.audit import Event, Origin, record_about
from idp.config import Settings
from idp.db import release, transaction
from idp.errors import say
from idp.identity.credentials import leaked_passwords, passwords
from idp.identity.credentials.leaked_passwords import findings
from idp.identity.lockout import rate_limits
from idp.store.users import User

WRONG_PASSWORD = say("That is not your password. Check it and try again.")


def password_fits(settings: Settings, user: User, password: str, browser_id: str, origin: Origin) -> bool:
    """Whether ``password`` is that of ``user``; a wrong one is audited. Raises ``TooMany`` after too many guesses, ``Busy``.

    It is looked up among the leaked ones as at sign-in (S31); a hit confirms all the same, and the next sign-in tells of it.
    A password that was changed while it was hashed is wrong. Slow: takes a slot of the hasher itself and must stand outside
    of any transaction.
    """
    stood = passwords.standing(user)
    release()
    with settings.hasher.slot():
        guess = rate_limits.gate(
            settings,
            organisation_id=user.organisation_id,
            user_id=user.id,
            typed="",
            authenticator="password",
            browser_id=browser_id,
            address=origin.address,
            now=clock.now(),
        )
        release()
        fits = passwords.verify(settings, user, password)
    found = leaked_passwords.look_up(settings, password) if fits else leaked_passwords.Lookup(hit=False)
    with transaction():
        fits = fits and passwords.still_stands(user, stood)
        if fits:
            guess.succeeded()
            findings.note(user, found, origin, clock.now())
        else:
            record_about(origin, Event.PASSWORD_WRONG, user, outcome="failure")
    return fits
