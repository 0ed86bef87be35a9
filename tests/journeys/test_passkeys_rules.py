"""Passkeys, the details of WebAuthn Level 3 §7.1 and §7.2: key types, owners, and which data is stored or ignored."""

import json
from typing import Any

import cbor2
import pytest

from idp.crypto import b64url
from idp.errors import Invalid
from idp.identity.credentials import passkeys
from idp.identity.users import status
from tests.drivers.browser import Browser
from tests.drivers.passkeys import ISSUER, added, adding, events, jan, key, options_on, post, rows
from tests.drivers.security_key import BE, BS, UP, UV, SecurityKey
from tests.drivers.words import ADD_A_PASSKEY
from tests.factories import BY_TESTS, Factory

__all__ = ["added", "adding", "jan", "key"]

EXTENSIONS = 128
"""The flag which says that extensions follow the authenticator data."""


@pytest.mark.parametrize("alg", [-7, -8, -257], ids=["ES256", "EdDSA", "RS256"])
def test_each_offered_key_type_signs_in(alg: int, journey, factory: Factory, jan, adding, new_browser) -> None:
    """W-09: the options name these three types. A key of each is accepted, and verified by its own algorithm."""
    key = SecurityKey(ISSUER, alg=alg)
    browser = adding()
    assert [one["alg"] for one in json.loads(options_on(browser))["pubKeyCredParams"]] == [-7, -8, -257]
    other = SecurityKey(ISSUER, alg=alg)
    other.make(options_on(browser))
    post(browser, key.make(options_on(browser)))
    assert len(rows(factory, jan)) == 1
    walk = journey(jan, browser=new_browser()).begin(acr_values="phr")
    forged = json.loads(other.show(options_on(walk.browser)))
    forged["id"] = forged["rawId"] = json.loads(key.show(options_on(walk.browser)))["id"]
    assert post(walk.browser, json.dumps(forged)).status == 422
    post(walk.browser, key.show(options_on(walk.browser)))
    assert walk.tokens().acr == "phr"


def _bad(cose: dict[int, Any]) -> dict[str, bytes]:
    return {"cose": cbor2.dumps(cose)}


