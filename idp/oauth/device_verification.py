"""Find the device that shows a code, for the person who types it (RFC 8628 §3.3, §5.1). ``decisions`` does the rest.

A code that somebody else sent may be an attempt to have their own device approved (§5.4). So the page names the app, the
device and the code.
"""

from idp import clock, db
from idp.identity.lockout import rate_limits
from idp.oauth import decisions
from idp.oauth.device_grant import USER_CODE, macs_of
from idp.oauth.provider import Provider
from idp.signin.state import BrowserContext
from idp.store import polled_requests as store

SHOWN = "user_code"
"""Under this name the needs of a sign-in carry the code that was entered, to be compared with the device."""


def enter(provider: Provider, typed: str, visit: BrowserContext) -> str | None:
    """Begin to approve the device that shows a code. Returns the id of a sign-in, or None if no device shows it.

    Raises ``TooMany``: a guess is counted for its address before it is checked (§5.1).
    """
    now, code = clock.now(), USER_CODE.read(typed)
    place = rate_limits.admit_user_code(provider.settings, visit.address, now)
    found = store.entered(macs_of(provider, code), now) if code else None
    if found is None:
        return None
    with db.transaction():
        rate_limits.forgive_user_code(place)
    return decisions.begin(provider, found, {SHOWN: USER_CODE.shown(code).upper()}, visit)
