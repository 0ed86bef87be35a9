"""E-mail addresses: changed, confirmed, taken back; and the verifying that is asked of administrators (S52, S54, S55).

A new address counts once its reader pressed a button on the linked page; until then the old one stays. The old address is
told and can undo it for three days. A customer whose username is the address keeps it so: both change together.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from idp import clock
from idp.audit import Event, Origin, record_about
from idp.config import Settings
from idp.db import refuse_duplicate, transaction
from idp.errors import Conflict, Invalid, say, say_many
from idp.factors import FIRST_NOTICES
from idp.identity import email_links, mail_limits, sensitive_changes
from idp.identity.email_links import Opened
from idp.identity.lockout import rate_limits
from idp.identity.roles import RULING_ROLES, Role
from idp.identity.sensitive_changes import Access
from idp.identity.user_fields import check_email
from idp.mail import messages
from idp.normal_forms import compared
from idp.store import users
from idp.store.users import User

UNDO = timedelta(hours=72)
CHANGED_RECENTLY = say_many(
    "The owner's address was changed less than %(num)s day ago. Wait until that time has passed.",
    "The owner's address was changed less than %(num)s days ago. Wait until that time has passed.",
    UNDO.days,
)
"""How long the old address can take a change back."""
REMINDED = timedelta(days=7)
"""How long an administrator is only reminded (S55)."""
TAKEN = say("Somebody signs in with this address already. Use another one.")


@dataclass(frozen=True)
class Address:
    """An address as it was: what a change forgets."""

    email: str
    is_verified: bool

    @classmethod
    def of(cls, user: User) -> "Address":
        """The present one."""
        return cls(user.email or "", messages.can_be_written_to(user))


def needs_verifying(user: User) -> bool:
    """Whether this is an administrator or owner who has an address and has not verified it (S55)."""
    return user.role in RULING_ROLES and bool(user.email) and user.email_verified_at is None


def console_is_open(user: User, now: datetime) -> bool:
    """Whether the console may open to an administrator: not once seven days of reminding have passed in vain (S55)."""
    until = closes_at(user)
    return until is None or now < until


def closes_at(user: User) -> datetime | None:
    """When the console closes to an administrator unless they verify; None where nothing was asked of them."""
    return user.verify_since + REMINDED if user.verify_since and user.email_verified_at is None else None


def ask_change(settings: Settings, user: User, typed: str, origin: Origin) -> None:
    """Begin a change: mail a link to the new address. A second one voids the first. Raises ``Invalid``, ``TooMany``.

    Whether somebody else has that address is not looked at, so this tells nobody anything.
    """
    wanted = check_email("email", typed)
    if wanted is None or not messages.is_plain_address(wanted):
        raise Invalid("email", say("This is not an e-mail address."))
    if compared(wanted) == user.email_key and user.email_verified_at is not None:
        raise Invalid("email", say("This is your address already."))
    sensitive_changes.require(None, Access("address_change", user.role))
    rate_limits.admit_mail_for(settings, f"address\0{user.id}", clock.now())
    mail_limits.admit(settings, origin, user, wanted)
    with transaction():
        email_links.void(user, *email_links.ADDRESS_PURPOSES)
        values = {"email": wanted}
        record_about(origin, Event.ADDRESS_ASKED, user)
        email_links.mail(
            settings, user, "address", "address_confirm", email_links.soon(settings), values=values, address=wanted
        )


def pending(settings: Settings, user: User) -> str:
    """The address that waits to be confirmed; empty for none."""
    return str((email_links.latest(settings, user, "address") or {}).get("email", ""))


def confirm(settings: Settings, link: Opened, origin: Origin) -> None:
    """The button on the page of a change was pressed: the address changes now, and old and new are told (S52)."""
    user, email = link.user, link.text("email")
    columns = {**_columns(email), **_username_with(user, email)}
    with transaction():
        email_links.burn(link)
        _require_free(user, columns)
        with refuse_duplicate("username", Conflict(TAKEN)):
            _change(settings, user, columns, origin)


def _change(settings: Settings, user: User, columns: dict[str, Any], origin: Origin) -> None:
    before, undoing = Address.of(user), {"email": user.email or "", "username": user.username}
    users.change_user(user.organisation_id, user.id, **columns, email_verified_at=clock.now(), verify_since=None)
    email_links.void(user, *email_links.PASSWORD_PURPOSES, *email_links.ADDRESS_PURPOSES)
    record_about(origin, Event.ADDRESS_CHANGED, user)
    _tell_old(settings, user, before, undoing)
    messages.notify(settings, user.organisation_id, user.id, "address_changed")


def verify(settings: Settings, link: Opened, origin: Origin) -> None:
    """The button was pressed that says: this address on record is mine (S55)."""
    user = link.user
    with transaction():
        email_links.burn(link)
        if user.email_key != link.values.get("email"):
            raise Conflict(say("The address was changed in the meantime."))
        users.change_user(user.organisation_id, user.id, email_verified_at=clock.now(), verify_since=None)
        record_about(origin, Event.ADDRESS_VERIFIED, user)


def send_verification(settings: Settings, user: User, origin: Origin) -> None:
    """Mail the "verify" button to the address on record, on the person's own wish; raises ``TooMany``."""
    rate_limits.admit_mail_for(settings, f"address\0{user.id}", clock.now())
    mail_limits.admit(settings, origin, user, user.email or "")
    with transaction():
        ask_to_verify(settings, user)


