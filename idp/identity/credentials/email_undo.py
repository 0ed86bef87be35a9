"""Undo a change of e-mail address by "This was not me" (S52), from the old address, within 72 hours.

An intruder who changed it knew the password, and may have added passkeys and authenticator apps, and made recovery codes. So
no password works until a new one is chosen by a mail to the restored address, and no passkey is enough alone until it was
shown beside that password. A second factor is never skipped: a reader of the old mailbox gets no further than by a forgotten
password.
"""

from contextlib import suppress

from idp import clock, factors
from idp.audit import Event, Origin, record_about
from idp.config import Settings
from idp.db import refuse_duplicate, transaction
from idp.errors import Conflict
from idp.identity import email_links
from idp.identity.credentials import passwords
from idp.identity.email_links import MailedLink, Opened
from idp.identity.owner import has_owner_role
from idp.identity.users.email_address import TAKEN, Address
from idp.mail import messages
from idp.normal_forms import compared
from idp.records import changed
from idp.store import passkeys, recovery_codes, totp, user_states, users
from idp.store.users import User


def undo(settings: Settings, link: Opened, origin: Origin) -> None:
    """Restore the old address, end everything that was open, and require a new password."""
    email = link.text("email")
    with transaction():
        user = email_links.burn(link)
        replaced = Address.of(user)
        email_links.void_newer(link)
        email_links.void(user, *email_links.ADDRESS_PURPOSES)
        columns = {"email": email, "email_key": compared(email), "email_verified_at": clock.now()}
        users.change_user(user.organisation_id, user.id, **columns, must_change_password=True)
        user = changed(user, **columns)
        _give_back_username(link, user)
        passwords.close(user, "address_restored", origin)
        dropped = _drop_factors_since(link, origin)
        passkeys.ask_password_beside(user.organisation_id, user.id)
        if has_owner_role(user):
            email_links.void_offers(user.organisation_id)
        record_about(origin, Event.ADDRESS_RESTORED, user)
        reset = MailedLink("reset", "address_restored", email_links.soon(settings), words=dropped)
        email_links.mail(settings, user, reset)
        _tell_replaced(settings, user, replaced)


def _tell_replaced(settings: Settings, user: User, replaced: Address) -> None:
    """Mail the replaced address too (S52): an intruder may read either mailbox."""
    if replaced.is_verified:
        values = {"link": "", "is_taken_back": True}
        messages.write_to_address(settings, user, replaced.email, "address_was_changed", values)


def _give_back_username(link: Opened, user: User) -> None:
    """Restore the username that was changed with the address, unless another user has it now."""
    username = str(link.values.get("username", user.username))
    named = users.user_named(user.organisation_id, compared(username))
    if named is None or named.id == user.id:
        with suppress(Conflict), refuse_duplicate("username", Conflict(TAKEN)):
            users.change_user(user.organisation_id, user.id, username=username, username_key=compared(username))


def _drop_factors_since(link: Opened, origin: Origin) -> dict[str, bool]:
    """Remove passkeys, apps and recovery codes that were made since, if an older factor stays. Returns words of the mail."""
    user, now, (at, user_id) = link.user, clock.now(), (link.user.organisation_id, link.user.id)
    if all(since >= link.created_at for since in factors.since(at, user_id).values()):
        return {}
    keys = [row for row in passkeys.passkeys_of(at, user_id) if row.created_at >= link.created_at]
    for key in keys:
        passkeys.remove_passkeys(at, user_id, now, passkey_id=key.id)
        record_about(origin, Event.PASSKEY_REMOVED, user, passkey=key.id)
    apps = [row for row in totp.active_totps(at, user_id) if row.active_since >= link.created_at]
    for app in apps:
        totp.remove_totp(at, user_id, now, totp_id=app.id)
        record_about(origin, Event.APP_REMOVED, user, authenticator_app=app.id)
    codes = recovery_codes.active_recovery_set(at, user_id)
    is_theirs = codes is not None and codes.created_at >= link.created_at
    if is_theirs:
        recovery_codes.remove_recovery_set(at, user_id, now)
    user_states.renew_factors(at, user_id)
    return {"passkeys_removed": bool(keys), "apps_removed": bool(apps), "codes_removed": is_theirs}
