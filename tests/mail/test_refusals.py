"""A server may refuse a recipient, the mail, or us, if the relay is not configured for us."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import time_machine
from pydantic import ValidationError

from idp import clock
from idp.audit import Event
from idp.config import Settings
from idp.db import transaction
from idp.mail import deliver, messages
from idp.sections import Mail
from idp.store import audit, outbox
from idp.store.outbox import OutgoingMail
from tests.drivers.machine import free_port
from tests.drivers.smtp import Mailbox
from tests.factories import Factory, MadePerson

Configure = Callable[..., Settings]


@pytest.fixture
def vera(factory: Factory) -> MadePerson:
    """Return a user with a verified address."""
    return factory.make_user(factory.make_organisation(), "vera", name="Vera", email="vera@shoes.example")


def over(port: int, **more: Any) -> dict[str, Any]:
    """Return settings of a relay on loopback."""
    return {"host": "127.0.0.1", "port": port, "security": "none", "sender": "Sleutel <id@shoes.example>", **more}


def write(settings: Settings, person: MadePerson) -> None:
    """Write a notice to the outbox."""
    with transaction():
        messages.notify(settings, person.organisation_id, person.id, "password_changed")


def tried(settings: Settings, person: MadePerson, times: int = 1) -> OutgoingMail:
    """Return the mail after so many tries, each when it was due."""
    write(settings, person)
    with time_machine.travel(clock.now(), tick=False) as traveller:
        for _ in range(times):
            deliver.deliver_due(settings)
            (row,) = outbox.mails()
            traveller.move_to(max(row.due_at, clock.now()))
    return row


@pytest.mark.parametrize(
    ("command", "reply"),
    [
        ("RCPT", "550 5.1.1 no such user here"),
        ("RCPT", "553 5.1.3 bad address"),
        ("RCPT", "550 no"),
        ("RCPT", "554 5.7.1 we do not take mail for them"),
        ("DATA", "550 5.2.1 mailbox disabled"),
    ],
)
def test_a_permanently_refused_recipient_is_parked_and_audited(
    configure: Configure, vera: MadePerson, factory: Factory, mailbox: Mailbox, command: str, reply: str
) -> None:
    """RFC 5321 §4.2.1: a 5yz reply says not to try again. The audit row has mail and reason, never the address."""
    settings = configure(mail=over(mailbox.port))
    mailbox.refusals[command] = reply
    with factory.context():
        row = tried(settings, vera)
        entry = audit.rows(vera.organisation_id)[-1]
    assert row.failed_at is not None
    assert row.failure == "recipient"
    assert row.reason == reply
    assert row.sealed_values, "an administrator may correct the address and send the mail again"
    assert (entry.event, entry.outcome, entry.subject_id) == (Event.MAIL_GIVEN_UP, "failure", vera.id)
    assert entry.data == {"mail": row.id, "template": "password_changed", "why": "recipient"}
    assert "shoes.example" not in json.dumps(entry.data)


@pytest.mark.parametrize(
    ("command", "reply", "more"),
    [
        ("EHLO", "550 5.7.1 go away", {}),
        ("AUTH", "535 5.7.8 wrong password", {"username": "sleutel", "password": "wrong"}),
        ("MAIL", "550 5.7.1 that sender is not yours", {}),
        ("MAIL", "530 5.7.0 authentication required", {}),
        ("RCPT", "530 5.7.0 authentication required", {}),
        ("RCPT", "550 5.1.8 the sender's domain does not exist", {}),
    ],
)
def test_a_relay_that_refuses_us_parks_no_mail(
    configure: Configure, vera: MadePerson, factory: Factory, mailbox: Mailbox, command: str, reply: str, more: Any
) -> None:
    """The relay answers 5yz before it sees the recipient. One wrong setting must not park the mails of a weekend."""
    settings = configure(mail=over(mailbox.port, **more))
    mailbox.refusals[command] = reply
    with factory.context():
        row = tried(settings, vera, times=deliver.TRIES + 3)
        assert row.failed_at is None
        assert row.failure == "relay"
        assert reply[4:9] in row.reason
        mailbox.refusals.clear()
        with time_machine.travel(row.due_at, tick=False):
            assert deliver.deliver_due(settings) == 1
    assert len(mailbox.arrived) == 1


@contextmanager
def greeting(line: bytes) -> Iterator[int]:
    """Start a server that greets with one line and closes the connection. Yields its port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(20)

        def serve() -> None:
            try:
                while True:
                    talking, _ = listening.accept()
                    with talking:
                        talking.sendall(line)
            except OSError:
                return

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield int(listening.getsockname()[1])
        listening.shutdown(socket.SHUT_RDWR)
    thread.join(20)


@pytest.mark.parametrize(("line", "failure"), [(b"554 no service\r\n", "relay"), (b"421 busy\r\n", "later")])
def test_a_refusing_greeting_parks_no_mail(
    configure: Configure, vera: MadePerson, factory: Factory, line: bytes, failure: str
) -> None:
    """RFC 5321 §3.1: 554 as the greeting refuses the connection, not a recipient."""
    with greeting(line) as port, factory.context():
        row = tried(configure(mail=over(port)), vera)
    assert (row.failed_at, row.failure) == (None, failure)


