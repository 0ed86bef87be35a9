"""People often type a password in the wrong field. Nothing is stored of it that a dictionary could guess."""

import hashlib
from datetime import timedelta

import pytest
from sqlalchemy import select, text

from idp import clock as product_clock
from idp import config
from idp.db import connection, db
from idp.identity.lockout import rate_limits
from idp.statements import every
from idp.store.attempts import Attempt
from idp.store.rate_limits import AuthFailures, IpFailures
from tests.conftest import SECRET
from tests.drivers.applications import bare_app

TYPED = "winter2026!"


def everything(app) -> bytes:
    """Return all rows of all tables, as bytes and text."""
    with app.app_context():
        tables = [connection().execute(table.select()).all() for table in db.metadata.sorted_tables]
        return repr(tables).encode()


@pytest.mark.both_engines
def test_a_password_typed_as_username_has_no_unkeyed_digest(engine, factory, browser) -> None:
    """ASVS 11.4: low-entropy input gets a keyed MAC. Neither a search nor a dictionary finds it in a stolen database."""
    factory.make_organisation(settings={"offer_set_up": False}, owner=True)
    browser.open("/account/security").fill(username=TYPED, password="x").submit()
    stale = browser.value("request")
    browser.open("/reset").fill(organisation="example-shoes", username=TYPED).submit()
    browser.send("POST", "https://id.example.com/sign-in/" + "A" * 43, [("request", stale), ("username", TYPED)])
    assert browser.value("username") == TYPED  # S60: the page still fills in the username
    with factory.context():
        keys = {row.user_id for row in every(select(AuthFailures))} | {row.address for row in every(select(IpFailures))}
    forms = (TYPED, f"\0{TYPED}", f"example-shoes\0{TYPED}")
    guesses = {hashlib.sha256(f"{purpose}\0{form}".encode()).hexdigest() for form in forms for purpose in ("guess", "mail")}
    assert len(keys) >= 3
    assert not keys & guesses
    assert TYPED.encode() not in everything(browser.client.application)


def test_a_sign_in_stores_bearer_tokens_sealed(factory, browser) -> None:
    """I11: the return address of a sign-in contains the token of an ownership link, and is sealed."""
    at = factory.make_organisation(settings={"offer_set_up": False}, owner=True)
    iris = factory.make_user(at, "iris", role="manager", with_totp=True, email="iris@shoes.example")
    from idp.identity import email_links

    with factory.context():
        from idp.db import transaction

        with transaction():
            user = factory.user(iris)
            token = email_links.make(factory.settings, user, "ownership", {}, product_clock.now() + timedelta(hours=1))
    browser.open(f"/link/ownership/{token}")
    assert "password" in browser.fields
    with factory.context():
        assert every(select(Attempt))
    assert token.partition(".")[2].encode() not in everything(browser.client.application)


@pytest.mark.both_engines
def test_counters_of_unknown_names_move_to_a_new_key(engine, configure, factory) -> None:
    """A rotated sealing key must not give more tries. The next guess moves the counter of an old key."""
    now = product_clock.now()

    def guess(settings, times: int) -> None:
        with bare_app(settings) as app, app.app_context():
            for _ in range(times):
                rate_limits.gate(settings, rate_limits.Guess("password", "", "", "", "192.0.2.9", entered=TYPED), now)

    guess(configure(), 4)
    rotated = configure(secrets=[config.new_ring_entry("newer"), SECRET])
    guess(rotated, 1)
    with pytest.raises(rate_limits.TooMany):
        guess(rotated, 1)
    with factory.context():
        assert connection().execute(text("SELECT count(DISTINCT user_id) FROM auth_failures")).scalar() == 1
