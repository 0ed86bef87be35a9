"""Recover the account of an owner who lost everything (S48): slow, announced, and only by the owner's verified address.

An operator starts the recovery, and every administrator is told and can cancel it. The owner confirms it by a mailed link.
After the waiting time the worker removes the second factor and mails a link to a new password.
"""

from datetime import timedelta

from idp import clock, crypto
from idp.actors import System
from idp.audit import Event, Origin, record_about
from idp.config import Settings
from idp.db import transaction
from idp.errors import Conflict, Invalid, NotFound, say
from idp.identity import email_links, mail_limits, permissions, sensitive_changes
from idp.identity.credentials import password_reset, passwords, second_factor
from idp.identity.email_links import GONE, MailedLink, Opened
from idp.identity.owner import administrators, owner_of
from idp.identity.roles import RULING_ROLES, Role
from idp.identity.sensitive_changes import Access
from idp.identity.users import email_address
from idp.mail import messages
from idp.store import organisations, users
from idp.store import owner_recoveries as store
from idp.store.organisations import Organisation
from idp.store.owner_recoveries import OwnerRecovery
from idp.store.users import User

WORKER = Origin(System("worker"))
UNDER_WAY = say("A recovery of the owner's account is already under way.")


def start(settings: Settings, organisation: Organisation, origin: Origin) -> User:
    """Start the recovery of an organisation's owner. Returns the owner. For operators and the command line.

    Raises ``NotFound`` for others, ``Conflict`` while a recovery is pending, ``Invalid`` if no mail can reach the owner.
    """
    permissions.require_operator(origin)
    owner, now = _owner(settings, organisation), clock.now()
    sensitive_changes.require(None, Access("owner_recovery", owner.role))
    confirm_by = email_links.soon(settings)
    mail_limits.admit(settings, origin, owner, owner.email or "")
    with transaction():
        organisations.lock_owner(organisation.id)  # two operators must not start one each
        if store.open_recovery(organisation.id, now) is not None:
            raise Conflict(UNDER_WAY)
        row = OwnerRecovery(
            organisation_id=organisation.id,
            id=crypto.new_id(),
            user_id=owner.id,
            started_at=now,
            confirm_by=confirm_by,
        )
        store.add_recovery(row)
        email_links.void_offers(organisation.id)  # a locked-out owner cannot withdraw a thief's offer
        record_about(origin, Event.OWNER_RECOVERY_STARTED, owner)
        known, words = {"recovery": row.id}, {"hours": settings.lifetimes.owner_recovery_hours}
        link = MailedLink("recovery", "owner_recovery_confirm", confirm_by, values=known, words=words)
        email_links.mail(settings, owner, link)
        _announce(settings, organisation, owner, row)
    return owner


def _owner(settings: Settings, organisation: Organisation) -> User:
    """Return the owner; raises ``Invalid`` unless a recovery is possible."""
    owner = owner_of(organisation)
    if owner is None:
        raise Invalid("owner", say("This organisation has no owner whose account can be recovered."))
    if not messages.can_be_written_to(owner):
        raise Invalid("email", say("The owner has no verified e-mail address, so nothing can be sent to them."))
    if _is_new(owner):
        # A thief would change the address first, or have an administrator change it, and then ask for a recovery.
        raise Invalid("email", email_address.CHANGED_RECENTLY)
    return owner


def _is_new(owner: User) -> bool:
    """Return whether the address was confirmed recently: by its reader, an operator, a file, or the undoing of a change."""
    since = owner.email_verified_at
    return since is not None and since > max(owner.created_at, clock.now() - email_address.UNDO)


def _announce(settings: Settings, organisation: Organisation, owner: User, row: OwnerRecovery) -> None:
    """Tell every administrator. The link to cancel goes to verified addresses only (S54)."""
    values = {"owner": owner.username, "hours": settings.lifetimes.owner_recovery_hours}
    last = row.confirm_by + timedelta(hours=settings.lifetimes.owner_recovery_hours)
    for person in administrators(organisation.id):
        if person.id == owner.id or not person.email or not messages.is_plain_address(person.email):
            continue
        if messages.can_be_written_to(person):
            known = {"recovery": row.id}
            link = MailedLink("cancel", "owner_recovery_announced", last, values=known, words=values)
            email_links.mail(settings, person, link)
        else:
            messages.write_to_address(settings, person, person.email, "owner_recovery_announced", {**values, "link": ""})


def under_way(organisation_id: str) -> OwnerRecovery | None:
    """Return the pending recovery of an organisation; None for none."""
    return store.open_recovery(organisation_id, clock.now())


