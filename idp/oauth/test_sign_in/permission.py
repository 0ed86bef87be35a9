"""Leave for one browser to have one app's answer sent to a page of ours, for a trial sign-in (``run``).

Our page is registered for no app, and need not be: an administrator's browser carries the leave sealed in ``state``. It
opens for that browser and that client alone and for a few minutes, so nobody else's request may name our page; and what
comes there is a code that only the browser's own PKCE verifier redeems, on the server.
"""

from idp import clock
from idp.errors import Unreadable
from idp.oauth.provider import Provider
from idp.oauth.request_parameters import Parameters

PATH = "/admin/test/callback"
LIVES = 600
"""Seconds from the start to the answer."""


def callback(provider: Provider) -> str:
    """Our page, to which the answer of a trial goes."""
    return provider.issuer + PATH


def give(provider: Provider, browser_id: str, client_id: str) -> str:
    """A ``state`` with which this browser may have this client's answer sent to our page."""
    until = clock.epoch_seconds(clock.now()) + LIVES
    return provider.settings.ring.seal_json({"client_id": client_id, "until": until}, _place(browser_id))


def is_given(provider: Provider, browser_id: str, parameters: Parameters) -> bool:
    """Whether a request names our page and this browser has the leave for its client."""
    if not browser_id or parameters.get("redirect_uri") != callback(provider):
        return False
    try:
        leave = provider.settings.ring.open_json(parameters.get("state"), _place(browser_id))
    except (Unreadable, ValueError):
        return False
    is_for_it = leave["client_id"] == parameters.get("client_id")
    return is_for_it and clock.epoch_seconds(clock.now()) < int(leave["until"])


def _place(browser_id: str) -> str:
    return f"trial:leave:{browser_id}"
