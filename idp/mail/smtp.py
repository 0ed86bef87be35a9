"""Speak SMTP: send one mail to one recipient, and tell a failure of the recipient from one of the relay.

A refusal of the recipient is final for this mail. A refusal of anything before it (greeting, EHLO, TLS, AUTH, MAIL FROM) is
about the relay or our configuration. Every mail would get the same answer, so none is given up because of it.
"""

import re
import smtplib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.message import EmailMessage
from enum import StrEnum
from ipaddress import IPv6Address, ip_address
from typing import Any
from urllib.parse import urlsplit

from idp.config import Settings
from idp.mail.letters import envelope_sender, on_the_wire

PATIENCE = 20.0
"""Seconds for connecting, and for each answer of the server."""
AUTHENTICATION_NEEDED = frozenset({530, 534, 535, 538})
"""RFC 4954 §6: a relay that requires AUTH may say so as late as at RCPT."""
ABOUT_SENDER = re.compile(r"5\.1\.[78]\b")
"""RFC 3463 §3.2: bad sender address. Many servers look at the sender only when the recipient is named."""
ABOUT_RECIPIENT = re.compile(r"5\.(?:1\.(?:[1-6]|10)|2\.[0-3])\b")
"""RFC 3463 §3.2, §3.3 and RFC 7505: the mailbox does not exist, has moved, is disabled, or takes no mail."""


class Failure(StrEnum):
    """Name why a mail did not leave: stored with it and shown in words."""

    RECIPIENT = "recipient"
    """The server refuses this recipient for good."""
    MESSAGE = "message"
    """The server refuses the mail itself: its content, its size, or our right to send it."""
    RELAY = "relay"
    """The server takes no mail from us, as things are configured."""
    AWAY = "away"
    """The server does not answer."""
    LATER = "later"
    """The server asks to try again later."""
    UNREADABLE = "unreadable"
    """The mail cannot be written: its values do not open, or a name is not allowed in a header."""
    EXPIRED = "expired"
    """The link in the mail expired before it could leave."""
    RESTORED = "restored"
    """The database was restored from a backup: the mail may have left before, or tell what is no longer true."""


class NotSent(Exception):
    """A mail did not leave. ``failure`` names the cause; the text is the server's own."""

    def __init__(self, failure: Failure, answer: str) -> None:
        super().__init__(answer)
        self.failure = failure


def send(settings: Settings, recipient: str, message: EmailMessage) -> None:
    """Hand a mail to the relay. Raises ``NotSent``."""
    with _as_failures(), connect(settings) as server:
        if not recipient.rpartition("@")[0].isascii() and not server.has_extn("smtputf8"):
            raise NotSent(Failure.RECIPIENT, "the mail server takes no address beyond ASCII (SMTPUTF8, RFC 6531)")
        server.send_message(message, from_addr=envelope_sender(settings.mail), to_addrs=[on_the_wire(recipient)])


def try_out(settings: Settings) -> None:
    """Begin a mail and drop it, to learn whether the relay takes mail from us. Raises ``NotSent``."""
    with _as_failures(), connect(settings) as server:
        code, answer = server.mail(envelope_sender(settings.mail))
        server.rset()
        if code != 250:
            raise smtplib.SMTPSenderRefused(code, answer, envelope_sender(settings.mail))


@contextmanager
def _as_failures() -> Iterator[None]:
    try:
        yield
    except OSError as error:  # SMTPException is a subclass
        raise NotSent(failure_of(error), said_by(error)) from error


def connect(settings: Settings) -> smtplib.SMTP:
    """Return a connection that is greeted, encrypted and authenticated.

    It is encrypted with a checked certificate unless configured ``none``; there is no fallback (ASVS 12.3).
    """
    mail, name = settings.mail, ehlo_name(settings)
    server: smtplib.SMTP
    _check_host(mail.host)
    if mail.security == "tls":
        context = ssl.create_default_context()
        server = _PunctualTls(mail.host, mail.port, local_hostname=name, timeout=PATIENCE, context=context)
    else:
        server = _Punctual(mail.host, mail.port, local_hostname=name, timeout=PATIENCE)
    try:
        if mail.security == "starttls":
            server.starttls(context=ssl.create_default_context())
        server.ehlo_or_helo_if_needed()
        if mail.username:
            server.login(mail.username, mail.password)
    except BaseException:
        server.close()
        raise
    return server


def _check_host(host: str) -> None:
    """Raise ``OSError`` for a name that cannot be a host's; the resolver would raise ``UnicodeError``."""
    try:
        host.encode("idna")
    except UnicodeError as error:
        raise OSError(f"{host!r} is no host name") from error


def ehlo_name(settings: Settings) -> str:
    """Return this installation's name for EHLO: as configured, else the issuer's host (RFC 5321 §4.1.1.1)."""
    return settings.mail.ehlo_name or _greeting_of(urlsplit(settings.issuer).hostname or "localhost")


def _greeting_of(host: str) -> str:
    """Return a host for EHLO: an IP address becomes an address literal (RFC 5321 §4.1.3)."""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    return f"[IPv6:{address}]" if isinstance(address, IPv6Address) else f"[{address}]"


def failure_of(error: OSError) -> Failure:
    """Classify an error in the conversation. Pure."""
    match error:
        case smtplib.SMTPRecipientsRefused():
            code, answer = _answer(error)
            is_ours = code in AUTHENTICATION_NEEDED or ABOUT_SENDER.search(answer) is not None
            return (Failure.RELAY if is_ours else Failure.RECIPIENT) if code >= 500 else Failure.LATER
        case smtplib.SMTPDataError():
            if error.smtp_code < 500:
                return Failure.LATER
            return Failure.RECIPIENT if ABOUT_RECIPIENT.search(_text(error.smtp_error)) else Failure.MESSAGE
        case smtplib.SMTPResponseException():
            return Failure.RELAY if error.smtp_code >= 500 else Failure.LATER
        case ssl.SSLError() | smtplib.SMTPNotSupportedError():
            return Failure.RELAY
    return Failure.AWAY


def said_by(error: OSError) -> str:
    """Return the server's words, or the error's, for log and console."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, text = _answer(error)
        return f"{code} {text}"
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{error.smtp_code} {_text(error.smtp_error)}"
    return f"{type(error).__name__}: {error}"


def _answer(error: smtplib.SMTPRecipientsRefused) -> tuple[int, str]:
    """Return the code and text for the one recipient."""
    code, text = next(iter(error.recipients.values()))
    return code, _text(text)


def _text(answer: bytes | str) -> str:
    return " ".join((answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer).split())


class _Punctual(smtplib.SMTP):
    """Wait at most ``PATIENCE`` for a whole answer: a socket's own timeout starts again with every byte that comes in."""

    def getreply(self) -> tuple[int, bytes]:
        hang_up = threading.Timer(PATIENCE, self._hang_up, [self.sock])
        hang_up.daemon = True
        hang_up.start()
        try:
            return super().getreply()
        finally:
            hang_up.cancel()

    def __exit__(self, *raised: Any) -> None:
        """Close the connection and ignore errors of QUIT: the server has accepted the mail, and must not get it again."""
        with suppress(smtplib.SMTPException):
            super().__exit__(*raised)

    @staticmethod
    def _hang_up(line: socket.socket) -> None:
        with suppress(OSError):
            line.shutdown(socket.SHUT_RDWR)


class _PunctualTls(_Punctual, smtplib.SMTP_SSL):
    """Do the same over TLS from the first byte."""
