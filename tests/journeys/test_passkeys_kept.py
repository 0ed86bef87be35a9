"""Passkeys in the profile, hardware keys of a believed maker, and what removing or resetting ends (S7, S28, S47)."""

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
    """An installation that believes one maker of hardware keys."""
    (tmp_path / "roots.pem").write_bytes(MAKER.pem)
    return configure(passkeys={"attestation_roots": "roots.pem"})


def test_only_an_attested_key_that_cannot_be_copied_reaches_phrh(journey, factory: Factory, jan) -> None:
    """N63-27: none, an unknown maker's and a synced one are refused where phrh is asked; the real one reaches it."""
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


def test_a_certificate_that_does_not_speak_for_the_key_attests_nothing(journey, factory: Factory, jan) -> None:
    """W-10, §8.2.1: the believed maker's own, and yet not for this key: no hardware, so no phrh."""
    walk = journey(jan).begin(acr_values="phrh").password()
    for what, certificate in BAD_CERTIFICATES.items():
        one = SecurityKey(ISSUER, maker=MAKER, aaguid=MADE_UP_MAKER, certificate=certificate)
        assert post(walk.browser, one.make(options_on(walk.browser))).status == 422, what
    assert rows(factory, jan) == []


def test_an_attestation_that_was_not_signed_by_its_certificate_is_refused(journey, factory: Factory, jan) -> None:
    """W-10, §7.1 step 21: with a wrong signature under a right certificate not even a plain passkey is made of it."""
    walk = journey(jan).begin(acr_values="phr").password()
    assert json.loads(options_on(walk.browser))["attestation"] == "direct"
    forged = {"alg": -7, "sig": Maker().key.sign(b"another", ECDSA(SHA256())), "x5c": [MAKER.certificate(MADE_UP_MAKER)]}
    one = SecurityKey(ISSUER, aaguid=MADE_UP_MAKER)
    assert post(walk.browser, one.make(options_on(walk.browser), fmt="packed", statement=forged)).status == 422
    assert rows(factory, jan) == []


def test_an_old_key_of_a_believed_maker_reaches_phrh(journey, factory: Factory, jan) -> None:
    """W-10, §8.6: the format of U2F keys, beside the password."""
    walk = journey(jan).begin(acr_values="phrh").password()
    old = SecurityKey(ISSUER, flags=0, maker=MAKER, is_u2f=True)
    post(walk.browser, old.make(options_on(walk.browser)))
    post(walk.browser, old.show(options_on(walk.browser), handle=None))
    walk.browser.submit("not_now")
    assert rows(factory, jan)[0].hardware
    assert walk.tokens().acr == "phrh"


def test_a_synced_passkey_never_gives_phrh(journey, factory: Factory, new_browser, jan, key, added) -> None:
    """N63-27: it reaches phr, and its amr says software."""
    key.flags = UV | BE | BS
    added()
    walk = journey(jan, browser=new_browser()).begin(acr_values="phr")
    post(walk.browser, key.show(options_on(walk.browser)))
    tokens = walk.tokens()
    assert (tokens.acr, tokens.amr) == ("phr", ["swk", "user", "mfa"])


def test_a_passkey_is_renamed_and_removed(journey, factory: Factory, new_browser, jan, key, added) -> None:
    """Issue 3, S53: the password again, a mail at either end, and it opens nothing afterwards."""
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


def test_renaming_wants_the_proof_that_removing_wants(factory: Factory, jan, added, clock) -> None:
    """V7.5.1: somebody at an open session does not swap the names by which the right passkey is found."""
    browser = added()
    clock(minutes=11)
    browser.fill(name="Yours").submit()
    assert "/sign-in/" in browser.url
    assert [row.name for row in rows(factory, jan)] == ["My key"]


def test_the_last_factor_stays_where_one_is_compulsory(journey, factory: Factory, quiet_shoes: str, key) -> None:
    """S5, S7: a user who must have a second factor may choose a passkey at the set-up, and cannot remove it."""
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


def test_somebody_elses_passkey_is_not_there(factory: Factory, quiet_shoes: str, new_browser, jan, added, adding) -> None:
    """IDOR: 404 for renaming and removing it, as for an id that nobody has."""
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
    """S47: the whole second factor goes, and a set-up is compulsory; a passkey answers it."""
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
