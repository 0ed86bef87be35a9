"""Record what a look-up among leaked passwords found (S31), and keep it until the user chose another password.

A look-up follows every page that takes the present password: at sign-in, before a set-up, or to confirm a change.
"""

from datetime import datetime

from idp.audit import Event, Origin, record_about
from idp.identity.credentials import passwords
from idp.identity.credentials.leaked_passwords import Lookup
from idp.store import users
from idp.store.users import User


def note(user: User, found: Lookup, origin: Origin, now: datetime) -> None:
    """Record a hit, or that the check was down, within the transaction of what rests on the password. Locks the user's row.

    A hit also blocks the password: it must not be chosen again, even if the leak service does not answer then.
    """
    if not (found.hit or found.is_down):
        return
    event = Event.PASSWORD_LEAKED if found.hit else Event.LEAKED_CHECK_DOWN
    record_about(origin, event, user)
    user = users.user(user.organisation_id, user.id) or user  # as it is now that the row is locked
    if found.hit and user.leaked_found_at is None:
        blocked = passwords.barred_hashes(user)
        users.change_user(user.organisation_id, user.id, leaked_found_at=now, barred_hashes=blocked)
