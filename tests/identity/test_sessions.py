"""Sessions begin, get new cookies, and are found by their cookie."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from idp import clock
from idp.config import Settings
from idp.identity.assurance import Proof
from idp.identity.organisations.settings import settings_of
from idp.identity.sessions import sessions
from idp.identity.sessions.sessions import Place
from idp.records import changed
from idp.store import sessions as session_rows
from idp.store.organisations import Organisation
from idp.store.users import User
from tests.identity.traces import by, events, fresh


def test_session_end_times_are_set_at_sign_in(
    settings: Settings, organisation: Organisation, make_user: Callable[..., User]
) -> None:
    """A session ends when it is idle, and at the latest after a day. A use moves only the idle end."""
    user, terms = make_user(), settings_of(settings, organisation)
    now = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
    login_id, cookie = sessions.start(
        settings, terms, user, [Proof("password", now)], Place("", "Firefox", "192.0.2.7"), now
    )
    session = sessions.current(cookie.value, now + timedelta(minutes=59))
    assert session is not None
    assert fresh(user).last_login_at == now
    assert sessions.current(cookie.value, now + timedelta(minutes=60)) is None
    assert not sessions.touch(settings, terms, session, now + timedelta(seconds=59))
    for minutes in range(50, 24 * 60, 50):
        assert sessions.touch(settings, terms, session, now + timedelta(minutes=minutes))
    assert sessions.current(cookie.value, now + timedelta(hours=24, seconds=-1)) is not None
    assert sessions.current(cookie.value, now + timedelta(hours=24)) is None
    assert session_rows.live_session(organisation.id, login_id, now) is not None


@pytest.mark.parametrize(("installation", "chosen", "days"), [(30, 7, 7), (5, 7, 5), (0, 7, 0), (30, 0, 0)])
def test_who_stays_signed_in_stays_for_the_days_that_both_allow(
    installation: int,
    chosen: int,
    days: int,
    configure: Callable[..., Settings],
    organisation: Organisation,
    make_user: Callable[..., User],
) -> None:
    """The installation limits what an organisation offers. Without an offer the session ends as others do."""
    settings, now = configure(lifetimes={"stay_signed_in_days": installation}), clock.now()
    terms = settings_of(settings, changed(organisation, settings={"stay_signed_in_days": chosen}))
    _, cookie = sessions.start(settings, terms, make_user(), [Proof("password", now)], Place(stays=True), now)
    assert cookie.seconds == (days * 86_400 or None)
    assert sessions.current(cookie.value, now + (timedelta(days=days) or timedelta(hours=1)) - timedelta(seconds=1))
    assert sessions.current(cookie.value, now + (timedelta(days=days) or timedelta(hours=1))) is None


@pytest.mark.parametrize("cookie", ["", "x", "." * 40, "a" * 26 + ".x", "é" * 26 + ".x", "a" * 5000])
def test_an_invalid_cookie_is_no_session(organisation: Organisation, cookie: str) -> None:
    """security.md 19: fail closed."""
    assert sessions.current(cookie, clock.now()) is None


def test_a_step_up_renews_the_cookie(settings: Settings, organisation: Organisation, make_user: Callable[..., User]) -> None:
    """security.md 16: the former cookie stops working, and the session has the proofs of both sign-ins."""
    user, terms, now = make_user(), settings_of(settings, organisation), clock.now()
    proof = Proof("password", now)
    login_id, old = sessions.start(settings, terms, user, [proof], Place(), now)
    new = sessions.renew(organisation.id, login_id, [Proof("totp", now)], now)
    assert sessions.current(old.value, now) is None
    session = sessions.current(new.value, now)
    assert session is not None
    assert [row["method"] for row in session.proofs] == ["password", "totp"]
    assert sessions.end(session, "signed_out", by(user))
    assert not sessions.end(session, "signed_out", by(user))
    assert sessions.current(new.value, now) is None
    assert events(organisation).count("login:ended") == 1
