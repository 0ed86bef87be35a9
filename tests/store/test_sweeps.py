"""Sweeps delete expired rows in bounded batches. They keep rows that are still read or that prevent a replay (V14.2.7)."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import func, insert, select

from idp import clock, crypto, sweeps
from idp.batches import BATCH
from idp.config import Settings
from idp.db import Base, connection, transaction
from idp.identity import email_links
from idp.identity.credentials import remembered_devices, totp
from idp.identity.organisations.settings import settings_of
from idp.mail import messages
from idp.rows import add
from idp.store import attempts, browsers, grant_sweeps, outbox, rate_limits
from idp.store import remembered_devices as device_rows
from idp.store import totp as store_totp
from idp.store.attempts import Attempt
from idp.store.browsers import Browser, BrowserUser
from idp.store.email_links import EmailLink
from idp.store.grants import Grant, RefreshToken
from idp.store.rate_limits import AuthFailures, IpFailures
from idp.store.remembered_devices import RememberedDevice
from idp.store.totp import UsedStep
from tests.drivers.browser import Browser as Visitor
from tests.drivers.relying_party import RelyingParty
from tests.factories import Factory, MadePerson

Turn = Callable[..., None]
NOON = datetime.fromisoformat("2026-11-23T12:00:05+00:00")


@pytest.fixture
def turn() -> Iterator[Turn]:
    """Stop the clock at noon. ``turn(days=1)`` moves it on."""
    with time_machine.travel(NOON, tick=False) as traveller:
        yield lambda **span: traveller.shift(timedelta(**span))


@pytest.fixture
def jan(factory: Factory) -> MadePerson:
    """Return a user with an authenticator app and a verified address."""
    return factory.make_user(factory.make_organisation(), "jan", with_totp=True, email="jan@shoes.example")


def rows(table: type[Base]) -> int:
    """Return the number of rows."""
    return int(connection().scalar(select(func.count()).select_from(table)) or 0)


def begin(count: int) -> None:
    """Begin so many sign-ins that stay unfinished, each in a browser of its own."""
    now = clock.now()
    ids = [crypto.new_id() for _ in range(count)]
    begun = {"needs": {}, "typed_organisation": "", "typed_username": "", "proofs": [], "findings": {}, "answers": {}}
    begun |= {"sealed": "", "version": 0, "created_at": now, "expires_at": clock.ahead(hours=1)}
    seen = {"locale": "", "created_at": now, "last_seen_at": now}
    with transaction():
        connection().execute(
            insert(Attempt), [{"digest": crypto.random_bytes(32), "browser_id": id_, **begun} for id_ in ids]
        )
        connection().execute(insert(Browser), [{"id": id_, "digest": crypto.random_bytes(32), **seen} for id_ in ids])


@pytest.fixture
def address(app: Flask, settings: Settings, factory: Factory) -> str:
    """Return the address to which an app sends users for sign-in."""
    made = factory.make_client()
    factory.make_organisation()
    return RelyingParty(app, settings.issuer, made.client_id, made.redirect_uri, secret=made.secret).authorize_url()


@pytest.mark.both_engines
def test_ten_thousand_unfinished_sign_ins_do_not_block_new_ones(
    settings: Settings, browser: Visitor, factory: Factory, address: str, engine: str, turn: Turn
) -> None:
    """security.md, faults; I12: a new sign-in begins as usual. The old ones are deleted in batches after they expire."""
    with factory.context():
        begin(10_000)
        turn(hours=24)
        assert sweeps.sweep(settings) == 0, "the sweep deleted sign-ins from which a stale page may begin again (S60)"
        turn(days=sweeps.ATTEMPT_DAYS - 1)
        assert sweeps.sweep(settings) == 10_000, "the sweep kept browsers without a user"
        assert rows(Attempt) == 10_000, "the sweep deleted sign-ins that lead to the app for a week"
        turn(hours=1)
    assert "password" in browser.open(address).fields
    with factory.context():
        with transaction():
            some = attempts.sweep_attempts(clock.ago(days=sweeps.ATTEMPT_DAYS), BATCH)
            assert some == BATCH, "the batch has no bound"
        assert sweeps.sweep(settings) == 10_000 - BATCH
        assert rows(Attempt) == 1
        turn(hours=24, minutes=1)
        assert sweeps.sweep(settings) == 0
        assert rows(Browser) == 1
    assert "password" in browser.reload().fields, "the sweep deleted the newer sign-in"


@pytest.mark.both_engines
def test_an_unfinished_sign_in_keeps_its_old_browser_row(
    settings: Settings, browser: Visitor, factory: Factory, address: str, engine: str, turn: Turn
) -> None:
    """S60, I4: a user who returns can finish the sign-in, so its browser row must remain."""
    for _ in range(3):
        browser.open(address)
        turn(hours=47)
        with factory.context():
            sweeps.sweep(settings)
            assert rows(Browser) == 1
    browser.open(address)
    with factory.context():
        sweeps.sweep(settings)
    assert "password" in browser.reload().fields
    turn(hours=50)
    with factory.context():
        sweeps.sweep(settings)
        assert rows(Browser) == 0


@pytest.mark.both_engines
def test_a_browser_row_is_kept_as_long_as_its_cookie(
    settings: Settings, factory: Factory, jan: MadePerson, engine: str, turn: Turn
) -> None:
    """S35, N63-13: the chooser and the browser's own lane need the row while the browser can send its cookie."""
    now = clock.now()
    row = Browser(id=crypto.new_id(), digest=crypto.random_bytes(32), created_at=now, last_seen_at=now)
    with factory.context():
        with transaction():
            add(row)
            browsers.note_session(row.id, jan.organisation_id, jan.id, jan.username, now)
        turn(days=browsers.COOKIE_DAYS)
        sweeps.sweep(settings)
        assert browsers.is_known(row.id, jan.organisation_id, jan.id)
        turn(days=2)
        sweeps.sweep(settings)
        assert (rows(Browser), rows(BrowserUser)) == (0, 0)


