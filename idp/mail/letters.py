"""Compose a mail: render one template as text and HTML in the reader's language, with Babel and Jinja alone.

A template extends ``layout`` and uses the macros ``paragraph``, ``button`` and ``secret``. The layout and the macros decide
between text and HTML, so each sentence is written once. The HTML escapes every value.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime as rfc5322_date
from email.utils import parseaddr
from functools import cache
from typing import TYPE_CHECKING, Any
from unicodedata import category
from urllib.parse import urlsplit

from babel.support import NullTranslations, Translations
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from idp import factors, ip_network, zones
from idp.branding import DARK, LIGHT, Brand, Palette, brand_of, palette
from idp.config import Settings
from idp.crypto import Ring
from idp.errors import Message
from idp.on_use import OnUse
from idp.resources import PACKAGE, folder
from idp.sections import Mail
from idp.store import logos, organisations, sealed
from idp.store.organisations import Organisation
from idp.store.outbox import OutgoingMail

if TYPE_CHECKING:
    import email_validator
else:
    email_validator = OnUse("email_validator")

BLANKS = re.compile(r"[^\S\u00a0\u202f]+")
"""White space and line ends, without the blanks that French puts before a colon and a question mark."""
COLOUR = "#0b6b5b"
"""The colour of mails of an organisation that has chosen none."""
DOMAIN = "mail"
"""The catalogue's name under ``idp/translations``. The pages have another one."""
FORMER_NAMES = {"heir": "new_owner"}
"""Names of values that an earlier release gave to mails that still wait."""


@dataclass(frozen=True)
class Letter:
    """Hold the part of a mail that is sealed while it waits: names at that moment, and the template's values.

    ``zone``: the reader's time zone. ``browser`` (in words) and ``address`` (IP): the place of the act. Both are empty if
    ``by`` is ``administrator`` or ``installation``.
    """

    template: str
    name: str = ""
    username: str = ""
    organisation: str = ""
    for_owner: bool = False
    values: Mapping[str, Any] = field(default_factory=dict)
    zone: str = ""
    browser: str = ""
    address: str = ""
    by: str = ""

    @classmethod
    def opened(cls, template: str, stored: Mapping[str, Any]) -> "Letter":
        """Read a letter from the outbox. Another release may have sealed it: unknown members are ignored, missing empty."""
        known = {one.name for one in fields(cls)}
        letter = cls(**{"template": template, **{name: value for name, value in stored.items() if name in known}})
        return replace(letter, values={FORMER_NAMES.get(name, name): value for name, value in letter.values.items()})

    def sealed(self, ring: Ring, place: str) -> str:
        """Seal the letter for the outbox."""
        return ring.seal_json(asdict(self), place)


@dataclass(frozen=True)
class MailPage:
    """Hold the values for a mail's template. ``when`` and ``until`` are moments in words, ``place`` is a network in words.

    Links start at ``issuer``. ``console``: the organisation's; ``person``: the person's page in it. ``logo``: the address of
    the attached picture, or empty. ``light`` and ``dark``: the shades of the organisation's colour.
    ``about_factor``: the sentence that differs by factor, or empty. ``since``: an earlier moment in words, or empty.
    """

    letter: Letter
    issuer: str
    site: str
    locale: str
    when: str
    until: str
    place: str
    console: str
    person: str
    brand: Brand
    logo: str
    light: Palette
    dark: Palette
    about_factor: str = ""
    since: str = ""


def compose(settings: Settings, mail: OutgoingMail) -> EmailMessage:
    """Compose the mail. Raises ``Unreadable`` if its values do not open.

    Raises ``ValueError`` for a header of two lines, or an address whose host cannot be one.
    """
    letter = Letter.opened(mail.template, sealed.MAILS.open_json(settings.ring, mail.id, mail.sealed_values))
    organisation = organisations.organisation(mail.organisation_id) if mail.organisation_id else None
    page = _page(settings, mail, letter, organisation)
    message = EmailMessage(policy=SMTP)
    message["From"] = _sender(settings, letter.organisation)
    message["To"] = on_the_wire(mail.recipient)
    message["Subject"] = one_line(_render("subject", page))
    message["Date"] = rfc5322_date(mail.created_at)
    message["Message-ID"] = mail.message_id
    message["Content-Language"] = mail.locale
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no automatic replies, such as holiday notices
    message.set_content(_render("txt", page), cte="quoted-printable")
    message.add_alternative(_render("html", page), subtype="html", cte="quoted-printable")
    if page.logo and page.brand.logo is not None:
        _attach(message, page.logo, logos.image_of(page.brand.logo.id))
    return message


