"""Run a real SMTP server on loopback, which keeps what it gets and can be told to refuse."""

import asyncio
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from idp import clock
from tests.drivers.machine import free_port

HANGS_AT_MOST = 120
"""Seconds."""


@dataclass
class Mailbox:
    """Hold the mail that arrived: the recipients of the envelope, and the message.

    ``answers`` are the replies to the next mails; without one the reply is "ok". ``refusals`` maps a command (``EHLO``,
    ``AUTH``, ``MAIL``, ``RCPT``, ``DATA``) or a recipient to the reply that refuses it. ``greeted`` are the names that
    clients sent with EHLO, ``senders`` the addresses that they sent with MAIL FROM.
    """

    port: int
    arrived: list[tuple[list[str], EmailMessage]] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    refusals: dict[str, str] = field(default_factory=dict)
    greeted: list[str] = field(default_factory=list)
    senders: list[str] = field(default_factory=list)
    on_arrival: Callable[[], object] = lambda: None
    """Called when a mail has arrived in full, before it is accepted."""
    _hung: threading.Event | None = None

    @contextmanager
    def hanging(self) -> Iterator[threading.Event]:
        """Hold a mail without an answer within the block. The event is set when one has arrived so far."""
        self._hung = threading.Event()
        try:
            yield self._hung
        finally:
            self._hung = None

    async def handle_EHLO(  # noqa: N802 — aiosmtpd's name
        self, server: Any, session: Any, envelope: Any, hostname: str, responses: list[str]
    ) -> list[str]:
        """Greet back, or refuse to."""
        self.greeted.append(hostname)
        session.host_name = hostname
        return [self.refusals["EHLO"]] if "EHLO" in self.refusals else responses

    async def handle_HELO(self, server: Any, session: Any, envelope: Any, hostname: str) -> str:  # noqa: N802 — aiosmtpd's name
        """Greet back, or refuse to, as EHLO."""
        session.host_name = hostname
        return self.refusals.get("EHLO", "250 hello")

    async def handle_MAIL(  # noqa: N802 — aiosmtpd's name
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        """Take a sender, or refuse it."""
        self.senders.append(address)
        if "MAIL" in self.refusals:
            return self.refusals["MAIL"]
        envelope.mail_from = address
        return "250 fine"

    async def handle_RCPT(  # noqa: N802 — aiosmtpd's name
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        """Take a recipient, or refuse them."""
        for key in ("RCPT", address):
            if key in self.refusals:
                return self.refusals[key]
        envelope.rcpt_tos.append(address)
        return "250 fine"

    def authenticate(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        """Accept every password, or none."""
        if "AUTH" in self.refusals:
            return AuthResult(success=False, handled=False, message=self.refusals["AUTH"])
        return AuthResult(success=True)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 — aiosmtpd's name
        """Take a mail, or give the next answer."""
        if self._hung is not None:
            self._hung.set()
            for _ in range(HANGS_AT_MOST * 20):
                if self._hung is None:
                    break
                await asyncio.sleep(0.05)
            return "451 nobody is there any more"
        if self.answers:
            return self.answers.pop(0)
        if "DATA" in self.refusals:
            return self.refusals["DATA"]
        message = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.on_arrival()
        self.arrived.append((list(envelope.rcpt_tos), message))
        return "250 taken"


@contextmanager
def smtp_server(tls: ssl.SSLContext | None = None) -> Iterator[Mailbox]:
    """Run a server on a free port. With ``tls`` it offers STARTTLS and refuses mail without it."""
    mailbox = Mailbox(free_port())
    controller = Controller(
        mailbox,
        hostname="127.0.0.1",
        port=mailbox.port,
        tls_context=tls,
        require_starttls=tls is not None,
        enable_SMTPUTF8=True,
        authenticator=mailbox.authenticate,
        auth_require_tls=False,
    )
    controller.start()
    try:
        yield mailbox
    finally:
        controller.stop()


def throwaway_certificate(folder: Path, host: str) -> tuple[Path, ssl.SSLContext]:
    """Make a self-signed certificate for ``host``. Returns the file for clients that trust it, and the context for its
    server.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(clock.now() - timedelta(days=1))
        .not_valid_after(clock.now() + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate, private = folder / "certificate.pem", folder / "key.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, private)
    return certificate, context