@pytest.mark.both_engines
@pytest.mark.parametrize("offset", [0, 1, totp.DRIFT, totp.TIME_ZONES * totp.HOUR + 1])
def test_a_used_step_is_kept_while_its_code_could_work(
    settings: Settings, factory: Factory, jan: MadePerson, engine: str, turn: Turn, offset: int
) -> None:
    """S57, S58, T-01: fourteen hours later, the step that a hint used is the current one. It is refused then too."""
    with factory.context():
        row = next(iter(store_totp.active_totps(jan.organisation_id, jan.id)), None)
        assert row is not None
        step = totp.step_at(clock.now()) + offset
        assert totp.spend_named(jan.organisation_id, row.id, step, clock.now())
        for _ in range(16):
            sweeps.sweep(settings)
            if abs(step - totp.step_at(clock.now())) <= totp.HOUR + totp.WINDOW:  # the clock may change by an hour
                assert not totp.accept(jan.organisation_id, row.id, step, clock.now()), "a used code worked again"
            turn(hours=1)
        turn(days=2)
        sweeps.sweep(settings)
        assert rows(UsedStep) == 0


@pytest.mark.both_engines
def test_old_remembered_devices_and_links_are_deleted_after_a_month(
    settings: Settings, factory: Factory, jan: MadePerson, engine: str, turn: Turn
) -> None:
    """S38, S40: this holds for expired and revoked devices, and for expired and used links."""
    with factory.context():
        terms = settings_of(settings, factory.organisation(jan.organisation_id))
        for device in ("revoked", "kept"):
            remembered_devices.remember(settings, terms, factory.user(jan), device, "Firefox", clock.now())
        with transaction():
            device_rows.revoke_devices(
                jan.organisation_id,
                jan.id,
                clock.now(),
                device_id=device_rows.devices_of(jan.organisation_id, jan.id, clock.now())[0].id,
            )
            email_links.burn(_link(settings, factory, jan))
            _link(settings, factory, jan)
        turn(days=sweeps.KEEP_DAYS - 1)
        sweeps.sweep(settings)
        assert (rows(RememberedDevice), rows(EmailLink)) == (2, 2)
        turn(days=2)
        sweeps.sweep(settings)
        assert (rows(RememberedDevice), rows(EmailLink)) == (1, 0), "only the device that was remembered for a month remains"
        turn(days=sweeps.KEEP_DAYS)
        sweeps.sweep(settings)
        assert rows(RememberedDevice) == 0


