"""Hand over the ownership of an organisation; both sides confirm.

The owner offers it with a fresh proof and the password. The new owner accepts it by a mailed link *and* signed in with a
second factor, so that neither a stolen mail nor a stolen session is enough. Until then nothing changes, and the owner can
withdraw the offer. An offer is valid for one owner and one address of the new owner. A newer offer replaces it.

Lock order: every change here locks the organisation first, so that two offers, or an offer and a disabling, do not race.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from idp import clock
from idp.audit import Event, Origin, record_about
from idp.config import Settings
from idp.db import transaction
from idp.errors import Conflict, Forbidden, Invalid, Message, NotFound, say
from idp.identity import email_links, mail_limits, permissions, sensitive_changes
from idp.identity.email_links import GONE, MailedLink, Opened
from idp.identity.lockout import rate_limits
from idp.identity.owner import administrators, make_owner, owner_of
from idp.identity.ownership import owner_recovery
from idp.identity.roles import Role
from idp.identity.sensitive_changes import Access
from idp.identity.users import email_address
from idp.mail import messages
from idp.store import attempts, organisations, users
from idp.store.organisations import Organisation
from idp.store.users import User

OPEN = timedelta(hours=72)
"""How long an offer is valid: over a weekend, and longer than ordinary links, since accepting needs a sign-in too."""
UNFIT = say("Only somebody who can sign in, has a verified e-mail address and is not a customer can be the owner.")


@dataclass(frozen=True)
class OpenOffer:
    """An offer that the new owner has not accepted yet."""

    new_owner: User
    since: datetime
    until: datetime


def is_fit(organisation: Organisation, user: User) -> bool:
    """Return whether ``user`` may become the owner: with a verified address (S54), outside the operators' organisation."""
    return why_unfit(organisation, user) is None


def why_unfit(organisation: Organisation, user: User) -> Message | None:
    """Return why ``user`` cannot become the owner; None if they can."""
    if user.organisation_id != organisation.id or organisation.kind != "retailer":
        return UNFIT
    if user.disabled_at is not None:
        return say("This account is disabled.")
    if user.valid_until is not None:  # the owner's access has no end
        return say("This account has a last day of access.")
    if user.role == Role.CUSTOMER:
        return say("A customer cannot be the owner.")
    return None if messages.can_be_written_to(user) else say("There is no verified e-mail address.")


def waiting(settings: Settings, organisation: Organisation) -> OpenOffer | None:
    """Return the open offer of an organisation; None for none."""
    link = email_links.waiting(settings, organisation.id, "ownership")
    return (
        OpenOffer(link.user, link.created_at, link.expires_at) if link and _is_valid(organisation, link.user, link) else None
    )


def _is_valid(organisation: Organisation, new_owner: User, link: Opened) -> bool:
    """Return whether the owner and the new owner's address are still those of the offer."""
    offered = (link.values.get("owner"), link.values.get("email"))
    return offered == (organisation.owner_id, new_owner.email_key) and is_fit(organisation, new_owner)


def require_owner(organisation: Organisation, user: User, origin: Origin) -> None:
    """Raise unless the acting user is the owner: only the owner may offer the ownership, operators may not."""
    permissions.require_over(organisation, user, origin)
    permissions.require_another(user, origin)
    if origin.actor_id != organisation.owner_id:
        raise Forbidden(say("Only the owner may hand over the ownership."))


def offer(settings: Settings, organisation: Organisation, new_owner: User, origin: Origin) -> None:
    """Offer the ownership to ``new_owner`` by a mailed link, and withdraw an earlier offer.

    Raises ``Forbidden`` unless the owner acts, ``Invalid`` if the user cannot be the owner, ``TooMany``, and ``Conflict``
    while the owner's account is being recovered or if its address was changed recently.
    """
    require_owner(organisation, new_owner, origin)
    sensitive_changes.require(None, Access("ownership_offer", new_owner.role))
    rate_limits.admit_mail_for(settings, f"ownership\0{organisation.id}", clock.now())
    mail_limits.admit(settings, origin, new_owner, new_owner.email or "")
    with transaction():
        organisation, owner, new_owner = _locked(organisation.id, new_owner.id)
        require_owner(organisation, new_owner, origin)
        _require_fit(organisation, new_owner)
        _require_calm(settings, owner)
        _replace(settings, organisation, owner, new_owner, origin)
        expires_at = clock.now() + OPEN
        known = {"owner": owner.id, "email": new_owner.email_key}
        record_about(origin, Event.OWNERSHIP_OFFERED, new_owner)
        link = MailedLink("ownership", "ownership_offer", expires_at, values=known, words={"owner": owner.username})
        email_links.mail(settings, new_owner, link)
        link = MailedLink("withdraw", "ownership_offered", expires_at, words={"new_owner": new_owner.username})
        email_links.mail(settings, owner, link)


def _locked(organisation_id: str, new_owner_id: str) -> tuple[Organisation, User, User]:
    """Return organisation, owner and new owner, locked until the commit. Raises ``NotFound`` if one is missing."""
    organisations.lock_owner(organisation_id)
    organisation, new_owner = organisations.organisation(organisation_id), users.lock_user(organisation_id, new_owner_id)
    owner = owner_of(organisation) if organisation else None
    if organisation is None or owner is None or new_owner is None:
        raise NotFound(GONE, detail="no organisation, no owner or no new owner")
    return organisation, owner, new_owner


def _require_fit(organisation: Organisation, new_owner: User) -> None:
    if not is_fit(organisation, new_owner):
        raise Invalid("new_owner", UNFIT)


