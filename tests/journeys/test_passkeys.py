"""Passkeys, with a simulated security key: every path, and every possible error in an answer (W-01…W-20)."""

import json

import cbor2
import pytest

from idp.crypto import b64url
from tests.drivers.passkeys import ISSUER, added, adding, events, jan, key, options_on, post, rows
from tests.drivers.security_key import BE, BS, UP, UV, SecurityKey
from tests.drivers.words import ADD_A_PASSKEY
from tests.factories import Factory

__all__ = ["added", "adding", "jan", "key"]


def test_a_passkey_alone_reaches_phr(journey, new_browser, factory: Factory, jan, key, added) -> None:
    """W-17, N63-26: no username, one answer, level 4. The user handle that authenticators store reveals no name."""
    assert "My key" in added().text
    walk = journey(jan, browser=new_browser()).begin(acr_values="phr")
    asked = json.loads(options_on(walk.browser))
    assert (asked["allowCredentials"], asked["userVerification"], asked["rpId"]) == ([], "required", "id.example.com")
    assert len(asked["challenge"]) >= 22
    post(walk.browser, key.show(json.dumps(asked)))
    tokens = walk.tokens()
    assert (tokens.acr, tokens.amr) == ("phr", ["hwk", "user", "mfa"])
    assert b"jan" not in key.held[0].handle
    assert "passkey:added" in events(factory, jan)


def test_password_and_a_key_without_pin_reach_phr(journey, new_browser, jan, key, added) -> None:
    """W-07, W-15: the key works as a second factor. It does not work alone, even after a PIN was set on it."""
    key.flags = 0
    added()
    walk = journey(jan, browser=new_browser()).begin(acr_values="phr")
    key.flags = UV
    post(walk.browser, key.show(options_on(walk.browser)))
    assert walk.browser.status == 422
    key.flags = 0
    walk.password()
    post(walk.browser, key.show(options_on(walk.browser)))
    tokens = walk.tokens()
    assert (tokens.acr, tokens.amr) == ("phr", ["pwd", "hwk", "mfa"])


def test_an_app_that_asks_for_phr_leads_to_adding_a_passkey(journey, jan, key) -> None:
    """RFC 9470: the user adds a passkey and uses it, and the app gets phr."""
    walk = journey(jan).begin(acr_values="phr").password()
    assert walk.browser.heading == ADD_A_PASSKEY
    post(walk.browser, key.make(options_on(walk.browser)))
    post(walk.browser, key.show(options_on(walk.browser)))
    walk.browser.submit("not_now")
    assert walk.tokens().acr == "phr"


LIES = [
    ("W-01 another challenge", {"challenge": b64url(bytes(32))}, {}),
    ("W-02 the other ceremony", {"type": "webauthn.create"}, {}),
    ("W-03 plain http", {"origin": "http://id.example.com"}, {}),
    ("W-03 another port", {"origin": "https://id.example.com:8443"}, {}),
    ("W-03 a sub domain", {"origin": "https://evil.id.example.com"}, {}),
    ("W-03 a look-alike", {"origin": "https://badid.example.com"}, {}),
    ("W-03 a longer name", {"origin": "https://id.example.com.evil.example"}, {}),
    ("W-03 a final dot", {"origin": "https://id.example.com."}, {}),
    ("W-03 capitals", {"origin": "https://ID.example.com"}, {}),
    ("W-03 opaque", {"origin": "null"}, {}),
    ("W-04 in a frame of another site", {"crossOrigin": True}, {}),
    ("W-04 with a top origin", {"topOrigin": "https://evil.example"}, {}),
    ("W-05 another rp", {}, {"rp_id": "example.com"}),
    ("W-06 nobody there", {}, {"flags": UV}),
    ("W-07 nobody verified", {}, {"flags": UP}),
    ("W-08 backed up, not eligible", {}, {"flags": UP | UV | BS}),
    ("W-08 suddenly eligible", {}, {"flags": UP | UV | BE}),
    ("W-13 no user handle", {}, {"handle": None}),
    ("W-13 another's handle", {}, {"handle": b"another"}),
    ("W-14 a wrong signature", {}, {"signature": b"0" * 70}),
    ("W-20 bytes after the end", {}, {"more": b"\0"}),
]


def test_an_answer_with_one_error_signs_nobody_in(journey, new_browser, jan, key, added, clock) -> None:
    """W-01…W-08, W-13, W-14, W-20: each error gets the same message, and a valid answer works afterwards."""
    added()
    errors = set()
    for _, lie, over in LIES:
        clock(minutes=20)
        walk = journey(jan, browser=new_browser()).begin()
        post(walk.browser, key.show(options_on(walk.browser), lie=lie, **over))
        assert walk.browser.status in (422, 429), over
        errors.add(tuple(walk.browser.errors) if walk.browser.status == 422 else ())
    assert len(errors - {()}) == 1
    clock(hours=2)
    walk = journey(jan, browser=new_browser()).begin()
    post(walk.browser, key.show(options_on(walk.browser)))
    assert walk.tokens().acr == "phr"