def _link(settings: Settings, factory: Factory, person: MadePerson) -> email_links.Opened:
    token = email_links.make(settings, factory.user(person), "verify", {}, email_links.soon(settings))
    return email_links.opened(settings, token, "verify")


@pytest.mark.both_engines
def test_stale_counters_are_deleted_but_a_users_lockout_never(
    settings: Settings, factory: Factory, jan: MadePerson, engine: str, turn: Turn
) -> None:
    """I7, N63-12: failures are deleted after a month. A user's lockout stays, that of an unknown name is deleted."""
    nobody = crypto.digest("guess", "nobody").hex()
    with factory.context():
        with transaction():
            rate_limits.admit_ip("sign-in", "192.0.2.7", 50, clock.now(), clock.ahead(minutes=15))
            rate_limits.count_towards_stop(jan.organisation_id, jan.id, "password", 100, clock.now())
            for who in (jan.id, nobody):
                rate_limits.count_towards_stop(jan.organisation_id, who, "totp", 2, clock.now())
                rate_limits.count_towards_stop(jan.organisation_id, who, "totp", 2, clock.now())
        turn(minutes=14)
        assert sweeps.sweep(settings) == 0
        turn(days=sweeps.KEEP_DAYS, hours=1)
        sweeps.sweep(settings)
        assert (rows(IpFailures), rows(AuthFailures)) == (0, 1)
        turn(days=400)
        sweeps.sweep(settings)
        (left,) = rate_limits.auth_failures_of(jan.organisation_id, jan.id)
        assert left.authenticator == "totp"
        assert left.blocked_until == rate_limits.FOR_GOOD


@pytest.mark.both_engines
def test_sent_mails_are_deleted_after_a_month(
    settings: Settings, factory: Factory, jan: MadePerson, engine: str, turn: Turn
) -> None:
    """Administrators can look up sent and parked mails for a month."""
    with factory.context():
        with transaction():
            messages.notify(settings, jan.organisation_id, jan.id, "password_changed")
            outbox.note_sent(outbox.mails()[0].id, clock.now())
        turn(days=sweeps.KEEP_DAYS - 1)
        sweeps.sweep(settings)  # the counter of notices
        assert len(outbox.mails()) == 1
        turn(days=2)
        assert sweeps.sweep(settings) == 1
        assert outbox.mails() == []


def test_a_mail_that_waits_is_never_swept(settings: Settings, factory: Factory, jan: MadePerson, turn: Turn) -> None:
    """I6: only sent and parked mails are deleted, however long the mail server is down."""
    with factory.context():
        with transaction():
            messages.notify(settings, jan.organisation_id, jan.id, "password_changed")
        turn(days=365)
        sweeps.sweep(settings)
        assert len(outbox.mails()) == 1


@pytest.mark.both_engines
def test_a_grant_with_many_tokens_is_deleted_in_batches(
    settings: Settings, factory: Factory, jan: MadePerson, engine: str
) -> None:
    """Otherwise the cascade of one statement would hold the write lock for all of them."""
    now, here = clock.now(), {"organisation_id": jan.organisation_id}
    grant = {"id": "g", "user_id": jan.id, "client_id": "till", "login_id": "", "scopes": [], "proofs": []}
    token = {"grant_id": "g", "created_at": now, "idle_until": now}
    with factory.context():
        with transaction():
            connection().execute(insert(Grant).values(here | grant | {"created_at": now, "ends_at": now}))
            for number in range(10):
                connection().execute(insert(RefreshToken).values(here | token | {"digest": bytes([number]) * 32}))
        left = []
        for _ in range(4):
            with transaction():
                swept = grant_sweeps.sweep_grants(clock.ahead(days=1), 4)
            left.append((swept, rows(RefreshToken), rows(Grant)))
    assert left == [(4, 6, 1), (4, 2, 1), (3, 0, 0), (0, 0, 0)]
