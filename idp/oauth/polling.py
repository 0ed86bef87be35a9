"""Answer an app that polls for the decision of a person (RFC 8628 §3.4, §3.5)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from idp import clock, db
from idp.oauth.active_grant import ActiveGrant, find_active_grant
from idp.oauth.clients import RegisteredClient
from idp.oauth.errors import OAuthError, invalid_grant
from idp.oauth.provider import Provider
from idp.oauth.refresh_grant import first_refresh_token
from idp.oauth.resource_indicators import Target
from idp.oauth.rich_requests import choose_target
from idp.oauth.token_request import TokenRequest
from idp.oauth.tokens import Particulars, mint
from idp.store import polled_requests as store
from idp.store.polled_requests import PolledRequest

INTERVAL = 5
"""Seconds between two polls, and by how much they grow after a poll that came too early (§3.5)."""
LONGEST_INTERVAL = 60
TOLERANCE = 1
"""Seconds by which a poll may be early: networks deliver unevenly."""


@dataclass(frozen=True)
class Redeemed:
    """An approved request whose tokens are handed out now, to this poll alone."""

    active: ActiveGrant
    refresh_token: str
    target: Target


def answer(provider: Provider, client: RegisteredClient, digest: bytes, request: TokenRequest) -> dict[str, Any]:
    """Return the token response for the code that an app polls with. Raises ``OAuthError`` until it is approved."""
    with db.transaction():
        found = _poll(provider, client, digest, request)
    if isinstance(found, OAuthError):
        raise found
    particulars = Particulars(request.bound_to, refresh_token=found.refresh_token, target=found.target)
    return mint(provider, found.active, found.active.scopes, particulars)


def _poll(provider: Provider, client: RegisteredClient, digest: bytes, request: TokenRequest) -> Redeemed | OAuthError:
    """Return an error: what was noted of the poll must stay.

    Raises ``invalid_target`` and ``invalid_authorization_details``, which undo the redemption.
    """
    now = clock.now()
    row = store.polled(digest)
    if row is None or row.client_id != client.client_id:
        return invalid_grant("no such code of this client")
    if row.expires_at <= now:
        return OAuthError("expired_token", "The code has expired. Begin again.")
    if row.decided_at is None:
        return _wait(row, now)
    if row.grant_id is None or row.organisation_id is None:
        return OAuthError("access_denied", "The person refused.")
    if not store.redeem(row.id, now):
        return invalid_grant("its tokens were handed out before")
    active = find_active_grant(provider, row.organisation_id, row.grant_id, now)
    if isinstance(active, str):
        return invalid_grant(active)
    target = choose_target(provider, active, active.scopes, request)
    return Redeemed(active, first_refresh_token(provider, active, request.bound_to, now), target)


def _wait(row: PolledRequest, now: datetime) -> OAuthError:
    """Note the poll. One that came too early slows down all that follow."""
    soonest = timedelta(seconds=row.interval - TOLERANCE)
    is_early = row.polled_at is not None and now - row.polled_at < soonest
    interval = min(row.interval + INTERVAL, LONGEST_INTERVAL) if is_early else row.interval
    if not store.note_poll(row.id, row.polled_at, now, interval) or is_early:
        return OAuthError("slow_down", "Poll less often.")
    return OAuthError("authorization_pending", "The person has not decided yet.")
