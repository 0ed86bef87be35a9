"""Two workers and one mail that is leased, returned or taken over. Also addresses beyond ASCII."""

import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
import time_machine

from idp import clock
from idp import worker as idp_worker
from idp.audit import Event
from idp.config import Settings
from idp.db import transaction
from idp.identity import mail_outbox
from idp.identity.credentials import password_reset
from idp.mail import deliver, letters, messages, smtp
from idp.store import audit, outbox
from tests.drivers.smtp import Mailbox
from tests.factories import BY_TESTS, Factory, MadePerson

Configure = Callable[..., Settings]
WORKER = """
import json, sys
from flask import Flask
from idp import config
from idp.db import setup_db
from idp.mail import deliver
settings = config.make(json.loads(sys.argv[1]))
app = Flask("idp")
setup_db(app, settings)
with app.app_context():
    deliver.deliver_due(settings)
"""


@pytest.fixture
def vera(factory: Factory) -> MadePerson:
    """Return a user with a verified address."""
    return factory.make_user(factory.make_organisation(), "vera", name="Véra", email="vera@shoes.example")


def over(mailbox: Mailbox, **more: Any) -> dict[str, Any]:
    return {"host": "localhost", "port": mailbox.port, "security": "none", "sender": "Sleutel <id@shoes.example>", **more}


def written(settings: Settings, person: MadePerson) -> str:
    """Write a mail to the outbox. Returns its id."""
    with transaction():
        values = {"password": "kettle-4711"}
        messages.write_to_person(settings, person.organisation_id, person.id, "one_time_password", values, None)
    return outbox.mails()[0].id


@pytest.mark.both_engines
def test_the_mail_of_a_killed_worker_is_sent_after_its_lease(
    configure: Configure, vera: MadePerson, factory: Factory, mailbox: Mailbox, engine: str
) -> None:
    """I6: the worker is killed during the SMTP session. Another one sends the mail with the same Message-ID."""
    settings = configure(mail=over(mailbox))
    with factory.context():
        mail_id = written(settings, vera)
        with mailbox.hanging() as reached:
            worker = subprocess.Popen([sys.executable, "-c", WORKER, settings.model_dump_json()])
            assert reached.wait(60), "the worker did not connect"
            os.kill(worker.pid, signal.SIGKILL)
            worker.wait(30)
        assert deliver.deliver_due(settings) == 0, "the mail is still leased"
        with time_machine.travel(clock.now() + deliver.LEASE + timedelta(seconds=1)):
            assert deliver.deliver_due(settings) == 1
            assert deliver.deliver_due(settings) == 0
        row = outbox.mails()[0]
    assert [str(message["Message-ID"]) for _, message in mailbox.arrived] == [row.message_id]
    assert (row.id, row.tries, row.sealed_values) == (mail_id, 0, "")


@pytest.mark.both_engines
def test_send_again_does_not_take_a_mail_that_is_being_sent(
    configure: Configure, vera: MadePerson, factory: Factory, mailbox: Mailbox, engine: str
) -> None:
    """I2: otherwise two workers would send it."""
    settings = configure(mail=over(mailbox))
    mailbox.answers.append("451 greylisted")
    with time_machine.travel(clock.now(), tick=False) as traveller, factory.context():
        mail_id = written(settings, vera)
        deliver.deliver_due(settings)
        traveller.shift(deliver.FIRST_PAUSE)
        with transaction():
            assert outbox.claim_mail(clock.now(), clock.now() + deliver.LEASE) is not None
        with transaction():
            assert not outbox.resend(vera.organisation_id, mail_id, clock.now())
        assert deliver.deliver_due(settings) == 0
        traveller.shift(deliver.LEASE)
        mail_outbox.resend(vera.organisation_id, mail_id, BY_TESTS)
        assert deliver.deliver_due(settings) == 1
        assert [row.event for row in audit.rows(vera.organisation_id)].count(Event.MAIL_RESENT) == 1


def test_a_worker_whose_lease_ended_changes_no_later_result(
    configure: Configure, vera: MadePerson, factory: Factory, mailbox: Mailbox
) -> None:
    """I6: the result of the next worker stays: sent, or a pause and a reason."""
    settings = configure(mail=over(mailbox))
    with time_machine.travel(clock.now(), tick=False) as traveller, factory.context():
        written(settings, vera)
        with transaction():
            slow = outbox.claim_mail(clock.now(), clock.now() + deliver.LEASE)
        assert slow is not None
        lease = slow.leased_until
        traveller.shift(deliver.LEASE)
        assert deliver.deliver_due(settings) == 1
        with transaction():
            assert not outbox.note_failure(slow.id, 3, clock.now(), "timed out", lease=lease)
            assert not outbox.give_up(slow.id, clock.now(), "timed out", may_be_resent=True, lease=lease)
        row = outbox.mails()[0]
        assert (row.failed_at, row.reason, row.tries) == (None, "", 0)
        assert row.sent_at is not None


