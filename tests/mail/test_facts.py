"""Every mail says what happened, whose account it concerns, when and from where, in the organisation's look."""

from email.message import EmailMessage
from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from idp.actors import Person, System
from idp.audit import Event, Origin, record
from idp.config import Settings
from idp.db import transaction
from idp.identity.credentials import passwords
from idp.identity.credentials.passwords import NewPassword
from idp.identity.organisations import logos, organisations
from idp.identity.users import email_address
from idp.mail import messages
from idp.mail.letters import compose
from idp.store import outbox, users
from idp.store.outbox import OutgoingMail
from tests.factories import BY_TESTS, Factory, MadePerson

BV = "Schoenen B.V."
FIREFOX = "Firefox · Windows"


@pytest.fixture
def vera(factory: Factory) -> MadePerson:
    """Return a user with a verified address, at an organisation whose name ends in a dot."""
    organisation_id = factory.make_organisation(name=BV, country="NL", owner=True, settings={"colour": "#0b3d91"})
    return factory.make_user(organisation_id, "vera", name="Vera", email="vera@shoes.example", locale="en")


def changed_password_mail(settings: Settings, person: MadePerson, origin: Origin) -> EmailMessage:
    """Return the mail about a changed password."""
    with transaction():
        about = {"organisation_id": person.organisation_id, "subject_id": person.id}
        record(origin, Event.PASSWORD_CHANGED, **about)
        messages.notify(settings, person.organisation_id, person.id, "password_changed")
    return compose(settings, outbox.mails()[0])


def plain(message: EmailMessage) -> str:
    """Return the text of a mail."""
    part = message.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


def html(message: EmailMessage) -> str:
    """Return the HTML of a mail."""
    part = message.get_body(("html",))
    assert part is not None
    return str(part.get_content())


def test_a_mail_says_whose_account_when_and_from_where(settings: Settings, factory: Factory, vera: MadePerson) -> None:
    """S51: account, organisation, local time with its zone, browser and network have a line each. The page is linked."""
    with factory.context():
        message = changed_password_mail(settings, vera, Origin(Person(vera.id), address="203.0.113.7", label=FIREFOX))
    text = plain(message)
    for line in ("Account: vera", f"Organisation: {BV}", "From: Firefox · Windows · Network 203.0.113.*"):
        assert line in text.splitlines(), text
    assert "When: " in text
    assert " CE" in text, "the zone must be CET or CEST"
    assert f"{settings.issuer}/account/security" in text.splitlines()
    assert "203.0.113.7" not in text


def test_a_mail_about_an_administrators_act_omits_their_location(
    settings: Settings, factory: Factory, vera: MadePerson
) -> None:
    """S51: the mail does not reveal the administrator's location."""
    with factory.context():
        text = plain(changed_password_mail(settings, vera, Origin(Person("a" * 26), address="203.0.113.7", label=FIREFOX)))
    assert "Done by: an administrator" in text.splitlines()
    assert "203.0.113" not in text
    assert FIREFOX not in text


def test_a_mail_has_the_organisations_name_colour_and_logo(settings: Settings, factory: Factory, vera: MadePerson) -> None:
    """From has the organisation's name and the configured address. The mail contains the logo and loads nothing."""
    picture = BytesIO()
    Image.new("RGB", (60, 20), "#0b3d91").save(picture, "PNG")
    with factory.context():
        logos.adopt(factory.organisation(vera.organisation_id), picture.getvalue(), BY_TESTS)
        message = changed_password_mail(settings, vera, Origin(Person(vera.id)))
    assert message["From"].addresses[0].display_name == BV
    assert message["From"].addresses[0].addr_spec == "no-reply@localhost"
    page = html(message)
    assert "#0b3d91" in page
    assert f'alt="{BV}"' in page
    (image,) = [part for part in message.walk() if part.get_content_type() == "image/png"]
    assert f'src="cid:{str(image["Content-ID"]).strip("<>")}"' in page
    assert 'src="http' not in page


def test_the_owners_mail_links_to_the_page_of_the_user(settings: Settings, factory: Factory, vera: MadePerson) -> None:
    """S54: the link starts with the issuer and leads to the user that the mail names."""
    nora = factory.make_user(vera.organisation_id, "nora")
    with factory.context():
        text = plain(changed_password_mail(settings, nora, Origin(System("cli"))))
    assert f"{settings.issuer}/admin/example-shoes/people/{nora.id}" in text.splitlines()


@pytest.mark.parametrize("is_new", [True, False])
def test_the_owner_gets_no_mail_about_a_users_first_password(
    settings: Settings, factory: Factory, vera: MadePerson, is_new: bool
) -> None:
    """S51, S54: a user without an address who chooses a first password changes nothing."""
    nora = factory.make_user(vera.organisation_id, "nora", **({"password": ""} if is_new else {}))
    with factory.context():
        passwords.put(settings, factory.user(nora), NewPassword("$argon2id$x"), Origin(Person(nora.id)))
        assert [mail.recipient for mail in outbox.mails()] == ([] if is_new else ["owner@shoes.example"])


def _sent(factory: Factory) -> list[OutgoingMail]:
    with factory.context():
        return outbox.mails()


def test_one_mailbox_gets_one_mail_about_one_change(settings: Settings, factory: Factory, vera: MadePerson) -> None:
    """S52, S54: two spellings of one address are one mailbox. So is an address that owner and administrator share."""
    with factory.context(), transaction():
        user = factory.user(vera)
        before = email_address.Address.of(user)
        users.change_user(user.organisation_id, user.id, email="Vera@shoes.example")
        email_address.told_of_change(settings, user, before)
    assert len(_sent(factory)) == 1
    shared: dict[str, Any] = {"email": "owner@shoes.example", "email_verified": False}
    ann = factory.make_user(vera.organisation_id, "ann", role="administrator", **shared)
    with factory.context(), transaction():
        email_address.tell_of_factor(settings, factory.user(ann), "factor_reset")
    assert [mail.template for mail in _sent(factory) if mail.user_id == ann.id] == ["address_verify"]


def test_administrators_with_one_mailbox_get_one_notice_of_a_new_owner(settings: Settings, factory: Factory) -> None:
    """S48: a shared mailbox gets one mail."""
    organisation_id = factory.make_organisation("toys")
    for name in ("ann", "bob"):
        factory.make_user(organisation_id, name, role="administrator", with_totp=True, email="desk@toys.example")
    with factory.context(), transaction():
        at = factory.organisation(organisation_id)
        from idp.identity.owner import administrators
        from idp.identity.ownership import transfer

        transfer._tell(settings, "ownership_withdrawn", administrators(at.id)[0], None, administrators(at.id))
    assert [mail.recipient for mail in _sent(factory)] == ["desk@toys.example"]


def test_a_change_of_the_settings_shows_in_the_next_mail(settings: Settings, factory: Factory, vera: MadePerson) -> None:
    """A mail that waited also gets the present look."""
    with factory.context():
        with transaction():
            organisations.change(factory.organisation(vera.organisation_id), {"settings": {"colour": "#aa0000"}}, BY_TESTS)
        assert "#aa0000" in html(changed_password_mail(settings, vera, Origin(Person(vera.id))))
