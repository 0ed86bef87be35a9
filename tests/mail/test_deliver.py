"""Mail leaves over real SMTP: it is sent once, tried again later, or parked."""

import json
import subprocess
import sys
from collections.abc import Callable
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
import time_machine

from idp import clock, config
from idp import worker as idp_worker
from idp.config import Settings
from idp.db import transaction
from idp.mail import deliver, messages
from idp.store import outbox
from tests.drivers.applications import bare_app
from tests.drivers.smtp import Mailbox, smtp_server, throwaway_certificate
from tests.factories import Factory, MadePerson

Configure = Callable[..., Settings]


@pytest.fixture
def vera(factory: Factory) -> MadePerson:
    """Return a user with a verified address."""
    return factory.make_user(factory.make_organisation(), "vera", name="Véra", email="vera@shoes.example")


def _over(mailbox: Mailbox, **more: Any) -> dict[str, Any]:
    return {"host": "localhost", "port": mailbox.port, "security": "none", "sender": "Sleutel <id@shoes.example>", **more}


def _write(settings: Settings, person: MadePerson, times: int = 1, **options: Any) -> None:
    values, until = {"password": "kettle-4711"}, options.get("expires_at")
    with transaction():
        for _ in range(times):
            messages.write_to_person(settings, person.organisation_id, person.id, "one_time_password", values, until)


@pytest.mark.both_engines
def test_a_mail_is_sent_once_and_its_values_are_wiped(
    configure: Configure, vera: MadePerson, factory: Factory, mailbox: Mailbox, engine: str
) -> None:
    """I6: the one recipient gets the whole mail. Then no secret is left, and no second mail is sent."""
    settings = configure(mail=_over(mailbox))
    with factory.context():
        _write(settings, vera)
        assert deliver.deliver_due(settings) == 1
        assert deliver.deliver_due(settings) == 0
        (row,) = outbox.mails()
        assert (row.sealed_values, row.sent_at is not None) == ("", True)
    ((recipients, message),) = mailbox.arrived
    plain = message.get_body(("plain",))
    assert plain is not None
    assert recipients == ["vera@shoes.example"]
    assert "kettle-4711" in plain.get_content()
    assert message["From"] == "Example Shoes <id@shoes.example>"
    assert message["Message-ID"] == row.message_id
    assert row.message_id.endswith("@id.example.com>")


def test_without_a_server_mails_are_written_to_the_folder(
    settings: Settings, vera: MadePerson, factory: Factory, tmp_path: Path
) -> None:
    """A newcomer reads every mail without a mail server. Only the user of the server process can read the files."""
    with factory.context():
        _write(settings, vera)
        assert deliver.deliver_due(settings) == 1
    (file,) = (tmp_path / "mail").iterdir()
    assert file.suffix == ".eml"
    assert file.stat().st_mode & 0o077 == 0
    message = message_from_bytes(file.read_bytes(), policy=policy.default)
    assert message["To"] == "vera@shoes.example"


def test_a_refused_mail_is_tried_again_after_growing_pauses(
    configure: Configure, vera: MadePerson, factory: Factory, mailbox: Mailbox
) -> None:
    """I6: greylisting for an hour costs a few tries and no mail. The Message-ID stays the same."""
    settings = configure(mail=_over(mailbox))
    mailbox.answers += ["451 greylisted"] * 3
    pauses = []
    with time_machine.travel(clock.now(), tick=False) as traveller, factory.context():
        _write(settings, vera)
        for _ in range(4):
            deliver.deliver_due(settings)
            (row,) = outbox.mails()
            if row.sent_at is None:
                assert "greylisted" in row.reason
                assert deliver.deliver_due(settings) == 0, "the mail must wait"
                pauses.append((row.due_at - clock.now()).total_seconds())
                traveller.move_to(row.due_at)
    assert pauses == [30, 60, 120]
    assert mailbox.arrived[0][1]["Message-ID"] == row.message_id


def test_an_undeliverable_mail_is_parked_and_blocks_no_other(
    configure: Configure, vera: MadePerson, factory: Factory, mailbox: Mailbox
) -> None:
    """The reason is stored with it. Here its values do not open, as after the loss of a sealing key."""
    settings = configure(mail=_over(mailbox))
    with time_machine.travel(clock.now(), tick=False) as traveller, factory.context():
        _write(configure(secrets=[config.new_ring_entry("thrown-away")]), vera)
        (poison,) = outbox.mails()
        _write(settings, vera)
        assert deliver.deliver_due(settings) == 1
        for _ in range(deliver.TRIES):
            traveller.shift(deliver.LONGEST_PAUSE)
            deliver.deliver_due(settings)
        parked = next(row for row in outbox.mails() if row.id == poison.id)
    assert parked.failed_at is not None
    assert "sealed blob does not open" in parked.reason
    assert len(mailbox.arrived) == 1


