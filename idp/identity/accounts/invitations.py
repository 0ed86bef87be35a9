"""Invite users to choose their first password: by a mailed link, or by a printed code if they have no address.

Both work once, run out, and lead to a password of one's own (OWASP ASVS 6.4.1). What is printed has 120 random bits, so
that its plain digest may be stored (ASVS 6.5.2).
"""

from collections.abc import Mapping

from idp import clock, crypto, normal_forms
from idp.audit import Event, Origin, record_about
from idp.config import Settings
from idp.db import transaction
from idp.errors import Conflict, Invalid, NotFound, say
from idp.identity import access, email_links, mail_limits, permissions, sensitive_changes
from idp.identity.email_links import MailedLink, Opened
from idp.identity.lockout import rate_limits
from idp.identity.lockout.rate_limits import Guess
from idp.identity.organisations.settings import normal_store_url
from idp.identity.owner import has_owner_role
from idp.identity.sensitive_changes import Access
from idp.identity.short_codes import Shape
from idp.identity.users import lookup
from idp.mail.messages import can_be_written_to, is_plain_address
from idp.normal_forms import compared
from idp.store import email_links as links
from idp.store import organisations, user_search, users
from idp.store import rate_limits as rate_limit_rows
from idp.store.organisations import Organisation
from idp.store.users import User

CODE = Shape(letters=24, group=4)
AUTHENTICATOR = "invitation"
WRONG_CODE = say("Those details don't match. Check the store URL, the username and the code on your paper.")


def invite(settings: Settings, organisation: Organisation, user: User, origin: Origin) -> None:
    """Mail a user who never signed in a link to choose the first password.

    It goes to the address on record, verified or not: accepting the invitation verifies it. Raises ``Invalid`` for ``email``
    if there is none. Raises ``Conflict`` if the user has signed in before: a wrong address must not open their account.
    """
    mail_limits.admit(settings, origin, user, _address_of(organisation, user, origin))
    with transaction():
        user = users.lock_user(user.organisation_id, user.id) or user  # a promotion at this moment ends what was made before
        _mail(settings, user, _address_of(organisation, user, origin), origin)


def _address_of(organisation: Organisation, user: User, origin: Origin) -> str:
    """Return where an invitation goes; raises unless the acting user may invite this person, and has confirmed it."""
    permissions.require_over(organisation, user, origin)
    if access.is_over(user) or user.last_login_at is not None:
        raise Conflict(say("Only somebody who has not signed in yet, and is not disabled, can be invited."))
    if not user.email or not is_plain_address(user.email):
        raise Invalid("email", say("This person has no e-mail address. Print a code for them instead."))
    sensitive_changes.require(None, Access("invitation", user.role))
    return user.email


def invite_new(settings: Settings, user: User, address: str, origin: Origin) -> None:
    """Invite a user in the transaction that creates them. The caller has checked the address, and counted the mail."""
    sensitive_changes.require(None, Access("invitation", user.role))
    _mail(settings, user, address, origin)


def _mail(settings: Settings, user: User, address: str, origin: Origin) -> None:
    expires_at = clock.ahead(hours=settings.lifetimes.invitation_hours)
    known = {"email": user.email_key}
    record_about(origin, Event.INVITED, user, printed=False)
    link = MailedLink("invitation", "invitation", expires_at, values=known, address=address)
    email_links.mail(settings, user, link)


def printed_access(user: User) -> Access:
    """Return what a printed code gives. For an account without a password that nobody has used it is an invitation."""
    is_first = user.last_login_at is None and user.password_hash is None
    return Access("invitation" if is_first else "printed_code", user.role)


def print_code(settings: Settings, organisation: Organisation, user: User, origin: Origin) -> str:
    """Make a printed code for a user without a verified address. Returns the code, which is shown once.

    Also for users who forgot their password. Raises ``Conflict`` if a mail can be sent: then nobody else needs to know it.
    """
    _require_printable(organisation, user, origin)
    code = CODE.draw()
    with transaction():
        user = users.lock_user(user.organisation_id, user.id) or user  # a promotion at this moment ends what was made before
        _require_printable(organisation, user, origin)
        rate_limit_rows.clear_auth_failures(user.organisation_id, user.id, AUTHENTICATOR)
        expires_at = clock.ahead(hours=settings.lifetimes.invitation_hours)
        email_links.make(settings, user, "invitation", {}, expires_at, secret=_secret(user.id, code))
        record_about(origin, Event.INVITED, user, printed=True)
    return CODE.shown(code)


def _require_printable(organisation: Organisation, user: User, origin: Origin) -> None:
    permissions.require_over(organisation, user, origin)
    if access.is_over(user) or has_owner_role(user):
        raise Conflict(say("No code can be printed for this person."))
    if can_be_written_to(user):
        raise Conflict(say("This person has a verified e-mail address. Send an e-mail instead."))
    sensitive_changes.require(None, printed_access(user))


def ended_codes(organisation_id: str, codes: Mapping[str, str]) -> set[str]:
    """Return the usernames of ``codes`` whose printed code opens nothing any more.

    A newer code, a promotion, its use or the end of the person's access has ended it. Reads in chunks.
    """
    people = user_search.named(organisation_id, [compared(username) for username in codes])
    known = {username: user for username in codes if (user := people.get(compared(username))) and not access.is_over(user)}
    digests = {
        username: email_links.digest_of("invitation", f"{organisation_id}.{_secret(user.id, CODE.read(codes[username]))}")
        for username, user in known.items()
    }
    found = links.open_among(organisation_id, list(digests.values()), clock.now())
    return {username for username in codes if digests.get(username) not in found}


def from_paper(settings: Settings, store_url: str, username: str, typed: str, browser_id: str, address: str) -> Opened:
    """Return what a printed code opens. Raises ``Invalid``, the same for every mismatch, and ``TooMany``.

    A code has 120 random bits, so no limit keeps it from being guessed (NIST SP 800-63B-4 §3.1.2.2). Failures are counted
    after a code was wrong: an attacker at a shop's address shuts out nobody who has the right paper.
    """
    organisation = organisations.organisation_at(normal_store_url(store_url))
    user = lookup.find(organisation.id, username) if organisation else None
    nobody = crypto.new_id()  # looked for all the same, so that the time tells nothing
    organisation_id, person = (user.organisation_id, user.id) if user else (nobody, nobody)
    try:
        link = email_links.opened(settings, f"{organisation_id}.{_secret(person, CODE.read(typed))}", "invitation")
    except NotFound as nothing:
        guess = Guess(
            authenticator=AUTHENTICATOR,
            organisation_id=organisation.id if organisation else "",
            user_id=user.id if user else "",
            browser_id=browser_id,
            address=address,
            entered=f"{'' if organisation else normal_store_url(store_url)}\0{normal_forms.compared(username)}",
        )
        rate_limits.gate(settings, guess, clock.now())
        raise Invalid("code", WRONG_CODE) from nothing
    with transaction():
        rate_limit_rows.clear_auth_failures(organisation_id, person, AUTHENTICATOR)
    return link


def _secret(user_id: str, code: str) -> str:
    """Return the secret of a link that opens with this code for this user only."""
    return f"{user_id}-{code}"
