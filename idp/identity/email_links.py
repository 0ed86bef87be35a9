"""Make, open and spend e-mailed links: 256 random bits, stored as a digest by purpose, valid once and until they expire.

Their address is built from the configured issuer alone. Opening the page spends nothing, since mail scanners fetch links
(S55): only ``burn`` does, in the transaction of the link's effect.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from idp import clock, crypto
from idp.config import Settings
from idp.errors import NotFound, Unreadable, say
from idp.identity import access
from idp.mail import messages
from idp.store import email_links as store
from idp.store import organisations, sealed, users
from idp.store.email_links import EmailLink
from idp.store.users import User

Purpose = Literal[
    "reset",
    "invitation",
    "address",
    "verify",
    "undo",
    "recovery",
    "cancel",
    "ownership",
    "withdraw",
    "unlock",
    "bypass",
]
PASSWORD_PURPOSES = ("reset", "invitation")
"""Links that let a password be chosen: void once a password was chosen or the address changed."""
ADDRESS_PURPOSES = ("address", "verify")
"""Links that confirm an address: void once the address changed."""
OWNERSHIP_PURPOSES = ("ownership", "withdraw")
"""The two links of an offer of the ownership: an organisation has at most one pair."""
PATHS: Mapping[str, str] = {"reset": "reset", "invitation": "welcome", "unlock": "unlock"}
"""The path of a purpose with its own page. All others have the page with one button."""
NEVER_REPLACED = frozenset({"undo"})
"""A thief who changes the address twice must not void the link to undo of the first change."""
GONE = say("This link does not work any more: it was used, has expired, or a newer one was sent.")


@dataclass(frozen=True)
class Opened:
    """A valid link: its user, and the values stored with it."""

    token: str
    purpose: str
    digest: bytes
    user: User
    values: Mapping[str, Any]
    created_at: datetime
    expires_at: datetime

    def text(self, name: str) -> str:
        """Return a text that the link knows. Raises ``NotFound`` if another version made it, and it lacks that."""
        if not isinstance(self.values.get(name), str):
            raise NotFound(GONE, detail=f"a link without {name}")
        return str(self.values[name])


def make(
    settings: Settings,
    user: User,
    purpose: Purpose,
    values: Mapping[str, Any],
    expires_at: datetime,
    *,
    secret: str = "",
) -> str:
    """Make a link within the caller's transaction, and void older ones of the same purpose. Returns its token.

    ``secret``: replaces the random bits where they are printed (see ``invitations``).
    """
    now = clock.now()
    token = f"{user.organisation_id}.{secret or crypto.new_secret()}"
    if purpose not in NEVER_REPLACED:
        void(user, purpose)
    digest = digest_of(purpose, token)
    store.add_link(
        EmailLink(
            organisation_id=user.organisation_id,
            digest=digest,
            user_id=user.id,
            purpose=purpose,
            sealed_values=sealed.EMAIL_LINKS.seal_json(settings.ring, digest, dict(values)),
            created_at=now,
            expires_at=expires_at,
        )
    )
    return token


@dataclass(frozen=True)
class MailedLink:
    """Hold a link that is yet to be made and its mail. ``values`` are stored with the link, ``words`` go into the mail.

    ``address`` replaces the user's verified address: one that is not confirmed yet, or the former one.
    """

    purpose: Purpose
    template: str
    expires_at: datetime
    values: Mapping[str, Any] = field(default_factory=dict)
    words: Mapping[str, Any] = field(default_factory=dict)
    address: str = ""


def mail(settings: Settings, user: User, one: MailedLink) -> bool:
    """Make a link and its mail, within the caller's transaction. Returns False if no mail can be sent."""
    if not one.address and not messages.can_be_written_to(user):
        return False
    link = address_of(settings, one.purpose, make(settings, user, one.purpose, one.values, one.expires_at))
    values = {**one.words, "link": link}
    if one.address:
        messages.write_to_address(settings, user, one.address, one.template, values, one.expires_at)
        return True
    return messages.write_to_person(settings, user.organisation_id, user.id, one.template, values, one.expires_at)


def soon(settings: Settings) -> datetime:
    """Return when an ordinary link that is made now expires."""
    return clock.ahead(minutes=settings.lifetimes.link_minutes)


def address_of(settings: Settings, purpose: str, token: str) -> str:
    """Return the address of a link."""
    return f"{settings.issuer}/{PATHS.get(purpose, f'link/{purpose}')}/{token}"


