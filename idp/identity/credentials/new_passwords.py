"""Choosing a new password: the rules, the leaked ones, and that it differs from the present one. The same on every page.

``passwords`` has the rules and what a change ends; nothing is stored here.
"""

from collections.abc import Iterable

from idp.audit import Event, Origin, record_about
from idp.config import Settings
from idp.db import outside_transaction, release, transaction
from idp.errors import Invalid, say
from idp.identity.credentials import leaked_passwords, passwords
from idp.identity.hashing import hashing_outside_transaction
from idp.identity.organisations.settings import settings_of
from idp.store.organisations import Organisation
from idp.store.users import User

FIELD = "new_password"
SAME = say("This is your current password. Choose another one.")
BLOCKED = say("You cannot use this password any more. Choose another one.")


def require_same(password: str, again: str) -> None:
    """Raise ``Invalid`` unless a new password was typed the same twice."""
    if password != again:
        raise Invalid("new_password_again", say("The two passwords are not the same. Enter them again."))


@outside_transaction
def hashed(
    settings: Settings, organisation: Organisation, user: User, password: str, origin: Origin, *, has_factor: bool
) -> str:
    """Return the hash of a new password. Raises ``Invalid`` for ``new_password`` if it is refused.

    Slow: may ask the leak service, and takes a slot of the hasher. The caller makes sure that the user's password is still
    the same when the new one is stored.
    """
    release()
    require_within_rules(settings, organisation, user, password, has_factor=has_factor)
    found = leaked_passwords.look_up(settings, password)
    if found.hit:
        raise Invalid(FIELD, passwords.LEAKED)
    if found.is_down:
        with transaction():
            record_about(origin, Event.LEAKED_CHECK_DOWN, user)
    with hashing_outside_transaction(settings):
        _require_another(settings, user, password)
        return passwords.hash_of(settings, password)


def require_within_rules(
    settings: Settings, organisation: Organisation, user: User, password: str, *, has_factor: bool
) -> None:
    """Raise ``Invalid`` for ``new_password`` if it is too short, too long, or made of names."""
    terms = settings_of(settings, organisation)
    problem = passwords.against_rules(settings, terms, user, organisation.name, password, has_factor)
    if problem is not None:
        raise Invalid(FIELD, problem)


def _require_another(settings: Settings, user: User, password: str) -> None:
    """Refuse the present password, a mailed one-time password too, and those that were found leaked or given up before.

    The leak service may be down now, so the hashes of what it found are kept. Nobody learns a password here: the first wrong
    guess is a new password, and spends the link or the sign-in that it was made in.
    """
    one_time = passwords.is_one_time(user)
    if user.password_hash and passwords.matches(settings, user.password_hash, password, as_one_time=one_time):
        raise Invalid(FIELD, SAME)
    if is_blocked(settings, user.barred_hashes, password):
        raise Invalid(FIELD, BLOCKED)


def is_blocked(settings: Settings, hashes: Iterable[str], password: str) -> bool:
    """Check if a password is a former one that was found leaked or given up. Slow: one hash for each."""
    return any(passwords.matches(settings, blocked, password) for blocked in hashes)
