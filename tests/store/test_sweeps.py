"""What expired goes, what is still read stays."""

import pytest
import time_machine
from flask import Flask

from idp import clock, crypto, sweeps
from idp.config import Settings
from idp.db import transaction
from idp.mail import messages
from idp.store import attempts, outbox
from tests.factories import Factory


def _begin_attempts(count: int) -> None:
    now = clock.now()
    with transaction():
        for _ in range(count):
            attempts.add_attempt(
                attempts.Attempt(
                    digest=crypto.digest("attempt", crypto.new_secret()),
                    browser_id=crypto.new_id(),
                    needs={},
                    created_at=now,
                    expires_at=clock.ahead(hours=1),
                )
            )


@pytest.mark.both_engines
def test_half_finished_sign_ins_are_gone_once_they_expired_and_not_before(
    settings: Settings, database: Flask, engine: str
) -> None:
    """I12: thousands of sign-ins that were left half-way do not stay."""
    with time_machine.travel(clock.now(), tick=False) as traveller:
        _begin_attempts(200)
        assert sweeps.sweep(settings) == 0
        traveller.shift(24 * 3600)
        assert sweeps.sweep(settings) == 0, "a stale page may still begin anew from them (S60)"
        traveller.shift(3600)
        assert sweeps.sweep(settings) == 200


@pytest.mark.both_engines
def test_sent_mails_are_gone_after_a_month(settings: Settings, factory: Factory, engine: str) -> None:
    """What was sent can be looked up for a month, and does not stay for ever."""
    person = factory.make_user(factory.make_organisation(), email="jan@shoes.example")
    with time_machine.travel(clock.now(), tick=False) as traveller, factory.context():
        with transaction():
            messages.notify(settings, person.organisation_id, person.id, "password_changed")
            outbox.note_sent(outbox.mails()[0].id, clock.now())
        traveller.shift((sweeps.KEEP_DAYS - 1) * 86_400)
        assert sweeps.sweep(settings) == 0
        traveller.shift(2 * 86_400)
        assert sweeps.sweep(settings) == 1
        assert outbox.mails() == []


def test_a_mail_that_waits_is_never_swept(settings: Settings, factory: Factory) -> None:
    """I6: however long the mail server is away, only what was sent or given up is deleted."""
    person = factory.make_user(factory.make_organisation(), email="jan@shoes.example")
    with time_machine.travel(clock.now(), tick=False) as traveller, factory.context():
        with transaction():
            messages.notify(settings, person.organisation_id, person.id, "password_changed")
        traveller.shift(365 * 86_400)
        sweeps.sweep(settings)
        assert len(outbox.mails()) == 1
