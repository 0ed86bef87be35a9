"""Reset forgotten passwords by a mailed link, and mail one-time passwords for administrators (S49).

Nothing here changes or replaces the second factor (S50), and nothing here signs a user in.
"""

from datetime import datetime, timedelta

from idp import clock, crypto, normal_forms
from idp.audit import Event, Origin, record_about
from idp.config import Settings
from idp.db import outside_transaction, transaction
from idp.errors import Invalid, Unreadable, say
from idp.identity import access, email_links, mail_limits, permissions, sensitive_changes
from idp.identity.credentials import new_passwords, passwords
from idp.identity.credentials.passwords import NewPassword
from idp.identity.email_links import MailedLink, Opened
from idp.identity.hashing import hashing_outside_transaction
from idp.identity.lockout import rate_limits
from idp.identity.organisations.settings import normal_store_url, settings_of
from idp.identity.owner import has_owner_role
from idp.identity.roles import Role
from idp.identity.sensitive_changes import Access
from idp.identity.sessions import sessions
from idp.identity.users import lookup
from idp.mail.messages import can_be_written_to, write_to_person
from idp.records import changed
from idp.store import attempts, browsers, organisations, password_resets, remembered_devices, sealed, users
from idp.store import rate_limits as rate_limit_rows
from idp.store.organisations import Organisation
from idp.store.users import User

ASKED = ("store_url", "username", "address", "request_id", "label")
"""What is sealed with a request."""


@outside_transaction
def send_one_time_password(settings: Settings, organisation: Organisation, user: User, origin: Origin) -> None:
    """Replace a user's password by one that works once, until it expires, and mail it to that user alone (S49).

    Raises ``Invalid`` for ``email`` if they have no verified address; then nothing has changed. Failures with the old one
    are cleared, or the new one might be refused. Slow: takes a slot of the hasher.
    """
    permissions.require_over(organisation, user, origin)
    permissions.require_another(user, origin)
    sensitive_changes.require(None, Access("one_time_password", user.role))
    mail_limits.admit(settings, origin, user, user.email or "")
    password = passwords.ONE_TIME.shown(passwords.ONE_TIME.draw())
    with hashing_outside_transaction(settings):
        hashed = passwords.hash_of(settings, password)
    now = clock.now()
    expires_at = now + timedelta(hours=settings.lifetimes.one_time_password_hours)
    with transaction():
        user = users.lock_user(organisation.id, user.id) or user
        permissions.require_over(organisation, user, origin)  # looked at again: hashing takes its time
        permissions.require_another(user, origin)
        rate_limit_rows.clear_auth_failures(organisation.id, user.id, "password")
        users.change_user(
            organisation.id,
            user.id,
            password_hash=hashed,
            password_expires_at=expires_at,
            must_change_password=True,
            leaked_found_at=None,
        )
        sessions.end_all(organisation.id, user.id, "password_reset", origin)
        attempts.drop_attempts_of(organisation.id, user.id)
        remembered_devices.revoke_devices(organisation.id, user.id, now)
        email_links.void(user, *email_links.PASSWORD_PURPOSES, "bypass")
        record_about(origin, Event.PASSWORD_SENT, user)
        values = {"password": password, "username": user.username}
        if not write_to_person(settings, organisation.id, user.id, "one_time_password", values, expires_at):
            raise Invalid("email", say("This person has no verified e-mail address, so nothing can be sent to them."))


def ask(settings: Settings, store_url: str, username: str, browser_id: str, origin: Origin) -> None:
    """Note that a password was forgotten, without looking the account up: answer and time tell nothing (ASVS 6.3.8).

    The worker answers. Raises ``TooMany``, alike for accounts that are and are not there. A browser on which that person
    signed in before has a lane of its own: strangers behind the same address do not use up its mails.
    """
    now, request_id = clock.now(), crypto.new_id()
    typed = {"store_url": normal_store_url(store_url), "username": normal_forms.compared(username[:254])}
    is_known = browsers.knows(browser_id, typed["store_url"], typed["username"])
    lane = browser_id if is_known else rate_limits.EVERYONE
    rate_limits.admit_mail(settings, _account(**typed), origin.address, now, lane)
    values = {**typed, "address": origin.address, "request_id": origin.request_id, "label": origin.label}
    with transaction():
        packed = sealed.PASSWORD_RESETS.seal_json(settings.ring, request_id, values)
        password_resets.add_password_reset(
            password_resets.PasswordReset(id=request_id, sealed_values=packed, created_at=now)
        )


def answer_requests(settings: Settings) -> int:
    """Send reset links for pending requests. Returns the number sent. For the worker."""
    sent = 0
    while (request := password_resets.next_password_reset()) is not None:
        with transaction():
            if password_resets.claim_password_reset(request.id):
                sent += _answer(settings, request)
    return sent


