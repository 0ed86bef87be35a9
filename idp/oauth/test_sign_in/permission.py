"""Permit one browser to have one app's answer sent to a page of ours, for a test sign-in (``run``).

Our page is registered for no app, and need not be: an administrator's browser carries the permission sealed in ``state``. It
opens for that browser and that client alone, for a few minutes, so no other request may name our page. The code that arrives
there is redeemed on the server, with that browser's own PKCE verifier.
"""

from idp import clock
from idp.errors import Unreadable
from idp.oauth.provider import Provider
from idp.oauth.request_parameters import Parameters

PATH = "/admin/test/callback"
LIVES = 600
"""Seconds from the start to the answer."""


def callback(provider: Provider) -> str:
    """Return our page, to which the answer of a test goes."""
    return provider.issuer + PATH


def give(provider: Provider, browser_id: str, client_id: str) -> str:
    """Return a ``state`` with which this browser may have this client's answer sent to our page."""
    until = clock.epoch_seconds(clock.now()) + LIVES
    return provider.settings.ring.seal_json({"client_id": client_id, "until": until}, _place(browser_id))


def is_given(provider: Provider, browser_id: str, parameters: Parameters) -> bool:
    """Check if a request names our page and this browser has the permission for its client."""
    if not browser_id or parameters.get("redirect_uri") != callback(provider):
        return False
    try:
        permission = provider.settings.ring.open_json(parameters.get("state"), _place(browser_id))
    except (Unreadable, ValueError):
        return False
    is_same_client = permission["client_id"] == parameters.get("client_id")
    return is_same_client and clock.epoch_seconds(clock.now()) < int(permission["until"])


def _place(browser_id: str) -> str:
    return f"trial:leave:{browser_id}"
