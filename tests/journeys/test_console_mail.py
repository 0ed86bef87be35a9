"""The console's mail page: why a mail did not leave, in words, and sending it again."""

from collections.abc import Callable
from typing import Any

from idp.config import Settings
from idp.db import transaction
from idp.mail import deliver, messages
from tests.drivers.browser import Browser
from tests.drivers.smtp import Mailbox
from tests.factories import Factory, MadePerson


def test_a_refused_recipient_is_shown_with_the_reason_in_words_and_sent_again(
    factory: Factory,
    configure: Callable[..., Settings],
    anna: MadePerson,
    jan: MadePerson,
    enter: Callable[..., Browser],
    mailbox: Mailbox,
) -> None:
    """Parked at the first 5yz reply to RCPT: seen in the console and in its audit page, and sent again from there."""
    relay: dict[str, Any] = {"host": "127.0.0.1", "port": mailbox.port, "security": "none"}
    settings = configure(mail=relay)
    mailbox.refusals["jan@shoes.example"] = "550 5.1.1 no mailbox of that name"
    browser = enter(anna)
    with factory.context():
        with transaction():
            messages.notify(settings, jan.organisation_id, jan.id, "password_changed")
        deliver.deliver_due(settings)
    browser.open("/admin/example-shoes/mail?state=failed")
    assert "The recipient's mail server refuses this address." in browser.text
    assert "550 5.1.1 no mailbox of that name" in browser.text
    assert "Mail could not be delivered" in browser.open("/admin/example-shoes/audit?event=mail:given_up").text
    mailbox.refusals.clear()
    browser.open("/admin/example-shoes/mail?state=failed").click("Send again")
    browser.submit("Send again")
    with factory.context():
        assert deliver.deliver_due(settings) == 1
    assert [recipients for recipients, _ in mailbox.arrived] == [["jan@shoes.example"]]