def test_a_mail_whose_link_has_expired_is_not_sent(
    configure: Configure, vera: MadePerson, factory: Factory, mailbox: Mailbox
) -> None:
    """S49: an expired one-time password is not sent. Its secret is wiped too."""
    settings = configure(mail=_over(mailbox))
    with time_machine.travel(clock.now(), tick=False) as traveller, factory.context():
        _write(settings, vera, expires_at=clock.ahead(minutes=30))
        traveller.shift(30 * 60)
        assert deliver.deliver_due(settings) == 0
        (row,) = outbox.mails()
    assert mailbox.arrived == []
    assert row.failed_at is not None
    assert row.sealed_values == ""
    assert "expired" in row.reason


def test_a_server_without_the_required_starttls_gets_no_mail(
    configure: Configure, vera: MadePerson, factory: Factory, mailbox: Mailbox
) -> None:
    """V12.3.1: the worker never falls back to plain text."""
    settings = configure(mail=_over(mailbox, security="starttls"))
    with factory.context():
        _write(settings, vera)
        assert deliver.deliver_due(settings) == 0
        (row,) = outbox.mails()
    assert mailbox.arrived == []
    assert "STARTTLS" in row.reason


def test_starttls_is_used_and_an_unknown_certificate_is_refused(
    configure: Configure, vera: MadePerson, factory: Factory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """V12.3.2: mail is sent only if the certificate is trusted and names the host."""
    certificate, context = throwaway_certificate(tmp_path, "localhost")
    with smtp_server(context) as mailbox, factory.context(), time_machine.travel(clock.now(), tick=False) as traveller:
        settings = configure(mail=_over(mailbox, security="starttls"))
        _write(settings, vera)
        assert deliver.deliver_due(settings) == 0
        (row,) = outbox.mails()
        assert "certificate" in row.reason.lower()
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        traveller.move_to(row.due_at)
        assert deliver.deliver_due(configure(mail=_over(mailbox, security="starttls", host="127.0.0.1"))) == 0
        (row,) = outbox.mails()
        traveller.move_to(row.due_at)
        assert deliver.deliver_due(settings) == 1
        assert len(mailbox.arrived) == 1


WORKER = """
import json, sys
from flask import Flask
from idp import config
from idp.db import setup_db
from idp.mail import deliver
settings = config.make(json.loads(sys.argv[1]))
app = Flask("idp")
setup_db(app, settings)
print("ready", flush=True)
sys.stdin.readline()
with app.app_context():
    print(deliver.deliver_due(settings))
"""


@pytest.mark.both_engines
def test_concurrent_workers_send_each_mail_once(
    configure: Configure, vera: MadePerson, factory: Factory, mailbox: Mailbox, engine: str
) -> None:
    """I2, I6: three processes send from one outbox. PostgreSQL skips locked rows. On SQLite, one process gets each lease."""
    settings = configure(mail=_over(mailbox))
    with factory.context():
        _write(settings, vera, times=24)
    given = json.dumps(settings.model_dump(mode="json"))
    command = [sys.executable, "-c", WORKER, given]
    workers = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:  # all are ready, so they start at the same moment
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    counts = [int(worker.communicate(timeout=60)[0].strip().splitlines()[-1]) for worker in workers]
    assert sum(counts) == 24
    ids = [message["Message-ID"] for _, message in mailbox.arrived]
    assert len(ids) == len(set(ids)) == 24
    with factory.context():
        assert all(row.sent_at for row in outbox.mails())


@pytest.mark.both_engines
def test_a_mail_of_a_crashed_worker_is_sent_when_its_lease_ends(
    configure: Configure, vera: MadePerson, factory: Factory, mailbox: Mailbox, engine: str
) -> None:
    """I6: a crash between lease and sending costs ten minutes, not the mail."""
    settings = configure(mail=_over(mailbox))
    with time_machine.travel(clock.now(), tick=False) as traveller, factory.context():
        _write(settings, vera)
        with transaction():
            assert outbox.claim_mail(clock.now(), clock.now() + deliver.LEASE) is not None
        assert deliver.deliver_due(settings) == 0
        traveller.shift(deliver.LEASE)
        assert deliver.deliver_due(settings) == 1


def test_the_worker_continues_after_a_database_error(configure: Configure, tmp_path: Path, mailbox: Mailbox) -> None:
    """The thread of ``idp run`` logs the error and goes on. Here the tables do not exist at first."""
    import threading

    from idp import schema

    settings = configure(database={"url": "sqlite:///late.sqlite3"}, mail=_over(mailbox))
    rounds, stop = [], threading.Event()
    with bare_app(settings) as app:

        def _context() -> Any:
            rounds.append(1)
            if len(rounds) == 2:
                schema.upgrade(app)
                stop.set()
            return app.app_context()

        idp_worker.POLL_SECONDS, before = 0.0, idp_worker.POLL_SECONDS
        try:
            idp_worker.run_forever(settings, _context, stop)
        finally:
            idp_worker.POLL_SECONDS = before
    assert len(rounds) == 2
