"""What expired goes, in bounded batches; what is still read, or would open something again, stays (V14.2.7)."""

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
from idp.store import attempts, browsers, grants, outbox, rate_limits
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
    """The clock stands still at noon; ``turn(days=1)`` turns it on."""
    with time_machine.travel(NOON, tick=False) as traveller:
        yield lambda **span: traveller.shift(timedelta(**span))


@pytest.fixture
def jan(factory: Factory) -> MadePerson:
    """Somebody with an authenticator app and a verified address."""
    return factory.make_user(factory.make_organisation(), "jan", with_totp=True, email="jan@shoes.example")


def rows(table: type[Base]) -> int:
    """How many there are."""
    return int(connection().scalar(select(func.count()).select_from(table)) or 0)


def begin(count: int) -> None:
    """So many sign-ins that are left half-way, each in a browser of its own."""
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
    """Where an app sends people who are to sign in."""
    made = factory.make_client()
    factory.make_organisation()
    return RelyingParty(app, settings.issuer, made.client_id, made.redirect_uri, secret=made.secret).authorize_url()


@pytest.mark.both_engines
def test_ten_thousand_unfinished_sign_ins_do_not_block_new_ones(
    settings: Settings, browser: Visitor, factory: Factory, address: str, engine: str, turn: Turn
) -> None:
    """security.md, faults; I12: with them there the next one begins as ever, and they go in batches once expired."""
    with factory.context():
        begin(10_000)
        turn(hours=24)
        assert sweeps.sweep(settings) == 0, "a stale page may still begin again from them (S60)"
        turn(days=sweeps.ATTEMPT_DAYS - 1)
        assert sweeps.sweep(settings) == 10_000, "the browsers of strangers go first"
        assert rows(Attempt) == 10_000, "their addresses lead on to the app for a week"
        turn(hours=1)
    assert "password" in browser.open(address).fields
    with factory.context():
        with transaction():
            some = attempts.sweep_attempts(clock.ago(days=sweeps.ATTEMPT_DAYS), BATCH)
            assert some == BATCH, "a batch is not bounded"
        assert sweeps.sweep(settings) == 10_000 - BATCH
        assert rows(Attempt) == 1
        turn(hours=24, minutes=1)
        assert sweeps.sweep(settings) == 0
        assert rows(Browser) == 1
    assert "password" in browser.reload().fields, "the sign-in that was begun since was swept away"


@pytest.mark.both_engines
def test_a_sign_in_under_way_keeps_its_browser_however_old_that_is(
    settings: Settings, browser: Visitor, factory: Factory, address: str, engine: str, turn: Turn
) -> None:
    """S60, I4: a person who returns can finish the sign-in, so its browser row must remain."""
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
def test_a_browser_is_known_as_long_as_its_cookie_lives(
    settings: Settings, factory: Factory, jan: MadePerson, engine: str, turn: Turn
) -> None:
    """S35, N63-13: the chooser and the lane of one's own last as long as the browser can show its cookie."""
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
def test_a_spent_step_is_never_swept_while_its_code_could_work(
    settings: Settings, factory: Factory, jan: MadePerson, engine: str, turn: Turn, offset: int
) -> None:
    """S57, S58, T-01: fourteen hours later the step that a hint spent is the current step; it is refused then too."""
    with factory.context():
        row = store_totp.active_totp(jan.organisation_id, jan.id)
        assert row is not None
        step = totp.step_at(clock.now()) + offset
        assert totp.spend_named(jan.organisation_id, row.id, step, clock.now())
        for _ in range(16):
            sweeps.sweep(settings)
            if abs(step - totp.step_at(clock.now())) <= totp.HOUR + totp.WINDOW:  # the clock may jump by an hour
                assert not totp.accept(jan.organisation_id, row.id, step, clock.now()), "a spent code worked again"
            turn(hours=1)
        turn(days=2)
        sweeps.sweep(settings)
        assert rows(UsedStep) == 0


@pytest.mark.both_engines
def test_trust_and_links_that_are_over_go_after_a_month(
    settings: Settings, factory: Factory, jan: MadePerson, engine: str, turn: Turn
) -> None:
    """S38, S40: neither trust that ran out or was revoked, nor links that ran out or were used, stay for ever."""
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
        assert (rows(RememberedDevice), rows(EmailLink)) == (1, 0), "the device that was remembered for a month"
        turn(days=sweeps.KEEP_DAYS)
        sweeps.sweep(settings)
        assert rows(RememberedDevice) == 0


def _link(settings: Settings, factory: Factory, person: MadePerson) -> email_links.Opened:
    token = email_links.make(settings, factory.user(person), "verify", {}, email_links.soon(settings))
    return email_links.opened(settings, token, "verify")


@pytest.mark.both_engines
def test_counters_go_when_they_are_stale_and_a_users_hard_stop_never(
    settings: Settings, factory: Factory, jan: MadePerson, engine: str, turn: Turn
) -> None:
    """I7, N63-12: failures are deleted after a month; a user's lockout stays, that of an unknown name goes."""
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
def test_sent_mails_are_gone_after_a_month(
    settings: Settings, factory: Factory, jan: MadePerson, engine: str, turn: Turn
) -> None:
    """What was sent or given up can be looked up for a month, and does not stay for ever."""
    with factory.context():
        with transaction():
            messages.notify(settings, jan.organisation_id, jan.id, "password_changed")
            outbox.note_sent(outbox.mails()[0].id, clock.now())
        turn(days=sweeps.KEEP_DAYS - 1)
        sweeps.sweep(settings)  # the count of notices
        assert len(outbox.mails()) == 1
        turn(days=2)
        assert sweeps.sweep(settings) == 1
        assert outbox.mails() == []


def test_a_mail_that_waits_is_never_swept(settings: Settings, factory: Factory, jan: MadePerson, turn: Turn) -> None:
    """I6: however long the mail server is away, only what was sent or given up is deleted."""
    with factory.context():
        with transaction():
            messages.notify(settings, jan.organisation_id, jan.id, "password_changed")
        turn(days=365)
        sweeps.sweep(settings)
        assert len(outbox.mails()) == 1


@pytest.mark.both_engines
def test_a_grant_of_many_tokens_goes_in_parts(settings: Settings, factory: Factory, jan: MadePerson, engine: str) -> None:
    """No statement deletes more rows than it was asked for: a cascade would hold the write lock for all of them."""
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
                swept = grants.sweep_grants(clock.ahead(days=1), 4)
            left.append((swept, rows(RefreshToken), rows(Grant)))
    assert left == [(4, 6, 1), (4, 2, 1), (3, 0, 0), (0, 0, 0)]
