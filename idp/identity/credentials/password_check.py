"""Check the present password of a user, wherever it is entered: at sign-in, before a set-up, to confirm a change.

Not here: what a wrong one is answered with and recorded as, and new passwords (``new_passwords``).
"""

from dataclasses import dataclass
from datetime import datetime

from idp.audit import Origin
from idp.config import Settings
from idp.db import outside_transaction, release
from idp.identity.credentials import leaked_passwords, passwords
from idp.identity.credentials.leaked_passwords import Lookup, findings
from idp.identity.hashing import hashing_outside_transaction
from idp.identity.lockout import rate_limits
from idp.identity.lockout.rate_limits import Admitted, Guess
from idp.store.users import User

AUTHENTICATOR = "password"


@dataclass(frozen=True)
class RightPassword:
    """A password that was right when it was checked. Nothing may rest on it before ``accept``."""

    user: User
    leaked: Lookup
    counted: Admitted
    fingerprint: tuple[object, ...]

    def accept(self, origin: Origin, now: datetime) -> bool:
        """Accept the password, within the transaction of what rests on it. False if it was changed since the check.

        A hit among leaked passwords is recorded (S31). Lock order: user, counters.
        """
        if not passwords.is_unchanged(self.user, self.fingerprint):
            return False
        self.counted.succeeded()
        findings.note(self.user, self.leaked, origin, now)
        return True


@outside_transaction
def check(settings: Settings, user: User | None, password: str, guess: Guess, now: datetime) -> RightPassword | None:
    """Count a guess, then check it. Returns None for a wrong password. Raises ``TooMany`` after too many guesses, ``Busy``.

    The slot comes first: being busy costs nobody a guess. The work is the same whether there is such a user. A right
    password is looked up among leaked ones and rehashed if its hash is outdated.
    """
    fingerprint = passwords.fingerprint(user) if user is not None else ()
    with hashing_outside_transaction(settings):
        counted = rate_limits.gate(settings, guess, now)
        release()
        is_right = passwords.verify(settings, user, password)
    if user is None or not is_right:
        return None
    found = leaked_passwords.look_up(settings, password)
    passwords.rehash_if_outdated(settings, user, password)
    return RightPassword(user, found, counted, fingerprint)
