"""PKCE with S256 at both endpoints (RFC 7636), and the clients that may go without it (RFC 9700 §2.1.1)."""

import pytest

from idp.errors import Invalid
from idp.oauth.client_metadata import validate_metadata
from tests.drivers.relying_party import Refused, challenge_of

GOOD = challenge_of("v" * 43)
NO_CHALLENGE = {"code_challenge": None, "code_challenge_method": None}
EMPTY = {"code_challenge": "", "code_challenge_method": ""}
NO_NONCE = {"nonce": None}
NOT_OPENID = {"scope": "profile"}
BAD_REQUESTS = {
    "a method alone": {"code_challenge": None},
    "an empty challenge": {"code_challenge": ""},
    "no method, so plain by default": {"code_challenge_method": None},
    "plain": {"code_challenge_method": "plain"},
    "an empty method": {"code_challenge_method": ""},
    "method in lower case": {"code_challenge_method": "s256"},
    "an unknown method": {"code_challenge_method": "S512"},
    "too short": {"code_challenge": GOOD[:-1]},
    "too long": {"code_challenge": GOOD + "A"},
    "padded": {"code_challenge": GOOD[:-1] + "="},
    "not base64url": {"code_challenge": GOOD[:-1] + "+"},
    "not ASCII": {"code_challenge": GOOD[:-1] + "é"},
    "not a digest of 32 bytes": {"code_challenge": GOOD[:-1] + "B"},
    "huge": {"code_challenge": "A" * 5000},
}
BAD_VERIFIERS = {
    "another verifier": "w" * 43,
    "the challenge itself": None,
    "too short": "v" * 42,
    "too long": "v" * 129,
    "not ASCII": "é" * 43,
    "bad characters": "v" * 42 + "+",
    "with a newline": "v" * 43 + "%0a",
}


@pytest.mark.parametrize("public", [True, False])
@pytest.mark.parametrize("wrong", BAD_REQUESTS.values(), ids=list(BAD_REQUESTS))
def test_a_request_without_a_valid_s256_challenge_is_refused(scene, wrong, public):
    """V10.4.6, R97-03, O21-10: public and confidential clients are refused alike, before any user signs in."""
    party = scene.party(public=public)
    assert refusal_of(scene, party, **wrong) == "invalid_request"


def refusal_of(scene, party, **params) -> str:
    """Return the error that a request gets before anybody signs in."""
    with pytest.raises(Refused) as refused:
        party.callback(scene.browser.open(party.authorize_url(**params)).left_for)
    return refused.value.error


CONFIDENTIAL = {"scope": "openid profile"}
REFUSED_WITHOUT = {
    "a public client": ({"public": True}, {}),
    "a public client that asks for it": ({"public": True, "require_pkce": True}, {}),
    "a client that must always": ({"require_pkce": True}, {}),
    "no nonce": ({}, NO_NONCE),
    "an empty nonce": ({}, {"nonce": ""}),
    "no openid, so no ID token to hold the nonce": (CONFIDENTIAL, NOT_OPENID),
    "openid asked but not registered": ({"scope": "profile"}, {"scope": "openid profile"}),
}
ALLOWED_WITHOUT = {
    "openid and a nonce": ({}, {}),
    "never needed, with a nonce": ({"require_pkce": False}, {}),
    "never needed, no nonce": ({"require_pkce": False}, NO_NONCE),
    "never needed, plain OAuth": ({"require_pkce": False, **CONFIDENTIAL}, {**NOT_OPENID, **NO_NONCE}),
}


@pytest.mark.parametrize("left_out", [NO_CHALLENGE, EMPTY], ids=["left out", "empty"])
@pytest.mark.parametrize(("client", "asked"), REFUSED_WITHOUT.values(), ids=list(REFUSED_WITHOUT))
def test_pkce_is_demanded(scene, client, asked, left_out):
    """RFC 9700 §2.1.1: public clients always, confidential ones unless a nonce protects the code, or as registered."""
    party = scene.party(**client)
    assert refusal_of(scene, party, **asked, **left_out) == "invalid_request"


