"""Find out what of a grant is valid now: the one check at redemption, at refresh and at userinfo.

A grant stores what was granted once. Client, user, consent and trust in the device are read each time, so that a withdrawal
takes effect at once. Identity providers fail when only the first step checks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from idp.factors import REMEMBERED
from idp.identity import access, assurance
from idp.identity.assurance import Proof
from idp.identity.credentials import remembered_devices
from idp.identity.organisations.settings import remembered_device_counts
from idp.identity.policy.rules import ClientRule
from idp.identity.scopes import is_allowed
from idp.identity.sessions.sessions import SIGNED_OUT
from idp.identity.users import lookup
from idp.oauth.client_metadata import SCOPES
from idp.oauth.clients import RegisteredClient
from idp.oauth.provider import Provider
from idp.store import grants, organisations
from idp.store.clients import keeps_offline_access
from idp.store.consents import Consent
from idp.store.grants import Grant
from idp.store.sessions import UserSession
from idp.store.users import User

OFFLINE = "offline_access"
PERSONAL_SCOPES = frozenset(SCOPES)


class TooWeak(str):
    """Why the sign-in behind a grant is not enough now. A sign-in that reaches ``acr`` cures it (RFC 9470 §3)."""

    acr: str

    def __new__(cls, why: str, acr: str) -> "TooWeak":
        """Make one."""
        made = super().__new__(cls, why)
        made.acr = acr
        return made


@dataclass(frozen=True)
class ActiveGrant:
    """A valid grant, with its user and its client.

    ``scopes``: scopes and single claims of the grant that the client may have now. ``proofs``: those that count now.
    """

    grant: Grant
    user: User
    client: RegisteredClient
    scopes: tuple[str, ...]
    proofs: tuple[Proof, ...]

    @property
    def details(self) -> tuple[Mapping[str, Any], ...]:
        """Return the allowed authorization details (RFC 9396) whose types the client may still have."""
        return tuple(one for one in self.grant.details if one["type"] in self.client.detail_types)

    @property
    def may_refresh(self) -> bool:
        """Return whether a refresh token of it can be used: not if the client lost the ``offline_access`` that it is for."""
        is_withdrawn = OFFLINE in self.grant.scopes and OFFLINE not in self.scopes
        return self.client.check_grant_type("refresh_token") and not is_withdrawn


@dataclass(frozen=True)
class ActiveClient:
    """A client that may act for itself, with the scopes that it may have without a user."""

    client: RegisteredClient
    scopes: tuple[str, ...]


def find_active_client(provider: Provider, client_id: str) -> ActiveClient | str:
    """Return the client of a token that it got for itself, if it could get one now; else why not, in words for the log."""
    client = provider.clients.get(client_id)
    if client is None or client.is_closed or client.is_public or not client.check_grant_type("client_credentials"):
        return "the client is gone, disabled or may no longer act for itself"
    return ActiveClient(client, scopes_of_client(client))


def scopes_of_client(client: RegisteredClient) -> tuple[str, ...]:
    """Return the scopes that a client may have without a user: all of its own that tell nothing about a person."""
    return tuple(sorted(client.usable_scopes - PERSONAL_SCOPES))


def find_active_grant(provider: Provider, organisation_id: str, grant_id: str, now: datetime) -> ActiveGrant | str:
    """Return the grant where it is still valid; else why it is not, in words for the log."""
    found = grants.standing(organisation_id, grant_id)
    if found is None:
        return "no such grant"
    grant, user, session, consent = found
    if grant.revoked_at is not None or grant.ends_at <= now:
        return "the grant is revoked or over"
    if user.disabled_at is not None:
        return "the user is disabled"
    if access.has_ended(user):
        return "the last day of the user's access has passed"
    client = provider.clients.get(grant.client_id)
    if client is None or not client.serves(organisation_id):
        return "the client is gone, disabled or does not serve the organisation"
    if not client.check_grant_type(grant.made_by):
        return "the client may no longer use the grant type"
    scopes = _scopes_now(client, grant, consent)
    if not scopes:
        return "the client may have none of the scopes any more"
    stored = assurance.from_json(grant.proofs)
    shown = _proofs_now(provider, stored, user, client, now)
    level, names = assurance.level(shown), provider.settings.acr.names
    before = level if shown is stored else assurance.level(stored)
    if level < before:
        return TooWeak("the trust in the device is over", client.minimum_acr or _name_of(names, before))
    if level < names.get(client.minimum_acr, 0):
        return TooWeak("the client asks for a higher level now", client.minimum_acr)
    return _session_ended(client, scopes, session, now) or ActiveGrant(grant, user, client, scopes, shown)


def _name_of(names: Mapping[str, int], level: int) -> str:
    """Return the name of the lowest ``acr`` that reaches a level."""
    return min((name for name in names if names[name] >= level), key=names.__getitem__, default="")


def _scopes_now(client: RegisteredClient, grant: Grant, consent: Consent | None) -> tuple[str, ...]:
    """Return the granted scopes and claims for which the client is still registered, and which the user still allows."""
    found = (name for name in grant.scopes if is_allowed(name, client.usable_scopes))
    if client.first_party:
        return tuple(found)
    agreed = frozenset(consent.scopes if consent else ())
    return tuple(name for name in found if is_allowed(name, agreed))


def _proofs_now(
    provider: Provider, stored: tuple[Proof, ...], user: User, client: RegisteredClient, now: datetime
) -> tuple[Proof, ...]:
    """Return a grant's proofs without trust in a device that was withdrawn, has expired, or does not count (S38, S40)."""
    trust = [proof for proof in stored if proof.method == "remembered"]
    if not trust:
        return stored
    live = [one for one in trust if remembered_devices.is_live(user.organisation_id, user.id, one.credential, now)]
    if live and not _trust_counts(provider, user, client, now):
        live = []
    return tuple(proof for proof in stored if proof not in trust or proof in live)


def _trust_counts(provider: Provider, user: User, client: RegisteredClient, now: datetime) -> bool:
    """Check if trust in a device is enough for this user. An organisation may switch it off where rules apply."""
    settings, organisation = provider.settings, organisations.organisation(user.organisation_id)
    if organisation is None or remembered_device_counts(settings, organisation):
        return organisation is not None
    person = lookup.person_of(settings, organisation, user)
    rule = ClientRule(client.client_id, settings.acr.names.get(client.minimum_acr, 0), client.name)
    return lookup.rules_of(settings, organisation, person, now, rule).level <= REMEMBERED


def _session_ended(client: RegisteredClient, scopes: Sequence[str], session: UserSession | None, now: datetime) -> str:
    """Return why the session ended the grant; empty where it did not.

    Signing out ends every grant of the session, but for ``offline_access`` of a client that keeps it. A grant with
    ``offline_access`` outlives a session that only ran out.
    """
    is_offline = OFFLINE in scopes
    if session is not None and session.ended_at is not None:
        is_kept = is_offline and session.ended_why in SIGNED_OUT and keeps_offline_access(client.metadata)
        return "" if is_kept else "the session was ended"
    if not is_offline and (session is None or session.idle_until <= now or session.ends_at <= now):
        return "the session ran out"
    return ""
