"""We make a new bearer value each time we give one. Planted, stolen and revoked copies are useless (ASVS 7.2.4)."""

from collections.abc import Callable

import pytest

from idp import clock as product_clock
from idp.db import transaction
from idp.identity.credentials import remembered_devices
from idp.store import remembered_devices as device_rows
from tests.drivers.browser import Browser
from tests.factories import MadePerson
from tests.journeys.conftest import clock  # noqa: F401 — the fixture
from tests.web.conftest import Shop

OWN = {"Sec-Fetch-Site": "same-origin"}


def plant(at: Browser, **values: str) -> Browser:
    for name, value in values.items():
        at.client.set_cookie(f"__Host-{name}", value, domain="id.example.com", secure=True)
    return at


def cookie(browser: Browser, name: str) -> str:
    return browser.cookies[f"__Host-{name}"]


def remember(shop: Shop, person: MadePerson, browser: Browser | None = None) -> Browser:
    """Sign in with "remember this device" and sign out. The device stays remembered."""
    browser = (browser or shop.browser()).open(shop.party.authorize_url(acr_values="mfa"))
    browser.fill(username=person.username, password=person.password).submit()
    browser.fill(code=person.authenticator.code(), remember_device=True).submit()
    shop.allow(browser).open("/")
    return browser.submit(next(one.text for form in browser.page.forms if "sign-out" in form.action for one in form.buttons))


def is_asked_for_a_code(shop: Shop, person: MadePerson, device: str) -> bool:
    """Return whether another browser with this device cookie needs more than the password."""
    browser = plant(shop.browser(), device=device).open(shop.party.authorize_url(acr_values="mfa mfa-remembered"))
    browser.fill(username=person.username, password=person.password).submit()
    return "code" in browser.fields


@pytest.mark.parametrize("value", ["A" * 43, "x", f"{'A' * 43}.{'A' * 43}", "A" * 64])
def test_a_planted_browser_value_is_replaced_at_once(shop: Shop, value: str) -> None:
    """CWE-384: a value that we never gave does not identify this browser."""
    browser = plant(shop.browser(), browser=value).open(shop.party.authorize_url())
    assert cookie(browser, "browser") != value
    assert "password" in browser.fields


def test_each_proof_replaces_the_browser_value(shop: Shop) -> None:
    """ASVS 7.2.4, security.md 16: the value from before the password or the code does not find the sign-in."""
    browser, held = shop.at_password(), []
    for proof in ({"username": "ann", "password": shop.ann.password}, {"code": shop.ann.authenticator.code()}):
        held.append(cookie(browser, "browser"))
        browser.fill(**proof).submit()
        thief = plant(shop.browser(), browser=held[-1]).open(browser.hops[0] if browser.hops else browser.url)
        assert not {"code", "choice"} & thief.fields
    assert cookie(browser, "browser") not in held
    assert len(set(held)) == 2


def test_the_password_ends_an_attackers_access_to_a_shared_sign_in(shop: Shop) -> None:
    """CWE-384: attacker and victim share a planted cookie and a sign-in. The attacker cannot use the victim's proofs."""
    attacker = shop.at_password()
    victim = plant(shop.browser(), browser=cookie(attacker, "browser")).open(attacker.url)
    victim.fill(username="ann", password=shop.ann.password).submit()
    assert "code" in victim.fields
    attacker.open(victim.url)
    assert "code" not in attacker.fields
    victim.fill(code=shop.ann.authenticator.code()).submit()
    assert "code=" in str(shop.allow(victim).left_for)


def test_other_tabs_continue_after_a_sign_in(shop: Shop) -> None:
    """S60: their sign-ins are bound to the browser's row, and their forms have the token of an earlier value."""
    browser = shop.at_password()
    other = Browser(shop.app, shop.settings.issuer)
    other.client = browser.client  # another tab of the same browser
    other.open(shop.party.authorize_url())
    other._headers.update(OWN)
    browser.fill(username="ann", password=shop.ann.password).submit()
    where = other.url
    other.fill(username="ann", password=shop.ann.password).submit()
    assert other.url == where  # the same sign-in, not a new one
    assert "code" in other.fields


def test_a_form_from_before_the_sign_in_still_works(shop: Shop) -> None:
    """S60: an open tab works after the cookie changed. A form on another site with its token is refused."""
    browser = shop.at_password().open("/")
    stale = browser.value("csrf_token")
    browser.open(shop.party.authorize_url()).fill(username="ann", password=shop.ann.password).submit()
    browser.fill(code=shop.ann.authenticator.code()).submit()
    for headers, status in (
        (OWN, 303),
        ({"Origin": shop.settings.issuer}, 303),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({}, 403),
    ):
        form = {"csrf_token": stale, "language": "nl", "back": "/"}
        answer = browser.client.post("/language", base_url=shop.settings.issuer, data=form, headers=headers)
        assert answer.status_code == status, headers
    forged = {"csrf_token": f"{'A' * 43}.{'A' * 43}", "language": "nl"}
    answer = browser.client.post("/language", base_url=shop.settings.issuer, data=forged, headers=OWN)
    assert answer.status_code == 403


def test_each_remembering_gives_the_device_a_new_value(shop: Shop, clock: Callable[..., None]) -> None:  # noqa: F811 — the fixture
    """S36, S40: a planted value never becomes the secret. A browser with an earlier copy must enter a code again."""
    till = plant(shop.browser(), device="x")
    remember(shop, shop.ann, till)
    first = cookie(till, "device")
    assert first != "x"
    assert not is_asked_for_a_code(shop, shop.ann, first)
    clock(minutes=1)
    remember(shop, shop.ann, till)
    second = cookie(till, "device")
    assert is_asked_for_a_code(shop, shop.ann, first)
    assert not is_asked_for_a_code(shop, shop.ann, second)
    with shop.factory.context():
        assert len(device_rows.devices_of(shop.organisation_id, shop.ann.id, product_clock.now())) == 1


@pytest.mark.both_engines
def test_remembering_keeps_other_users_trust_on_that_device(
    engine: str,
    shop: Shop,
    clock: Callable[..., None],  # noqa: F811 — the fixture
) -> None:
    """S40: each user of a shared till keeps the trust and its dates. Revoked trust stays revoked, and a copy is useless."""
    bob = shop.factory.make_user(shop.organisation_id, "bob", with_totp=True)
    eve = shop.factory.make_user(shop.organisation_id, "eve", with_totp=True)
    till = remember(shop, bob)
    remember(shop, eve, till)
    copied, now = cookie(till, "device"), product_clock.now()
    with shop.factory.context():
        before = remembered_devices.trust(bob.organisation_id, bob.id, copied, now)
        assert before is not None
        dates = (before.id, before.since, before.until)
        with transaction():
            device_rows.revoke_devices(eve.organisation_id, eve.id, now)
    clock(days=1)
    remember(shop, shop.ann, till)
    given = cookie(till, "device")
    with shop.factory.context():
        after = remembered_devices.trust(bob.organisation_id, bob.id, given, product_clock.now())
        assert after is not None
        assert (after.id, after.since, after.until) == dates
        assert remembered_devices.trust(bob.organisation_id, bob.id, copied, product_clock.now()) is None
        assert remembered_devices.trust(eve.organisation_id, eve.id, given, product_clock.now()) is None
