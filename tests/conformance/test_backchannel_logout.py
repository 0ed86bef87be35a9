"""The Back-Channel Logout plan."""

import json
from urllib.parse import parse_qs, urlencode

import pytest

from idp.identity.sessions import logout_notices
from idp.oauth import backchannel_logout
from tests.conformance.conftest import plans
from tests.conformance.suite import BYE, Suite, header_of
from tests.drivers.app_server import AppServer
from tests.drivers.relying_party import error_of

PLAN = plans("oidcc-backchannel-rp-initiated-logout-certification-test-plan")
EVENT = "http://schemas.openid.net/event/backchannel-logout"


@pytest.fixture
def settings(configure):
    """Let the provider call the client on loopback."""
    return configure(outgoing={"allow": ["127.0.0.0/8"]})


@PLAN
def test_oidcc_backchannel_logout_discovery_endpoint_verification(suite: Suite) -> None:
    """§2.1: both members are there and true, beside the endpoint of RP-Initiated Logout."""
    found = suite.metadata
    assert (found["backchannel_logout_supported"], found["backchannel_logout_session_supported"]) == (True, True)
    assert found["end_session_endpoint"].startswith("https://")


@PLAN
def test_oidcc_backchannel_rp_initiated_logout(suite: Suite, server: AppServer) -> None:
    """§2.4, §2.5: a logout token alone arrives, the browser comes back with the state, and nobody is signed in."""
    party = suite.scene.party(
        "told", require_pkce=False, post_logout_redirect_uris=[BYE],
        backchannel_logout_uri=f"{server.address}/backchannel_logout", backchannel_logout_session_required=True,
    )  # fmt: skip
    first = suite.tokens(party)
    asked = {"id_token_hint": first.id_token, "post_logout_redirect_uri": BYE, "state": "s t"}
    assert suite.browser.open(f"/oauth/logout?{urlencode(asked)}").left_for == f"{BYE}?state=s%20t"
    with suite.scene.factory.context():
        logout_notices.note_ended()
        assert backchannel_logout.tell(suite.scene.app.extensions["sleutel.oauth"].provider, party.client_id) == 1
    (arrived,) = server.requests
    ((name, (token,)),) = parse_qs(arrived["body"]).items()
    assert (arrived["path"], name) == ("/backchannel_logout", "logout_token")
    claims = party.verify(token)
    assert header_of(token)["alg"] == "RS256"
    assert {"iss", "aud", "iat", "exp", "jti", "sub", "sid"} <= claims.keys()
    for name in ("iss", "aud", "sub", "sid"):
        assert claims[name] == first.claims[name], name
    assert json.dumps(claims["events"]) == json.dumps({EVENT: {}})
    assert "nonce" not in claims
    suite.open(party, prompt="none")
    assert error_of(lambda: suite.answer(party)) == "login_required"
