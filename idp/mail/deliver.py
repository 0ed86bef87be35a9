"""How mail leaves: one at a time is leased, sent with no transaction open, and noted.

A worker that dies between the server's "accepted" and our note sends that mail again when the lease runs out, under the same
Message-ID; nothing else sends twice. Without an SMTP server mails are written as files.
"""

import os
import smtplib
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from datetime import timedelta
from email.message import EmailMessage
from typing import Any

import structlog

from idp import clock, db
from idp.config import Settings
from idp.identity import recoveries, resets
from idp.mail.letters import compose, on_the_wire
from idp.sections import Mail
from idp.store import outbox
from idp.store.outbox import OutgoingMail
from idp.sweeps import sweep

LEASE = timedelta(minutes=10)
"""Longer than a conversation can take with ``PATIENCE`` at each of its steps."""
PATIENCE = 20.0
"""Seconds for connecting, and for each answer of the server."""
TRIES = 12
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=30), timedelta(hours=4)
"""Pauses double from the first on: an hour's outage costs a few tries, all of them together span sixteen hours."""
POLL_SECONDS = 2.0
SWEEP_EVERY = timedelta(minutes=5)

log = structlog.get_logger()


def run_forever(
    settings: Settings, app_context: Callable[[], AbstractContextManager[object]], stop: threading.Event
) -> None:
    """Do what waits to be done, deliver and sweep until ``stop`` is set.

    ``app_context`` opens what ``db`` needs; a failure is logged and outlived.
    """
    next_sweep = clock.now()
    while not stop.is_set():
        try:
            with app_context():
                work_once(settings, stop)
                if clock.now() >= next_sweep:
                    next_sweep = clock.now() + SWEEP_EVERY
                    sweep(settings)
        except Exception:
            log.exception("worker_failed")  # the database may be away: the next round tries again
        stop.wait(POLL_SECONDS)


def work_once(settings: Settings, stop: threading.Event | None = None) -> int:
    """One round: answer who forgot a password, carry out recoveries that are due, send what waits; how many mails left."""
    _outlive(resets.answer_requests, settings)
    _outlive(recoveries.finish_due, settings)
    return deliver_due(settings, stop)


def _outlive(chore: Callable[[Settings], object], settings: Settings) -> None:
    """One request or recovery that cannot be answered must not keep all mail from leaving."""
    try:
        chore(settings)
    except Exception:
        log.exception("chore_failed", chore=chore.__name__)


def deliver_due(settings: Settings, stop: threading.Event | None = None) -> int:
    """Send every mail that is due; how many left. Those whose link has run out are given up unsent."""
    sent = 0
    while (stop is None or not stop.is_set()) and (mail := _claim()) is not None:
        sent += _deliver(settings, mail)
    return sent


def _claim() -> OutgoingMail | None:
    now = clock.now()
    with db.transaction():
        return outbox.claim_mail(now, now + LEASE)


def _deliver(settings: Settings, mail: OutgoingMail) -> bool:
    if mail.expires_at is not None and mail.expires_at <= clock.now():
        _give_up(mail, "not sent in time: what it carries has expired", may_be_resent=False)
        return False
    db.release()
    try:
        message = compose(settings, mail)
        _send(settings, mail, message)
    except Exception as error:  # noqa: BLE001 — whatever is wrong with one mail must not hold up the others
        _note_failure(mail, f"{type(error).__name__}: {error}")
        return False
    with db.transaction():
        outbox.note_sent(mail.id, clock.now())
    log.info("mail_sent", mail=mail.id, template=mail.template)
    return True


def _note_failure(mail: OutgoingMail, reason: str) -> None:
    tries = mail.tries + 1
    if tries >= TRIES:
        _give_up(mail, reason, may_be_resent=True)
        return
    pause = min(FIRST_PAUSE * 2 ** (tries - 1), LONGEST_PAUSE)
    with db.transaction():
        outbox.note_failure(mail.id, tries, clock.now() + pause, reason, lease=mail.leased_until)
    log.warning("mail_waits", mail=mail.id, template=mail.template, tries=tries, reason=reason)


def _give_up(mail: OutgoingMail, reason: str, *, may_be_resent: bool) -> None:
    with db.transaction():
        outbox.give_up(mail.id, clock.now(), reason, may_be_resent=may_be_resent, lease=mail.leased_until)
    log.error("mail_given_up", mail=mail.id, template=mail.template, reason=reason)


def _send(settings: Settings, mail: OutgoingMail, message: EmailMessage) -> None:
    if not settings.mail.host:
        _write_file(settings, mail, message)
        return
    with connect(settings.mail) as server:
        if settings.mail.username:
            server.login(settings.mail.username, settings.mail.password)
        server.send_message(message, to_addrs=[on_the_wire(mail.recipient)])


def connect(mail: Mail) -> smtplib.SMTP:
    """A conversation, encrypted with a checked certificate unless configured ``none``: no falling back (ASVS 12.3)."""
    if mail.security == "tls":
        return _PunctualTls(mail.host, mail.port, timeout=PATIENCE, context=ssl.create_default_context())
    server = _Punctual(mail.host, mail.port, timeout=PATIENCE)
    if mail.security == "starttls":
        try:
            server.starttls(context=ssl.create_default_context())
        except BaseException:
            server.close()
            raise
    return server


class _Punctual(smtplib.SMTP):
    """Waits ``PATIENCE`` for a whole answer: a socket's own timeout begins anew with every byte that drips in."""

    def getreply(self) -> tuple[int, bytes]:
        hang_up = threading.Timer(PATIENCE, self._hang_up, [self.sock])
        hang_up.daemon = True
        hang_up.start()
        try:
            return super().getreply()
        finally:
            hang_up.cancel()

    def __exit__(self, *raised: Any) -> None:
        """Part, however the server does: what it has accepted must not be sent again because of its farewell."""
        with suppress(smtplib.SMTPException):
            super().__exit__(*raised)

    @staticmethod
    def _hang_up(line: socket.socket) -> None:
        with suppress(OSError):
            line.shutdown(socket.SHUT_RDWR)


class _PunctualTls(_Punctual, smtplib.SMTP_SSL):
    """The same, encrypted from the first byte."""


def _write_file(settings: Settings, mail: OutgoingMail, message: EmailMessage) -> None:
    """The mail as ``<id>.eml``, readable by its owner only, there in full or not at all."""
    folder = settings.path(settings.mail.folder)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = folder / f"{mail.id}.part"
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(bytes(message))
    part.replace(folder / f"{mail.id}.eml")