def test_a_challenge_works_once_and_briefly(journey, new_browser, jan, key, added, clock) -> None:
    """W-01: a replay, another browser's challenge, and one from six minutes ago are refused."""
    added()
    walk = journey(jan, browser=new_browser()).begin()
    answer = key.show(options_on(walk.browser))
    other = journey(jan, browser=new_browser()).begin()
    assert post(other.browser, answer).status == 422
    late = journey(jan, browser=new_browser()).begin()
    asked = options_on(late.browser)
    clock(minutes=6)
    assert post(late.browser, key.show(asked)).status == 422
    assert post(late.browser, key.show(asked)).status == 422, "the spent challenge was accepted"
    post(late.browser, key.show(options_on(late.browser)))
    assert late.tokens().acr == "phr"


def test_a_counter_that_does_not_grow_is_refused_and_audited(journey, new_browser, factory, jan, key, added) -> None:
    """W-14: a repeated count may come from a copied key. An audit row records it."""
    added()
    walk = journey(jan, browser=new_browser()).begin()
    post(walk.browser, key.show(options_on(walk.browser), counter=1))
    assert walk.browser.status == 422
    assert "passkey:counter_behind" in events(factory, jan)


def _bad(cose: dict) -> dict:
    return {"cose": cbor2.dumps(cose)}


WRONG = [
    ("W-02", {"type": "webauthn.get"}, {}),
    ("W-03", {"origin": "https://evil.example"}, {}),
    ("W-04", {"crossOrigin": True}, {}),
    ("W-05", {}, {"rp_id": "evil.example"}),
    ("W-06", {}, {"flags": UV}),
    ("W-08", {}, {"flags": UP | UV | BS}),
    ("W-09 RS1", {}, _bad({1: 3, 3: -65535, -1: b"\xff" * 256, -2: b"\1\0\1"})),
    ("W-09 ES256K", {}, _bad({1: 2, 3: -47, -1: 8, -2: b"\1" * 32, -3: b"\1" * 32})),
    ("W-09 RSA of 512 bits", {}, _bad({1: 3, 3: -257, -1: b"\xff" * 64, -2: b"\1\0\1"})),
    ("W-09 off the curve", {}, _bad({1: 2, 3: -7, -1: 1, -2: b"\1" * 32, -3: b"\1" * 32})),
    ("W-09 empty", {}, _bad({})),
    ("W-10 a bad signature", {}, {"fmt": "packed", "statement": {"alg": -7, "sig": b"0" * 70}}),
    ("W-10 an unknown format", {}, {"fmt": "made-up"}),
    ("W-11 1024 bytes", {}, {"credential_id": bytes(1024)}),
    ("W-11 none", {}, {"credential_id": b""}),
    ("W-20 bytes after the end", {}, {"more": b"\0\0"}),
    ("W-20 nested deep", {}, {"object": b"\x81" * 5000 + b"\0"}),
    ("W-20 a key twice", {}, {"object": b"\xa2\x63fmt\x60\x63fmt\x60"}),
]


def test_an_invalid_new_passkey_is_refused(factory: Factory, jan, key, adding) -> None:
    """W-02…W-11, W-20: nothing is stored, the page asks again, and a valid key is then accepted."""
    browser = adding()
    for what, lie, over in WRONG:
        assert post(browser, key.make(options_on(browser), lie=lie, **over)).status == 422, what
        assert rows(factory, jan) == [], what
    post(browser, key.make(options_on(browser)))
    assert len(rows(factory, jan)) == 1


@pytest.mark.parametrize(
    "junk", ["", "{}", "[]", "null", "[" * 9000, "\ufeff{}", '{"id":"A","rawId":"A"}', "{" + '"a":' * 3000]
)
def test_malformed_answers_get_the_page_and_no_server_error(junk: str, journey, jan, adding) -> None:
    """W-20: not JSON, deeply nested, or with parts missing. The page refuses it, in either ceremony."""
    walk = journey(jan).begin()
    assert post(walk.browser, junk).status == 422
    assert post(adding(), junk).status == 422


def test_a_megabyte_is_refused_at_once(journey, jan) -> None:
    """W-20."""
    assert post(journey(jan).begin().browser, "A" * 1_000_000).status in (400, 413)


def test_a_credential_id_of_another_user_is_refused(factory, quiet_shoes, new_browser, jan, key, added, adding) -> None:
    """W-12: without attestation anybody can claim any id. The second user who claims it is refused."""
    added()
    eve = factory.make_user(quiet_shoes, "eve")
    browser = adding(eve, browser=new_browser())
    theirs = SecurityKey(ISSUER)
    post(browser, theirs.make(options_on(browser), credential_id=key.held[0].id))
    assert browser.status == 422
    assert rows(factory, eve) == []


def test_a_passkey_is_no_second_factor_of_another_user(
    factory, quiet_shoes, journey, new_browser, key, added, adding
) -> None:
    """W-13: Eve's valid passkey has no effect in Ann's sign-in."""
    ann = factory.make_user(quiet_shoes, "ann")
    eve = SecurityKey(ISSUER)
    browser = adding(factory.make_user(quiet_shoes, "eve"), browser=new_browser())
    post(browser, eve.make(options_on(browser)))
    added(ann, browser=new_browser())
    walk = journey(ann, browser=new_browser()).begin().password()
    asked = json.loads(options_on(walk.browser))
    assert len(asked["allowCredentials"]) == 1
    post(walk.browser, eve.show(json.dumps({**asked, "allowCredentials": []})))
    assert walk.browser.status == 422
