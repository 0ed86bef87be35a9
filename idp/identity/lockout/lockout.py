"""Lockouts: their notices, and the mailed link that, with the password, opens a second factor again.

Not here: counting (``rate_limits``) and unlocking (``credentials.unlock``). A new password by mail ends the password's own
lockout, and never passes the second factor (``password_reset``). Where nothing can be mailed, an administrator helps.
"""

from collections.abc import Iterable
from datetime import timedelta

from idp import clock
from idp.audit import Event, Origin, record
from idp.config import Settings
from idp.db import transaction
from idp.errors import Message, say
from idp.factors import COUNTERS
from idp.identity import email_links
from idp.identity.email_links import MailedLink
from idp.mail.messages import can_be_written_to, notify
from idp.store import rate_limits, users
from idp.store.rate_limits import AuthFailures
from idp.store.users import User

TOLD = "stops"
BY_LINK = say(
    "Too many wrong attempts: this way of signing in is blocked. Unblock it with your password and the "
    "link that we e-mailed you, or ask an administrator."
)
BY_ADMINISTRATOR = say("Too many wrong attempts: this way of signing in is blocked. Ask an administrator to unblock it.")


def closed(settings: Settings, counters: Iterable[AuthFailures]) -> list[str]:
    """Return the second factors of a user that are locked out."""
    over_all = (row for row in counters if row.lane == rate_limits.ALL_LANES)
    stopped = {row.authenticator for row in over_all if row.count >= settings.limits.hard_stop}
    return [name for name in COUNTERS if name in stopped]


def announce(settings: Settings, organisation_id: str, user_id: str, authenticator: str, address: str) -> None:
    """Note and tell that an authenticator was closed, within the transaction of the guess that closed it."""
    record(
        Origin(address=address),
        Event.ACCOUNT_LOCKED,
        organisation_id=organisation_id,
        outcome="failure",
        subject_id=user_id,
        data={"authenticator": authenticator},
    )
    user = users.user(organisation_id, user_id)
    if user is None or not _may_be_notified(settings, user):
        return
    if authenticator not in COUNTERS or not _mail(settings, user, authenticator):
        notify(settings, organisation_id, user_id, "locked", {"authenticator": authenticator})


def told_at_the_door(settings: Settings, user: User, authenticator: str) -> Message:
    """Return what a user reads whose password was right and whose second factor is locked. Commits by itself.

    A link is mailed again if the last one has expired: the guesses may have come at night.
    """
    if not can_be_written_to(user):
        return BY_ADMINISTRATOR
    with transaction():
        rate_limits.lock_auth_failures(user.organisation_id, user.id)  # or two at the same moment would each find no link
        if email_links.latest(settings, user, "unlock") is None and _may_be_notified(settings, user):
            _mail(settings, user, authenticator)
    return BY_LINK


def _mail(settings: Settings, user: User, authenticator: str) -> bool:
    values, words = {"email": user.email_key}, {"authenticator": authenticator}
    link = MailedLink("unlock", "unlock", email_links.soon(settings), values=values, words=words)
    return email_links.mail(settings, user, link)


def _may_be_notified(settings: Settings, user: User) -> bool:
    """Check that it is not too much mail. A right guess takes the count back, so a lockout may be reached repeatedly."""
    bounds, now = settings.limits, clock.now()
    until = now + timedelta(minutes=bounds.address_window_minutes)
    return rate_limits.admit_ip(TOLD, user.id, bounds.mails_for_account, now, until)
