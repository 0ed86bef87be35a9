"""Every client uses PKCE with S256, at both endpoints (RFC 7636)."""

import pytest

from tests.drivers.relying_party import Refused, challenge_of

GOOD = challenge_of("v" * 43)
BAD_REQUESTS = {
    "no challenge": {"code_challenge": None, "code_challenge_method": None},
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
    with pytest.raises(Refused) as refused:
        party.callback(scene.browser.open(party.authorize_url(**wrong)).left_for)
    assert refused.value.error == "invalid_request"


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
def test_no_verifier_is_an_invalid_request(scene, public):
    """R97-03: every client must send a verifier. A request without one gets no information about the code."""
    party = scene.party(public=public)
    code = scene.code(party)
    with pytest.raises(Refused) as refused:
        party.redeem(code, code_verifier="")
    assert refused.value.error == "invalid_request"
    assert party.redeem(code).claims["sub"] == scene.person.id