def confirm(settings: Settings, link: Opened, origin: Origin) -> None:
    """Start the waiting time: the owner confirmed. Raises ``NotFound`` if the recovery was cancelled."""
    now = clock.now()
    due_at = now + timedelta(hours=settings.lifetimes.owner_recovery_hours)
    with transaction():
        organisations.lock_owner(link.user.organisation_id)  # before the links (db.LOCK_ORDER)
        email_links.burn(link)
        if not store.confirm_recovery(link.user.organisation_id, str(link.values.get("recovery")), now, due_at):
            raise NotFound(GONE, detail="the recovery was over")
        record_about(origin, Event.OWNER_RECOVERY_CONFIRMED, link.user)


def cancel_by_link(settings: Settings, link: Opened, origin: Origin) -> None:
    """Cancel the recovery by the link of somebody who is an administrator still. Raises ``NotFound`` if it is over."""
    with transaction():
        organisations.lock_owner(link.user.organisation_id)
        if email_links.burn(link).role not in RULING_ROLES:
            raise NotFound(GONE, detail="no administrator any more")
        row = store.recovery(link.user.organisation_id, str(link.values.get("recovery")))
        if row is None:
            raise NotFound(GONE, detail="no such recovery")
        _cancel(settings, row, origin)


def cancel(settings: Settings, organisation: Organisation, origin: Origin) -> None:
    """Cancel the pending recovery: for operators and the organisation's administrators. Raises ``NotFound``."""
    permissions.require_ruler(organisation.id, origin)
    row = under_way(organisation.id)
    if row is None:
        raise NotFound(say("No recovery is under way."))
    sensitive_changes.require(Access("owner_recovery", Role.OWNER), None)
    with transaction():
        organisations.lock_owner(organisation.id)
        _cancel(settings, row, origin)


def _cancel(settings: Settings, row: OwnerRecovery, origin: Origin) -> None:
    if not _stop(settings, row, origin):
        raise NotFound(GONE, detail="the recovery was over")


def _stop(settings: Settings, row: OwnerRecovery, origin: Origin) -> bool:
    """End a recovery without a change and tell the owner. Returns False if it was over."""
    if not store.end_recovery(row.organisation_id, row.id, clock.now(), "cancelled"):
        return False
    owner = users.user(row.organisation_id, row.user_id)
    if owner is not None:
        email_links.void(owner, "recovery")
        record_about(origin, Event.OWNER_RECOVERY_CANCELLED, owner)
        messages.notify(settings, owner.organisation_id, owner.id, "owner_recovery_cancelled")
    _void_cancel_links(row.organisation_id)
    return True


def finish_due(settings: Settings) -> int:
    """Carry out every recovery whose waiting time is over, and end those that were not confirmed in time.

    Returns the number of recoveries that were carried out. The worker calls this.
    """
    while (row := store.unconfirmed_recovery(clock.now())) is not None:
        with transaction():
            _expire(row)
    done = 0
    while (row := store.due_recovery(clock.now())) is not None:
        with transaction():
            done += _finish(settings, row)
    return done


def _expire(row: OwnerRecovery) -> None:
    organisations.lock_owner(row.organisation_id)
    owner = users.user(row.organisation_id, row.user_id)
    if store.end_recovery(row.organisation_id, row.id, clock.now(), "expired") and owner is not None:
        _void_cancel_links(row.organisation_id)
        record_about(WORKER, Event.OWNER_RECOVERY_EXPIRED, owner)


def _void_cancel_links(organisation_id: str) -> None:
    for person in administrators(organisation_id):
        email_links.void(person, "cancel")


def _finish(settings: Settings, row: OwnerRecovery) -> bool:
    """Remove the second factor and the password, and mail a link to a new password: all or nothing."""
    organisations.lock_owner(row.organisation_id)
    organisation, owner = organisations.organisation(row.organisation_id), users.user(row.organisation_id, row.user_id)
    if organisation is None or owner is None:
        store.end_recovery(row.organisation_id, row.id, clock.now(), "cancelled")  # otherwise it stays due for ever
        return False
    if not _is_still_allowed(settings, row, organisation, owner):
        _stop(settings, row, WORKER)
        return False
    if not store.end_recovery(row.organisation_id, row.id, clock.now(), "done"):
        return False
    _void_cancel_links(organisation.id)
    second_factor.reset_factor(settings, organisation, owner, WORKER)
    passwords.close(owner, "owner_recovery", WORKER)
    record_about(WORKER, Event.OWNER_RECOVERY_DONE, owner)
    expires_at = clock.ahead(hours=settings.lifetimes.one_time_password_hours)
    return password_reset.mail_link(settings, owner, WORKER, expires_at, "owner_recovery_done")


def _is_still_allowed(settings: Settings, row: OwnerRecovery, organisation: Organisation, owner: User) -> bool:
    """Return whether the owner and the address are still those of the start: the wait may be longer than ``UNDO``."""
    if organisation.disabled_at is not None:
        return False
    try:
        found = _owner(settings, organisation)
    except Invalid:
        return False
    return found.id == owner.id and found.email_verified_at is not None and found.email_verified_at <= row.started_at
