"""Tell relying apps that a session has ended (OpenID Connect Back-Channel Logout 1.0).

The worker has written a notice for each app of the session (``identity.sessions.logout_notices``). The logout token is made
when it is sent. An app that answers wrongly or not at all is tried again with growing pauses.
"""

import threading
from datetime import timedelta
from urllib.parse import urlencode

import structlog

from idp import clock, crypto, db
from idp.actors import System
from idp.audit import Event, Origin, record
from idp.identity.sessions.logout_notices import URI
from idp.oauth.claims import issued_now
from idp.oauth.client_encryption import encrypt_for, require_keys
from idp.oauth.clients import RegisteredClient
from idp.oauth.errors import OAuthError
from idp.oauth.provider import Provider
from idp.outgoing import NoAnswer, post
from idp.store import audit, organisations
from idp.store import logout_notices as store
from idp.store.logout_notices import LogoutNotice

EVENT = "http://schemas.openid.net/event/backchannel-logout"
TOKEN_TYPE = "logout+jwt"
TOKEN_SECONDS = 120
"""§2.4: "it is RECOMMENDED that an expiration time at most two minutes in the future be used"."""
ACCEPTED = (200, 204)
REFUSED = 400
"""§2.8: the app says that the token is wrong or that its logout failed. It would say the same again."""
LEASE = timedelta(minutes=2)
"""No other worker sends a notice within this. The answer is given up long before."""
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=10), timedelta(hours=1)
GIVE_UP_AFTER = timedelta(days=1)
AT_ONCE = 50
"""Notices sent to an app before another app gets its turn in this thread."""
WORKER = Origin(System("worker"))

log = structlog.get_logger("oauth")


def tell(provider: Provider, client_id: str, stop: threading.Event | None = None) -> int:
    """Send an app the notices that are due, up to ``AT_ONCE``, until it gives no answer. Returns how many it accepted."""
    accepted = 0
    for _ in range(AT_ONCE):
        now = clock.now()
        with db.transaction():
            notice = store.lease(client_id, now, now + LEASE)
        client = provider.clients.even_disabled(client_id)
        if notice is None or client is None or (stop is not None and stop.is_set()):
            break
        try:
            accepted += _send(provider, client, notice)
        except NoAnswer as silence:
            _note_failure(notice, str(silence), is_silent=True)
            break
    return accepted


def _send(provider: Provider, client: RegisteredClient, notice: LogoutNotice) -> bool:
    """Send one notice and note the answer. Returns whether it was accepted; raises ``NoAnswer``."""
    address = str(client.metadata.get(URI, ""))
    try:
        require_keys(provider, client, "id_token")
        token = logout_token(provider, client, notice) if address else ""
    except OAuthError as error:
        raise NoAnswer(error.description) from error
    status = _post(provider, client, address, token) if address else ACCEPTED[0]
    if status in ACCEPTED:
        with db.transaction():
            store.delete_notice(notice)
        log.info("app_told_of_logout", client_id=client.client_id)
    elif status == REFUSED:
        _give_up(notice, f"status {status}: it refused the logout token")
    else:
        hint = ", and redirects are not followed" if 300 <= status < 400 else ""
        _note_failure(notice, f"status {status}{hint}", is_silent=False)
    return status in ACCEPTED


def _post(provider: Provider, client: RegisteredClient, address: str, token: str) -> int:
    """Return the status of the answer (§2.5: a form with the token).

    Administrators see what their app answered. Its address must not make us a scanner of the operators' network.
    """
    db.release()
    form = urlencode({"logout_token": token}).encode()
    return post(provider.settings, address, form, only_public=client.only_public).status


def logout_token(provider: Provider, client: RegisteredClient, notice: LogoutNotice) -> str:
    """Return a logout token (§2.4) for the end of one session. It has no ``nonce``: it must never pass as an ID token."""
    claims = {
        "iss": provider.issuer,
        "aud": client.client_id,
        "sub": provider.subjects.subject(client, notice.user_id),
        "sid": provider.subjects.sid(client, notice.session_id),
        **issued_now(TOKEN_SECONDS),
        "jti": crypto.new_secret(),
        "events": {EVENT: {}},
    }
    # §2.6: an app whose ID tokens are encrypted rejects logout tokens that are not.
    return encrypt_for(provider, client, "id_token", provider.keys.sign(client.id_token_alg, claims, TOKEN_TYPE))


def _note_failure(notice: LogoutNotice, reason: str, *, is_silent: bool) -> None:
    now = clock.now()
    if now - notice.created_at >= GIVE_UP_AFTER:
        _give_up(notice, reason)
        return
    pause = min(FIRST_PAUSE * 2 ** min(notice.tries, 10), LONGEST_PAUSE)
    with db.transaction():
        store.note_failure(notice, now, now + pause, reason, is_silent=is_silent)
    log.warning("app_not_told_of_logout", client_id=notice.client_id, reason=reason, tries=notice.tries + 1)


def _give_up(notice: LogoutNotice, reason: str) -> None:
    """Keep the notice with its reason, audited in the same transaction."""
    is_there = organisations.organisation(notice.organisation_id) is not None
    about = {"organisation_id": notice.organisation_id if is_there else audit.INSTALLATION, "subject_id": notice.user_id}
    with db.transaction():
        store.give_up(notice, clock.now(), reason)
        data = {"client": notice.client_id, "login": notice.session_id}
        record(WORKER, Event.APP_NOT_TOLD, **about, outcome="failure", data=data)
    log.error("app_not_told_of_logout", client_id=notice.client_id, reason=reason, given_up=True)
