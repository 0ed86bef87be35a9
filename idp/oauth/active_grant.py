"""The one gate that every grant passes: at redemption, at refresh, at userinfo (security.md: a check made at the first step
and not at the later ones is where identity providers fail).

A grant says what was granted once. The gate says what of it holds now: client, person and trust in the device are read live.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from idp.factors import REMEMBERED
from idp.identity import assurance
from idp.identity.assurance import Proof
from idp.identity.credentials import remembered_devices
from idp.identity.organisations.settings import settings_of
from idp.identity.policy.rules import ClientRule
from idp.identity.users import lookup
from idp.oauth.clients import RegisteredClient
from idp.oauth.provider import Provider
from idp.store import grants, organisations
from idp.store.consents import Consent
from idp.store.grants import Grant
from idp.store.sessions import UserSession
from idp.store.users import User

OFFLINE = "offline_access"


@dataclass(frozen=True)
class ActiveGrant:
    """A grant that holds, with its user and its client.

    ``scopes``: those of the grant that the client may have now. ``proofs``: those that count now.
    """

    grant: Grant
    user: User
    client: RegisteredClient
    scopes: tuple[str, ...]
    proofs: tuple[Proof, ...]


def pass_gate(provider: Provider, organisation_id: str, grant_id: str, now: datetime) -> ActiveGrant | str:
    """The grant with user and client where it still holds; else, in words for the log, why it does not."""
    found = grants.standing(organisation_id, grant_id)
    if found is None:
        return "no such grant"
    grant, user, login, consent = found
    if grant.revoked_at is not None or grant.ends_at <= now:
        return "the grant is revoked or over"
    if user.disabled_at is not None:
        return "the user is disabled"
    client = provider.clients.get(grant.client_id)
    if client is None or not client.serves(organisation_id):
        return "the client is gone, disabled or does not serve the organisation"
    if not client.check_grant_type("authorization_code"):
        return "the client may no longer use the grant type"
    scopes = _scopes_now(client, grant, consent)
    if not scopes:
        return "the client may have none of the scopes any more"
    shown = _proofs_now(provider, grant, user, client, now)
    level = assurance.level(shown)
    if level < assurance.level(assurance.from_json(grant.proofs)):
        return "the trust in the device is over"
    if level < provider.settings.acr.names.get(client.minimum_acr, 0):
        return "the client asks for more by now"
    return _login_ended(scopes, login, now) or ActiveGrant(grant, user, client, scopes, shown)


def _scopes_now(client: RegisteredClient, grant: Grant, consent: Consent | None) -> tuple[str, ...]:
    """The scopes that were granted, that the client is still registered for, and that the person still allows."""
    allowed = client.usable_scopes
    if not client.first_party:
        allowed = allowed & frozenset(consent.scopes if consent else ())
    return tuple(scope for scope in grant.scopes if scope in allowed)


def _proofs_now(provider: Provider, grant: Grant, user: User, client: RegisteredClient, now: datetime) -> tuple[Proof, ...]:
    """The grant's proofs without trust in a device that was withdrawn, is past its end, or counts no more (S38, S40)."""
    shown = assurance.from_json(grant.proofs)
    trust = [proof for proof in shown if proof.method == "remembered"]
    live = [one for one in trust if remembered_devices.is_live(grant.organisation_id, grant.user_id, one.credential, now)]
    if live and not _trust_counts(provider, user, client, now):
        live = []
    return tuple(proof for proof in shown if proof not in trust or proof in live)


def _trust_counts(provider: Provider, user: User, client: RegisteredClient, now: datetime) -> bool:
    """Return whether trust in a device is enough for this person. An organisation may switch it off where rules apply."""
    settings, organisation = provider.settings, organisations.organisation(user.organisation_id)
    if organisation is None or settings_of(settings, organisation).remembered_device_counts:
        return organisation is not None
    person = lookup.person_of(settings, organisation, user)
    rule = ClientRule(client.client_id, settings.acr.names.get(client.minimum_acr, 0), client.name)
    return lookup.rules_of(settings, organisation, person, now, rule).level <= REMEMBERED


def _login_ended(scopes: Sequence[str], login: UserSession | None, now: datetime) -> str:
    """Signing out ends every grant of the login. One with offline_access outlives only a login that ran out by itself."""
    if login is not None and login.ended_at is not None:
        return "the login was ended"
    if OFFLINE not in scopes and (login is None or login.idle_until <= now or login.ends_at <= now):
        return "the login ran out"
    return ""