def ask_to_verify(settings: Settings, user: User, why: str = "") -> None:
    """Mail the button, within the transaction, and begin to count the days. ``why``: what the mail tells besides."""
    address, now = user.email or "", clock.now()
    if not messages.is_plain_address(address):
        return
    if user.verify_since is None and user.role in RULING_ROLES:
        users.change_user(user.organisation_id, user.id, verify_since=now)
    values = {"email": user.email_key}
    told = {"why": why, "days": REMINDED.days if user.role in RULING_ROLES else 0}
    email_links.mail(
        settings, user, "verify", "address_verify", email_links.soon(settings), values=values, address=address, words=told
    )


def tell_of_factor(settings: Settings, user: User, template: str, values: Mapping[str, object] = messages.NOTHING) -> None:
    """The notice about a second factor (S53), within the transaction; administrators get the "verify" button too (S55)."""
    found = users.user(user.organisation_id, user.id)
    asked = found.email or "" if found is not None and needs_verifying(found) else ""
    if user.last_login_at is None and template in FIRST_NOTICES:  # no change: the owner need not know
        messages.notify_person(settings, user, template, values)
    else:
        messages.notify(settings, user.organisation_id, user.id, template, values, told=asked)
    if found is not None and asked and rate_limits.admits_mail_for(settings, f"address\0{found.id}", clock.now()):
        ask_to_verify(settings, found, why=template)


def told_of_change(settings: Settings, user: User, before: Address) -> None:
    """After an administrator or a file changed somebody's address, within the transaction: old and new are told (S52).

    Nobody can undo that by a link: the administrator took the old address away on purpose.
    """
    email_links.void(user, *email_links.PASSWORD_PURPOSES, *email_links.ADDRESS_PURPOSES, "undo")
    users.change_user(user.organisation_id, user.id, verify_since=None)
    found = users.user(user.organisation_id, user.id)
    if found is None:
        return
    _tell_old(settings, found, before, None)
    if found.email_verified_at is not None:
        messages.notify(settings, found.organisation_id, found.id, "address_changed")
    elif found.email:
        ask_to_verify(settings, found, why="address_changed")


def _tell_old(settings: Settings, user: User, before: Address, undoing: dict[str, Any] | None) -> None:
    """To the old address, with the way back where there is one; to the owner where it was never verified (S54)."""
    if compared(before.email) == user.email_key:
        return  # written otherwise, the same mailbox: it is told as the new one
    if not before.is_verified:
        messages.notify_owner(settings, user.organisation_id, user.id, "address_changed")
    elif undoing is None:
        messages.write_to_address(settings, user.organisation_id, user.id, before.email, "address_was_changed", {"link": ""})
    else:
        until = clock.now() + UNDO
        email_links.mail(settings, user, "undo", "address_was_changed", until, values=undoing, address=before.email)


def _columns(email: str) -> dict[str, Any]:
    return {"email": email, "email_key": compared(email)}


def _username_with(user: User, email: str) -> dict[str, Any]:
    """A customer signs in with the address, so the username goes with it."""
    if user.role != Role.CUSTOMER or user.username_key != user.email_key:
        return {}
    return {"username": email, "username_key": compared(email)}


def _require_free(user: User, columns: dict[str, Any]) -> None:
    named = users.user_named(user.organisation_id, columns.get("username_key", user.username_key))
    if named is not None and named.id != user.id:
        raise Conflict(TAKEN)
