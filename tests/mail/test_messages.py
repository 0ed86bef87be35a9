"""The recipients of mails, their language, and what must never reach a mail's headers."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from flask import Flask

from idp import clock
from idp.config import Settings
from idp.db import transaction
from idp.errors import Invalid
from idp.languages import LANGUAGES
from idp.mail import messages
from idp.mail.letters import compose, one_line, translations
from idp.records import changed
from idp.store import outbox, sealed, users
from idp.store.outbox import OutgoingMail
from tests.factories import Factory, MadePerson

EVIL_ADDRESSES = (
    "a@b.example\r\nBcc: x@y.example",
    "a@b.example\nBcc: x@y.example",
    "a@b.example\u2028Bcc: x@y.example",
    "a@b.example\x85Bcc:x@y.example",
    "a@b.example%0d%0aBcc:x@y.example",
    "a@b.example, x@y.example",
    "a@b.example;x@y.example",
    "Someone <a@b.example>",
    '"a\r\nBcc: x"@b.example',
    "a@b.example ",
    "a@b@c.example",
    "a",
    "",
    "a" * 65 + "@b.example",
    "a@" + "b" * 50_000,
)


VALUES = {
    "left": 2,
    "password": "kettle-4711",
    "link": "https://id.example.com/reset/" + "t" * 26 + "." + "x" * 43,
    "why": "factor_set_up",
    "days": 7,
    "hours": 24,
    "owner": "olga",
    "authenticator": "totp",
    "new_owner": "anna",
    "since": "2026-11-22T02:00:00+00:00",
    "password_closed": True,
    "app": "Kassa",
    "message": "Refund € 49.95",
    "device": "Kassa 3",
}
"""Values for every template."""


@pytest.fixture
def staff(factory: Factory) -> Iterator[dict[str, MadePerson]]:
    """Return an organisation with an owner and three users: with a verified address, an unverified one, and none."""
    organisation_id = factory.make_organisation(owner=True)
    made = {
        "verified": factory.make_user(organisation_id, "vera", name="Vera", email="vera@shoes.example", locale="nl"),
        "unverified": factory.make_user(organisation_id, "ursa", email="ursa@shoes.example", email_verified=False),
        "none": factory.make_user(organisation_id, "nora", name="Nora"),
    }
    with factory.context():
        yield made


def _notify(settings: Settings, person: MadePerson, template: str = "password_changed") -> list[OutgoingMail]:
    with transaction():
        messages.notify(settings, person.organisation_id, person.id, template)
    return outbox.mails()


def test_a_notice_goes_to_the_users_verified_address_and_language(settings: Settings, staff: dict[str, MadePerson]) -> None:
    """S51, S53, S62: the reader's own choice of language counts."""
    (mail,) = _notify(settings, staff["verified"])
    assert (mail.recipient, mail.locale) == ("vera@shoes.example", "nl")
    assert "wachtwoord" in compose(settings, mail)["Subject"]


@pytest.mark.parametrize("who", ["unverified", "none"])
def test_a_notice_about_a_user_without_verified_address_goes_to_the_owner(
    settings: Settings, staff: dict[str, MadePerson], who: str
) -> None:
    """S54: the mail names the user, and says why the owner receives it."""
    (mail,) = _notify(settings, staff[who])
    assert mail.recipient == "owner@shoes.example"
    message = compose(settings, mail)
    plain = message.get_body(("plain",))
    assert plain is not None
    assert staff[who].username in message["Subject"]
    assert "as the owner of" in plain.get_content()


def test_a_notice_without_any_verified_address_is_not_sent(settings: Settings, factory: Factory) -> None:
    """S54: an organisation that is being set up has no owner yet. The change still succeeds."""
    person = factory.make_user(factory.make_organisation(), "nora")
    with factory.context():
        assert _notify(settings, person) == []


