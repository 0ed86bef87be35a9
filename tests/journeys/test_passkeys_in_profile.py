"""Passkeys in the profile, hardware keys of a trusted maker, and what ends when one is removed or reset (S7, S28, S47)."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.hashes import SHA256

from idp.config import Settings
from idp.identity.credentials import second_factor
from idp.store import outbox
from tests.drivers.passkeys import ISSUER, added, adding, jan, key, options_on, post, rows
from tests.drivers.security_key import BE, BS, MADE_UP_MAKER, UV, Maker, SecurityKey
from tests.factories import BY_TESTS, Factory

__all__ = ["added", "adding", "jan", "key"]

MAKER = Maker()


@pytest.fixture
def settings(configure: Callable[..., Settings], tmp_path: Path) -> Settings:
    """Configure an installation that trusts one maker of hardware keys."""
    (tmp_path / "roots.pem").write_bytes(MAKER.pem)
    return configure(passkeys={"attestation_roots": "roots.pem"})


def test_only_an_attested_hardware_key_reaches_phrh(journey, factory: Factory, jan) -> None:
    """N63-27: no attestation, an unknown maker and a synced key are refused where phrh is requested."""
    walk = journey(jan).begin(acr_values="phrh").password()
    refused = [
        SecurityKey(ISSUER),
        SecurityKey(ISSUER, maker=Maker(), aaguid=MADE_UP_MAKER),
        SecurityKey(ISSUER, flags=UV | BE | BS, maker=MAKER, aaguid=MADE_UP_MAKER),
    ]
    for one in refused:
        post(walk.browser, one.make(options_on(walk.browser)))
        assert walk.browser.status == 422
    assert rows(factory, jan) == []
    real = SecurityKey(ISSUER, maker=MAKER, aaguid=MADE_UP_MAKER)
    post(walk.browser, real.make(options_on(walk.browser)))
    post(walk.browser, real.show(options_on(walk.browser)))
    walk.browser.submit("not_now")
    assert walk.tokens().acr == "phrh"


BAD_CERTIFICATES = {
    "of another unit": MAKER.certificate(MADE_UP_MAKER, unit="Web Server"),
    "of an authority": MAKER.certificate(MADE_UP_MAKER, is_authority=True),
    "for another product": MAKER.certificate(bytes(16)),
}


def test_a_certificate_for_another_key_attests_nothing(journey, factory: Factory, jan) -> None:
    """W-10, §8.2.1: the certificate is of the trusted maker, but not for this key. So the key does not reach phrh."""
    walk = journey(jan).begin(acr_values="phrh").password()
    for what, certificate in BAD_CERTIFICATES.items():
        one = SecurityKey(ISSUER, maker=MAKER, aaguid=MADE_UP_MAKER, certificate=certificate)
        assert post(walk.browser, one.make(options_on(walk.browser))).status == 422, what
    assert rows(factory, jan) == []


def test_an_attestation_with_a_wrong_signature_is_refused(journey, factory: Factory, jan) -> None:
    """W-10, §7.1 step 21: the certificate is right, but the signature is wrong. Not even a plain passkey is stored."""
    walk = journey(jan).begin(acr_values="phr").password()
    assert json.loads(options_on(walk.browser))["attestation"] == "direct"
    forged = {"alg": -7, "sig": Maker().key.sign(b"another", ECDSA(SHA256())), "x5c": [MAKER.certificate(MADE_UP_MAKER)]}
    one = SecurityKey(ISSUER, aaguid=MADE_UP_MAKER)
    assert post(walk.browser, one.make(options_on(walk.browser), fmt="packed", statement=forged)).status == 422
    assert rows(factory, jan) == []


def test_a_u2f_key_of_a_trusted_maker_reaches_phrh(journey, factory: Factory, jan) -> None:
    """W-10, §8.6: a key with the U2F attestation format, beside the password."""
    walk = journey(jan).begin(acr_values="phrh").password()
    old = SecurityKey(ISSUER, flags=0, maker=MAKER, is_u2f=True)
    post(walk.browser, old.make(options_on(walk.browser)))
    post(walk.browser, old.show(options_on(walk.browser), handle=None))
    walk.browser.submit("not_now")
    assert rows(factory, jan)[0].hardware
    assert walk.tokens().acr == "phrh"


def test_a_synced_passkey_never_gives_phrh(journey, factory: Factory, new_browser, jan, key, added) -> None:
    """N63-27: it reaches phr, and its amr is that of a software key."""
    key.flags = UV | BE | BS
    added()
    walk = journey(jan, browser=new_browser()).begin(acr_values="phr")
    post(walk.browser, key.show(options_on(walk.browser)))
    tokens = walk.tokens()
    assert (tokens.acr, tokens.amr) == ("phr", ["swk", "user", "mfa"])


def test_a_passkey_is_renamed_and_removed(journey, factory: Factory, new_browser, jan, key, added) -> None:
    """S53: removal needs the password and sends a mail. The passkey then stops working."""
    browser = added()
    browser.fill(name="  Desk\u2028key ").submit()
    assert "Desk key" in browser.text
    browser.click("Remove")
    assert "last second factor" in browser.text
    browser.fill(password="not my password at all").submit()
    assert browser.status == 422
    browser.fill(password=jan.password).submit()
    assert rows(factory, jan) == []
    with factory.context():
        sent = {mail.template for mail in outbox.mails()}
    assert {"passkey_added", "passkey_removed"} <= sent
    walk = journey(jan, browser=new_browser()).begin()
    post(walk.browser, key.show(options_on(walk.browser)))
    assert walk.browser.status == 422
    assert journey(jan, browser=new_browser()).begin().password().tokens().acr == "pwd"


def test_renaming_a_passkey_needs_the_same_proof_as_removal(factory: Factory, jan, added, clock) -> None:
    """V7.5.1: at an open session an attacker could swap names, and the user would then remove the wrong passkey."""
    browser = added()
    clock(minutes=11)
    browser.fill(name="Yours").submit()
    assert "/sign-in/" in browser.url
    assert [row.name for row in rows(factory, jan)] == ["My key"]


def test_the_last_compulsory_factor_cannot_be_removed(journey, factory: Factory, quiet_shoes: str, key) -> None:
    """S5, S7: a user who must have a second factor may set up a passkey, and cannot remove it."""
    ann = factory.make_user(quiet_shoes, "ann", groups=[factory.make_group(quiet_shoes)])
    walk = journey(ann).begin().password()
    walk.browser.submit("use_passkey")
    post(walk.browser, key.make(options_on(walk.browser)))
    post(walk.browser, key.show(options_on(walk.browser)))
    walk.browser.submit("not_now")
    walk.tokens()
    walk.browser.open("/account/passkeys").click("Remove")
    assert walk.browser.status == 403
    assert "Required by the group 2FA" in walk.browser.text
    assert len(rows(factory, ann)) == 1


def test_a_passkey_of_another_user_is_not_found(factory: Factory, quiet_shoes: str, new_browser, jan, added, adding) -> None:
    """IDOR: renaming and removing it give 404, as for an unknown id."""
    added()
    theirs = rows(factory, jan)[0].id
    eve = factory.make_user(quiet_shoes, "eve")
    browser = adding(eve, browser=new_browser()).submit("not_now")
    token = browser.value("csrf_token")
    for passkey in (theirs, "nobody"):
        place = f"{ISSUER}/account/passkeys/{passkey}"
        assert browser.send("POST", f"{place}/rename", [("csrf_token", token), ("name", "mine")]).status == 404
        assert browser.send("POST", f"{place}/remove", [("csrf_token", token), ("password", eve.password)]).status == 404
    assert browser.send("POST", f"{ISSUER}/account/passkeys/add", []).status == 403
    assert rows(factory, jan)[0].name == "My key"


def test_a_reset_ends_passkeys_too(journey, factory: Factory, settings, new_browser, jan, key, added) -> None:
    """S47: all second factors are removed and a set-up is compulsory. A new passkey satisfies it."""
    added()
    with factory.context():
        second_factor.reset_factor(settings, factory.organisation(jan.organisation_id), factory.user(jan), BY_TESTS)
    walk = journey(jan, browser=new_browser()).begin()
    post(walk.browser, key.show(options_on(walk.browser)))
    assert walk.browser.status == 422
    walk.password()
    walk.browser.submit("use_passkey")
    post(walk.browser, key.make(options_on(walk.browser)))
    post(walk.browser, key.show(options_on(walk.browser)))
    walk.browser.submit("not_now")
    assert walk.tokens().acr in ("phr", "mfa", "mfa-remembered")
