"""The one gate that every grant passes: at redemption, at refresh, at userinfo (security.md: a check made at the first step
and not at the later ones is where identity providers fail).
"""

from dataclasses import dataclass
from datetime import datetime

from idp.oauth.clients import RegisteredClient
from idp.oauth.provider import Provider
from idp.store import grants
from idp.store.grants import Grant
from idp.store.users import User

OFFLINE = "offline_access"


@dataclass(frozen=True)
class Standing:
    """A grant that holds, with its user and its client."""

    grant: Grant
    user: User
    client: RegisteredClient


def pass_gate(provider: Provider, organisation_id: str, grant_id: str, now: datetime) -> Standing | str:
    """The grant with user and client where it still holds; else, in words for the log, why it does not."""
    found = grants.standing(organisation_id, grant_id)
    if found is None:
        return "no such grant"
    grant, user, login = found
    if grant.revoked_at is not None or grant.ends_at <= now:
        return "the grant is revoked or over"
    if user.disabled_at is not None:
        return "the user is disabled"
    client = provider.clients.get(grant.client_id)
    if client is None or not client.serves(organisation_id):
        return "the client is gone, disabled or does not serve the organisation"
    # Signing out ends every grant of the login. One with offline_access outlives only a login that ran out by itself.
    if login is not None and login.ended_at is not None:
        return "the login was ended"
    if OFFLINE not in grant.scopes and (login is None or login.idle_until <= now or login.ends_at <= now):
        return "the login ran out"
    return Standing(grant, user, client)
