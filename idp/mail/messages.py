"""Write mails to their readers: rows for the outbox, in the transaction of the change that they report.

A *notice* reports an event. It goes to the owner if the person has no verified address (S54). A mail with a secret or a link
goes only to that person's own verified address. Values are sealed until the mail has left.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from urllib.parse import urlsplit

from idp import audit, clock, crypto, factors
from idp.actors import System
from idp.branding import languages_of
from idp.config import Settings
from idp.errors import Invalid, say
from idp.languages import spoken
from idp.mail.letters import Letter
from idp.store import organisations, outbox, rate_limits, sealed, users
from idp.store.organisations import Organisation
from idp.store.outbox import OutgoingMail
from idp.store.users import User

NOTHING: Mapping[str, object] = MappingProxyType({})
AHEAD = timedelta(hours=12)
"""How much earlier a mail with a link or a code is due: its reader waits for it, and thousands of notices may be waiting."""
NOTICES_OF_A_KIND = 20
"""One person gets this many notices of one kind within the window of ``limits``. The audit log has all of them.

An act that protects somebody is never refused because of its mail, but repeating it must not fill a mailbox.
"""

NOTICES = frozenset(
    {
        *factors.NOTICES,
        "password_changed",
        "factor_removed",
        "factor_reset",
        "locked",
        "unlocked",
        "address_changed",
        "disabled",
        "sessions_ended",
        "restored",
        "owner_recovery_cancelled",
        "ownership_transferred",
        "ownership_withdrawn",
    }
)
"""Templates that may go to the owner instead of the person: they carry no secret and no working link."""
PERSONAL = frozenset(
    {
        "approval_asked",
        "one_time_password",
        "reset_password",
        "invitation",
        "address_confirm",
        "address_was_changed",
        "address_restored",
        "address_verify",
        "unlock",
        "owner_recovery_confirm",
        "owner_recovery_announced",
        "owner_recovery_done",
        "ownership_offer",
        "ownership_offered",
    }
)
"""Templates for one person alone: they carry a secret or a link."""

ADDRESS = re.compile(r"[^\s@<>(),;:\"\\\[\]\x00-\x1f\x7f-\x9f]{1,64}@[^\s@<>(),;:\"\\\[\]\x00-\x1f\x7f-\x9f%/?#]{1,189}")
"""A single plain address: no white space of any script (U+2028 too), no list, comment or quoting, nothing special in a
header.
"""


@dataclass(frozen=True)
class Reader:
    """Hold a mail's reader: address, language, time zone, and whether the owner reads it about another person.

    ``is_proven``: the reader proved the address. Others are not greeted by a name that the sender entered: it may be an
    advertisement.
    """

    address: str
    locale: str
    zone: str
    for_owner: bool = False
    is_proven: bool = True


def notify(
    settings: Settings,
    organisation_id: str,
    user_id: str,
    template: str,
    values: Mapping[str, object] = NOTHING,
    told_already: str = "",
) -> None:
    """Write a notice about a user, within the transaction of the change that it reports.

    It goes to the user's verified address, else to the owner with the user named (S54), else to nobody. ``template`` is one
    of ``NOTICES``; ``values`` are plain JSON values and never a secret. ``told_already``: an address that gets another mail
    about the same; no mailbox gets two.
    """
    if template not in NOTICES:
        raise ValueError(f"{template} is no notice")
    user, organisation = users.user(organisation_id, user_id), organisations.organisation(organisation_id)
    if user is None or organisation is None:
        return
    reader = _reader(settings, user, organisation) or _owner(settings, user, organisation)
    if reader is not None and (not told_already or reader.address.casefold() != told_already.casefold()):
        _put_notice(settings, user, organisation, reader, template, values)


def notify_person(settings: Settings, user: User, template: str, values: Mapping[str, object] = NOTHING) -> None:
    """Write a notice about a user to their own verified address only, within the transaction.

    It is for a new user's own news, such as a first password: the owner need not know of it.
    """
    if can_be_written_to(user):
        notify(settings, user.organisation_id, user.id, template, values)


def notify_owner(settings: Settings, organisation_id: str, user_id: str, template: str) -> None:
    """Write a notice about a user to the owner (S54), within the transaction; to nobody if the user is the owner."""
    if template not in NOTICES:
        raise ValueError(f"{template} is no notice")
    user, organisation = users.user(organisation_id, user_id), organisations.organisation(organisation_id)
    reader = _owner(settings, user, organisation) if user and organisation else None
    if user is not None and organisation is not None and reader is not None:
        _put_notice(settings, user, organisation, reader, template, NOTHING)


def _put_notice(
    settings: Settings,
    user: User,
    organisation: Organisation,
    reader: Reader,
    template: str,
    values: Mapping[str, object],
) -> None:
    reader_id, now = organisation.owner_id if reader.for_owner else user.id, clock.now()
    until = now + timedelta(minutes=settings.limits.address_window_minutes)
    if rate_limits.admit_ip("notices", f"{reader_id} {template}", NOTICES_OF_A_KIND, now, until):
        _put(settings, user, reader, _letter(user, organisation, reader, template, values))


def write_to_person(
    settings: Settings,
    organisation_id: str,
    user_id: str,
    template: str,
    values: Mapping[str, object],
    expires_at: datetime | None,
) -> bool:
    """Write a mail with a secret or a link to that person's own verified address. Returns False if they have none.

    It is not sent after ``expires_at``.
    """
    user, organisation = users.user(organisation_id, user_id), organisations.organisation(organisation_id)
    reader = _reader(settings, user, organisation) if user and organisation else None
    if user is None or organisation is None or reader is None:
        return False
    _put(settings, user, reader, _letter(user, organisation, reader, template, values), expires_at)
    return True


def write_to_address(
    settings: Settings,
    about: User,
    address: str,
    template: str,
    values: Mapping[str, object],
    expires_at: datetime | None = None,
) -> None:
    """Write a mail about a user to an address that is not, or no longer, their verified one. Raises ``Invalid`` for no
    address.
    """
    if not is_plain_address(address):
        raise Invalid("email", say("This is not an e-mail address."), detail="refused as the recipient of a mail")
    user, organisation = users.user(about.organisation_id, about.id), organisations.organisation(about.organisation_id)
    if user is None or organisation is None:
        raise LookupError("a mail was to be written about nobody")
    reader = Reader(address, _locale(settings, user, organisation), user.zone(organisation).key, is_proven=False)
    _put(settings, user, reader, _letter(user, organisation, reader, template, values), expires_at)


def is_plain_address(text: str) -> bool:
    """Check if ``text`` is one address and nothing else that would reach a header (ASVS 1.3.11)."""
    return ADDRESS.fullmatch(text) is not None


def can_be_written_to(user: User) -> bool:
    """Check if a mail with a secret or a link can go to this user: the address exists and is verified."""
    return bool(user.email and user.email_verified_at and is_plain_address(user.email))


def _reader(settings: Settings, user: User, organisation: Organisation) -> Reader | None:
    if not can_be_written_to(user):
        return None
    return Reader(str(user.email), _locale(settings, user, organisation), user.zone(organisation).key)


def _owner(settings: Settings, about: User, organisation: Organisation) -> Reader | None:
    owner = users.user(organisation.id, organisation.owner_id) if organisation.owner_id else None
    if owner is None or owner.id == about.id or not can_be_written_to(owner):
        return None
    locale = _locale(settings, owner, organisation)
    return Reader(str(owner.email), locale, owner.zone(organisation).key, for_owner=True)


def _locale(settings: Settings, reader: User, organisation: Organisation) -> str:
    """Return the actor and the place, as in the audit log, without an administrator's own place."""
    return next(iter(spoken((reader.locale, *languages_of(organisation)))), settings.default_language)


