"""Limit the mails that people cause: by acting person, and by recipient.

Administrators and operators are limited too: a stolen session must not fill somebody's mailbox. What the system does
(command line, provisioning, worker) is not limited. Requests of people who are not signed in are counted in ``rate_limits``.
"""

from datetime import timedelta

from idp import clock
from idp.actors import Person
from idp.audit import Event, Origin, record_about
from idp.config import Settings
from idp.db import transaction
from idp.errors import TooMany, say_many
from idp.normal_forms import compared
from idp.store import outbox, rate_limits, users
from idp.store.users import User

BY, TO = "mails-by", "mails-to"


def admit(settings: Settings, origin: Origin, about: User, address: str) -> None:
    """Count one mail before it is written, by the acting person and by its recipient. Raises ``TooMany`` and audits it.

    Call it outside any transaction, so that the audit row of a refusal is kept.
    """
    if not isinstance(origin.actor, Person):
        return
    bounds, recipient = settings.limits, settings.ring.lookups("mail to", compared(address))[0]
    try:
        with transaction():
            _admit(settings, BY, origin.actor.user_id, bounds.mails_by_person)
            _admit(settings, TO, recipient, bounds.mails_for_account)
    except TooMany:
        with transaction():
            record_about(origin, Event.MAIL_LIMITED, about, outcome="failure")
        raise


def admit_again(settings: Settings, origin: Origin, organisation_id: str, mail_id: str) -> None:
    """Count another attempt to send a mail. Raises ``TooMany``."""
    row = outbox.mail(organisation_id, mail_id)
    about = users.user(organisation_id, row.user_id) if row and row.user_id else None
    if row is not None and about is not None:
        admit(settings, origin, about, row.recipient)


def _admit(settings: Settings, purpose: str, key: str, limit: int) -> None:
    now = clock.now()
    if rate_limits.admit_ip(purpose, key, limit, now, now + timedelta(minutes=settings.limits.address_window_minutes)):
        return
    row = rate_limits.ip_failures(purpose, key, now)
    seconds = int((row.window_ends - now).total_seconds()) + 1 if row else 1
    message = say_many(
        "Too many e-mails were sent. Please try again in %(num)s minute.",
        "Too many e-mails were sent. Please try again in %(num)s minutes.",
        -(-seconds // 60),
    )
    raise TooMany(message, retry_after=seconds, detail=f"limit of {purpose}")
