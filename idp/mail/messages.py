"""Which mail is written to which reader: rows for the outbox, in the transaction of what they tell about.

A *notice* tells that something happened, and goes to the owner where the person has no verified address (S54). What carries
a secret or a link goes to that person's own verified address or nowhere. Values travel sealed until the mail has left.
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
from idp.mail.letters import Letter, place_of
from idp.store import organisations, outbox, rate_limits, users
from idp.store.organisations import Organisation
from idp.store.outbox import OutgoingMail
from idp.store.users import User

NOTHING: Mapping[str, object] = MappingProxyType({})
NOTICES_OF_A_KIND = 20
"""How many notices of one kind one person gets within the window of ``limits``. The audit trail tells of all of them.

An act that protects somebody is never refused because of its mail, but a session must not fill a mailbox by repeating it.
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
        "owner_recovery_cancelled",
        "ownership_transferred",
        "ownership_withdrawn",
    }
)
"""Templates that may go to the owner in the person's place: they carry no secret and no link that does anything."""
PERSONAL = frozenset(
    {
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
"""One plain address: no white space of any script (U+2028 too), no list, comment or quoting, nothing a header could hold."""


@dataclass(frozen=True)
class Reader:
    """Who will read a mail: address, language, time zone, and whether they read it as the owner about somebody else.

    ``is_proven``: the address is theirs. Others are not greeted by a name that the sender typed: it may be an advertisement.
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
    told: str = "",
) -> None:
    """Write a notice about a user, within the transaction of what it tells about.

    To the user's verified address, else to the owner's with the user named (S54), else to nobody. ``template`` is one of
    ``NOTICES``; ``values`` are plain JSON values for it and never a secret. ``told``: an address that gets another mail
    about the same; no mailbox gets two.
    """
    if template not in NOTICES:
        raise ValueError(f"{template} is no notice")
    user, organisation = users.user(organisation_id, user_id), organisations.organisation(organisation_id)
    if user is None or organisation is None:
        return
    reader = _reader(settings, user, organisation) or _owner(settings, user, organisation)
    if reader is not None and (not told or reader.address.casefold() != told.casefold()):
        _put_notice(settings, user, organisation, reader, template, values)


def notify_person(settings: Settings, user: User, template: str, values: Mapping[str, object] = NOTHING) -> None:
    """Write a notice about a user to their own verified address, within the transaction; to nobody where they have none.

    For what belongs to somebody new, as a first password: it is no change that the owner would have to know of.
    """
    if can_be_written_to(user):
        notify(settings, user.organisation_id, user.id, template, values)


def notify_owner(settings: Settings, organisation_id: str, user_id: str, template: str) -> None:
    """Write a notice about a user to the owner (S54), within the transaction; to nobody where they are the owner."""
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
        _put(settings, user, organisation, reader, template, values, None)


def write_to_person(
    settings: Settings,
    organisation_id: str,
    user_id: str,
    template: str,
    values: Mapping[str, object],
    expires_at: datetime | None,
) -> bool:
    """Write a mail that carries a secret or a link, to that person's own verified address; False where they have none.

    Not sent after ``expires_at``.
    """
    user, organisation = users.user(organisation_id, user_id), organisations.organisation(organisation_id)
    reader = _reader(settings, user, organisation) if user and organisation else None
    if user is None or organisation is None or reader is None:
        return False
    _put(settings, user, organisation, reader, template, values, expires_at)
    return True


def write_to_address(
    settings: Settings,
    organisation_id: str,
    user_id: str,
    address: str,
    template: str,
    values: Mapping[str, object],
    expires_at: datetime | None = None,
) -> None:
    """Write a mail about a user to an address that is not (or no longer) their verified one; ``Invalid`` if it is none."""
    if not is_plain_address(address):
        raise Invalid("email", say("This is not an e-mail address."), detail="refused as the recipient of a mail")
    user, organisation = users.user(organisation_id, user_id), organisations.organisation(organisation_id)
    if user is None or organisation is None:
        raise LookupError("a mail was to be written about nobody")
    reader = Reader(address, _locale(settings, user, organisation), user.zone(organisation).key, is_proven=False)
    _put(settings, user, organisation, reader, template, values, expires_at)


def is_plain_address(text: str) -> bool:
    """Whether ``text`` is one address and nothing else that would reach a header (ASVS 1.3.11)."""
    return ADDRESS.fullmatch(text) is not None


def can_be_written_to(user: User) -> bool:
    """Whether a mail with a secret or a link can go to this user: the address is there and verified."""
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
    """The language of a mail: the reader's own choice, else the organisation's first, else the installation's (S62)."""
    return next(iter(spoken((reader.locale, *languages_of(organisation)))), settings.default_language)


def _came_from(user: User) -> dict[str, str]:
    """Who did it and from where, as the audit trail tells of the same: an administrator's own place is nobody's business."""
    entry = audit.last_recorded(user.organisation_id, user.id)
    if entry is None:
        return {}
    origin = entry.origin
    if origin.actor_id not in ("", user.id):
        return {"by": "installation" if isinstance(origin.actor, System) else "administrator"}
    return {"browser": origin.label, "address": origin.address}


def _put(
    settings: Settings,
    user: User,
    organisation: Organisation,
    reader: Reader,
    template: str,
    values: Mapping[str, object],
    expires_at: datetime | None,
) -> None:
    now, mail_id = clock.now(), crypto.new_id()
    letter = Letter(
        template=template,
        name=user.name if reader.is_proven else "",
        username=user.username,
        organisation=organisation.name,
        for_owner=reader.for_owner,
        zone=reader.zone,
        values=dict(values),
        **(_came_from(user) if reader.is_proven or template == "address_was_changed" else {}),
    )
    outbox.add_mail(
        OutgoingMail(
            id=mail_id,
            organisation_id=organisation.id,
            user_id=user.id,
            recipient=reader.address,
            template=template,
            locale=reader.locale,
            sealed_values=letter.sealed(settings.ring, place_of(mail_id)),
            message_id=f"<{mail_id}@{urlsplit(settings.issuer).hostname}>",
            created_at=now,
            due_at=now,
            expires_at=expires_at,
            tries=0,
        )
    )