@pytest.mark.parametrize(("client", "asked"), ALLOWED_WITHOUT.values(), ids=list(ALLOWED_WITHOUT))
def test_a_confidential_client_goes_without_pkce(scene, client, asked):
    """An old library that knows no PKCE signs people in unchanged, and its nonce comes back."""
    party = scene.party(**client)
    code = scene.code(party, **asked, **EMPTY)
    tokens = party.redeem(code, code_verifier="")
    assert tokens.claims.get("nonce", "") == (party.nonce if tokens.id_token else "")
    with pytest.raises(Refused, match="invalid_grant"):
        party.redeem(code, code_verifier="")


def test_the_installation_demands_pkce_of_all(scene, monkeypatch):
    """``[clients] require_pkce`` is stronger than what a client's registration says."""
    party = scene.party(require_pkce=False)
    demanded = scene.settings.clients.model_copy(update={"require_pkce": True})
    monkeypatch.setitem(scene.settings.__dict__, "clients", demanded)
    assert refusal_of(scene, party, **NO_CHALLENGE) == "invalid_request"
    assert scene.tokens(party).claims["sub"] == scene.person.id


def test_a_verifier_without_a_challenge_is_refused(scene):
    """RFC 9700 §4.8.2: an attacker removed the challenge from the request. The client's verifier gives it away."""
    party = scene.party()
    code = scene.code(party, **NO_CHALLENGE)
    with pytest.raises(Refused, match="invalid_grant"):
        party.redeem(code)
    with pytest.raises(Refused, match="invalid_grant"):
        party.redeem(code, code_verifier="")


@pytest.mark.parametrize("client", [{"require_pkce": False}, {}], ids=["never needed", "or a nonce"])
def test_a_challenge_that_came_binds(scene, client):
    """RFC 9700 §2.1.1: a client that need not use PKCE, and does, is held to it."""
    party = scene.party(**client)
    code = scene.code(party)
    with pytest.raises(Refused, match="invalid_grant"):
        party.redeem(code, code_verifier="w" * 43)


@pytest.mark.parametrize(
    "metadata",
    [{"require_pkce": False, "token_endpoint_auth_method": "none"}, {"require_pkce": "false"}, {"require_pkce": 0}],
    ids=str,
)
def test_a_wrong_rule_is_refused_at_registration(metadata, settings):
    """RFC 9700 §2.1.1: "Public clients MUST use PKCE". Text is no truth."""
    given = {"redirect_uris": ["https://shop.example/callback"], **metadata}
    with pytest.raises(Invalid) as refused:
        validate_metadata(given, settings)
    assert refused.value.field == "require_pkce"


@pytest.mark.parametrize("verifier", BAD_VERIFIERS.values(), ids=list(BAD_VERIFIERS))
def test_a_wrong_verifier_revokes_the_code(scene, verifier):
    """V10.4.6: an attacker with a stolen code has one guess. The right verifier comes too late after it."""
    party = scene.party(public=True)
    code = scene.code(party)
    with pytest.raises(Refused) as refused:
        party.redeem(code, code_verifier=verifier or challenge_of(party.verifier))
    assert refused.value.error == "invalid_grant"
    with pytest.raises(Refused, match="invalid_grant"):
        party.redeem(code)


@pytest.mark.parametrize("public", [True, False])
def test_no_verifier_leaves_the_code(scene, public):
    """R97-03, RFC 7636 §4.6: the verifier must follow a challenge. A public client's request is whole only with one."""
    party = scene.party(public=public)
    code = scene.code(party)
    with pytest.raises(Refused) as refused:
        party.redeem(code, code_verifier="")
    assert refused.value.error == ("invalid_request" if public else "invalid_grant")
    assert party.redeem(code).claims["sub"] == scene.person.id
