"""Links that are mailed: 256 random bits, kept as a digest by purpose, opening one thing once, until they run out.

Their address is built from the configured issuer and nothing else. Looking spends nothing (mail scanners fetch links, S55):
only ``burn`` does, in the transaction of what the link is for.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from idp import clock, crypto
from idp.config import Settings
from idp.errors import NotFound, Unreadable, say
from idp.mail import messages
from idp.store import email_links as store
from idp.store import sealed, users
from idp.store.email_links import EmailLink
from idp.store.users import User

Purpose = Literal[
    "reset", "invitation", "address", "verify", "undo", "recovery", "cancel", "ownership", "withdraw", "unlock"
]
PASSWORD_PURPOSES = ("reset", "invitation")
"""Those that let a password be chosen: void as soon as one was, or the address has changed."""
ADDRESS_PURPOSES = ("address", "verify")
"""Those that confirm an address: void as soon as the address has changed."""
OWNERSHIP_PURPOSES = ("ownership", "withdraw")
"""The two sides of an offer of the ownership. At most one pending pair per organisation."""
PATHS: Mapping[str, str] = {"reset": "reset", "invitation": "welcome", "unlock": "unlock"}
"""Where the page of a purpose lies; all others ask for one press of a button."""
NEVER_REPLACED = frozenset({"undo"})
"""A thief who changes the address twice must not void the way back of the true owner by that."""
GONE = say("This link does not work any more: it was used, has run out, or a newer one was sent.")


@dataclass(frozen=True)
class Opened:
    """A link that would open: its user, and what it knows."""

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
    """A link's token, within the transaction; a newer one of the same purpose voids the older ones.

    ``secret``: replaces the random bits where they were printed (see ``invitations``).
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


def mail(
    settings: Settings,
    user: User,
    purpose: Purpose,
    template: str,
    expires_at: datetime,
    *,
    values: Mapping[str, Any] | None = None,
    address: str = "",
    words: Mapping[str, Any] | None = None,
) -> bool:
    """Make a link and write the mail that carries it, within the transaction; False where it cannot be sent.

    It goes to the person's own verified address; ``address`` is for one that is yet to be confirmed, or was theirs before.
    ``values`` stay with the link, ``words`` go into the mail.
    """
    if not address and not messages.can_be_written_to(user):
        return False
    link = address_of(settings, purpose, make(settings, user, purpose, values or {}, expires_at))
    told = {**(words or {}), "link": link}
    if address:
        messages.write_to_address(settings, user.organisation_id, user.id, address, template, told, expires_at)
        return True
    return messages.write_to_person(settings, user.organisation_id, user.id, template, told, expires_at)


def soon(settings: Settings) -> datetime:
    """When an ordinary link runs out that is made now."""
    return clock.now() + timedelta(minutes=settings.lifetimes.link_minutes)


def address_of(settings: Settings, purpose: str, token: str) -> str:
    """The link as it stands in a mail."""
    return f"{settings.issuer}/{PATHS.get(purpose, f'link/{purpose}')}/{token}"


def opened(settings: Settings, token: str, *purposes: str) -> Opened:
    """What a token opens; raises ``NotFound``, saying so alike, where it opens nothing of these purposes.

    A link lets no user in who was disabled since.
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
    """The newest open link of a purpose in an organisation, without its token, which nobody knows; None for none."""
    return _opened(settings, store.latest_open_link_in(organisation_id, purpose, clock.now()), "")


def _opened(settings: Settings, row: EmailLink | None, token: str) -> Opened | None:
    user = users.user(row.organisation_id, row.user_id) if row else None
    if row is None or user is None or user.disabled_at is not None:
        return None
    values = _values(settings, row)
    if values is None:  # what it knows is sealed with a key that is gone: it opens nothing
        return None
    return Opened(token, row.purpose, row.digest, user, values, row.created_at, row.expires_at)


def burn(link: Opened) -> None:
    """Spend it, within the transaction of what it is for; raises ``NotFound`` where somebody was first.

    The user's row is locked before their links (``db.LOCK_ORDER``), as where a changed password closes them.
    """
    users.lock_user(link.user.organisation_id, link.user.id)
    if not store.burn_link(link.user.organisation_id, link.digest, clock.now()):
        raise NotFound(GONE, detail="the link was used since")


def void(user: User, *purposes: str) -> None:
    """Close a user's open links of these purposes, within the transaction."""
    store.void_links(user.organisation_id, user.id, clock.now(), purposes)


def void_offers(organisation_id: str) -> bool:
    """Close what lies open of an offer of an organisation's ownership, within the transaction; whether anything did."""
    return store.void_links_in(organisation_id, clock.now(), OWNERSHIP_PURPOSES) > 0


def void_newer(link: Opened) -> None:
    """Close links of the same user and purpose that were made after this one, within the transaction."""
    store.void_links_since(link.user.organisation_id, link.user.id, clock.now(), link.purpose, link.created_at)


def digest_of(purpose: str, token: str) -> bytes:
    """What is stored of a token: of no use for another purpose."""
    return crypto.digest(f"link:{purpose}", token)


def latest(settings: Settings, user: User, purpose: Purpose) -> Mapping[str, Any] | None:
    """What the newest open link of a user knows (a change of address that waits); None where there is none.

    Empty where there is one that does not open: it still counts as waiting.
    """
    row = store.latest_open_link(user.organisation_id, user.id, purpose, clock.now())
    return (_values(settings, row) or {}) if row else None


def _values(settings: Settings, row: EmailLink) -> Mapping[str, Any] | None:
    """What the link knows; None where it does not open."""
    try:
        found: Mapping[str, Any] = sealed.EMAIL_LINKS.open_json(settings.ring, row.digest, row.sealed_values)
    except Unreadable:
        return None
    return found
