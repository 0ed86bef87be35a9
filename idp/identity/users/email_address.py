"""Change, confirm and verify e-mail addresses (S52, S54, S55).

A new address replaces the old one when its reader confirms it on the linked page. The old address is told, and can undo the
change for three days. If a customer's username is the address, both change together.
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
from idp.identity.email_links import MailedLink, Opened
from idp.identity.lockout import rate_limits
from idp.identity.roles import RULING_ROLES, Role
from idp.identity.sensitive_changes import Access
from idp.identity.user_fields import check_email
from idp.mail import messages
from idp.normal_forms import compared
from idp.records import changed
from idp.store import users
from idp.store.users import User

UNDO = timedelta(hours=72)
"""How long the old address can undo a change."""
CHANGED_RECENTLY = say_many(
    "The owner's address was changed less than %(num)s day ago. Wait until that time has passed.",
    "The owner's address was changed less than %(num)s days ago. Wait until that time has passed.",
    UNDO.days,
)
REMINDED = timedelta(days=7)
"""How long administrators are only reminded to verify (S55)."""
TAKEN = say("Somebody already signs in with this address. Use another one.")


@dataclass(frozen=True)
class Address:
    """An address before a change."""

    email: str
    is_verified: bool

    @classmethod
    def of(cls, user: User) -> "Address":
        """Return the present address."""
        return cls(user.email or "", messages.can_be_written_to(user))


def needs_verifying(user: User) -> bool:
    """Return whether an administrator or owner has an address that is not verified (S55)."""
    return user.role in RULING_ROLES and bool(user.email) and user.email_verified_at is None


def console_is_open(user: User, now: datetime) -> bool:
    """Return whether an administrator may use the console: not after seven days of reminders without effect (S55)."""
    until = closes_at(user)
    return until is None or now < until


def closes_at(user: User) -> datetime | None:
    """Return when the console closes to an administrator who does not verify; None if no verification is pending."""
    return user.verify_since + REMINDED if user.verify_since and user.email_verified_at is None else None


def ask_change(settings: Settings, user: User, entered: str, origin: Origin) -> None:
    """Mail a link to a new address; it voids an earlier one. Raises ``Invalid``, ``TooMany``.

    Other users with that address are not looked up, so that the answer does not reveal them.
    """
    wanted = check_email("email", entered)
    if wanted is None or not messages.is_plain_address(wanted):
        raise Invalid("email", say("This is not an e-mail address."))
    if compared(wanted) == user.email_key and user.email_verified_at is not None:
        raise Invalid("email", say("This is already your address."))
    sensitive_changes.require(None, Access("address_change", user.role))
    rate_limits.admit_mail_for(settings, f"address\0{user.id}", clock.now())
    mail_limits.admit(settings, origin, user, wanted)
    with transaction():
        email_links.void(user, *email_links.ADDRESS_PURPOSES)
        values = {"email": wanted}
        record_about(origin, Event.ADDRESS_ASKED, user)
        link = MailedLink("address", "address_confirm", email_links.soon(settings), values=values, address=wanted)
        email_links.mail(settings, user, link)


def pending(settings: Settings, user: User) -> str:
    """Return the address that is not confirmed yet; empty for none."""
    return str((email_links.latest(settings, user, "address") or {}).get("email", ""))


def confirm(settings: Settings, link: Opened, origin: Origin) -> None:
    """Change the address by the link of a change, and tell the old and the new one (S52)."""
    email = link.text("email")
    with transaction():
        user = email_links.burn(link)
        columns = {**_columns(email), **_username_with(user, email)}
        _require_free(user, columns)
        with refuse_duplicate("username", Conflict(TAKEN)):
            _change(settings, user, columns, origin)


def _change(settings: Settings, user: User, columns: dict[str, Any], origin: Origin) -> None:
    before, undoing = Address.of(user), {"email": user.email or "", "username": user.username}
    columns = {**columns, "email_verified_at": clock.now(), "verify_since": None}
    users.change_user(user.organisation_id, user.id, **columns)
    user = changed(user, **columns)
    email_links.void(user, *email_links.PASSWORD_PURPOSES, *email_links.ADDRESS_PURPOSES)
    record_about(origin, Event.ADDRESS_CHANGED, user)
    _tell_old(settings, user, before, undoing)
    messages.notify(settings, user.organisation_id, user.id, "address_changed")


def verify(settings: Settings, link: Opened, origin: Origin) -> None:
    """Verify the present address by its link (S55)."""
    with transaction():
        user = email_links.burn(link)
        if user.email_key != link.values.get("email"):
            raise Conflict(say("The address was changed in the meantime."))
        users.change_user(user.organisation_id, user.id, email_verified_at=clock.now(), verify_since=None)
        record_about(origin, Event.ADDRESS_VERIFIED, user)


def send_verification(settings: Settings, user: User, origin: Origin) -> None:
    """Mail a link to verify the present address, at the user's request; raises ``TooMany``."""
    rate_limits.admit_mail_for(settings, f"address\0{user.id}", clock.now())
    mail_limits.admit(settings, origin, user, user.email or "")
    with transaction():
        ask_to_verify(settings, user)


