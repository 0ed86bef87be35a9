"""What apps may use once, they use once: at the same moment too (RFC 9126, 8628, 7523, 9449, OpenID CIBA; ASVS V15.4.2)."""

from collections import Counter
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from tests.drivers import approvals, dpop, terminal
from tests.drivers.browser import Browser
from tests.drivers.client_key import ClientKey
from tests.drivers.crowd import Answer, Ask
from tests.drivers.relying_party import RelyingParty
from tests.races.conftest import Race

pytestmark = pytest.mark.both_engines
TIMES = 12
MACHINE = {"grant_types": ["client_credentials"], "redirect_uris": []}


def outcomes(answers: list[Answer]) -> dict[object, int]:
    """Return how many answers have each error, or each status where they have none."""
    return dict(Counter(one.json["error"] if "error" in one.body else one.status for one in answers))


def test_one_browser_of_many_takes_a_pushed_request(race: Race) -> None:
    """RFC 9126 §7.3: somebody who intercepts the address comes too late, or the person does and is told."""
    party = race.party()
    pushed = party.ask("pushed_authorization_request_endpoint", dict(parse_qsl(urlsplit(party.authorize_url()).query)))
    query = urlencode({"client_id": party.client_id, "request_uri": pushed.json["request_uri"]})
    answers = race.at_once([Ask(f"/oauth/authorize?{query}", method="GET")] * TIMES)
    assert Counter(one.status for one in answers) == {303: 1, 400: TIMES - 1}
    (taken,) = (one for one in answers if one.status == 303)
    assert "/sign-in/" in taken.location


def decider(race: Race) -> Browser:
    """Return the browser of a person who is signed in."""
    party, jan = race.party(client_id="webshop"), race.factory.make_user(race.organisation_id, "jan")
    browser = Browser(race.app, race.settings.issuer).open(party.authorize_url())
    return browser.fill(username=jan.username, password=jan.password).submit()


def chosen(browser: Browser, choice: str) -> Ask:
    """Return the request that one of the two buttons would send."""
    form = next(form for form in browser.page.forms if "/confirm/" in form.action)
    kept = [(name, value) for name, values in form.fields.items() for value in values]
    return Ask(form.action, [*kept, ("choice", choice)], browser.cookies)


def asked(race: Race, kind: str, browser: Browser) -> tuple[RelyingParty, dict[str, str]]:
    """Ask for a decision, and open the page on which the person takes it. Returns the app, and the form that polls."""
    if kind == "device":
        party = race.party(client_id="terminal", public=True, **terminal.GRANTS)
        body = terminal.codes(party)
        browser.open("/device").fill(user_code=body["user_code"]).submit()
        return party, {"grant_type": terminal.DEVICE, "device_code": body["device_code"], "client_id": "terminal"}
    party = race.party(client_id="till", **approvals.GRANTS)
    body = approvals.asked(party, binding_message="Refund R-17")
    browser.open("/").click("Refund R-17")
    form = {"grant_type": approvals.CIBA, "auth_req_id": body["auth_req_id"], "client_id": "till"}
    return party, form | {"client_secret": str(party._secret)}


@pytest.mark.parametrize("kind", ["device", "approval"])
def test_a_request_is_decided_once_and_one_poll_gets_the_tokens(race: Race, kind: str) -> None:
    """RFC 8628 §3.5, CIBA §11: one press of twelve approves it, and one poll of twelve gets the tokens."""
    browser = decider(race)
    party, form = asked(race, kind, browser)
    race.at_once([chosen(browser, "approve")] * TIMES)
    assert len([event for event in race.events() if event in ("terminal:approved", "approval:given")]) == 1
    answers = race.at_once([Ask("/oauth/token", list(form.items()))] * TIMES)
    assert outcomes(answers) == {200: 1, "invalid_grant": TIMES - 1}
    (tokens,) = (one.json for one in answers if one.status == 200)
    assert party.userinfo(tokens["access_token"])["sub"]


def test_a_client_assertion_proves_the_client_once(race: Race) -> None:
    """RFC 7523 §3: a copy that arrives at the same moment as its original is of no use."""
    key = ClientKey()
    party = race.party(client_id="robot", token_endpoint_auth_method="private_key_jwt", jwks=key.jwks, **MACHINE)
    form = {**dpop.MACHINE, **key.assertion(party.client_id, race.settings.issuer)}
    answers = race.at_once([Ask("/oauth/token", list(form.items()))] * TIMES)
    assert outcomes(answers) == {200: 1, "invalid_client": TIMES - 1}


def test_a_proof_of_possession_counts_once(race: Race) -> None:
    """RFC 9449 §11.1: nor is a copied proof, whatever process it reaches."""
    key = dpop.ProofKey()
    party = race.party(client_id="robot", **MACHINE)
    form = {**dpop.MACHINE, "client_id": "robot", "client_secret": str(party._secret)}
    nonce = party.ask("token_endpoint", dpop.MACHINE, {"DPoP": "x"}).headers["DPoP-Nonce"]
    proof = key.proof("POST", dpop.url_of(party), nonce=nonce)
    answers = race.at_once([Ask("/oauth/token", list(form.items()), headers={"DPoP": proof})] * TIMES)
    assert outcomes(answers) == {200: 1, "invalid_dpop_proof": TIMES - 1}