def test_an_unreachable_relay_parks_no_mail(configure: Configure, vera: MadePerson, factory: Factory) -> None:
    """RFC 5321 §4.5.4.1: a wrong host or port may last longer than the tries of a refused mail."""
    with factory.context():
        row = tried(configure(mail=over(free_port())), vera, times=deliver.TRIES + 3)
    assert (row.failed_at, row.failure) == (None, "away")


@pytest.mark.parametrize(
    ("command", "reply"), [("RCPT", "450 4.2.0 greylisted"), ("MAIL", "451 later"), ("RCPT", "421 bye")]
)
def test_a_temporarily_refused_mail_is_tried_again(
    configure: Configure, vera: MadePerson, factory: Factory, mailbox: Mailbox, command: str, reply: str
) -> None:
    """RFC 5321 §4.2.1: a 4yz reply to any command says to try again."""
    settings = configure(mail=over(mailbox.port))
    mailbox.refusals[command] = reply
    with factory.context():
        row = tried(settings, vera, times=2)
    assert (row.failed_at, row.failure, row.tries) == (None, "later", 2)


def test_a_mail_with_refused_content_is_parked_after_all_tries(
    configure: Configure, vera: MadePerson, factory: Factory, mailbox: Mailbox
) -> None:
    """A 5yz reply to DATA may be a policy for all our mail. The operator can correct it while the mails wait."""
    settings = configure(mail=over(mailbox.port))
    mailbox.refusals["DATA"] = "554 5.7.1 looks like spam"
    with factory.context():
        row = tried(settings, vera, times=deliver.TRIES - 1)
        assert (row.failed_at, row.failure) == (None, "message")
        with time_machine.travel(row.due_at, tick=False):
            deliver.deliver_due(settings)
        assert outbox.mails()[0].failed_at is not None


def test_one_refused_recipient_blocks_no_other(configure: Configure, factory: Factory, mailbox: Mailbox) -> None:
    """A refusal of one mail says nothing about the next mail in the same round."""
    organisation_id, settings = factory.make_organisation(), configure(mail=over(mailbox.port))
    mailbox.refusals["gone@shoes.example"] = "550 5.1.1 gone"
    made = [factory.make_user(organisation_id, name, email=f"{name}@shoes.example") for name in ("gone", "here")]
    with factory.context():
        for person in made:
            write(settings, person)
        assert deliver.deliver_due(settings) == 1
    assert [recipients for recipients, _ in mailbox.arrived] == [["here@shoes.example"]]


def test_a_relay_that_refuses_us_is_asked_once_a_round(
    configure: Configure, vera: MadePerson, factory: Factory, mailbox: Mailbox
) -> None:
    """The other mails would get the same answer, so the worker opens one connection and not a thousand."""
    settings = configure(mail=over(mailbox.port))
    mailbox.refusals["MAIL"] = "550 no"
    with factory.context():
        for _ in range(5):
            write(settings, vera)
        deliver.deliver_due(settings)
    assert len(mailbox.senders) == 1


@pytest.mark.parametrize(
    ("more", "greeted", "sender"),
    [
        ({}, "id.example.com", "id@shoes.example"),
        ({"ehlo_name": "mail.shoes.example"}, "mail.shoes.example", "id@shoes.example"),
        ({"ehlo_name": "[IPv6:2001:db8::1]", "envelope_sender": "bounces@shoes.example"}, "[IPv6:2001:db8::1]",
         "bounces@shoes.example"),
        ({"envelope_sender": "<>"}, "id.example.com", "<>"),
        ({"envelope_sender": "bounces@bücher.example"}, "id.example.com", "bounces@xn--bcher-kva.example"),
        ({"sender": "Sleutel <id@bücher.example>"}, "id.example.com", "id@xn--bcher-kva.example"),
    ],
)  # fmt: skip
def test_the_greeting_and_the_envelope_sender_are_settings(
    configure: Configure, vera: MadePerson, factory: Factory, mailbox: Mailbox, more: Any, greeted: str, sender: str
) -> None:
    """RFC 5321 §4.1.1.1, §4.1.1.2: the defaults are the issuer's host and the address in From."""
    settings = configure(mail=over(mailbox.port, **more))
    with factory.context():
        write(settings, vera)
        assert deliver.deliver_due(settings) == 1
    assert set(mailbox.greeted) == {greeted}
    assert mailbox.senders == [sender]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("ehlo_name", "mail server"),
        ("ehlo_name", "mail.example.com\r\nRCPT TO:<x@y.example>"),
        ("ehlo_name", "[300.1.1.1]"),
        ("ehlo_name", "-mail.example"),
        ("envelope_sender", "Bounces <bounces@shoes.example>"),
        ("envelope_sender", "a@b.example, c@d.example"),
        ("envelope_sender", "bounces"),
        ("envelope_sender", "a@b.example> SIZE=1"),
    ],
)
def test_an_invalid_greeting_or_sender_is_refused_when_it_is_read(key: str, value: str) -> None:
    """One line names the right form, before any mail is lost."""
    with pytest.raises(ValidationError, match="must be") as refused:
        Mail(**{key: value})
    assert key in str(refused.value)
