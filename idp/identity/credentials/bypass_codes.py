"""Issue, check and spend bypass codes: an administrator gives one for today to a person without their phone.

It replaces the second factor, never the password. It proves what a recovery code proves, works once, until the end of the
organisation's day, and shares the counter of recovery codes. It is stored as they are, as argon2id, in the values of a link
that nobody mails: links are spent by one conditional statement, end with a restore, and are swept.
"""

import base64
from datetime import datetime, timedelta
from typing import Final

from idp import clock, crypto, factors, zones
from idp.actors import Person
from idp.audit import Event, Origin, record_about
from idp.config import Settings
from idp.db import outside_transaction, transaction
from idp.errors import Conflict, Forbidden, NotFound, TooMany, say
from idp.identity import access, email_links, permissions, sensitive_changes
from idp.identity.credentials.recovery_codes import CODE, new_salt
from idp.identity.email_links import Opened
from idp.identity.hashing import hashing_outside_transaction
from idp.identity.owner import has_owner_role
from idp.identity.sensitive_changes import Access
from idp.mail.messages import notify
from idp.store import rate_limits, users
from idp.store.organisations import Organisation
from idp.store.users import User

PURPOSE: Final = "bypass"
A_DAY = timedelta(hours=24)
FOR_PERSON, BY_ADMINISTRATOR = 3, 20
"""The most codes in a day: for one person, and by one administrator."""
FOR, BY = "bypass-for", "bypass-by"
NOT_FOR_OWNER = say("Nobody can issue such a code for the owner.")
NO_FACTOR = say("This person has no second factor, so there is nothing to replace.")
IS_OVER = say("This person cannot sign in, so a code is of no use.")
ENOUGH = say("No more codes can be issued today. Reset the second factor instead, or wait until tomorrow.")


def require_may_issue(organisation: Organisation, user: User, origin: Origin) -> None:
    """Raise unless the acting user may issue a code for ``user``: never for the owner, nor for oneself."""
    permissions.require_over_factor(organisation, user, origin)
    permissions.require_another(user, origin)
    if has_owner_role(user):
        raise Forbidden(NOT_FOR_OWNER)


@outside_transaction
def issue(settings: Settings, organisation: Organisation, user: User, origin: Origin) -> tuple[str, datetime]:
    """Make a code for today, which replaces an earlier one. Returns the code, which is shown once, and its end.

    It runs argon2id. Raises ``Forbidden``, ``Conflict`` if the code would be of no use, and ``TooMany``.
    """
    require_may_issue(organisation, user, origin)
    sensitive_changes.require(None, Access("bypass_code", user.role))
    code, salt = CODE.draw(), new_salt()
    with hashing_outside_transaction(settings):
        stretched = settings.hasher.stretch(code, salt)
    ends = until(organisation)
    with transaction():
        user = users.lock_user(user.organisation_id, user.id) or user
        require_may_issue(organisation, user, origin)
        sensitive_changes.require(None, Access("bypass_code", user.role))
        if access.is_over(user):
            raise Conflict(IS_OVER)
        if not factors.owned_by(organisation.id, user.id):
            raise Conflict(NO_FACTOR)
        _admit(user, origin, ends)
        values = {"salt": _text(salt), "stretched": _text(stretched)}
        email_links.make(settings, user, PURPOSE, values, ends)
        record_about(origin, Event.BYPASS_CODE_ISSUED, user)
        notify(settings, organisation.id, user.id, "bypass_code_issued")
    return CODE.shown(code), ends


def until(organisation: Organisation) -> datetime:
    """Return when a code that is issued now ends: with the organisation's day, and at most a day later."""
    now = clock.now()
    tomorrow = zones.today(now, organisation.zone) + timedelta(days=1)
    return min(zones.day_begins(tomorrow, organisation.zone), now + A_DAY)


def _admit(user: User, origin: Origin, ends: datetime) -> None:
    """Count the code for the person and for the administrator, within the transaction. Raises ``TooMany``."""
    now, counted = clock.now(), [(FOR, user.id, FOR_PERSON)]
    if isinstance(origin.actor, Person):
        counted.append((BY, origin.actor.user_id, BY_ADMINISTRATOR))
    for purpose, key, most in counted:
        if not rate_limits.admit_ip(purpose, key, most, now, ends):
            raise TooMany(ENOUGH, retry_after=int((ends - now).total_seconds()), detail=f"limit of {purpose}")


def open_for(settings: Settings, user: User) -> Opened | None:
    """Return the code that works for a user now; None for none. Of an owner no code works, not even an earlier one."""
    return None if has_owner_role(user) else email_links.latest_of(settings, user, PURPOSE)


@outside_transaction
def fits(settings: Settings, issued: Opened, typed: str) -> bool:
    """Return whether a typed code is the one that was issued. It runs argon2id: the caller holds a slot for hashing."""
    code = CODE.read(typed)
    stretched = settings.hasher.stretch(code, base64.b64decode(issued.text("salt")))
    return bool(code) and crypto.same(stretched, base64.b64decode(issued.text("stretched")))


def spend(issued: Opened) -> bool:
    """Spend a code, within the transaction. Returns True once, however many try it concurrently."""
    try:
        email_links.burn(issued)
    except NotFound:
        return False
    return True


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