def opened(settings: Settings, token: str, *purposes: str) -> Opened:
    """Return what a token opens; raises ``NotFound``, always the same, if it opens nothing of these purposes.

    Links of disabled users, and of disabled organisations, open nothing.
    """
    organisation_id, now = crypto.organisation_id_of(token), clock.now()
    if not organisation_id or len(token) > 200:
        raise NotFound(GONE, detail="not a link's token")
    for purpose in purposes:
        link = _opened(settings, store.open_link(organisation_id, digest_of(purpose, token), now), token)
        if link is not None:
            return link
    raise NotFound(GONE, detail="no such link, or not any more")


def waiting(settings: Settings, organisation_id: str, purpose: Purpose) -> Opened | None:
    """Return the newest open link of a purpose in an organisation, without its token; None for none."""
    return _opened(settings, store.latest_open_link_in(organisation_id, purpose, clock.now()), "")


def latest_of(settings: Settings, user: User, purpose: Purpose) -> Opened | None:
    """Return a user's newest open link of a purpose, without its token; None for none."""
    return _opened(settings, store.latest_open_link(user.organisation_id, user.id, purpose, clock.now()), "")


def _opened(settings: Settings, row: EmailLink | None, token: str) -> Opened | None:
    user = users.user(row.organisation_id, row.user_id) if row else None
    if row is None or user is None or access.is_over(user) or _is_disabled(user.organisation_id):
        return None
    values = _values(settings, row)
    if values is None:  # sealed with a key that is gone
        return None
    return Opened(token, row.purpose, row.digest, user, values, row.created_at, row.expires_at)


def _is_disabled(organisation_id: str) -> bool:
    organisation = organisations.organisation(organisation_id)
    return organisation is None or organisation.disabled_at is not None


def require_open(link: Opened) -> None:
    """Raise ``NotFound`` if a link was used or replaced since it was opened."""
    if store.open_link(link.user.organisation_id, link.digest, clock.now()) is None:
        raise NotFound(GONE, detail="the link was used concurrently")


def burn(link: Opened) -> User:
    """Spend a link, within the transaction of its effect; raises ``NotFound`` if it was used concurrently.

    Returns the user as they are now: what follows is judged by that, and not by what opening the link has read.

    The user's row is locked before their links (``db.LOCK_ORDER``), as where a changed password closes them.
    """
    user = users.lock_user(link.user.organisation_id, link.user.id)
    if not store.burn_link(link.user.organisation_id, link.digest, clock.now()):
        raise NotFound(GONE, detail="the link was used concurrently")
    return user or link.user


def void(user: User, *purposes: str) -> None:
    """Void a user's open links of these purposes, within the caller's transaction."""
    store.void_links(user.organisation_id, user.id, clock.now(), purposes)


def void_on_promotion(user: User) -> None:
    """Void what opens an account that gets more rights: codes and links that others may hold were made for fewer."""
    void(user, *PASSWORD_PURPOSES, "bypass")


def void_offers(organisation_id: str) -> bool:
    """Void the open links of an organisation's ownership offer, within the caller's transaction. Returns whether any was."""
    return store.void_links_in(organisation_id, clock.now(), OWNERSHIP_PURPOSES) > 0


def void_newer(link: Opened) -> None:
    """Void links of the same user and purpose that are newer than this one, within the caller's transaction."""
    store.void_links_since(link.user.organisation_id, link.user.id, clock.now(), link.purpose, link.created_at)


def digest_of(purpose: str, token: str) -> bytes:
    """Return the digest that is stored of a token. It differs by purpose."""
    return crypto.digest(f"link:{purpose}", token)


def latest(settings: Settings, user: User, purpose: Purpose) -> Mapping[str, Any] | None:
    """Return the values of a user's newest open link of a purpose; None if there is none.

    Empty if its values cannot be unsealed: the link still counts as pending.
    """
    row = store.latest_open_link(user.organisation_id, user.id, purpose, clock.now())
    return (_values(settings, row) or {}) if row else None


def _values(settings: Settings, row: EmailLink) -> Mapping[str, Any] | None:
    """Return the values stored with a link; None if they cannot be unsealed."""
    try:
        found: Mapping[str, Any] = sealed.EMAIL_LINKS.open_json(settings.ring, row.digest, row.sealed_values)
    except Unreadable:
        return None
    return found
