"""The console's mail page tells in words why a mail was not sent, and sends it again."""

from collections.abc import Callable
from typing import Any

import pytest

from idp.config import Settings
from idp.db import transaction
from idp.mail import deliver, messages
from idp.store import audit
from tests.drivers.browser import Browser
from tests.drivers.postman import Postman
from tests.drivers.smtp import Mailbox
from tests.drivers.words import INVITE_BY_E_MAIL
from tests.factories import Factory, MadePerson


def test_a_refused_mail_is_shown_with_its_reason_and_sent_again(
    factory: Factory,
    configure: Callable[..., Settings],
    anna: MadePerson,
    jan: MadePerson,
    enter: Callable[..., Browser],
    mailbox: Mailbox,
) -> None:
    """A mail is parked at the first 5yz reply to RCPT. The console and its audit page show it and send it again."""
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
    assert "E-mail could not be delivered" in browser.open("/admin/example-shoes/audit?event=mail:given_up").text
    mailbox.refusals.clear()
    browser.open("/admin/example-shoes/mail?state=failed").click("Send again")
    browser.submit("Send again")
    with factory.context():
        assert deliver.deliver_due(settings) == 1
    assert [recipients for recipients, _ in mailbox.arrived] == [["jan@shoes.example"]]


def test_notices_about_a_repeated_action_are_limited(
    factory: Factory,
    anna: MadePerson,
    jan: MadePerson,
    enter: Callable[..., Browser],
    postman: Postman,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A person gets few notices of one kind. Each action is carried out and audited."""
    monkeypatch.setattr(messages, "NOTICES_OF_A_KIND", 3)
    browser = enter(anna)
    for _ in range(5):
        browser.open(f"/admin/example-shoes/people/{jan.id}/reset-factor")
        assert browser.fill(password=anna.password).submit().status == 200
    with factory.context():
        events = [row.event for row in audit.rows_about(jan.organisation_id, jan.id, limit=50)]
    assert events.count("factor:reset") == 5
    assert len(postman.bring("jan@shoes.example")) == 3


@pytest.mark.parametrize(
    ("act", "button"), [("invite", INVITE_BY_E_MAIL), ("one-time-password", "Send a one-time password")]
)
def test_mails_of_the_console_to_one_address_are_limited(
    factory: Factory, anna: MadePerson, enter: Callable[..., Browser], postman: Postman, act: str, button: str
) -> None:
    """An administrator may give many users one address. Past the limit its mails get a clear 429."""
    most, at = factory.settings.limits.mails_for_account, anna.organisation_id
    people = [factory.make_user(at, f"u{number}", email="victim@x.example") for number in range(most + 1)]
    browser, statuses = enter(anna), []
    for person in people:
        browser.open(f"/admin/example-shoes/people/{person.id}/{act}")
        if "password" in browser.fields:
            browser.fill(password=anna.password)
        statuses.append(browser.submit(button).status)
    assert statuses == [200] * most + [429]
    assert "Too many e-mails were sent." in browser.text
    assert browser.text.count("try again in") == 1
    assert len(postman.bring("victim@x.example")) == most
    with factory.context():
        assert "mail:limited" in [row.event for row in audit.rows(at)]
