"""A server may accept a mail while the database is down. It is noted later, or sent again with the same Message-ID."""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from typing import Any

import psycopg
import pytest
import time_machine
from sqlalchemy.exc import OperationalError

from idp import clock
from idp.config import Settings
from idp.db import transaction
from idp.mail import deliver, messages
from idp.store import outbox
from tests.drivers.smtp import Mailbox
from tests.factories import Factory

Act = Callable[[], object]


@pytest.fixture
def settings(configure: Callable[..., Settings], mailbox: Mailbox) -> Settings:
    """Return settings with a real mail server, and a database with short time limits."""
    return configure(
        mail={"host": "localhost", "port": mailbox.port, "security": "none"}, database={"patience_seconds": 0.2}
    )


@contextmanager
def rival(settings: Settings) -> Iterator[tuple[Act, Act]]:
    """Yield two functions: one takes the database away from every writer, the other gives it back."""
    url = settings.database_url
    if url.startswith("sqlite"):
        file = url.removeprefix("sqlite:///")
        with closing(sqlite3.connect(file, isolation_level=None, check_same_thread=False)) as lite:
            yield lambda: lite.execute("BEGIN IMMEDIATE"), lambda: lite.execute("ROLLBACK")
        return
    with psycopg.connect(url.replace("+psycopg", "")) as other:
        yield lambda: other.execute("LOCK TABLE outbox IN EXCLUSIVE MODE"), lambda: other.rollback()


class Stop(threading.Event):
    """The stop event of a worker. It is never set, and calls a function at each wait."""

    def __init__(self, happens: Callable[[], Any]) -> None:
        super().__init__()
        self.waited, self._happens = 0, happens

    def wait(self, timeout: float | None = None) -> bool:
        """Call the function, and do not wait."""
        self.waited += 1
        self._happens()
        return False


def write(settings: Settings, factory: Factory) -> None:
    """Write a mail to the outbox."""
    vera = factory.make_user(factory.make_organisation(), "vera", email="vera@shoes.example")
    with transaction():
        messages.write_to_person(settings, vera.organisation_id, vera.id, "one_time_password", {"password": "x"}, None)


@pytest.mark.both_engines
def test_a_mail_accepted_during_an_outage_is_noted_after_it(
    settings: Settings, factory: Factory, mailbox: Mailbox, engine: str
) -> None:
    """I6: the database fails between the server's acceptance and our note. The mail is sent once."""
    with factory.context(), rival(settings) as (takes, gives_back):
        write(settings, factory)
        mailbox.on_arrival = takes
        stop = Stop(lambda: gives_back() if stop.waited == 2 else None)
        assert deliver.deliver_due(settings, stop) == 1
        assert stop.waited == 2, "the database must refuse the note twice"
        (row,) = outbox.mails()
        assert (row.sent_at is None, row.leased_until, row.sealed_values) == (False, None, "")
        with time_machine.travel(clock.now() + deliver.LEASE + timedelta(seconds=1)):
            assert deliver.deliver_due(settings) == 0
    assert len(mailbox.arrived) == 1


def test_a_copy_after_a_long_outage_has_the_same_message_id(
    settings: Settings, factory: Factory, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I6: SMTP has no "exactly once". The same Message-ID marks the same mail (RFC 5322 §3.6.4)."""
    monkeypatch.setattr(deliver, "NOTE_PAUSES", (1.0, 2.0))
    with factory.context(), rival(settings) as (takes, gives_back):
        write(settings, factory)
        mailbox.on_arrival = takes
        stop = Stop(lambda: None)
        with pytest.raises(OperationalError):
            deliver.deliver_due(settings, stop)
        gives_back()
        mailbox.on_arrival = lambda: None
        assert stop.waited == 2
        assert deliver.deliver_due(settings) == 0, "the lease has not ended"
        with time_machine.travel(clock.now() + deliver.LEASE + timedelta(seconds=1)):
            assert deliver.deliver_due(settings) == 1
            assert deliver.deliver_due(settings) == 0
        (row,) = outbox.mails()
    assert [str(message["Message-ID"]) for _, message in mailbox.arrived] == [row.message_id] * 2


def test_a_stopping_worker_does_not_wait_for_the_database(settings: Settings, factory: Factory, mailbox: Mailbox) -> None:
    """The worker obeys SIGTERM with a mail not noted. The lease delays the mail for a while."""
    with factory.context(), rival(settings) as (takes, gives_back):
        write(settings, factory)
        stop = threading.Event()

        def _arrive() -> None:
            takes()
            stop.set()

        mailbox.on_arrival = _arrive
        with pytest.raises(OperationalError):
            deliver.deliver_due(settings, stop)
        gives_back()
        (row,) = outbox.mails()
    assert row.leased_until is not None
    assert len(mailbox.arrived) == 1
