"""List the apps that a user is connected to, and end a connection (OWASP ASVS 10.7.3, 10.4.9)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from idp import clock
from idp.audit import Event, Origin, record_about
from idp.db import transaction
from idp.errors import NotFound
from idp.identity.scopes import is_allowed, only_scopes
from idp.store import clients, consents, grant_revocations, grants
from idp.store.clients import Client
from idp.store.consents import Consent
from idp.store.users import User


@dataclass(frozen=True)
class ConnectedApp:
    """An app with a consent or with active tokens. ``scopes``: the names of what it may see now.

    ``was_asked``: whether the user gave a consent; first-party apps need none.
    """

    client_id: str
    name: str
    scopes: tuple[str, ...]
    since: datetime
    last_used_at: datetime | None
    was_asked: bool


class Held(NamedTuple):
    """Active grants of one client with the same scopes."""

    scopes: list[str]
    since: datetime
    last_used_at: datetime


def connected(user: User) -> tuple[ConnectedApp, ...]:
    """Return a user's connected apps, by name."""
    allowed = {row.client_id: row for row in consents.consents_of(user.organisation_id, user.id)}
    living: dict[str, list[Held]] = {}
    for client_id, granted, since, last_used_at in grants.held_of(user.organisation_id, user.id, clock.now()):
        living.setdefault(client_id, []).append(Held(granted, since, last_used_at))
    apps = []
    for client in clients.some({*allowed, *living}):
        consent, held = allowed.get(client.client_id), living.get(client.client_id, [])
        began = [consent.given_at] if consent else [one.since for one in held]
        used = [one.last_used_at for one in held]
        scopes = _scopes_now(user, client, consent, held)
        apps.append(
            ConnectedApp(client.client_id, client.name, scopes, min(began), max(used, default=None), consent is not None)
        )
    return tuple(sorted(apps, key=lambda app: app.name.casefold()))


def _scopes_now(user: User, client: Client, consent: Consent | None, held: Sequence[Held]) -> tuple[str, ...]:
    """Return the granted scopes and claims that client and consent still allow: the rule of ``active_grant``."""
    agreed = frozenset(consent.scopes if consent else ())
    granted = agreed.union(*(one.scopes for one in held)) if client.first_party else agreed
    usable = client.scopes_for(user.organisation_id)
    whole = only_scopes(granted)
    return tuple(
        sorted(name for name in granted if is_allowed(name, usable) and (name in whole or not is_allowed(name, whole)))
    )


def end(user: User, client_id: str, origin: Origin) -> str:
    """Withdraw an app's consent and revoke its tokens for this user.

    Returns the app's name; raises ``NotFound`` if there is neither.

    ASVS 10.4.9: the tokens end with the consent. At the next sign-in the app must ask the user again.
    """
    now = clock.now()
    with transaction():
        withdrawn = consents.revoke_consent(user.organisation_id, user.id, client_id, now)
        here = (user.organisation_id, user.id, client_id)
        revoked = grant_revocations.revoke_grants_for_client(*here, now, "ended_by_request")
        if not withdrawn and not revoked:
            raise NotFound(detail="this user is not connected to such an app")
        event = Event.CONSENT_REVOKED if withdrawn else Event.GRANT_REVOKED
        record_about(replace(origin, client_id=client_id), event, user, grants=revoked)
    return clients.names({client_id}).get(client_id, "")