N1024 = (2**1023 + 1).to_bytes(128, "big")
N2048 = (2**2047 + 1).to_bytes(256, "big")
WRONG = [
    ("W-09 RSA of 1024 bits", _bad({1: 3, 3: -257, -1: N1024, -2: b"\1\0\1"})),
    ("W-09 RSA with exponent 3", _bad({1: 3, 3: -257, -1: N2048, -2: b"\3"})),
    ("W-09 ES256 said of an RSA key", _bad({1: 3, 3: -7, -1: N2048, -2: b"\1\0\1"})),
    ("W-09 EdDSA on another curve", _bad({1: 1, 3: -8, -1: 7, -2: b"\1" * 57})),
    ("W-09 a short point", _bad({1: 1, 3: -8, -1: 6, -2: b"\1" * 31})),
    ("W-10 none, with a statement", {"fmt": "none", "statement": {"alg": -7, "sig": b"0"}}),
    ("W-10 self attestation by another algorithm", {"fmt": "packed", "statement": {"alg": -257, "sig": b"0" * 70}}),
    ("W-10 a certificate that is none", {"fmt": "packed", "statement": {"alg": -7, "sig": b"0" * 70, "x5c": [b"0"]}}),
    ("W-20 a list where an object belongs", {"object": b"\x80"}),
    ("W-20 more is promised than comes", {"object": b"\x9b" + b"\xff" * 8}),
    ("W-20 it refers to itself", {"object": b"\xd8\x1c\x81\xd8\x1d\0"}),
    ("W-20 nested as deep as a form holds", {"object": b"\xa1" * 14_000}),
    ("W-20 longer than a form holds", {"object": b"\0" * 20_000}),
    (
        "W-20 too short for authenticator data",
        {"object": cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": b"0" * 36})},
    ),
]


def test_an_invalid_public_key_is_refused(factory: Factory, jan, key, adding) -> None:
    """W-09, W-10, W-20: the page refuses it, or 400 if it is too long to read. Nothing is stored."""
    browser = adding()
    for what, over in WRONG:
        page = options_on(browser), browser.html
        post(browser, key.make(page[0], **over))
        assert browser.status in (400, 422), what
        if browser.status == 400:
            browser.open(f"/sign-in/{page[1].split('/sign-in/')[1].split(chr(34))[0]}")
    assert rows(factory, jan) == []


def test_the_credential_id_must_match_the_signed_one(factory: Factory, jan, key, adding) -> None:
    """W-12, W-13: a new passkey with an id other than that in its authenticator data is refused. So is a truncated id."""
    browser = adding()
    for name in ("id", "rawId", "both", "type"):
        answer = json.loads(key.make(options_on(browser)))
        changed = ("id", "rawId") if name == "both" else (name,)
        assert post(browser, json.dumps({**answer, **dict.fromkeys(changed, "QUJD")})).status == 422, name
    assert rows(factory, jan) == []


def test_a_challenge_is_compared_in_its_exact_spelling(journey, factory: Factory, jan, key) -> None:
    """W-01, W-20: the same bytes in another spelling are refused. Padding is not valid base64url."""
    factory.give_passkey(jan, key)
    browser = journey(jan).begin().browser
    for pad in ("=", "\n", " "):
        challenge = json.loads(options_on(browser))["challenge"]
        assert post(browser, key.show(options_on(browser), lie={"challenge": challenge + pad})).status == 422
    answer = json.loads(key.show(options_on(browser)))
    answer["response"]["signature"] += "="
    assert post(browser, json.dumps(answer)).status == 422


def test_a_challenge_is_tried_once(journey, factory: Factory, jan, key) -> None:
    """W-01: after a wrong answer, a valid answer to the same challenge is refused. One to the next challenge is accepted."""
    factory.give_passkey(jan, key)
    walk = journey(jan).begin()
    asked = options_on(walk.browser)
    assert post(walk.browser, key.show(asked, signature=b"0" * 70)).status == 422
    assert post(walk.browser, key.show(asked)).status == 422
    post(walk.browser, key.show(options_on(walk.browser)))
    assert walk.tokens().acr == "phr"


def test_unrequested_data_in_an_answer_is_ignored(journey, factory: Factory, jan, key, adding, new_browser) -> None:
    """W-18, §7.1 step 28, §7.2 step 23: unrequested extensions, token binding and unknown members change nothing."""
    added = {"tokenBinding": {"status": "present", "id": "abc"}, "other_keys_can_be_added_here": "do not compare"}
    browser, more = adding(), cbor2.dumps({"madeUp": True})
    post(browser, key.make(options_on(browser), lie=added, flags=UP | UV | EXTENSIONS, more=more))
    assert [row.transports for row in rows(factory, jan)] == [["usb"]]
    walk = journey(jan, browser=new_browser()).begin()
    post(walk.browser, key.show(options_on(walk.browser), lie=added, flags=UP | UV | EXTENSIONS, more=more))
    assert walk.tokens().acr == "phr"


def test_registration_excludes_the_users_existing_passkeys(jan, key, added) -> None:
    """W-18: ``excludeCredentials`` names each of them. Attestation is requested only if it is evaluated."""
    browser = added().submit(ADD_A_PASSKEY).fill(password=jan.password).submit()
    asked = json.loads(options_on(browser))
    assert [one["id"] for one in asked["excludeCredentials"]] == [b64url(key.held[0].id)]
    assert (asked["attestation"], asked["authenticatorSelection"]["userVerification"]) == ("none", "preferred")
    assert post(browser, key.make(json.dumps(asked), credential_id=key.held[0].id)).errors == [
        "Error: This passkey has already been added."
    ]


def test_a_second_factor_may_omit_the_user_handle(journey, factory: Factory, jan, key) -> None:
    """W-13, §7.2 step 6: an old security key stores no user handle. The handle of another user is refused."""
    factory.give_passkey(jan, key)
    walk = journey(jan).begin().password()
    assert post(walk.browser, key.show(options_on(walk.browser), handle=b"another")).status == 422
    post(walk.browser, key.show(options_on(walk.browser), handle=None, flags=UP))
    assert walk.tokens().amr == ["pwd", "hwk", "mfa"]


def test_backup_eligibility_is_fixed_and_backup_state_is_not(journey, factory: Factory, jan, key, new_browser) -> None:
    """W-08, §7.2 steps 18 to 20 and 24: a change of BE is refused in both directions. BS is stored as reported."""
    key.flags = UV | BE
    factory.give_passkey(jan, key)
    assert rows(factory, jan)[0].backed_up is False
    walk = journey(jan, browser=new_browser()).begin()
    assert post(walk.browser, key.show(options_on(walk.browser), flags=UP | UV)).status == 422
    post(walk.browser, key.show(options_on(walk.browser), flags=UP | UV | BE | BS))
    assert walk.tokens().amr == ["swk", "user", "mfa"]
    assert rows(factory, jan)[0].backed_up is True


def test_a_possibly_copied_key_is_audited_and_mailed(journey, factory: Factory, postman, jan, key, new_browser) -> None:
    """W-14, §6.1.1, S53: the answer is refused and audited. A mail tells the user which key it was."""
    factory.give_passkey(jan, key)
    postman.bring()
    walk = journey(jan, browser=new_browser()).begin()
    key.held[0].counter = 9
    post(walk.browser, key.show(options_on(walk.browser)))
    assert walk.tokens().acr == "phr"
    copied = journey(jan, browser=new_browser()).begin().browser
    for behind in (10, 9, 0):
        assert post(copied, key.show(options_on(copied), counter=behind)).status == 422
    assert rows(factory, jan)[0].sign_count == 10
    assert events(factory, jan).count("passkey:counter_behind") == 3
    mail = postman.bring()[0]
    assert (mail.to, "may have been copied" in mail.subject) == ("jan@shoes.example", True)


def test_passkeys_of_disabled_or_foreign_users_are_refused(journey, factory: Factory, jan, key, new_browser) -> None:
    """W-13, W-17, S29: a disabled user, another store URL, and an app of another organisation get the same message."""
    factory.give_passkey(jan, key)
    other = factory.make_organisation("other-shoes")
    factory.make_client("theirs", organisations=(other,))
    at_other = {"organisation": "other-shoes"}
    errors = set()
    for params in (at_other, {"client_id": "theirs"}):
        browser = journey(jan, browser=new_browser()).begin(**params).browser
        assert post(browser, key.show(options_on(browser))).status == 422, params
        errors.add(tuple(browser.errors))
    with factory.context():
        status.disable(factory.settings, factory.organisation(jan.organisation_id), factory.user(jan), BY_TESTS)
    browser = journey(jan, browser=new_browser()).begin().browser
    assert post(browser, key.show(options_on(browser))).status == 422
    nobody = SecurityKey(ISSUER)
    nobody.make(json.dumps({**json.loads(options_on(browser)), "rp": {"id": "x"}, "user": {"id": "QUJD"}}))
    assert post(browser, nobody.show(options_on(browser))).status == 422
    assert len(errors | {tuple(browser.errors)}) == 1
    assert "login:started" not in events(factory, jan)


def test_a_passkey_signs_in_only_the_user_an_app_named(
    journey, factory: Factory, quiet_shoes: str, jan, key, new_browser, clock
) -> None:
    """W-13, OIDC Core §3.1.2.1: an app asks for Ann. Jan's passkey is refused, with or without a session of Ann's."""
    ann = factory.make_user(quiet_shoes, "ann")
    factory.give_passkey(jan, key)
    walk = journey(ann, browser=new_browser()).begin().password()
    hint = walk.tokens().raw["id_token"]
    clock(seconds=1)
    for browser in (walk.browser, new_browser()):
        again = journey(ann, browser=browser).begin(id_token_hint=hint, prompt="login").browser
        assert post(again, key.show(options_on(again))).status == 422
    assert "login:started" in events(factory, ann)
    with factory.context():
        assert factory.user(jan).last_login_at is None


def test_wrong_passkey_answers_are_throttled(journey, factory: Factory, jan, key, new_browser) -> None:
    """V6.3.1: wrong answers are limited over all browsers, like wrong passwords. The right one then has to wait."""
    factory.give_passkey(jan, key)
    for _ in range(5):
        browser: Browser = journey(jan, browser=new_browser()).begin().browser
        assert post(browser, key.show(options_on(browser), signature=b"0" * 70)).status == 422
    assert post(browser, key.show(options_on(browser))).status == 429
    assert int(browser.headers["Retry-After"]) >= 1


def test_a_user_has_at_most_twenty_passkeys(factory: Factory, jan) -> None:
    """W-18: the options name them all, so their number is limited. The page says so."""
    for _ in range(passkeys.MOST):
        factory.give_passkey(jan, SecurityKey(ISSUER))
    with pytest.raises(Invalid):
        factory.give_passkey(jan, SecurityKey(ISSUER))
    assert len(rows(factory, jan)) == passkeys.MOST