def _page(settings: Settings, mail: OutgoingMail, letter: Letter, organisation: Organisation | None) -> MailPage:
    brand = brand_of(organisation) if organisation else Brand()
    console = f"{settings.issuer}/admin/{organisation.store_url}" if organisation else f"{settings.issuer}/admin/"
    colour = brand.colour or COLOUR
    when = local_time(mail.created_at, letter.zone, mail.locale)
    since = str(letter.values.get("since", ""))
    sentence = factors.mail_sentence(letter.template, letter.values)
    names = {"username": letter.username, "organisation": letter.organisation, "when": when}
    return MailPage(
        letter=letter,
        issuer=settings.issuer,
        site=settings.name,
        locale=mail.locale,
        when=when,
        until=local_time(mail.expires_at, letter.zone, mail.locale) if mail.expires_at else "",
        place=_in_words(ip_network.in_words(letter.address), mail.locale) if letter.address else "",
        console=console,
        person=f"{console}/people/{mail.user_id}" if organisation and mail.user_id else console,
        brand=brand,
        logo=f"logo.{mail.id}@{urlsplit(settings.issuer).hostname}" if brand.logo else "",
        light=palette(colour, LIGHT),
        dark=palette(colour, DARK),
        about_factor=_in_words(sentence.about(**names), mail.locale) if sentence else "",
        since=local_time(datetime.fromisoformat(since), letter.zone, mail.locale) if since else "",
    )


def _sender(settings: Settings, organisation: str) -> Address:
    """Return the From header: the organisation's name with the configured address."""
    name, address = parseaddr(settings.mail.sender)
    return Address(one_line(organisation) or name, addr_spec=on_the_wire(address))


def _attach(message: EmailMessage, content_id: str, image: bytes | None) -> None:
    """Attach the logo to the HTML (RFC 2387): most mail programs block pictures from elsewhere."""
    html = message.get_body(("html",))
    if image is not None and isinstance(html, EmailMessage):
        html.add_related(image, "image", "png", cid=f"<{content_id}>", disposition="inline")


def _in_words(message: Message, locale: str) -> str:
    """Return a message that pages show too, from their catalogue."""
    return translations(locale, "messages").gettext(message.key) % message.values


def on_the_wire(address: str) -> str:
    """Return an address that any server takes: a host beyond ASCII as A-labels (RFC 5891).

    The part before the @ is kept as it is; beyond ASCII it needs a server that speaks SMTPUTF8 (RFC 6531).
    """
    local, _, host = address.rpartition("@")
    if host.isascii():
        return address
    return f"{local}@{email_validator.validate_email(address, check_deliverability=False).ascii_domain}"


def envelope_sender(mail: Mail) -> str:
    """Return the address for bounces (RFC 5321 §4.1.1.2); empty for the null sender."""
    if mail.envelope_sender == "<>":
        return ""
    return mail.envelope_sender or on_the_wire(parseaddr(mail.sender)[1])


def one_line(text: str) -> str:
    """Return ``text`` for a header: every run of white space and line ends is one blank, without control or formatting
    characters. Blanks that do not break stay.
    """
    return "".join(letter for letter in BLANKS.sub(" ", text).strip() if category(letter) not in ("Cc", "Cf", "Cs", "Co"))


def local_time(moment: datetime, zone: str, locale: str) -> str:
    """Return a moment in the reader's zone and language, with the name of the zone."""
    return zones.with_zone(moment, zones.zone(zone), locale, zones.STAMP)


def _render(form: str, page: MailPage) -> str:
    kind = "html" if form == "html" else "txt"
    template = _environment(kind, page.locale).get_template(f"mail/{page.letter.template}.mail")
    layout = f"mail/layout.{form}"
    text = template.render(page=page, layout=layout, words=f"mail/words.{kind}")
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


@cache
def _environment(kind: str, locale: str) -> Environment:
    made = Environment(
        loader=FileSystemLoader(folder("templates")),
        autoescape=kind == "html",  # noqa: S701 — the other kind is plain text, where escapes would be read as they stand
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.install_gettext_translations(translations(locale), newstyle=True)  # type: ignore[attr-defined] # the extension adds it
    return made


@cache
def translations(locale: str, domain: str = DOMAIN) -> NullTranslations:
    """Return the catalogue of a language. The templates are in English."""
    return Translations.load(str(PACKAGE / "translations"), [locale], domain=domain)
