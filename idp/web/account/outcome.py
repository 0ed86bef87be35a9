"""Tell what was just done at a page of one's own. An address alone never claims what is not true."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from flask import Response, request

from idp import clock
from idp.errors import Message, say
from idp.store import passkeys, recovery_codes, totp
from idp.store.users import User
from idp.web import pages, stash
from idp.web.account.current_user import Me

JUST_NOW = timedelta(minutes=2)
PURPOSE = "told"


def done(present: Me, address: str, told: Message) -> Response:
    """Redirect to ``address``, whose page tells what was done, in this session alone."""
    reference = stash.put(PURPOSE, told.as_json(), int(JUST_NOW.total_seconds()), present.settled.session_id)
    return pages.see_other(f"{address}?done={reference}")


def outcome(present: Me) -> Message | None:
    """Return what was just done: what ``done`` kept, or what the address says if the user's rows confirm it."""
    word = request.args.get("done", "")
    if word not in _BY_ROWS:
        kept = stash.get(PURPOSE, word, present.settled.session_id) if word else None
        return Message.from_json(kept) if kept is not None else None
    message, moment_of = _BY_ROWS[word]
    moment = moment_of(present.user)
    return message if moment is not None and moment > clock.now() - JUST_NOW else None


def _codes_made(user: User) -> datetime | None:
    row = recovery_codes.active_recovery_set(user.organisation_id, user.id)
    return row.created_at if row else None


def _app_added(user: User) -> datetime | None:
    return max((row.active_since for row in totp.active_totps(user.organisation_id, user.id)), default=None)


def _app_removed(user: User) -> datetime | None:
    return totp.last_removal(user.organisation_id, user.id)


def _passkey_added(user: User) -> datetime | None:
    return max((row.created_at for row in passkeys.passkeys_of(user.organisation_id, user.id)), default=None)


def _passkey_removed(user: User) -> datetime | None:
    return passkeys.last_removal(user.organisation_id, user.id)


_BY_ROWS: Mapping[str, tuple[Message, Callable[[User], datetime | None]]] = {
    "set-up": (say("Your second factor and your recovery codes are active."), _codes_made),
    "app": (say("Your authenticator app is added."), _app_added),
    "app-removed": (say("The authenticator app is removed."), _app_removed),
    "password": (say("Your password is changed."), lambda user: user.password_changed_at),
    "passkey": (say("Your passkey is added."), _passkey_added),
    "passkey-removed": (say("The passkey is removed."), _passkey_removed),
    "removed": (say("Your second factor is removed."), lambda user: user.factor_changed_at),
}
"""What the sign-in or a dialog did, by the word in the address and the rows that it wrote."""
