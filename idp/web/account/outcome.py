"""What was just done at the sign-in details, for the page to say so. An address alone never claims what is not so."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from flask import request

from idp import clock
from idp.errors import Message, say
from idp.store import credentials, passkeys
from idp.store.users import User

JUST_NOW = timedelta(minutes=2)


def outcome(user: User) -> Message | None:
    """Return what the address says was done, if the user's rows say so too; None otherwise."""
    known = _OUTCOMES.get(request.args.get("done", ""))
    if known is None:
        return None
    moment = known[1](user)
    return known[0] if moment is not None and moment > clock.now() - JUST_NOW else None


def _codes_made(user: User) -> datetime | None:
    row = credentials.active_recovery_set(user.organisation_id, user.id)
    return row.created_at if row else None


def _passkey_added(user: User) -> datetime | None:
    return max((row.created_at for row in passkeys.passkeys_of(user.organisation_id, user.id)), default=None)


def _passkey_removed(user: User) -> datetime | None:
    return passkeys.last_removal(user.organisation_id, user.id)


_OUTCOMES: Mapping[str, tuple[Message, Callable[[User], datetime | None]]] = {
    "set-up": (say("Done. Your second factor and your recovery codes are active."), _codes_made),
    "password": (say("Done. Your password is changed."), lambda user: user.password_changed_at),
    "passkey": (say("Done. Your passkey is added."), _passkey_added),
    "passkey-removed": (say("Done. The passkey is removed."), _passkey_removed),
    "removed": (say("Done. Your second factor is removed."), lambda user: user.factor_changed_at),
}
