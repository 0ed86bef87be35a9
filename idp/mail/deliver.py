"""Deliver mail: lease one mail at a time, send it with no transaction open, and note the result.

A mail is sent twice only if the worker crashes, or the database is away for minutes, between the server's "accepted" and our
note. The copy leaves when the lease has run out. It has the same Message-ID, so servers and readers drop it. Without an SMTP
server mails are written as files.
"""

import os
import threading
import time
from datetime import timedelta
from email.message import EmailMessage

import structlog

from idp import clock, db, outage
from idp.actors import System
from idp.audit import Event, Origin, record
from idp.config import Settings
from idp.mail import smtp
from idp.mail.letters import compose
from idp.mail.smtp import Failure, NotSent
from idp.store import outbox
from idp.store.outbox import OutgoingMail

LEASE = timedelta(minutes=10)
"""A conversation with ``smtp.PATIENCE`` at each of its steps ends before this."""
TRIES = 12
RELAY_TRIES = 40
"""Five days (RFC 5321 §4.5.4.1): a relay that is away or misconfigured over a long weekend parks no mail."""
OF_RELAY = frozenset({Failure.RELAY, Failure.AWAY})
"""These failures are about the relay, not about the mail."""
ROUND_SECONDS = 10.0
"""How long one round of the worker may take for mails: requests for a new password, jobs and sweeps come next."""
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=30), timedelta(hours=4)
"""Pauses double from the first one on: an hour's outage costs a few tries, twelve tries span twelve hours."""
NOTE_PAUSES = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0, *[20.0] * 10)
"""Seconds between the tries to note a sent mail: about four minutes in all, well within ``LEASE``."""
WORKER = Origin(System("worker"))

log = structlog.get_logger()


def deliver_due(settings: Settings, stop: threading.Event | None = None) -> int:
    """Send every mail that is due. Returns how many left. Mails whose link has expired are given up unsent.

    The round ends at the first mail that the relay as a whole refuses: the others would get the same answer. It also ends
    after ``ROUND_SECONDS``.
    """
    sent, ends = 0, time.monotonic() + ROUND_SECONDS
    while (stop is None or not stop.is_set()) and (mail := _claim()) is not None:
        failure = _deliver(settings, mail, stop or threading.Event())
        if failure in OF_RELAY:
            break
        sent += failure is None
        if time.monotonic() >= ends:
            break
    return sent


def _claim() -> OutgoingMail | None:
    now = clock.now()
    with db.transaction():
        return outbox.claim_mail(now, now + LEASE)


def _deliver(settings: Settings, mail: OutgoingMail, stop: threading.Event) -> Failure | None:
    """Send one leased mail and note the result. Returns the failure, or None if it left."""
    if mail.expires_at is not None and mail.expires_at <= clock.now():
        _give_up(mail, Failure.EXPIRED, "not sent in time: what it carries has expired", may_be_resent=False)
        return Failure.EXPIRED
    try:
        message = compose(settings, mail)
        db.release()
        _send(settings, mail, message)
    except NotSent as error:
        _note_failure(settings, mail, error.failure, str(error))
        return error.failure
    except OSError as error:  # the folder for mails is not writable
        _note_failure(settings, mail, Failure.AWAY, f"{type(error).__name__}: {error}")
        return Failure.AWAY
    except Exception as error:  # noqa: BLE001 — whatever is wrong with one mail must not hold up the others
        _note_failure(settings, mail, Failure.UNREADABLE, f"{type(error).__name__}: {error}")
        return Failure.UNREADABLE
    _note_sent(mail, stop)
    log.info("mail_sent", mail=mail.id, template=mail.template)
    return None


def _note_sent(mail: OutgoingMail, stop: threading.Event) -> None:
    """Note that the server has taken a mail. Tries again while the database is away: without the note a copy would leave."""
    for pause in (*NOTE_PAUSES, None):
        try:
            with db.transaction():
                outbox.note_sent(mail.id, clock.now())
        except Exception as error:
            fields = {"mail": mail.id, "message_id": mail.message_id, "tries_again_in": pause}
            log.error("mail_sent_but_not_noted", reason=outage.reason_of(error), **fields)
            if pause is None or not outage.is_outage(error) or stop.wait(pause):
                raise
        else:
            return


def _note_failure(settings: Settings, mail: OutgoingMail, failure: Failure, reason: str) -> None:
    tries = mail.tries + 1
    most = RELAY_TRIES if failure in OF_RELAY else TRIES
    if failure is Failure.RECIPIENT or tries >= most:
        _give_up(mail, failure, reason, may_be_resent=True)
        return
    pause = min(FIRST_PAUSE * 2 ** min(tries - 1, 20), LONGEST_PAUSE)
    with db.transaction():
        due_at = clock.now() + pause
        outbox.note_failure(mail.id, tries, due_at, reason, failure=failure, lease=mail.leased_until)
    fields = {"mail": mail.id, "template": mail.template, "tries": tries, "failure": str(failure), "reason": reason}
    if failure is Failure.RELAY:
        where = f"{settings.mail.host}:{settings.mail.port}"
        log.error("mail_relay_refuses_us", relay=where, remedy="check [mail]; `idp doctor` tries the relay", **fields)
    else:
        log.warning("mail_waits", **fields)


def _give_up(mail: OutgoingMail, failure: Failure, reason: str, *, may_be_resent: bool) -> None:
    """Park a mail with its reason, audited in the same transaction."""
    fields = {"mail": mail.id, "template": mail.template, "why": str(failure)}
    about = {"organisation_id": mail.organisation_id or "", "subject_id": mail.user_id or ""}
    with db.transaction():
        was_ours = outbox.give_up(
            mail.id, clock.now(), reason, may_be_resent=may_be_resent, failure=failure, lease=mail.leased_until
        )
        if was_ours:
            record(WORKER, Event.MAIL_GIVEN_UP, **about, outcome="failure", data=fields)
    log.error("mail_given_up", reason=reason, **fields)


def _send(settings: Settings, mail: OutgoingMail, message: EmailMessage) -> None:
    if settings.mail.host:
        smtp.send(settings, mail.recipient, message)
    else:
        _write_file(settings, mail, message)


def _write_file(settings: Settings, mail: OutgoingMail, message: EmailMessage) -> None:
    """Write the mail as ``<id>.eml``, readable by its owner only. The file is complete or absent."""
    folder = settings.path(settings.mail.folder)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = folder / f"{mail.id}.part"
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(bytes(message))
    part.replace(folder / f"{mail.id}.eml")
