"""Mails are readable in a mail program: in light and dark, on a phone, for a screen reader."""

import pytest
from playwright.sync_api import Page

from idp import clock
from idp.config import Settings
from idp.languages import SOURCE
from idp.mail.letters import Letter, compose
from idp.mail.messages import NOTICES, PERSONAL
from idp.store import sealed
from idp.store.outbox import OutgoingMail
from tests.drivers.chromium import NARROWEST, check_accessible, check_fits
from tests.drivers.languages import another_language


@pytest.mark.parametrize("is_source", [True, False])
def test_every_mail_is_readable_for_everyone(settings: Settings, page: Page, is_source: bool) -> None:
    """S51, S53, S62: axe finds nothing in light or dark, and nothing sticks out on a phone, with the longest of names.

    What axe looks at is the same in every language. Beside English each mail is shown in one other language.
    """
    faults = {}
    page.set_viewport_size(NARROWEST)
    for template in sorted(NOTICES | PERSONAL):
        language = SOURCE if is_source else another_language(template)
        page.set_content(_html_of(settings, template, language))
        try:
            check_fits(page)
            if not is_source:
                check_accessible(page)
        except AssertionError as fault:
            faults[template] = str(fault)
    assert faults == {}


def test_a_mail_has_one_main_button_at_most(settings: Settings) -> None:
    """What the mail is about stands out. Other ways on are plain links."""
    found = {template: _html_of(settings, template, SOURCE).count('class="button"') for template in NOTICES | PERSONAL}
    assert {template: count for template, count in found.items() if count > 1} == {}


def _html_of(settings: Settings, template: str, language: str) -> str:
    mail_id = "m" * 26
    link = "https://id.example.com/reset/" + "t" * 26 + "." + "x" * 43
    more = {"link": link, "why": "factor_set_up", "days": 7, "hours": 24, "owner": "o" * 60, "authenticator": "totp"}
    more |= {"since": clock.now().isoformat(), "password_closed": True}
    more |= {"app": "a" * 60, "device": "d" * 60, "message": "m" * 60}
    values = {"new_owner": "h" * 60, "left": 1, "password": "kettle-4711-" * 4, **more}
    letter = Letter(template, "Wilhelmina van der Oosterhuis-Achterberg", "w" * 60, "Schoenenwinkel", False, values)
    mail = OutgoingMail(
        id=mail_id,
        recipient="w@shoes.example",
        template=template,
        locale=language,
        message_id=f"<{mail_id}@id.example.com>",
        created_at=clock.now(),
        expires_at=clock.ahead(hours=24),
        sealed_values=letter.sealed(settings.ring, sealed.MAILS.place(mail_id)),
    )
    html = compose(settings, mail).get_body(("html",))
    assert html is not None
    return str(html.get_content())