def test_a_mail_with_a_secret_goes_to_the_user_only(settings: Settings, staff: dict[str, MadePerson]) -> None:
    """S54, S49: the owner never gets it instead. The caller learns that it cannot be sent."""
    secret, until = {"password": "kettle-4711"}, clock.ahead(hours=24)
    with transaction():
        went = [
            messages.write_to_person(settings, person.organisation_id, person.id, "one_time_password", secret, until)
            for person in staff.values()
        ]
    assert went == [True, False, False]
    (mail,) = outbox.mails()
    assert mail.recipient == "vera@shoes.example"


def test_a_secret_cannot_be_sent_as_a_notice(settings: Settings, staff: dict[str, MadePerson]) -> None:
    """S54: the owner may get a notice, so a template with a secret is refused there."""
    with pytest.raises(ValueError, match="no notice"):
        _notify(settings, staff["none"], "one_time_password")


def test_the_outbox_stores_secrets_sealed(settings: Settings, staff: dict[str, MadePerson]) -> None:
    """ASVS 6.4.1: a reader of the database finds no one-time password. One that is moved to another row does not open."""
    person = staff["verified"]
    with transaction():
        for _ in range(2):
            messages.write_to_person(
                settings, person.organisation_id, person.id, "one_time_password", {"password": "kettle-4711"}, None
            )
    one, other = outbox.mails()
    assert "kettle" not in one.sealed_values
    with pytest.raises(Exception, match="does not open"):
        compose(settings, changed(one, sealed_values=other.sealed_values))


def test_a_notice_of_a_rolled_back_change_is_not_sent(settings: Settings, staff: dict[str, MadePerson]) -> None:
    """I6: the mail is a row in the transaction of the change."""
    person = staff["verified"]

    def _change_that_fails() -> None:
        with transaction():
            messages.notify(settings, person.organisation_id, person.id, "password_changed")
            raise RuntimeError("the change failed")

    with pytest.raises(RuntimeError):
        _change_that_fails()
    assert outbox.mails() == []


@pytest.mark.parametrize("address", EVIL_ADDRESSES)
def test_an_address_that_could_change_headers_is_refused(
    settings: Settings, staff: dict[str, MadePerson], address: str
) -> None:
    """V1.3.11: line ends of every kind, lists, comments and encodings are refused. The check is quick on long ones."""
    person = staff["verified"]
    about = users.user(person.organisation_id, person.id)
    assert about is not None
    with pytest.raises(Invalid), transaction():
        messages.write_to_address(settings, about, address, "password_changed", {})
    with transaction():
        users.change_user(person.organisation_id, person.id, email=address[:254] or None)
    (mail,) = _notify(settings, person)
    assert mail.recipient == "owner@shoes.example"


@pytest.mark.parametrize("line_end", ["\r\n", "\n", "\r", "\u2028", "\u2029", "\x85", "\x0b", "\x1e"])
def test_a_name_with_line_ends_adds_no_header(settings: Settings, staff: dict[str, MadePerson], line_end: str) -> None:
    """V1.3.11: a username reaches the subject as one line, whatever it contains."""
    person = staff["none"]
    with transaction():
        users.change_user(person.organisation_id, person.id, username=f"nora{line_end}Bcc: x@y.example")
    (mail,) = _notify(settings, person)
    message = compose(settings, mail)
    assert message["Bcc"] is None
    assert message["To"] == "owner@shoes.example"
    assert len(str(message["Subject"]).splitlines()) == 1


def test_names_are_text_in_html_and_in_templates(settings: Settings, staff: dict[str, MadePerson]) -> None:
    """V1.1.2, V1.3.7: markup in a name is shown as text. So are template signs and placeholders."""
    person = staff["verified"]
    with transaction():
        users.change_user(person.organisation_id, person.id, username="<b>{{7*7}}</b> %(when)s %s", name='"><script>')
    (mail,) = _notify(settings, person)
    message = compose(settings, mail)
    html, plain = message.get_body(("html",)), message.get_body(("plain",))
    assert html is not None
    assert plain is not None
    assert "&lt;b&gt;{{7*7}}&lt;/b&gt; %(when)s %s" in html.get_content()
    assert "<script>" not in html.get_content()
    assert "<b>{{7*7}}</b> %(when)s %s" in plain.get_content()