def test_a_failing_reset_request_blocks_no_mail(
    configure: Configure, vera: MadePerson, factory: Factory, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I6: the worker logs the error of the request and goes on."""

    def _fails(_: Settings) -> int:
        raise LookupError("poison")

    settings = configure(mail=over(mailbox))
    monkeypatch.setattr(password_reset, "answer_requests", _fails)
    with factory.context():
        written(settings, vera)
        assert idp_worker.work_once(settings) == 1


@pytest.mark.parametrize(
    ("address", "envelope"),
    [
        ("jan@bücher.example", "jan@xn--bcher-kva.example"),
        ("jan@faß.example", "jan@xn--fa-hia.example"),
        ("jörg@shoes.example", "jörg@shoes.example"),
        ("jörg@bücher.example", "jörg@xn--bcher-kva.example"),
    ],
)
def test_mail_reaches_addresses_beyond_ascii(
    configure: Configure, factory: Factory, mailbox: Mailbox, address: str, envelope: str
) -> None:
    """RFC 5891, RFC 6531: the host is sent as A-labels, which every server accepts. The rest is UTF-8."""
    settings = configure(mail=over(mailbox))
    person = factory.make_user(factory.make_organisation(), "jan", name="Jörg “Ünï” de Vries", email=address)
    with factory.context():
        written(settings, person)
        assert deliver.deliver_due(settings) == 1
    ((recipients, message),) = mailbox.arrived
    assert recipients == [envelope]
    assert str(message["To"]) == envelope
    plain = message.get_body(("plain",))
    assert plain is not None
    assert "kettle-4711" in plain.get_content()


def test_a_plain_address_is_unchanged() -> None:
    """An ASCII address is not parsed at all."""
    assert letters.on_the_wire("Jan.O'Neil+x@Shoes.example") == "Jan.O'Neil+x@Shoes.example"


@pytest.mark.parametrize("quit_reply", [b"421 too many mails from you", b"no number"])
def test_an_error_after_quit_does_not_send_an_accepted_mail_again(
    configure: Configure, vera: MadePerson, factory: Factory, quit_reply: bytes
) -> None:
    """I6: a mail is sent once unless a process crashes. The reply to QUIT does not concern a mail that was accepted."""
    answers = [b"220 hello", b"250 hello", b"250 ok", b"250 ok", b"354 go on", b"250 taken", quit_reply]
    with socket.create_server(("127.0.0.1", 0)) as server, factory.context():
        server_thread = threading.Thread(target=reply_in_turn, args=(server, answers), daemon=True)
        server_thread.start()
        settings = configure(mail={"host": "127.0.0.1", "port": server.getsockname()[1], "security": "none"})
        written(settings, vera)
        assert deliver.deliver_due(settings) == 1
        server_thread.join(30)
        (row,) = outbox.mails()
    assert row.sent_at is not None


def reply_in_turn(server: socket.socket, answers: list[bytes]) -> None:
    """Answer one client with one reply to each line, and one to the mail as a whole."""
    line, _ = server.accept()
    with line, line.makefile("rb") as heard:
        for answer in answers:
            line.sendall(answer + b"\r\n")
            if answer.startswith(b"354"):
                list(iter(heard.readline, b".\r\n"))
            else:
                heard.readline()


def greet_slowly(server: socket.socket, seen: list[str]) -> None:
    """Send one client a greeting, one byte at a time, while it listens."""
    line, _ = server.accept()
    with line, suppress(OSError):
        for byte in b"220 " + b"-" * 100 + b"\r\n":
            line.send(bytes([byte]))
            if line in select.select([line], [], [], 0.03)[0] and not line.recv(1):
                seen.append("client hung up")
                return
        seen.append("client read all")


def test_a_reply_that_takes_too_long_ends_the_connection(
    configure: Configure, vera: MadePerson, factory: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two workers never send the same mail: a reply has a time limit, however slowly its bytes come."""
    monkeypatch.setattr(smtp, "PATIENCE", 0.3)
    seen: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as server, factory.context():
        slow = threading.Thread(target=greet_slowly, args=(server, seen), daemon=True)
        slow.start()
        mail = {"host": "127.0.0.1", "port": server.getsockname()[1], "security": "none"}
        settings = configure(mail=mail)
        mail_id = written(settings, vera)
        assert deliver.deliver_due(settings) == 0
        slow.join(30)
    assert seen == ["client hung up"]
    with factory.context():
        assert [(row.id, row.tries, row.leased_until) for row in outbox.mails()] == [(mail_id, 1, None)]
