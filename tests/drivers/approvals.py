"""Ask a person for an approval, poll for the decision, and decide in a browser (OpenID CIBA)."""

from typing import Any

import pytest

from tests.drivers.relying_party import Refused, RelyingParty, Tokens

CIBA = "urn:openid:params:grant-type:ciba"
GRANTS = {"grant_types": [CIBA, "refresh_token"], "redirect_uris": []}


def ask(party: RelyingParty, **form: str | None) -> tuple[int, dict[str, Any]]:
    """Ask for an approval. Returns status and JSON."""
    wanted = {"scope": "openid", "login_hint": "jan", "organisation": "example-shoes", **form}
    answer = party.ask("backchannel_authentication_endpoint", {name: one for name, one in wanted.items() if one is not None})
    return answer.status_code, answer.get_json()


def asked(party: RelyingParty, **form: str | None) -> dict[str, Any]:
    """Return the acknowledgement of a request that must be taken."""
    status, body = ask(party, **form)
    assert status == 200, body
    return body


def poll(party: RelyingParty, auth_req_id: str, **form: str) -> Tokens:
    """Poll for tokens. Raises ``Refused``."""
    return party.take(party.token({"grant_type": CIBA, "auth_req_id": auth_req_id, **form}))


def error_of(party: RelyingParty, auth_req_id: str, **form: str) -> str:
    """Return the error that a poll gets."""
    with pytest.raises(Refused) as refused:
        poll(party, auth_req_id, **form)
    return refused.value.error


def open_approval(scene: Any, path: str) -> None:
    """Open the link of a mail, and sign in."""
    scene.browser.open(path)
    for _ in range(4):
        if "/approve/" in scene.browser.url:
            return
        scene._answer()
