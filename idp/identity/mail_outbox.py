"""Let administrators send a mail of the outbox again."""

from idp import clock
from idp.audit import Event, Origin, record
from idp.db import transaction
from idp.errors import Conflict, NotFound, say
from idp.identity import permissions
from idp.store import outbox

STATES = ("waiting", "sent", "failed")


def resend(organisation_id: str, mail_id: str, origin: Origin) -> None:
    """Queue a mail again under its own Message-ID, so that mail programs recognise a duplicate.

    Raises ``NotFound`` for another organisation's mail, ``Conflict`` if it was sent, is waiting, or carries an expired link.
    """
    permissions.require_ruler(organisation_id, origin)
    with transaction():
        row = outbox.mail(organisation_id, mail_id)
        if row is None:
            raise NotFound(detail="no such mail of this organisation")
        if not outbox.resend(organisation_id, mail_id, clock.now()):
            raise Conflict(
                say(
                    "This e-mail cannot be sent again: it was sent, is already waiting, or its link or password has expired."
                )
            )
        about = {"organisation_id": organisation_id, "subject_id": row.user_id or ""}
        record(origin, Event.MAIL_RESENT, **about, data={"mail": mail_id, "template": row.template})