def test_links_start_with_the_configured_issuer(settings: Settings, staff: dict[str, MadePerson]) -> None:
    """security.md 11: no part of a request reaches a link."""
    (mail,) = _notify(settings, staff["verified"])
    html = compose(settings, mail).get_body(("html",))
    assert html is not None
    links = [piece.partition('"')[0] for piece in html.get_content().split('href="')[1:]]
    assert links
    assert all(link == settings.issuer or link.startswith(settings.issuer + "/") for link in links)


def test_subjects_lose_controls_and_direction_marks() -> None:
    """A name cannot reverse the reading direction of a subject, or hide a part of it."""
    assert one_line(" a\r\n b\u2028c\u202ed\u200b \x07e ") == "a b cd e"


@pytest.mark.parametrize("locale", LANGUAGES)
@pytest.mark.parametrize("template", sorted(messages.NOTICES | messages.PERSONAL))
@pytest.mark.parametrize("for_owner", [False, True])
def test_every_mail_renders_in_text_and_html_in_every_language(
    settings: Settings, database: Flask, template: str, locale: str, for_owner: bool
) -> None:
    """S51, S53, S62: every template renders completely. Both forms say the same, and lines of the text are short."""
    letter = messages.Letter(template, "Vera", "vera", "Example Shoes", for_owner, VALUES)
    mail_id = "m" * 26
    mail = OutgoingMail(
        id=mail_id,
        recipient="vera@shoes.example",
        template=template,
        locale=locale,
        message_id=f"<{mail_id}@id.example.com>",
        created_at=clock.now(),
        expires_at=clock.now() + timedelta(hours=24),
        sealed_values=letter.sealed(settings.ring, sealed.MAILS.place(mail_id)),
    )
    message = compose(settings, mail)
    assert len(str(message["Subject"])) <= 70, "mail programs cut longer subjects"
    plain, html = message.get_body(("plain",)), message.get_body(("html",))
    assert plain is not None
    assert html is not None
    text, page = plain.get_content(), html.get_content()
    assert translations(locale).gettext("Hello,").rstrip(",") in text
    assert str(message["Subject"]) in page
    assert f'<html lang="{locale}">' in page
    assert "prefers-color-scheme: dark" in page
    assert all(len(line) <= 78 for line in text.splitlines() if "http" not in line)
    assert "{{" not in text + page
    assert "%(" not in text + page
    assert VALUES["link"] in text.splitlines() or template in messages.NOTICES | {"one_time_password"}
    assert ("kettle-4711" in text) == ("kettle-4711" in page) == (template == "one_time_password")


@pytest.mark.parametrize(
    ("own", "chosen", "country", "language"),
    [
        ("", [], "NL", "nl"),
        ("", [], "BE", "nl"),
        ("", [], "AU", "en"),
        ("", [], "", "en"),
        ("", [], "IS", "en"),
        ("", ["en", "nl"], "NL", "en"),
        ("", ["nl", "en"], "AU", "nl"),
        ("en", ["nl", "en"], "NL", "en"),
        ("nl-BE", [], "AU", "nl"),
        ("is", ["nl"], "", "nl"),
    ],
)
def test_a_user_without_a_choice_gets_the_organisations_language(
    settings: Settings, factory: Factory, own: str, chosen: list[str], country: str, language: str
) -> None:
    """S62: users of a Dutch shop get Dutch mail. The organisation may choose another language, and so may each user."""
    kept = {"languages": chosen} if chosen else {}
    organisation_id = factory.make_organisation(country=country, settings=kept)
    person = factory.make_user(organisation_id, "vera", email="vera@shoes.example", locale=own)
    with factory.context():
        (mail,) = _notify(settings, person)
    assert mail.locale == language


def test_the_installations_language_is_the_last_resort(
    configure: Callable[..., Settings], staff: dict[str, MadePerson]
) -> None:
    """S62: the mail uses it if neither the person nor the organisation chose a language."""
    (mail,) = _notify(configure(default_language="nl"), staff["none"])
    assert mail.locale == "nl"
