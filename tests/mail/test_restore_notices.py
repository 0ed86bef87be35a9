"""The worker sends the notices of a restore once each, and after the other mails that wait."""

from datetime import timedelta

import pytest

from idp import clock, worker
from idp.backup import epoch as epochs
from idp.config import Settings
from idp.db import transaction
from idp.identity.users import status
from idp.store import epoch, outbox, restore_notices
from idp.store.outbox import OutgoingMail
from tests.factories import BY_TESTS, Factory


def _add_waiting(number: int) -> None:
    """Write a mail to the outbox that is due later."""
    now = clock.now()
    values = {"recipient": "x@x.example", "template": "locked", "locale": "en", "sealed_values": "x", "message_id": "<x@x>"}
    later = now + timedelta(hours=1)
    outbox.add_mail(OutgoingMail(id=f"{number:026}", created_at=now, due_at=later, tries=0, **values))


@pytest.mark.both_engines
def test_restore_notices_are_sent_once_and_after_waiting_mails(engine: str, settings: Settings, factory: Factory) -> None:
    """A user who forgot a password on the day of a restore must not wait for the notices of others."""
    shoes = factory.make_organisation()
    people = [factory.make_user(shoes, name, email=f"{name}@shoes.example") for name in ("ann", "bob", "cis")]
    people.append(factory.make_user(shoes, "dan"))
    with factory.context():
        with transaction():
            epoch.begin(clock.now(), clock.now() - timedelta(hours=9))
            for number in range(epochs.MOST_WAITING):
                _add_waiting(number)
        assert epochs.note_people([factory.user(person) for person in people]) == 3, "one of the four has no address"
        status.disable(settings, factory.organisation(shoes), factory.user(people[2]), BY_TESTS)
        worker.work_once(settings)
        assert _notified() == []
        with transaction():
            outbox.note_sent(f"{0:026}", clock.now())
        for _ in range(2):
            worker.work_once(settings)
            assert _notified() == ["ann@shoes.example", "bob@shoes.example"]
        assert not restore_notices.waiting(1)


def _notified() -> list[str]:
    return sorted(mail.recipient for mail in outbox.mails() if mail.template == "restored")
