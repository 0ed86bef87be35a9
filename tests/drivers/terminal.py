"""Use a device without a keyboard, and approve it in a browser (RFC 8628)."""

from typing import Any

import pytest

from tests.drivers.relying_party import Refused, RelyingParty, Tokens

DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
GRANTS = {"grant_types": [DEVICE, "refresh_token"], "redirect_uris": [], "response_types": []}


def ask(party: RelyingParty, **form: str) -> tuple[int, dict[str, Any]]:
    """Ask for codes. Returns status and JSON."""
    answer = party.ask("device_authorization_endpoint", {"scope": "openid profile", **form})
    return answer.status_code, answer.get_json()


def codes(party: RelyingParty, **form: str) -> dict[str, Any]:
    """Return the codes of a request that must succeed."""
    status, body = ask(party, **form)
    assert status == 200, body
    return body


def poll(party: RelyingParty, device_code: str, **form: str) -> Tokens:
    """Poll for tokens. Raises ``Refused``."""
    return party.take(party.token({"grant_type": DEVICE, "device_code": device_code, **form}))


def error_of(party: RelyingParty, device_code: str, **form: str) -> str:
    """Return the error that a poll gets."""
    with pytest.raises(Refused) as refused:
        poll(party, device_code, **form)
    return refused.value.error


def enter(scene: Any, user_code: str) -> None:
    """Enter the code that the device shows, and sign in."""
    scene.browser.open("/device").fill(user_code=user_code).submit()
    for _ in range(4):
        if "user_code" in scene.browser.fields or "/device/" in scene.browser.url:
            return
        scene._answer()


def approve(scene: Any, user_code: str) -> None:
    """Enter the code, sign in and approve."""
    enter(scene, user_code)
    scene.browser.submit("choice=approve")
