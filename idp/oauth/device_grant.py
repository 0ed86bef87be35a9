"""Sign people in at devices without a keyboard (RFC 8628): what the device asks for, and polls for.

Here the device speaks. The person who approves it in a browser: ``device_verification``.
"""

from datetime import timedelta
from typing import Any

from idp import clock, crypto, db
from idp.errors import TooMany
from idp.identity.lockout import rate_limits
from idp.identity.short_codes import Shape
from idp.oauth import client_auth, device_facts, polling
from idp.oauth.authorization_request import WITHOUT_BROWSER, read_without_browser
from idp.oauth.client_metadata import DEVICE_CODE
from idp.oauth.clients import RegisteredClient
from idp.oauth.errors import OAuthError, invalid_request
from idp.oauth.provider import Provider
from idp.oauth.token_request import TokenRequest
from idp.store import polled_requests as store

PARAMETERS = client_auth.PARAMETERS | WITHOUT_BROWSER | device_facts.PARAMETERS
CONSONANTS = "bcdfghjklmnpqrstvwxz"
"""RFC 8628 §6.1: no vowels, so that no code is a word; 20 letters and 8 places are more than 34 bits."""
USER_CODE = Shape(letters=8, group=4, alphabet=CONSONANTS)


def start(provider: Provider, request: TokenRequest) -> dict[str, Any]:
    """Return the device authorization response (§3.2). Raises ``OAuthError``."""
    request.parameters.insist()
    client = client_auth.authenticate(provider, request)
    if not client.check_grant_type(DEVICE_CODE):
        raise OAuthError("unauthorized_client", "The client is not registered for the device grant.")
    parameters = {name: value for name, value in request.parameters.values.items() if name in WITHOUT_BROWSER}
    parameters |= device_facts.read_facts(request.parameters.values)
    read_without_browser(provider, client, parameters, "/", {})
    _count(provider, client, request.address)
    code, user_code = _add(provider, client, parameters)
    page = f"{provider.issuer}/device"
    shown = USER_CODE.shown(user_code).upper()
    return {
        "device_code": code,
        "user_code": shown,
        "verification_uri": page,
        "verification_uri_complete": f"{page}?user_code={shown}",
        "expires_in": provider.settings.lifetimes.device_code_minutes * 60,
        "interval": polling.INTERVAL,
    }


def _count(provider: Provider, client: RegisteredClient, address: str) -> None:
    """Limit the requests that anybody can send: a public client proves nothing."""
    if client.is_public:
        try:
            rate_limits.count_device_request(provider.settings, address, clock.now())
        except TooMany as closed:
            raise OAuthError("slow_down", "Too many requests.", status=429, retry_after=closed.retry_after) from closed


def _add(provider: Provider, client: RegisteredClient, parameters: dict[str, str]) -> tuple[str, str]:
    """Store a request. Returns its device code and its user code, of which only digests are stored."""
    now, code = clock.now(), crypto.new_secret()
    times = {
        "created_at": now,
        "expires_at": now + timedelta(minutes=provider.settings.lifetimes.device_code_minutes),
        "interval": polling.INTERVAL,
    }
    while True:
        user_code = USER_CODE.draw()
        mac = macs_of(provider, user_code)[0]
        with db.transaction():
            digest = crypto.digest("device_code", code)
            if store.add_request(crypto.new_id(), digest, mac, client.client_id, parameters, **times):
                return code, user_code


def macs_of(provider: Provider, user_code: str) -> list[str]:
    """Return what may be stored of a user code: a MAC by each sealing key, because a digest of 34 bits can be guessed."""
    return provider.settings.ring.lookups("user_code", user_code)


def exchange(provider: Provider, client: RegisteredClient, request: TokenRequest) -> dict[str, Any]:
    """Return the token response for a device code. Raises ``OAuthError``: until the person decides, it says to wait."""
    if not request.parameters.get("device_code"):
        raise invalid_request("The device_code is missing.")
    digest = crypto.digest("device_code", request.parameters.get("device_code"))
    return polling.answer(provider, client, digest, request)
