"""Mails as a mail program shows them: readable in light and dark, on a phone, for a screen reader."""

import pytest
from flask import Flask
from playwright.sync_api import Page

from idp import clock
from idp.config import Settings
from idp.mail.letters import Letter, compose, place_of
from idp.mail.messages import NOTICES, PERSONAL
from idp.store.outbox import OutgoingMail
from tests.drivers.chromium import check_accessible, check_fits, look


@pytest.mark.parametrize("locale", ["nl", "en"])
@pytest.mark.parametrize("template", sorted(NOTICES | PERSONAL))
def test_a_mail_is_readable_for_everyone(
    settings: Settings, database: Flask, page: Page, template: str, locale: str
) -> None:
    """S51, S53, S62: axe finds nothing in light or dark, and nothing sticks out on a phone, with the longest of names.

    What axe looks at is the same in every language.
    """
    mail_id = "m" * 26
    link = "https://id.example.com/reset/" + "t" * 26 + "." + "x" * 43
    more = {"link": link, "why": "factor_set_up", "days": 7, "hours": 24, "owner": "o" * 60, "authenticator": "totp"}
    values = {"heir": "h" * 60, "left": 1, "password": "kettle-4711-" * 4, **more}
    letter = Letter(template, "Wilhelmina van der Oosterhuis-Achterberg", "w" * 60, "Schoenenwinkel", False, values)
    mail = OutgoingMail(
        id=mail_id,
        recipient="w@shoes.example",
        template=template,
        locale=locale,
        message_id=f"<{mail_id}@id.example.com>",
        created_at=clock.now(),
        expires_at=clock.ahead(hours=24),
        sealed_values=letter.sealed(settings.ring, place_of(mail_id)),
    )
    html = compose(settings, mail).get_body(("html",))
    assert html is not None
    page.set_content(html.get_content())
    check_fits(page)
    if locale == "nl":
        check_accessible(page)
    look(page, f"mail {template} {locale}")
