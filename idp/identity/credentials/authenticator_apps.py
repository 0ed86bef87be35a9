"""A person's authenticator apps: counted and numbered. Their codes are in ``totp``."""

from collections.abc import Sequence

from idp.store import totp as store
from idp.store.totp import Totp
from idp.store.users import User

MOST = 5
"""Authenticator apps of one person: a code is compared with the secrets of all."""


def apps_of(user: User) -> Sequence[Totp]:
    """Return a user's authenticator apps, by their numbers."""
    return store.active_totps(user.organisation_id, user.id)


def free_number(user: User) -> int:
    """Return the lowest number that none of the user's apps has; 0 if no more can be added."""
    taken = {row.number for row in apps_of(user)}
    return next((number for number in range(1, MOST + 1) if number not in taken), 0)