def ask_to_verify(settings: Settings, user: User, why: str = "") -> None:
    """Mail a link to verify, within the caller's transaction, and start the seven days. ``why``: the reason in the mail."""
    address, now = user.email or "", clock.now()
    if not messages.is_plain_address(address):
        return
    if user.verify_since is None and user.role in RULING_ROLES:
        users.change_user(user.organisation_id, user.id, verify_since=now)
    values = {"email": user.email_key}
    words = {"why": why, "days": REMINDED.days if user.role in RULING_ROLES else 0}
    link = MailedLink("verify", "address_verify", email_links.soon(settings), values=values, address=address, words=words)
    email_links.mail(settings, user, link)


def tell_of_factor(settings: Settings, user: User, template: str, values: Mapping[str, object] = messages.NOTHING) -> None:
    """Send the notice about a second factor (S53), within the transaction. Administrators get a link to verify too (S55)."""
    found = users.user(user.organisation_id, user.id)
    asked = found.email or "" if found is not None and needs_verifying(found) else ""
    if user.last_login_at is None and template in FIRST_NOTICES:  # no change: the owner need not know
        messages.notify_person(settings, user, template, values)
    else:
        messages.notify(settings, user.organisation_id, user.id, template, values, told_already=asked)
    if found is not None and asked and rate_limits.admits_mail_for(settings, f"address\0{found.id}", clock.now()):
        ask_to_verify(settings, found, why=template)


def told_of_change(settings: Settings, user: User, before: Address) -> None:
    """Tell the old and new address of a change by an administrator or a file, within the transaction (S52).

    No link undoes it: the administrator removed the old address on purpose.
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
    """Tell the old address, with a link to undo where there is one; tell the owner if it was never verified (S54)."""
    if compared(before.email) == user.email_key:
        return  # the same mailbox in another spelling gets the notice to the new one
    if not before.is_verified:
        messages.notify_owner(settings, user.organisation_id, user.id, "address_changed")
    elif undoing is None:
        messages.write_to_address(settings, user, before.email, "address_was_changed", {"link": ""})
    else:
        until = clock.now() + UNDO
        link = MailedLink("undo", "address_was_changed", until, values=undoing, address=before.email)
        email_links.mail(settings, user, link)


def _columns(email: str) -> dict[str, Any]:
    return {"email": email, "email_key": compared(email)}


def _username_with(user: User, email: str) -> dict[str, Any]:
    """Return the columns of a customer's username, if that is the address: both change together."""
    if user.role != Role.CUSTOMER or user.username_key != user.email_key:
        return {}
    return {"username": email, "username_key": compared(email)}


def _require_free(user: User, columns: dict[str, Any]) -> None:
    named = users.user_named(user.organisation_id, columns.get("username_key", user.username_key))
    if named is not None and named.id != user.id:
        raise Conflict(TAKEN)