def _came_from(user: User) -> dict[str, str]:
    """Return the actor and the place, as in the audit log. An administrator's own place is left out."""
    entry = audit.last_recorded(user.organisation_id, user.id)
    if entry is None:
        return {}
    origin = entry.origin
    if origin.actor_id not in ("", user.id):
        return {"by": "installation" if isinstance(origin.actor, System) else "administrator"}
    return {"browser": origin.label, "address": origin.address}


def _letter(user: User, organisation: Organisation, reader: Reader, template: str, values: Mapping[str, object]) -> Letter:
    return Letter(
        template=template,
        name=user.name if reader.is_proven else "",
        username=user.username,
        organisation=organisation.name,
        for_owner=reader.for_owner,
        zone=reader.zone,
        values=dict(values),
        **(_came_from(user) if reader.is_proven or template == "address_was_changed" else {}),
    )


def _put(settings: Settings, user: User, reader: Reader, letter: Letter, expires_at: datetime | None = None) -> None:
    now, mail_id = clock.now(), crypto.new_id()
    outbox.add_mail(
        OutgoingMail(
            id=mail_id,
            organisation_id=user.organisation_id,
            user_id=user.id,
            recipient=reader.address,
            template=letter.template,
            locale=reader.locale,
            sealed_values=letter.sealed(settings.ring, sealed.MAILS.place(mail_id)),
            message_id=f"<{mail_id}@{urlsplit(settings.issuer).hostname}>",
            created_at=now,
            due_at=now - AHEAD if expires_at else now,
            expires_at=expires_at,
            tries=0,
        )
    )
