"""End a lockout without an administrator: by a mailed link together with the password (NIST SP 800-63B-4 §3.2.2).

Neither does anything alone. The link proves the address, the password, counted by its own counter, the knowledge; what was
closed stays to be shown at the sign-in as ever, from a count of nothing.
"""

from idp.audit import Event, Origin, record_about
from idp.config import Settings
from idp.db import outside_transaction, transaction
from idp.errors import Invalid, Message, NotFound, say
from idp.factors import COUNTERS
from idp.identity import email_links, permissions, sensitive_changes
from idp.identity.credentials import reauthentication
from idp.identity.email_links import Opened
from idp.identity.lockout import lockout
from idp.identity.sensitive_changes import Access
from idp.mail.messages import notify
from idp.store import rate_limits, users
from idp.store.organisations import Organisation
from idp.store.users import User

NOT_YOURS_YET = say("Sign in with the one-time password first and choose one of your own, or ask an administrator.")


def opened(settings: Settings, token: str) -> Opened:
    """Return the link of a lockout. Raises ``NotFound`` if it opens nothing, also if its address was changed since."""
    link = email_links.opened(settings, token, "unlock")
    if link.user.email_key != link.values.get("email"):
        raise NotFound(email_links.GONE, detail="the link was sent to another address")
    return link


def closed(settings: Settings, link: Opened) -> list[Message]:
    """Return in words what the link would unlock now."""
    counters = rate_limits.auth_failures_of(link.user.organisation_id, link.user.id)
    return [COUNTERS[name].words for name in lockout.closed(settings, counters)]


@outside_transaction
def lift(settings: Settings, link: Opened, password: str, browser_id: str, origin: Origin) -> None:
    """End the lockout of a user's second factors, spend the link, and notify the user.

    Raises ``Invalid`` for a wrong password, and then the link is not spent. Raises ``TooMany``, and ``NotFound`` if the link
    was used concurrently. A one-time password was mailed too (S49), so it proves nothing beside a link. Slow.
    """
    user = link.user
    if user.password_expires_at is not None:
        raise Invalid("password", NOT_YOURS_YET)
    if not reauthentication.is_password_of(settings, user, password, browser_id, origin):
        raise Invalid("password", reauthentication.WRONG_PASSWORD)
    with transaction():
        user = users.lock_user(user.organisation_id, user.id) or user
        # The counters before the link, as a guess that reaches the stop (db.LOCK_ORDER).
        reopened = lockout.closed(settings, rate_limits.lock_auth_failures(user.organisation_id, user.id))
        for authenticator in reopened:
            rate_limits.clear_auth_failures(user.organisation_id, user.id, authenticator)
        email_links.burn(link)
        record_about(origin, Event.ACCOUNT_UNLOCKED, user, authenticators=reopened)
        notify(settings, user.organisation_id, user.id, "unlocked")


def unlock(settings: Settings, organisation: Organisation, user: User, origin: Origin) -> bool:
    """Forget all failures of a user and end the lockout. Returns False if there were none."""
    permissions.require_over(organisation, user, origin)
    sensitive_changes.require(Access("lockout", user.role), None)
    with transaction():
        if not rate_limits.clear_auth_failures(organisation.id, user.id):
            return False
        record_about(origin, Event.ACCOUNT_UNLOCKED, user)
    return True