def _require_calm(settings: Settings, owner: User) -> None:
    """Raise ``Conflict`` while a recovery or a change of the address is pending: a thief could have started either."""
    if owner_recovery.under_way(owner.organisation_id) is not None:
        raise Conflict(say("The owner's account is being recovered. Wait until that is over."))
    if email_links.latest(settings, owner, "undo") is not None:
        raise Conflict(email_address.CHANGED_RECENTLY)


def _replace(settings: Settings, organisation: Organisation, owner: User, new_owner: User, origin: Origin) -> None:
    """Withdraw the earlier offer, and tell its receiver unless the new offer is for the same user."""
    earlier = waiting(settings, organisation)
    if earlier is not None and earlier.new_owner.id != new_owner.id:
        record_about(origin, Event.OWNERSHIP_WITHDRAWN, earlier.new_owner)
        _tell(settings, "ownership_withdrawn", earlier.new_owner, owner, (earlier.new_owner,))
    email_links.void_offers(organisation.id)


def may_withdraw(organisation: Organisation, origin: Origin) -> bool:
    """Return whether the acting user may withdraw an offer: the owner, operators and the installation may."""
    return origin.actor_id == organisation.owner_id or permissions.runs_installation(origin)


def withdraw(settings: Settings, organisation: Organisation, origin: Origin) -> None:
    """Withdraw the offer and tell both sides. Raises ``NotFound`` if the acting user may not, or if there is none."""
    if not may_withdraw(organisation, origin):
        raise NotFound(detail="not the owner")
    sensitive_changes.require(Access("ownership_offer", ""), None)
    _withdraw(settings, organisation, origin)


def _withdraw(settings: Settings, organisation: Organisation, origin: Origin) -> None:
    with transaction():
        organisations.lock_owner(organisation.id)
        found = waiting(settings, organisation)
        owner = owner_of(organisation)
        if found is None or owner is None or not email_links.void_offers(organisation.id):
            raise NotFound(say("There is no pending offer of the ownership."))
        record_about(origin, Event.OWNERSHIP_WITHDRAWN, found.new_owner)
        _tell(settings, "ownership_withdrawn", found.new_owner, owner, (found.new_owner, owner))


def withdraw_by_link(settings: Settings, link: Opened, origin: Origin) -> None:
    """Withdraw the offer by the link that was mailed to the owner alone. Raises ``NotFound`` if the offer is over."""
    organisation = organisations.organisation(link.user.organisation_id)
    if organisation is None:
        raise NotFound(GONE, detail="the organisation is gone")
    if not may_withdraw(organisation, origin):
        raise NotFound(GONE, detail="not the owner any more")
    _withdraw(settings, organisation, origin)


def accept(settings: Settings, link: Opened, origin: Origin) -> None:
    """Make the receiver of an offer the owner, and the former owner an administrator.

    Raises ``NotFound`` if the offer is over, ``Conflict`` while the owner's account is being recovered.
    """
    with transaction():
        organisation, former, new_owner = _locked(link.user.organisation_id, link.user.id)
        if not _is_valid(organisation, new_owner, link):
            raise NotFound(GONE, detail="owner or address changed since the offer")
        _require_calm(settings, former)
        users.change_user(organisation.id, former.id, role=Role.ADMINISTRATOR)
        _make_owner(organisation, new_owner)
        email_links.burn(link)
        email_links.void_offers(organisation.id)
        for person in (former, new_owner):
            attempts.drop_attempts_of(organisation.id, person.id)
        record_about(origin, Event.OWNERSHIP_GIVEN, former)
        record_about(origin, Event.OWNERSHIP_TAKEN, new_owner)
        _tell(settings, "ownership_transferred", new_owner, former, administrators(organisation.id))


def require_vacancy(organisation: Organisation, user: User, origin: Origin) -> None:
    """Raise unless an operator acts and the organisation has no owner; ``NotFound`` for everybody else."""
    permissions.require_operator(origin)
    permissions.require_over(organisation, user, origin)
    if owner_of(organisation) is not None:
        raise Conflict(say("This organisation has an owner, who can hand over the ownership."))


def appoint(settings: Settings, organisation: Organisation, new_owner: User, origin: Origin) -> None:
    """Make ``new_owner`` the owner of an organisation that has none: for operators. Raises ``Invalid``, ``Conflict``."""
    require_vacancy(organisation, new_owner, origin)
    sensitive_changes.require(None, Access("ownership", new_owner.role))
    with transaction():
        organisations.lock_owner(organisation.id)
        organisation = organisations.organisation(organisation.id) or organisation
        require_vacancy(organisation, new_owner, origin)
        _require_fit(organisation, new_owner)
        _make_owner(organisation, new_owner)
        attempts.drop_attempts_of(organisation.id, new_owner.id)
        record_about(origin, Event.OWNER_APPOINTED, new_owner)
        _tell(settings, "ownership_transferred", new_owner, None, administrators(organisation.id))


def _make_owner(organisation: Organisation, new_owner: User) -> None:
    users.change_user(organisation.id, new_owner.id, role=Role.OWNER)
    email_links.void_on_promotion(new_owner)
    make_owner(organisation.id, new_owner.id)


def _tell(settings: Settings, template: str, new_owner: User, owner: User | None, readers: Iterable[User]) -> None:
    """Send a notice to each verified address of ``readers``."""
    values = {"new_owner": new_owner.username, "owner": owner.username if owner else ""}
    mailboxes: set[str | None] = set()
    for person in readers:
        if messages.can_be_written_to(person) and person.email_key not in mailboxes:
            mailboxes.add(person.email_key)  # administrators may share a mailbox: one mail is enough
            messages.notify(settings, person.organisation_id, person.id, template, values)