def _answer(settings: Settings, request: password_resets.PasswordReset) -> bool:
    """Mail the link for one request. A request that is too old is dropped: nobody waits for its mail any more."""
    if request.created_at <= clock.ago(minutes=settings.lifetimes.link_minutes):
        return False
    try:
        asked = sealed.PASSWORD_RESETS.open_json(settings.ring, request.id, request.sealed_values)
    except Unreadable:
        return False
    asked = {name: str(asked.get(name, "")) for name in ASKED}  # another version may have stored more, or less
    organisation = organisations.organisation_at(asked["store_url"])
    user = lookup.find_to_sign_in(organisation.id, asked["username"]) if organisation else None
    if organisation is None or organisation.disabled_at is not None or user is None or access.is_over(user):
        return False
    if asked["username"] != user.username_key:  # asked by the address: it counts for the username, too
        account = _account(asked["store_url"], user.username_key)
        if not rate_limits.admits_mail_for(settings, account, clock.now()):
            return False
    origin = Origin(address=asked["address"], request_id=asked["request_id"], label=asked["label"])
    return mail_link(settings, user, origin, email_links.soon(settings))


def _account(store_url: str, username: str) -> str:
    """Name an account for the limit of mails, in one form."""
    return f"{store_url}\0{username}"


def mail_link(
    settings: Settings, user: User, origin: Origin, expires_at: datetime, template: str = "reset_password"
) -> bool:
    """Mail a link for a new password to the user's verified address. Returns False if they have none."""
    with transaction():
        if not can_be_written_to(user):
            return False
        record_about(origin, Event.RESET_ASKED, user)
        link = MailedLink("reset", template, expires_at)
        return email_links.mail(settings, user, link)


@outside_transaction
def choose(settings: Settings, link: Opened, password: str, again: str, origin: Origin) -> None:
    """Take the password that was chosen by a link, and spend the link; raises ``Invalid``, and then it is not spent.

    Sessions, trust in devices and other links end. The password's failures and its lockout are forgotten: the
    password they were about is gone. Those of the second factor stay. Slow: outside of any transaction.
    """
    user = link.user
    organisation = organisations.organisation(user.organisation_id)
    if organisation is None:
        raise LookupError("a link of no organisation")
    new_passwords.require_same(password, again)
    has_factor = lookup.person_of(settings, organisation, user).has_factor
    try:
        hashed = new_passwords.hashed(settings, organisation, user, password, origin, has_factor=has_factor)
    except Invalid:
        email_links.require_open(link)  # a form sent twice: the password is refused because it is the present one by now
        raise
    with transaction():
        user = users.lock_user(user.organisation_id, user.id) or user
        rate_limit_rows.clear_auth_failures(user.organisation_id, user.id, "password")  # before the link (db.LOCK_ORDER)
        user = email_links.burn(link)
        has_factor = lookup.person_of(settings, organisation, user).has_factor  # it may have been removed since
        new_passwords.require_within_rules(settings, organisation, user, password, has_factor=has_factor)
        if link.purpose == "invitation":
            user = _welcome(link, user, origin)
        passwords.put(settings, user, NewPassword(hashed, by_mail=True), origin)


def _welcome(link: Opened, user: User, origin: Origin) -> User:
    """Record a taken invitation. If it was mailed to the address on record, the address is verified. Returns the user."""
    now = clock.now()
    record_about(origin, Event.INVITATION_TAKEN, user)
    if user.email_key and link.values.get("email") == user.email_key and user.email_verified_at is None:
        users.change_user(user.organisation_id, user.id, email_verified_at=now, verify_since=None)
        record_about(origin, Event.ADDRESS_VERIFIED, user)
        return _made_owner(changed(user, email_verified_at=now, verify_since=None), origin)
    return user


def _made_owner(user: User, origin: Origin) -> User:
    """Make the person the owner of an organisation that was created for them (``accounts.new_organisation``)."""
    organisation = organisations.organisation(user.organisation_id)
    if organisation is None or organisation.owner_id != user.id or has_owner_role(user):
        return user
    users.change_user(user.organisation_id, user.id, role=Role.OWNER)
    record_about(origin, Event.OWNER_APPOINTED, user)
    return changed(user, role=Role.OWNER)


def min_length(settings: Settings, link: Opened) -> int:
    """Return the shortest length of the password that a link lets its user choose."""
    organisation = organisations.organisation(link.user.organisation_id)
    if organisation is None:
        raise LookupError("a link of no organisation")
    person = lookup.person_of(settings, organisation, link.user)
    return passwords.least_length(settings, settings_of(settings, organisation), person.has_factor)
